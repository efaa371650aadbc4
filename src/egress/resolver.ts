/** The cell's only name server: it knows the allowed names, asks nobody, and so is no way out (RFC 1035, RFC 8482). */
import type { Socket as Datagram } from "node:dgram";
import type { Server } from "node:net";
import packet from "dns-packet";
import type { Names } from "./names.ts";

const SECONDS = 60;
const AUTHORITATIVE = 1 << 10;
const RECURSION_AVAILABLE = 1 << 7;
const NXDOMAIN = 3;
const MAX_QUERY = 1024;
const MAX_CONNECTIONS = 64;

export interface Resolver {
  readonly names: Names;
  /** A name that nobody may reach was asked for. */
  readonly refused: (name: string, type: string) => void;
}

export function answerDatagrams(socket: Datagram, resolver: Resolver): void {
  socket.on("message", (query, from) => {
    const answer = answerTo(query, resolver);
    if (answer !== null) socket.send(answer, from.port, from.address);
  });
  socket.on("error", () => {});
}

export function answerStreams(server: Server, resolver: Resolver): void {
  server.maxConnections = MAX_CONNECTIONS;
  server.on("connection", (socket) => {
    let held = Buffer.alloc(0);
    socket.on("drain", () => socket.resume());
    socket.setTimeout(10_000, () => socket.destroy());
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      while (held.length >= 2 && held.length >= 2 + held.readUInt16BE()) {
        const end = 2 + held.readUInt16BE();
        const answer = answerTo(held.subarray(2, end), resolver);
        held = held.subarray(end);
        if (answer === null) return void socket.destroy();
        if (!socket.write(Buffer.concat([Buffer.from([answer.length >> 8, answer.length & 255]), answer]))) socket.pause();
      }
      if (held.length > MAX_QUERY + 2) socket.destroy();
    });
  });
}

/** Null where nothing that can be answered was asked. */
export function answerTo(query: Buffer, { names, refused }: Resolver): Buffer | null {
  if (query.length > MAX_QUERY) return null;
  let asked: packet.DecodedPacket;
  try {
    asked = packet.decode(query);
  } catch {
    return null;
  }
  const question = asked.questions?.[0];
  if (asked.type !== "query" || asked.questions?.length !== 1 || question === undefined) return null;
  const name = question.name.toLowerCase().replace(/\.$/, "");
  const address = names.addressOf(name);
  if (address === null) refused(name, question.type);
  const answers: packet.Answer[] = address !== null && question.type === "A" && !address.includes(":") ? [{ type: "A", name: question.name, ttl: SECONDS, data: address }] : [];
  return packet.encode({ type: "response", id: asked.id ?? 0, flags: AUTHORITATIVE | RECURSION_AVAILABLE | (address === null ? NXDOMAIN : 0) | ((asked.flags ?? 0) & packet.RECURSION_DESIRED), questions: [question], answers });
}
