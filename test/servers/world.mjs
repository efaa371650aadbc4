/** A world of its own for the tests of egress: name server, web servers, an echo, in a network namespace that the test made. */
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { createSecureServer, createServer as createHttp2 } from "node:http2";
import { createServer as createTcp } from "node:net";
import { createServer as createTls } from "node:https";
import { createHash } from "node:crypto";
import packet from "dns-packet";

const folder = process.argv[2];
const HOSTS = ["93.184.10.10", "93.184.10.20"];
const NAMES = {
  "api.example.com": [["93.184.10.10"]], "www.api.example.com": [["93.184.10.10"]], "other.example.com": [["93.184.10.20"]],
  // A first answer to be checked, and another one to be dialled.
  "rebind.example.com": [["93.184.10.10"], ["127.0.0.1"]], "rebound.example.com": [["127.0.0.1"]], "mixed.example.com": [["127.0.0.1", "93.184.10.10"]],
  "private.example.com": [["10.0.0.5"]], "metadata.example.com": [["169.254.169.254"]], "azure.example.com": [["168.63.129.16"]], "alibaba.example.com": [["100.100.100.200"]],
  "own.example.com": [["93.184.10.1"]], "ownmapped.example.com": [["::ffff:93.184.10.1"]], "routed.example.com": [["93.184.11.7"]], "mapped.example.com": [["::ffff:169.254.169.254"]], "nat64.example.com": [["64:ff9b::a9fe:a9fe"]], "aws6.example.com": [["fd00:ec2::254"]], "loop6.example.com": [["::1"]],
};
const asked = {};
const log = (what) => process.stdout.write(`${what}\n`);

const dns = createSocket("udp4");
dns.on("message", (query, from) => {
  const { id, questions } = packet.decode(query);
  const name = questions[0].name.toLowerCase();
  const all = NAMES[name];
  if (questions[0].type === "A" || all === undefined) log(`dns ${name}`);
  const found = all?.[Math.min(questions[0].type === "A" ? (asked[name] = (asked[name] ?? -1) + 1) : 0, all.length - 1)] ?? [];
  const answers = found.filter((address) => address.includes(":") === (questions[0].type === "AAAA")).map((data) => ({ type: questions[0].type, name: questions[0].name, ttl: 0, data }));
  dns.send(packet.encode({ type: "response", id, flags: 0x180 | (all === undefined ? 3 : 0), questions, answers }), from.port, from.address);
});
dns.bind(53, "9.9.9.9");

const tls = { key: readFileSync(`${folder}/key.pem`), cert: readFileSync(`${folder}/cert.pem`) };
const big = Buffer.alloc(1024 * 1024, "x");
/** Answers with what it was asked, so that the test sees who arrived where. */
const answer = (place) => (request, response) => {
  log(`http ${place} ${request.headers.host ?? request.headers[":authority"]} ${request.url}`);
  const [, redirect] = /^\/redirect\?to=(.*)$/.exec(request.url) ?? [];
  if (redirect !== undefined) return response.writeHead(302, { location: decodeURIComponent(redirect) }).end();
  const megabytes = Number(/^\/big\?(\d+)$/.exec(request.url)?.[1] ?? 0);
  if (megabytes > 0) {
    response.writeHead(200, { "content-length": megabytes * big.length });
    const more = (left) => (left === 0 ? response.end() : response.write(big) ? setImmediate(more, left - 1) : response.once("drain", () => more(left - 1)));
    return more(megabytes);
  }
  if (request.url.startsWith("/info/refs")) return response.end("0123456789012345678901234567890123456789\trefs/heads/main\n");
  let size = 0;
  request.on("data", (chunk) => (size += chunk.length)).on("end", () => response.end(`${place} ${request.method} ${size}\n`));
};
/** WebSocket (RFC 6455), as much as an echo of one short text needs. */
const upgrade = (request, socket) => {
  // An offer of another protocol (Java's client makes one) may be passed over.
  if (request.headers.upgrade !== "websocket") {
    const text = `${socket.localAddress} ${request.method} 0\n`;
    return socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
  }
  const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  socket.on("error", () => {}).on("data", (frame) => {
    const length = frame[1] & 127;
    const text = Buffer.from(frame.subarray(6, 6 + length).map((byte, at) => byte ^ frame[2 + (at & 3)]));
    socket.end(Buffer.concat([Buffer.from([0x81, length]), text]));
  });
};
const servers = HOSTS.flatMap((host) => [
  [createHttp(answer(host)).on("upgrade", upgrade), 80, host],
  [createTls(tls, answer(host)).on("upgrade", upgrade), 443, host],
  [createSecureServer({ ...tls, allowHTTP1: false }, answer(host)), 8443, host],
  [createHttp2(answer(host)), 8082, host],
  // The server speaks first, then echoes.
  [createTcp((socket) => { log(`tcp ${host}`); socket.on("error", () => {}); socket.write("hello\n"); socket.pipe(socket); }), 5432, host],
]);
// Answers whose first line is what the path says; and one whose answer to a websocket comes in pieces.
servers.push([createTcp((socket) => socket.on("error", () => {}).once("data", (bytes) => socket.end(`HTTP/1.1 ${decodeURIComponent(/ \/(\S*)/.exec(bytes.toString())?.[1] ?? "")}\r\n\r\n`))), 7000, HOSTS[0]]);
servers.push([createTcp((socket) => socket.on("error", () => {}).once("data", () => { socket.write("HTTP/1"); setTimeout(() => socket.write(".1 101 Switching Protocols\r\n\r\n"), 100); socket.on("data", (bytes) => socket.end(bytes)); })), 7001, HOSTS[0]]);
await Promise.all(servers.map(([server, port, host]) => new Promise((ready) => server.listen(port, host, ready))));
log("ready");
