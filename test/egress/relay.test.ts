/** One connection between real sockets on loopback: whatever either side does, both ends go and are recorded. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { Dialer } from "../../src/egress/dial.ts";
import { Ledger } from "../../src/egress/ledger.ts";
import { Names } from "../../src/egress/names.ts";
import { serveProxy } from "../../src/egress/proxy.ts";
import { relay, type Relaying } from "../../src/egress/relay.ts";
import { eventually } from "../helpers.ts";

const LIMITS = { connections: 20, bytes: 1e9, idleSeconds: 1 };

interface Gate {
  readonly port: number;
  readonly proxy: number;
  readonly ledger: Ledger;
  readonly ended: object[];
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Before a server at `localhost:port`. */
async function gate(port: number): Promise<Gate> {
  const ledger = new Ledger();
  const ended: object[] = [];
  const network = { hosts: [`localhost:${port}`], hostPatterns: [], addresses: [], limits: LIMITS };
  const relaying: Relaying = { names: new Names(network), dialer: new Dialer([]), limits: LIMITS, ledger, permit: () => undefined, record: (event, facts) => void (event === "connection.end" && ended.push(facts)) };
  const proxied = createServer();
  serveProxy(proxied, relaying);
  onTestFinished(() => ledger.closeAll());
  return { port: await listen(createServer({ allowHalfOpen: true }, (socket) => void relay(socket, { name: "localhost", port }, "address", relaying))), proxy: await listen(proxied), ledger, ended };
}

it("goes, though the server has refused an upload that nobody reads any more", { timeout: 20_000 }, async () => {
  const port = await listen(createServer({ allowHalfOpen: true }, (socket: Socket) => {
    socket.on("error", () => {}).once("data", () => {
      socket.pause().end("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
      setTimeout(() => socket.destroy(), 300);
    });
  }));
  const { port: at, ledger, ended } = await gate(port);
  const block = Buffer.alloc(1 << 20);
  for (let count = 0; count < LIMITS.connections; count += 1) {
    const client = connect({ port: at, host: "127.0.0.1", allowHalfOpen: true });
    client.on("error", () => {}).resume();
    client.write(`POST / HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 100000000\r\n\r\n`);
    let left = 10;
    const pump = (): void => {
      while (!client.destroyed && left-- > 0 && client.write(block)) continue;
    };
    client.on("drain", pump);
    setTimeout(pump, 50);
    setTimeout(() => client.destroy(), 1000);
  }
  await eventually(() => ended.length === LIMITS.connections && ledger.open === 0 && ledger.live.size === 0, "the end of all connections", 10_000);
});

it("of the proxy's frames a body as it came, whatever the connection is said to drop", async () => {
  let seen = "";
  const port = await listen(createServer((socket) => void socket.on("error", () => {}).on("data", (chunk) => ((seen += chunk), socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")))));
  const { proxy } = await gate(port);
  const body = "GET /secret HTTP/1.1\r\nHost: evil.example\r\n\r\n";
  const client = connect({ port: proxy, host: "127.0.0.1" });
  client.on("error", () => {}).write(`GET http://localhost:${port}/ HTTP/1.1\r\nHost: x\r\nConnection: content-length\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await eventually(() => seen.includes("evil.example"), "the body");
  expect(seen).toContain(`content-length: ${body.length}\r\n`);
  client.destroy();
});
