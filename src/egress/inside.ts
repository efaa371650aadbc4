/**
 * Runs for a moment in the cell's network namespace, with nothing of the cell's: listens where the gate asks, hands the
 * sockets over, and ends. Arguments: endpoints as JSON, and where names are answered.
 */
import { createSocket, type Socket } from "node:dgram";
import { createServer, type Server } from "node:net";
import type { Endpoint } from "./names.ts";

/** What comes with each socket; `null` where it could not be made. */
export interface Handed {
  readonly index: number;
  readonly error: string | null;
}

const DEADLINE = 10_000;
// A gate that dies meanwhile is not always noticed.
setTimeout(() => process.exit(1), DEADLINE);
process.once("disconnect", () => process.exit(1));

const [endpoints, resolver] = JSON.parse(process.argv[2] ?? "[]") as [Endpoint[], string];
let waiting = endpoints.length + 1;

const hand = (index: number, error: Error | null, handle?: Server | Socket): void => {
  process.send?.({ index, error: error?.message ?? null } satisfies Handed, handle, {}, () => {
    waiting -= 1;
    // At once: a socket that stays open here would take away what is meant for the gate.
    if (waiting === 0) process.exit();
  });
};

for (const [index, { host, port }] of endpoints.entries()) {
  const server = createServer();
  server.once("error", (error) => hand(index, error));
  server.listen({ host, port, ipv6Only: host === "::", backlog: 511 }, () => hand(index, null, server));
}
const datagrams = createSocket("udp4");
datagrams.once("error", (error) => hand(-1, error));
datagrams.bind(53, resolver, () => hand(-1, null, datagrams));
