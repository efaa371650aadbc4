/** One connection of the cell's, from its first byte to its record: resolved, dialled, looked at, passed on, counted. */
import type { Socket } from "node:net";
import { SallyportError, type Code } from "../errors.ts";
import type { Dialer } from "./dial.ts";
import type { Target } from "../host.ts";
import type { NetworkLimits } from "../model.ts";
import type { Ledger } from "./ledger.ts";
import type { Names } from "./names.ts";
import { areWakeUpsSlow, BusyPoll } from "../poll.ts";
import { asRefusal, openingOf, type Opening } from "./opening.ts";
import { Reading } from "./reading.ts";

/** What a connection leaves in the journal. */
export interface ConnectionRecord {
  readonly connection: number;
  readonly name: string;
  readonly port: number;
  readonly via: "address" | "proxy";
  readonly verdict: "allow" | "deny";
  readonly reasons: readonly Code[];
  readonly detail?: string;
  readonly address?: string;
  readonly protocol?: "tls" | "http" | "other";
  /** Bytes of the cell's, bytes for the cell. */
  readonly sent?: number;
  readonly received?: number;
  readonly milliseconds?: number;
}

export interface Relaying {
  readonly names: Names;
  readonly dialer: Dialer;
  readonly limits: NetworkLimits;
  /** Rejects where policies say no. */
  readonly permit: (target: Target) => Promise<void> | undefined;
  readonly record: (event: "connection.begin" | "connection.end" | "connection.refused", facts: ConnectionRecord) => void;
  readonly ledger: Ledger;
}

const ALERT_UNRECOGNIZED_NAME = Buffer.from([0x15, 3, 3, 0, 2, 2, 112]);
const OPENING_TIMEOUT = 30_000;
const MAX_PIECES = 64;
const MAX_UNENDED = 1024;
/** So many bytes at once are load, after which nothing is waited for. */
const LOAD = 8192;

/** @param ready called when the way is open, before anything is passed on. */
export async function relay(client: Socket, target: Target, via: "address" | "proxy", relaying: Relaying, ready: () => void = () => {}): Promise<void> {
  const { ledger, limits, dialer, names } = relaying;
  const facts = { connection: ledger.next(), ...target, via };
  client.on("error", () => {});
  const refuse = (error: SallyportError): void => {
    relaying.record("connection.refused", { ...facts, verdict: "deny", reasons: [error.code], detail: error.detail });
    turnAway(client, error, via === "proxy");
  };
  if (!names.allows(target)) return refuse(new SallyportError("egress.name", `${target.name}:${target.port}`));
  if (ledger.open >= limits.connections) return refuse(new SallyportError("egress.limit", `${limits.connections} connections at once`));
  if (ledger.bytes >= limits.bytes) return refuse(new SallyportError("egress.limit", `${limits.bytes} bytes`));
  ledger.open += 1;
  client.once("close", () => (ledger.open -= 1));
  try {
    await relaying.permit(target);
    const addresses = await dialer.resolve(target.name, names.isBelowPattern(target.name) ? "pattern" : "exact");
    const reading = new Reading();
    const server = await dialer.dial(target, addresses, reading);
    if (client.destroyed) return void server.destroy();
    relaying.record("connection.begin", { ...facts, verdict: "allow", reasons: [], address: server.remoteAddress ?? "?" });
    if (ledger.closed) return void (server.destroy(), client.destroy());
    ready();
    new Pair(client, server, target, relaying, facts).start(reading);
  } catch (error) {
    refuse(error instanceof SallyportError ? error : new SallyportError("egress.connect", (error as Error).message));
  }
}

/** Says no in the protocol that was being spoken, where that is known. */
function turnAway(client: Socket, { code, message, hint }: SallyportError, proxied = false): void {
  const first = client.read() as Buffer | null;
  const isHttp = proxied || code === "egress.http-host" || code === "egress.request" || (first !== null && first[0] !== 0x16 && /^[A-Z]+ /.test(first.toString("latin1", 0, 16)));
  const text = `sallyport: ${message} (${code}; ${hint})\n`;
  if (isHttp) client.end(`HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`);
  else if (code === "egress.server-name" || first?.[0] === 0x16) client.end(ALERT_UNRECOGNIZED_NAME);
  else client.resetAndDestroy();
  client.resume();
  setTimeout(() => client.destroy(), 1000).unref();
}

type Facts = Pick<ConnectionRecord, "connection" | "name" | "port" | "via">;

class Pair {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #target: Target;
  readonly #relaying: Relaying;
  readonly #facts: Facts & { readonly address: string };
  readonly #from = performance.now();
  #opening: Opening = { kind: "more" };
  readonly #toClient = new BusyPoll();
  readonly #toServer = new BusyPoll();
  #first: Buffer = Buffer.alloc(0);
  #pieces = 0;
  #timer: NodeJS.Timeout | undefined;
  #refusal: SallyportError | null = null;
  #ended = false;

  constructor(client: Socket, server: Socket, target: Target, relaying: Relaying, facts: Facts) {
    this.#client = client;
    this.#server = server;
    this.#target = target;
    this.#relaying = relaying;
    this.#facts = { ...facts, address: server.remoteAddress ?? "?" };
  }

