/**
 * A server that is told, one JSON line each, what to reach and with which client, and tells what came back.
 * { "id": 1, "method": "try", "params": { "how": "fetch", "url": "…" } }
 */
import { execFile } from "node:child_process";
import dns from "node:dns/promises";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import { createInterface } from "node:readline";
import tls from "node:tls";

const collect = (stream) => new Promise((done, fail) => { let text = ""; stream.on("data", (chunk) => (text += chunk)).on("end", () => done(text)).on("error", fail).on("close", () => done(text)); });
const shown = (error) => `failed: ${error.cause?.code ?? error.code ?? error.message}`;
const HOW = {
  fetch: async ({ url, method, body }) => { const answer = await fetch(url, { method, body, signal: AbortSignal.timeout(8000) }); return `${answer.status} ${await answer.text()}`; },
  http: ({ url, headers }) => new Promise((done, fail) => (url.startsWith("https") ? https : http).get(url, { headers, timeout: 8000 }, (answer) => collect(answer).then((text) => done(`${answer.statusCode} ${text}`))).on("error", fail)),
  http2: async ({ url, path = "/" }) => {
    const session = http2.connect(url);
    try {
      return await new Promise((done, fail) => { session.on("error", fail); const stream = session.request({ ":path": path }); let status; stream.on("response", (headers) => (status = headers[":status"])); collect(stream).then((text) => done(`${status} ${text}`), fail); });
    } finally {
      session.destroy();
    }
  },
  lookup: async ({ name }) => JSON.stringify(await dns.lookup(name, { all: true })),
  resolve: async ({ name, type }) => JSON.stringify(await dns.resolve(name, type)),
  tcp: ({ host, port, send, until = "\n", localPort }) => new Promise((done, fail) => {
    let text = "";
    const socket = net.connect({ host, port, localPort }, () => send && socket.write(Buffer.from(send, "latin1")));
    socket.setTimeout(5000, () => (socket.destroy(), done(`timeout ${text}`)));
    socket.on("data", (chunk) => { text += chunk.toString("latin1"); if (!text.includes(until)) return; socket.destroy(); done(text); }).on("error", fail).on("close", () => done(text || "closed"));
  }),
  tls: ({ host, port, servername }) => new Promise((done, fail) => { const socket = tls.connect({ host, port, servername, rejectUnauthorized: false }, () => (done(`secured ${socket.getPeerCertificate().subject.CN}`), socket.destroy())); socket.on("error", fail).setTimeout(5000, () => (socket.destroy(), done("timeout"))); }),
  run: ({ argv }) => new Promise((done) => execFile(argv[0], argv.slice(1), { timeout: 60_000 }, (error, stdout, stderr) => done(error ? `failed: ${error.code} ${stderr.slice(-600)}` : stdout))),
  times: async ({ url, times }) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const from = performance.now();
    for (let count = 0; count < times; count += 1) await new Promise((done, fail) => http.get(url, { agent }, (answer) => collect(answer).then(done)).on("error", fail));
    agent.destroy();
    return String(performance.now() - from);
  },
  fetches: async ({ url, times }) => {
    const from = performance.now();
    for (let count = 0; count < times; count += 1) await (await fetch(url)).text();
    return String(performance.now() - from);
  },
  download: ({ url }) => new Promise((done, fail) => { const from = performance.now(); let bytes = 0; http.get(url, (answer) => answer.on("data", (chunk) => (bytes += chunk.length)).on("end", () => done(`${bytes} ${performance.now() - from}`)).on("error", fail).on("aborted", () => fail(new Error("aborted")))).on("error", fail); }),
};

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  const result = method === "initialize" ? { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "caller", version: "1" } } : method === "tools/list" ? { tools: [] } : { text: await Promise.resolve().then(() => HOW[params.how](params)).catch(shown) };
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`);
});
