/** The proxy inside the cell, for programs that look for one: CONNECT, and plain requests, each written anew (RFC 9110, section 7.6). */
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Server as Listener, Socket } from "node:net";
import { SallyportError } from "../errors.ts";
import { parseHost, type Target } from "../host.ts";
import { relay, type ConnectionRecord, type Relaying } from "./relay.ts";

/** Between two programs, not for the next one (RFC 9110, section 7.6.1). */
const HOP_BY_HOP = ["connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade", "host"];
const SILENCE = 30_000;
const ESTABLISHED = "HTTP/1.1 200 Connection Established\r\n\r\n";

export function serveProxy(listener: Listener, relaying: Relaying): Server {
  const server = createServer({ requireHostHeader: false, keepAliveTimeout: 5000 });
  server.on("request", (incoming, answer) => void plain(incoming, answer, relaying));
  server.on("connect", (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
    // Node has taken its own listeners away.
    socket.on("error", () => {}).setTimeout(0);
    const target = parseHost(incoming.url ?? "");
    if (head.length > 0) socket.unshift(head);
    if (target === null) return refuse(socket, new SallyportError("egress.request", `CONNECT ${incoming.url}`), relaying);
    void relay(socket, target, "proxy", relaying, () => void socket.write(ESTABLISHED));
  });
  server.on("clientError", (_, socket) => refuse(socket as Socket, new SallyportError("egress.request", "the proxy was sent no request"), relaying));
  listener.on("connection", (socket) => {
    socket.setTimeout(SILENCE, () => socket.destroy());
    server.emit("connection", socket);
  });
  return server;
}

function refuse(socket: Socket, error: SallyportError, { record, ledger }: Relaying): void {
  record("connection.refused", { connection: ledger.next(), name: "", port: 0, via: "proxy", verdict: "deny", reasons: [error.code], detail: error.detail });
  if (socket.writable) socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  socket.destroySoon();
}

type Facts = Pick<ConnectionRecord, "connection" | "name" | "port" | "via" | "protocol">;

/** A request in absolute form: its URL says where, whatever its Host header says (RFC 9112, section 3.2.2). */
async function plain(incoming: IncomingMessage, answer: ServerResponse, relaying: Relaying): Promise<void> {
  const { record, ledger, dialer, names, limits } = relaying;
  const url = URL.canParse(incoming.url ?? "") ? new URL(incoming.url as string) : null;
  const target: Target | null = url === null || url.protocol !== "http:" || url.username !== "" ? null : parseHost(`${url.hostname}:${url.port || 80}`);
  const facts: Facts = { connection: ledger.next(), name: target?.name ?? "", port: target?.port ?? 0, via: "proxy", protocol: "http" };
  ledger.open += 1;
  answer.once("close", () => (ledger.open -= 1));
  // The host may take longer over its answer than the program over its next request.
  incoming.socket.setTimeout(limits.idleSeconds * 1000);
  answer.once("finish", () => void incoming.socket.setTimeout(SILENCE));
  try {
    if (url === null || target === null) throw new SallyportError("egress.request", `a request for ${incoming.url}`);
    if (!names.allows(target)) throw new SallyportError("egress.name", `${target.name}:${target.port}`);
    if (ledger.open > limits.connections || ledger.bytes >= limits.bytes) throw new SallyportError("egress.limit", "connections or bytes");
    await relaying.permit(target);
    const headers = headersOf(incoming, url.host);
    const socket = await dialer.dial(target, await dialer.resolve(target.name, names.isBelowPattern(target.name) ? "pattern" : "exact"));
    follow(socket, facts, relaying);
    if (answer.destroyed || ledger.closed) return void socket.destroy();
    forward(incoming, answer, socket, { method: incoming.method ?? "GET", path: `${url.pathname}${url.search}`, headers });
  } catch (error) {
    const refusal = error instanceof SallyportError ? error : new SallyportError("egress.request", (error as Error).message);
    record("connection.refused", { ...facts, verdict: "deny", reasons: [refusal.code], detail: refusal.detail });
    answer.writeHead(403, { "content-type": "text/plain; charset=utf-8", connection: "close" }).end(`sallyport: ${refusal.message} (${refusal.code}; ${refusal.hint})\n`);
  }
}

/** Counts what crosses a connection, holds it to the limits, and records its end. */
function follow(socket: Socket, facts: Facts, { record, ledger, limits }: Relaying): void {
  const from = performance.now();
  const address = socket.remoteAddress ?? "?";
  let counted = 0;
  const count = (): void => {
    const all = socket.bytesRead + socket.bytesWritten;
    ledger.bytes += all - counted;
    counted = all;
    if (ledger.bytes > limits.bytes) socket.destroy();
  };
  const watch = setInterval(count, 100);
  const end = (): void => {
    if (!ledger.live.delete(abandon)) return;
    clearInterval(watch);
    count();
    record("connection.end", { ...facts, verdict: "allow", reasons: [], address, sent: socket.bytesWritten, received: socket.bytesRead, milliseconds: Math.round(performance.now() - from) });
  };
  const abandon = (): void => {
    socket.destroy();
    end();
  };
  ledger.live.add(abandon);
  record("connection.begin", { ...facts, verdict: "allow", reasons: [], address });
  socket.setTimeout(limits.idleSeconds * 1000, () => socket.destroy());
  socket.once("close", end);
}

function forward(incoming: IncomingMessage, answer: ServerResponse, socket: Socket, how: { method: string; path: string; headers: Record<string, string | string[]> }): void {
  const outgoing = request({ createConnection: () => socket, setHost: false, ...how });
  const fail = (): void => {
    outgoing.destroy();
    if (answer.headersSent) answer.destroy();
    else answer.writeHead(502, { connection: "close" }).end();
  };
  outgoing.on("response", (response) => {
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 599) return fail();
    try {
      answer.writeHead(status, response.rawHeaders.flatMap((value, index, all) => (index % 2 === 0 && !HOP_BY_HOP.includes(value.toLowerCase()) ? [value, all[index + 1] as string] : [])));
    } catch {
      return fail();
    }
    response.on("error", fail).pipe(answer);
  });
  outgoing.on("upgrade", (_, other) => (other.destroy(), fail()));
  outgoing.on("error", fail);
  answer.on("close", () => outgoing.destroy());
  incoming.pipe(outgoing);
}

/** What goes on to the host: the body framed as it came, the connection for this one request. */
function headersOf({ rawHeaders, headers }: IncomingMessage, host: string): Record<string, string | string[]> {
  const named = (headers.connection ?? "").toLowerCase().split(",").map((name) => name.trim());
  const kept = new Map<string, string[]>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase();
    // What frames the body goes on whatever is said of the connection.
    if (!HOP_BY_HOP.includes(name) && (name === "content-length" || !named.includes(name))) kept.set(name, [...(kept.get(name) ?? []), rawHeaders[at + 1] as string]);
  }
  const framing = headers["transfer-encoding"] === undefined ? [] : [["transfer-encoding", "chunked"] as const];
  return Object.fromEntries([...kept, ["host", host], ["connection", "close"], ...framing]);
}