  start(reading: Reading): void {
    const [client, server] = [this.#client, this.#server];
    const idle = this.#relaying.limits.idleSeconds * 1000;
    for (const socket of [client, server]) {
      socket.on("error", () => {});
      socket.once("close", () => this.#close());
    }
    server.setTimeout(idle, () => this.#stop(new SallyportError("egress.limit", `${idle / 1000} seconds without a byte`)));
    this.#timer = setTimeout(() => (this.#opening.kind === "more" && this.#first.length > 0 ? this.#stop(new SallyportError("egress.request", "its first line has no end")) : undefined), OPENING_TIMEOUT);
    this.#relaying.ledger.live.add(this.#abandon);
    client.setNoDelay(true);
    client.on("data", (chunk: Buffer) => this.#fromClient(chunk));
    client.on("end", () => this.#fromClientEnd());
    reading.take = (chunk, done) => this.#fromServer(chunk, done);
    server.on("end", () => client.end());
    client.on("drain", () => server.resume());
    server.on("drain", () => client.resume());
  }

  /** Whether so many bytes more may pass. */
  #count(bytes: number): boolean {
    const { ledger, limits } = this.#relaying;
    ledger.bytes += bytes;
    if (ledger.bytes > limits.bytes) this.#stop(new SallyportError("egress.limit", `${limits.bytes} bytes`));
    return this.#refusal === null;
  }

  #fromClient(chunk: Buffer): void {
    if (!this.#count(chunk.length)) return;
    let bytes = chunk;
    this.#toClient.found();
    try {
      if (this.#opening.kind === "more") {
        this.#pieces += 1;
        if (this.#pieces > MAX_PIECES) throw new SallyportError("egress.request", "what it says first comes in too many pieces");
        bytes = this.#first.length === 0 ? chunk : Buffer.concat([this.#first, chunk]);
        this.#opening = openingOf(bytes, this.#target);
        this.#first = this.#opening.kind === "more" ? bytes : Buffer.alloc(0);
        if (this.#opening.kind === "more") return;
      }
      if (this.#opening.kind === "http") bytes = this.#opening.requests.push(bytes);
    } catch (error) {
      return this.#stop(asRefusal(error, this.#target));
    }
    this.#send(bytes);
  }

  #send(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (!this.#server.write(bytes)) this.#client.pause();
    if (bytes.length < LOAD && areWakeUpsSlow()) this.#toServer.sent(1);
  }

  /** A line without end is let go with the end, unless it could be a request for somebody. */
  #fromClientEnd(): void {
    if (this.#opening.kind === "more" && this.#first.length > 0) {
      if (this.#first.length > MAX_UNENDED || /http|\n|:\/\//i.test(this.#first.toString("latin1"))) return this.#stop(new SallyportError("egress.request", "its first line has no end"));
      this.#opening = { kind: "other" };
    }
    this.#server.end(this.#first);
  }

  /** The session ends. */
  readonly #abandon = (): void => {
    this.#client.destroy();
    this.#server.destroy();
    this.#close();
  };

  #fromServer(chunk: Buffer, done: () => void): void {
    if (!this.#count(chunk.length)) return;
    this.#toServer.found();
    if (!this.#client.write(chunk, done)) this.#server.pause();
    if (chunk.length < LOAD && areWakeUpsSlow()) this.#toClient.sent(1);
    if (this.#opening.kind !== "http" || !this.#opening.requests.switching) return;
    try {
      this.#send(this.#opening.requests.switched(chunk));
    } catch (error) {
      this.#stop(asRefusal(error, this.#target));
    }
  }

  /** The server has said all; what the client still says is for nobody, and its last bytes are not waited for without end. */
  #finish(): void {
    this.#client.removeAllListeners("data").end().resume();
    this.#client.setTimeout(this.#relaying.limits.idleSeconds * 1000, () => this.#client.destroy());
  }

  #stop(error: SallyportError): void {
    if (this.#refusal !== null || this.#ended) return;
    this.#refusal = error;
    this.#server.destroy();
    this.#client.removeAllListeners("data");
    turnAway(this.#client, error);
    this.#close();
  }

  #close(): void {
    if (this.#refusal === null && !(this.#client.destroyed && this.#server.destroyed)) {
      // One side has gone: the other is given what is still on its way.
      if (this.#client.destroyed) this.#server.destroySoon();
      else if (this.#server.readableEnded) this.#finish();
      else this.#client.resetAndDestroy();
      return;
    }
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#relaying.ledger.live.delete(this.#abandon);
    const { kind } = this.#opening;
    this.#relaying.record(this.#refusal === null ? "connection.end" : "connection.refused", {
      ...this.#facts,
      verdict: this.#refusal === null ? "allow" : "deny",
      reasons: this.#refusal === null ? [] : [this.#refusal.code],
      ...(this.#refusal === null ? {} : { detail: this.#refusal.detail }),
      ...(kind === "more" ? {} : { protocol: kind }),
      sent: this.#server.bytesWritten,
      received: this.#server.bytesRead,
      milliseconds: Math.round(performance.now() - this.#from),
    });
  }
}
