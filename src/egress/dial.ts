/** From an allowed name to a connected socket: resolved once, each address checked, and the one that was checked is dialled (CWE-918, CWE-350). */
import { lookup } from "node:dns/promises";
import { connect, isIP, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { isAmong, notPublicIp, plainIp } from "../address.ts";
import { SallyportError } from "../errors.ts";
import type { Target } from "../host.ts";
import type { Reading } from "./reading.ts";

/** Milliseconds for which what was resolved and checked is used again. */
const FRESH = 10_000;
const FAILED = 1000;
const MAX_KNOWN = 4096;
const CONNECT_TIMEOUT = 10_000;
const MAX_TRIED = 4;

export class Dialer {
  readonly #addresses: readonly string[];
  readonly #known = new Map<string, Known>();
  readonly #lanes = { exact: new Lane(), pattern: new Lane() };

  /** @param addresses ranges that are reached although they are not public. */
  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
  }

  /**
   * @param lane names below patterns are the server's to choose, and wait for each other alone.
   * Throws `egress.resolve`, `egress.address`.
   */
  resolve(name: string, lane: "exact" | "pattern" = "exact"): Promise<readonly string[]> {
    const known = this.#known.get(name);
    if (known !== undefined && known.until > performance.now()) return known.found;
    const entry: Known = { until: Infinity, found: this.#lanes[lane].run(() => this.#checked(name)) };
    // Names below a pattern are without number; those asked for first are forgotten first.
    if (this.#known.size >= MAX_KNOWN) this.#known.delete(this.#known.keys().next().value as string);
    this.#known.set(name, entry);
    entry.found.then(() => (entry.until = performance.now() + FRESH), () => (entry.until = performance.now() + FAILED));
    return entry.found;
  }

  async #checked(name: string): Promise<readonly string[]> {
    const resolved = isIP(name) !== 0 ? [name] : await addressesOf(name);
    const allowed = resolved.filter((address) => this.objection(name, address) === null);
    if (allowed.length === 0) throw new SallyportError("egress.address", `${name}: ${resolved.map((address) => this.objection(name, address)).join("; ")}`);
    return allowed;
  }

  /** Why an address is not dialled for a name; null where it is. */
  objection(name: string, address: string): string | null {
    if (this.#isNamed(name, address)) return null;
    const plain = plainIp(address);
    const own = Object.values(networkInterfaces()).flat().some((one) => one !== undefined && plainIp(one.address) === plain);
    return own ? `${address} is this machine's own` : notPublicIp(address);
  }

  /** The manifest says the address itself, or the machine by its own name. */
  #isNamed(name: string, address: string): boolean {
    return name === address || isAmong(address, this.#addresses) || (name === "localhost" && /^127\.|^::1$/.test(address));
  }

  /** Throws `egress.connect`, `egress.address`. */
  async dial({ name, port }: Target, addresses: readonly string[], reading?: Reading): Promise<Socket> {
    let last: Error | null = null;
    for (const address of addresses.slice(0, MAX_TRIED)) {
      try {
        const socket = await connected(address, port, reading);
        // Addresses that no interface lists can be this machine's, too, by its routes: then both ends are the same.
        if (socket.localAddress !== socket.remoteAddress || this.#isNamed(name, address)) return socket;
        socket.destroy();
        last = new SallyportError("egress.address", `${name}: ${address} is this machine's own`);
      } catch (error) {
        last = error as Error;
      }
    }
    throw last instanceof SallyportError ? last : new SallyportError("egress.connect", `${name}:${port}: ${last?.message ?? "no address"}`);
  }
}

interface Known {
  until: number;
  readonly found: Promise<readonly string[]>;
}

/** Two at once: the system's resolver holds a thread for each, of which there are four. */
class Lane {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= 2) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }
}

async function addressesOf(name: string): Promise<string[]> {
  try {
    return (await lookup(name, { all: true, verbatim: false })).map(({ address }) => address);
  } catch (error) {
    throw new SallyportError("egress.resolve", `${name}: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`);
  }
}

function connected(host: string, port: number, reading: Reading | undefined): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true, keepAlive: true, ...(reading === undefined ? {} : { onread: reading }) });
    const timer = setTimeout(() => socket.destroy(new Error("no answer in time")), CONNECT_TIMEOUT);
    socket.once("connect", () => resolve(socket));
    // It stays for as long as the socket does: a reset may come before anybody else listens.
    socket.on("error", reject);
    socket.once("connect", () => clearTimeout(timer)).once("close", () => clearTimeout(timer));
  });
}
