/** The way out of a cell: opened before its server runs, closed with the session. Nothing else leads out of the cell's network. */
import { spawn } from "node:child_process";
import type { Socket as Datagram } from "node:dgram";
import type { Server, Socket } from "node:net";
import { SallyportError } from "../errors.ts";
import { Dialer } from "./dial.ts";
import type { Handed } from "./inside.ts";
import { Ledger } from "./ledger.ts";
import type { Target } from "../host.ts";
import type { Network } from "../model.ts";
import { Names, type Endpoint } from "./names.ts";
import { GATE_ADDRESS, PROXY_PORT } from "./place.ts";
import { serveProxy } from "./proxy.ts";
import { relay, type Relaying } from "./relay.ts";
import { answerDatagrams, answerStreams } from "./resolver.ts";

/** How a program of ours is started in the cell's network namespace. */
export interface Entrance {
  readonly argv: readonly string[];
  /** Descriptors that argv refers to, from 4 on. */
  readonly descriptors: readonly number[];
  /** iproute2's `ip`; without it addresses cannot be named as hosts, and attempts at other addresses are not seen. */
  readonly ip: string | null;
  readonly sh: string;
}

export interface Egress {
  /** Where facts go; nothing is passed on before they are recorded. */
  record: (event: string, facts: object) => void;
  /** Has the last word on a connection whose name is allowed; throws where it is not permitted. Null: nobody has one. */
  permit: ((target: Target) => Promise<void>) | null;
  close(): void;
}

const START_TIMEOUT = 10_000;
/** Ports on which attempts at other addresses are met, to be recorded, where the cell's routes can be set. */
const MET_PORTS = [80, 443];
const MAX_NAMES_REFUSED = 1000;
const LOW_PORTS = 1024;
/** Taken on the resolver's address, so never on all. */
const DNS_PORT = 53;

/** Throws `egress.start`. */
export async function openEgress(network: Network, entrance: Entrance): Promise<Egress> {
  const names = new Names(network);
  if (names.literals.length > 0 && entrance.ip === null) throw new SallyportError("egress.start", `${names.literals.join(", ")}: to name addresses as hosts, iproute2 is needed`);
  const wide = entrance.ip === null ? [] : [...new Set([...MET_PORTS, ...names.ports.filter((port) => port < LOW_PORTS && port !== DNS_PORT)])];
  const endpoints: Endpoint[] = [{ host: GATE_ADDRESS, port: DNS_PORT }, { host: GATE_ADDRESS, port: PROXY_PORT }, ...names.endpoints(wide)];
  const handed = await fetchSockets(endpoints, names, entrance);
  const egress: Egress = { record: () => {}, permit: null, close: () => undefined };
  const relaying: Relaying = { names, dialer: new Dialer(network.addresses), limits: network.limits, ledger: new Ledger(), record: (event, facts) => egress.record(event, facts), permit: (target) => egress.permit?.(target) };
  egress.close = () => {
    if (relaying.ledger.closed) return;
    relaying.ledger.closeAll();
    handed.forEach((one) => one?.close());
  };
  const refused = new Set<string>();
  const resolver = {
    names,
    refused: (name: string, type: string): void => {
      if (refused.size >= MAX_NAMES_REFUSED || refused.has(name)) return;
      refused.add(name);
      egress.record("name.refused", { name, type, reasons: ["egress.name"] });
    },
  };
  const [datagrams, streams, proxy, ...others] = handed as unknown as [Datagram, Server, Server, ...(Server | null)[]];
  answerDatagrams(datagrams, resolver);
  answerStreams(streams, resolver);
  serveProxy(proxy, relaying);
  for (const server of [proxy, ...others]) {
    if (server === null) continue;
    server.maxConnections = network.limits.connections;
    server.on("drop", () => egress.record("connection.refused", { connection: relaying.ledger.next(), verdict: "deny", reasons: ["egress.limit"], detail: `${network.limits.connections} connections at once` }));
  }
  for (const server of others) server?.on("connection", (socket: Socket) => void meet(socket, relaying));
  return egress;
}

/** Which address it took tells which name it means; one that stands for none is refused under itself. */
async function meet(socket: Socket, relaying: Relaying): Promise<void> {
  await relay(socket, relaying.names.targetOf(socket.localAddress ?? "", socket.localPort ?? 0), "address", relaying);
}

/** The first is the resolver's datagram socket, the others as asked; null where one could not be made that need not be. */
async function fetchSockets(endpoints: readonly Endpoint[], names: Names, { argv, descriptors, ip, sh }: Entrance): Promise<(Server | Datagram | null)[]> {
  // Clients that look for IPv4 only where there is some (RFC 3493, AI_ADDRCONFIG) overlook 127.0.0.1 alone.
  // Some runtimes leave the loopback as the kernel makes it: down.
  const routes = ip === null ? [] : [`${ip} link set lo up`, `${ip} addr add ${GATE_ADDRESS}/32 dev lo`, `${ip} route add local default dev lo`, `${ip} -6 route add local default dev lo || true`, ...names.literals.map((address) => `${ip} addr add ${address}${address.includes(":") ? "/128" : "/32"} dev lo`)];
  const script = ["set -e", ...routes, 'exec "$@"'].join("; ");
  const program = [process.execPath, new URL("./inside.cjs", import.meta.url).pathname, JSON.stringify([endpoints, GATE_ADDRESS])];
  const [command = "", ...args] = [...argv, sh, "-c", script, "sallyport-egress", ...program];
  const child = spawn(command, args, { env: {}, cwd: "/", stdio: ["ignore", "ignore", "pipe", "ipc", ...descriptors] });
  const handed: (Server | Datagram | null)[] = Array.from({ length: endpoints.length + 1 }, () => null);
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  try {
    await new Promise<void>((resolve, reject) => {
      let waiting = handed.length;
      const timer = setTimeout(() => reject(new SallyportError("egress.start", "the cell's network could not be entered in time")), START_TIMEOUT);
      const done = (action: () => void): void => (clearTimeout(timer), action());
      child.on("message", (message, handle) => {
        const { index, error } = message as Handed;
        // IPv6 may be switched off; everything else must be there.
        if (error !== null && (index === -1 || endpoints[index]?.host.includes(":") !== true)) done(() => reject(new SallyportError("egress.start", `${JSON.stringify(endpoints[index] ?? "resolver")}: ${error}`)));
        handed[index + 1] = error === null ? (handle as Server | Datagram) : null;
        if (handle !== undefined && "allowHalfOpen" in (handle as object)) Object.assign(handle, { allowHalfOpen: true });
        waiting -= 1;
        if (waiting === 0) done(resolve);
      });
      child.on("error", (error) => done(() => reject(new SallyportError("egress.start", error.message))));
      child.on("close", (code) => (waiting > 0 ? done(() => reject(new SallyportError("egress.start", said.trim().split("\n").at(-1) ?? `it ended with ${code}`))) : undefined));
    });
    return handed;
  } catch (error) {
    child.kill("SIGKILL");
    handed.forEach((one) => one?.close());
    throw error;
  }
}
