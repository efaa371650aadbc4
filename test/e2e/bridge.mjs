/**
 * A small HTTP face for a STDIO server, for the conformance suite, which speaks HTTP only. The handshake era gets a
 * process for each session behind the SDK's own transport; the era of 2026-07-28 shares one process.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/server";

const VERSION = "io.modelcontextprotocol/protocolVersion";
const SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";

class Server {
  constructor(command, onMessage) {
    const [program, ...args] = command;
    this.child = spawn(program, args, { stdio: ["pipe", "pipe", "ignore"] });
    let rest = "";
    this.child.stdout.setEncoding("utf8").on("data", (chunk) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop();
      for (const line of lines) onMessage(JSON.parse(line));
    });
    this.child.stdin.on("error", () => {});
  }

  send(message) {
    this.child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  end() {
    this.child.stdin.end();
  }
}

/** @returns {{ url: string, close: () => Promise<void> }} */
export async function bridge(command) {
  const sessions = new Map();
  const modern = modernFace(command);

  async function openSession() {
    let newest;
    const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: () => randomUUID(), onsessioninitialized: (id) => void sessions.set(id, transport) });
    const server = new Server(command, (message) => {
      const related = message.method === undefined ? undefined : newest;
      transport.send(message, related === undefined ? undefined : { relatedRequestId: related }).catch(() => transport.send(message).catch(() => {}));
      if (message.method === undefined && message.id === newest) newest = undefined;
    });
    transport.onmessage = (message) => {
      if (message.method !== undefined && message.id !== undefined) newest = message.id;
      server.send(message);
    };
    transport.onclose = () => server.end();
    await transport.start();
    transport.server = server;
    return transport;
  }

  const http = createServer(async (incoming, outgoing) => {
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const parsed = parse(body);
    const host = incoming.headers.host ?? "";
    const origin = incoming.headers.origin;
    if (!/^(localhost|127\.0\.0\.1)(:\d+)?$/.test(host) || (origin !== undefined && !/^https?:\/\/(localhost|127\.0\.0\.1)(:\d+)?$/.test(origin))) return outgoing.writeHead(403).end();
    if (parsed?.params?._meta?.[VERSION] !== undefined) return modern.answer(parsed, incoming, outgoing);
    const transport = sessions.get(incoming.headers["mcp-session-id"]) ?? (await openSession());
    const request = new Request(`http://${host}${incoming.url}`, { method: incoming.method, headers: incoming.headers, ...(body.length > 0 ? { body } : {}) });
    const response = await transport.handleRequest(request);
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    if (response.body === null) return outgoing.end();
    for await (const chunk of response.body) outgoing.write(chunk);
    outgoing.end();
  });
  await new Promise((ready) => http.listen(0, "127.0.0.1", ready));
  return {
    url: `http://127.0.0.1:${http.address().port}/mcp`,
    close: async () => {
      modern.close();
      for (const { server } of sessions.values()) server.end();
      http.closeAllConnections();
      await new Promise((done) => http.close(done));
    },
  };
}

function modernFace(command) {
  const open = new Map();
  let server;
  let counter = 0;
  const start = () =>
    new Server(command, (message) => {
      const meta = message.params?._meta ?? {};
      const key = message.method === undefined ? message.id : (meta[SUBSCRIPTION] ?? message.params?.progressToken ?? [...open.keys()].at(-1));
      const entry = open.get(key) ?? [...open.values()].find(({ token }) => token !== undefined && token === key);
      entry?.take(message);
    });
  return {
    answer(request, incoming, outgoing) {
      server ??= start();
      if (request.id === undefined) {
        server.send(request);
        return outgoing.writeHead(202).end();
      }
      const id = `b${(counter += 1)}`;
      const back = (message) => JSON.stringify({ ...message, ...(message.method === undefined ? { id: request.id } : {}) }).replaceAll(`"${SUBSCRIPTION}":"${id}"`, `"${SUBSCRIPTION}":${JSON.stringify(request.id)}`);
      let streaming = false;
      open.set(id, {
        token: request.params?._meta?.progressToken,
        take: (message) => {
          const final = message.method === undefined;
          if (final) open.delete(id);
          if (final && !streaming) {
            const status = message.error === undefined ? 200 : message.error.code === -32601 ? 404 : 400;
            return outgoing.writeHead(status, { "content-type": "application/json" }).end(back(message));
          }
          if (!streaming) outgoing.writeHead(200, { "content-type": "text/event-stream" });
          streaming = true;
          outgoing.write(`event: message\ndata: ${back(message)}\n\n`);
          if (final) outgoing.end();
        },
      });
      outgoing.on("close", () => {
        if (open.delete(id)) server.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: id, _meta: request.params._meta } });
      });
      server.send({ ...request, id });
    },
    close: () => server?.end(),
  };
}

function parse(body) {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
