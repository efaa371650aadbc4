/** From an allowed name to a connected socket: resolved once, each address checked, and the one that was checked is dialled (CWE-918, CWE-350). */
import { lookup } from "node:dns/promises";
import { connect, isIP, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { isAmong, notPublicIp } from "../address.ts";
import { SallyportError } from "../errors.ts";
import type { Target } from "../host.ts";
import type { Reading } from "./reading.ts";

/** Milliseconds for which what was resolved and checked is used again. */
const FRESH = 10_000;
const CONNECT_TIMEOUT = 10_000;
const MAX_TRIED = 4;

export class Dialer {
  readonly #addresses: readonly string[];
  readonly #known = new Map<string, { readonly until: number; readonly found: readonly string[] }>();

  /** @param addresses ranges that are reached although they are not public. */
  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
  }

  /** Throws `egress.resolve`, `egress.address`. */
  async resolve(name: string): Promise<readonly string[]> {
    const known = this.#known.get(name);
    if (known !== undefined && known.until > performance.now()) return known.found;
    const resolved = isIP(name) !== 0 ? [name] : await addressesOf(name);
    const allowed = resolved.filter((address) => this.objection(name, address) === null);
    if (allowed.length === 0) throw new SallyportError("egress.address", `${name}: ${resolved.map((address) => this.objection(name, address)).join("; ")}`);
    this.#known.set(name, { until: performance.now() + FRESH, found: allowed });
    return allowed;
  }

  /** Why an address is not dialled for a name; null where it is. */
  objection(name: string, address: string): string | null {
    // Named as such: the manifest says the address itself, or the machine by its own name.
    if (name === address || isAmong(address, this.#addresses)) return null;
    if (name === "localhost" && /^127\.|^::1$/.test(address)) return null;
    const own = Object.values(networkInterfaces()).flat().some((one) => one?.address === address);
    return own ? `${address} is this machine's own` : notPublicIp(address);
  }

  /** Throws `egress.connect`. */
  async dial({ name, port }: Target, addresses: readonly string[], reading?: Reading): Promise<Socket> {
    let last: Error | null = null;
    for (const address of addresses.slice(0, MAX_TRIED)) {
      try {
        return await connected(address, port, reading);
      } catch (error) {
        last = error as Error;
      }
    }
    throw new SallyportError("egress.connect", `${name}:${port}: ${last?.message ?? "no address"}`);
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
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", reject);
      resolve(socket);
    });
    socket.once("error", reject).once("close", () => clearTimeout(timer));
  });
}
