/** The proxy inside the cell, for programs that look for one: CONNECT, and plain requests, each written anew (RFC 9110, section 7.6). */
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Server as Listener, Socket } from "node:net";
import { SallyportError } from "../errors.ts";
import { parseHost, type Target } from "../host.ts";
import { relay, type Relaying } from "./relay.ts";

/** Between two programs, not for the next one (RFC 9110, section 7.6.1). */
const HOP_BY_HOP = ["connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade", "host"];

export function serveProxy(listener: Listener, relaying: Relaying): Server {
  const server = createServer({ requireHostHeader: false, keepAliveTimeout: 5000 });
  server.on("request", (incoming, answer) => void plain(incoming, answer, relaying));
  server.on("connect", (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
    const target = parseHost(incoming.url ?? "");
    if (head.length > 0) socket.unshift(head);
    if (target === null) return refuse(socket, new SallyportError("egress.request", `CONNECT ${incoming.url}`), relaying);
    void relay(socket, target, "proxy", relaying, () => void socket.write("HTTP/1.1 200 Connection Established\r\n\r\n"));
  });
  server.on("upgrade", (incoming: IncomingMessage, socket: Socket) => refuse(socket, new SallyportError("egress.request", `upgrade of ${incoming.url}: use CONNECT`), relaying));
  server.on("clientError", (_, socket) => refuse(socket as Socket, new SallyportError("egress.request", "the proxy was sent no request"), relaying));
  listener.on("connection", (socket) => server.emit("connection", socket));
  return server;
}

function refuse(socket: Socket, error: SallyportError, { record, ledger }: Relaying): void {
  record("connection.refused", { connection: ledger.next(), name: "", port: 0, via: "proxy", verdict: "deny", reasons: [error.code], detail: error.detail });
  if (socket.writable) socket.end(`HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  else socket.destroy();
}

/** A request in absolute form: its URL says where, whatever its Host header says (RFC 9112, section 3.2.2). */
async function plain(incoming: IncomingMessage, answer: ServerResponse, relaying: Relaying): Promise<void> {
  const { record, ledger, dialer, names, limits } = relaying;
  const url = URL.canParse(incoming.url ?? "") ? new URL(incoming.url as string) : null;
  const target: Target | null = url === null || url.protocol !== "http:" || url.username !== "" ? null : parseHost(`${url.hostname}:${url.port || 80}`);
  const facts = { connection: ledger.next(), name: target?.name ?? "", port: target?.port ?? 0, via: "proxy" as const, protocol: "http" as const };
  const from = performance.now();
  ledger.open += 1;
  answer.once("close", () => (ledger.open -= 1));
  try {
    if (url === null || target === null) throw new SallyportError("egress.request", `a request for ${incoming.url}`);
    if (!names.allows(target)) throw new SallyportError("egress.name", `${target.name}:${target.port}`);
    if (ledger.open > limits.connections || ledger.bytes >= limits.bytes) throw new SallyportError("egress.limit", "connections or bytes");
    const socket = await dialer.dial(target, await dialer.resolve(target.name));
    const address = socket.remoteAddress ?? "?";
    record("connection.begin", { ...facts, verdict: "allow", reasons: [], address });
    socket.once("close", () => record("connection.end", { ...facts, verdict: "allow", reasons: [], address, sent: socket.bytesWritten, received: socket.bytesRead, milliseconds: Math.round(performance.now() - from) }));
    const count = (bytes: number): void => {
      ledger.bytes += bytes;
      if (ledger.bytes > limits.bytes) socket.destroy();
    };
    const outgoing = request({ createConnection: () => socket, method: incoming.method, path: `${url.pathname}${url.search}`, headers: { ...headersOf(incoming), host: url.host, connection: "close" }, setHost: false });
    outgoing.on("response", (response) => {
      answer.writeHead(response.statusCode ?? 502, response.rawHeaders.flatMap((value, index, all) => (index % 2 === 0 && !HOP_BY_HOP.includes(value.toLowerCase()) ? [value, all[index + 1] as string] : [])));
      response.on("data", (chunk: Buffer) => count(chunk.length)).pipe(answer);
      response.on("error", () => answer.destroy());
    });
    outgoing.on("error", () => (answer.headersSent ? answer.destroy() : answer.writeHead(502).end()));
    answer.on("close", () => outgoing.destroy());
    incoming.on("data", (chunk: Buffer) => count(chunk.length)).pipe(outgoing);
  } catch (error) {
    const refusal = error instanceof SallyportError ? error : new SallyportError("egress.connect", (error as Error).message);
    record("connection.refused", { ...facts, verdict: "deny", reasons: [refusal.code], detail: refusal.detail });
    answer.writeHead(403, { "content-type": "text/plain; charset=utf-8", connection: "close" }).end(`sallyport: ${refusal.message} (${refusal.code}; ${refusal.hint})\n`);
  }
}

function headersOf({ rawHeaders, headers }: IncomingMessage): Record<string, string | string[]> {
  const named = (headers.connection ?? "").toLowerCase().split(",").map((name) => name.trim());
  const kept: Record<string, string[]> = {};
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase();
    if (!HOP_BY_HOP.includes(name) && !named.includes(name)) (kept[name] ??= []).push(rawHeaders[at + 1] as string);
  }
  return kept;
}
