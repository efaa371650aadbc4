/**
 * Who may be reached. Every allowed name has an address of its own inside the cell, on which only the gate listens: which
 * address a program has connected to tells which name it means, whatever the protocol.
 */
import { isIP } from "node:net";
import { asciiName, parseHost, type Target } from "../host.ts";
import type { Network } from "../model.ts";

const LOOPBACK_NAME = "localhost";
/** Names that a pattern has met in one session. */
const MAX_MET = 4096;

export class Names {
  readonly #exact: readonly Target[];
  readonly #patterns: readonly Target[];
  readonly #address = new Map<string, string>();
  /** Several names may stand on one address: localhost and 127.0.0.1. */
  readonly #names = new Map<string, string[]>();
  #met = 0;

  constructor({ hosts, hostPatterns }: Pick<Network, "hosts" | "hostPatterns">) {
    this.#exact = hosts.map(parseHost).filter((target) => target !== null);
    this.#patterns = hostPatterns.map((pattern) => parseHost(pattern.slice(2))).filter((target) => target !== null);
    [...new Set(this.#exact.map(({ name }) => name))].forEach((name, index) => this.#give(name, isIP(name) !== 0 ? name : name === LOOPBACK_NAME ? "127.0.0.1" : numbered(77, index + 256)));
    if (this.#address.has(LOOPBACK_NAME)) this.#names.set("::1", [...(this.#names.get("::1") ?? []), LOOPBACK_NAME]);
  }

  allows({ name, port }: Target): boolean {
    return this.#exact.some((one) => one.name === name && one.port === port) || this.#patterns.some((one) => one.port === port && name.endsWith(`.${one.name}`) && isIP(name) === 0);
  }

  /** The address that stands for a name inside the cell; null where no port of it is allowed. */
  addressOf(name: string): string | null {
    const known = this.#address.get(name);
    if (known !== undefined) return known;
    if (this.#met >= MAX_MET || !this.#patterns.some((one) => name.endsWith(`.${one.name}`)) || asciiName(name) !== name) return null;
    this.#met += 1;
    return this.#give(name, numbered(78, this.#met));
  }

  /** Whether the server itself chooses the name. */
  isBelowPattern(name: string): boolean {
    return !this.#exact.some((one) => one.name === name);
  }

  /** What a connection to an address inside the cell means. */
  targetOf(address: string, port: number): Target {
    const plain = address.replace(/^::ffff:/, "");
    const names = this.#names.get(plain) ?? [];
    return { name: names.find((name) => this.allows({ name, port })) ?? names[0] ?? plain, port };
  }

  /** Names that are addresses themselves, other than loopback: the cell's own interface must carry them. */
  get literals(): readonly string[] {
    return [...this.#address.keys()].filter((name) => isIP(name) !== 0 && !name.startsWith("127.") && name !== "::1");
  }

  /**
   * Where the gate listens inside the cell. Ports that patterns use are taken on every address; others on their names' own,
   * so that programs in the cell may use the same port of another address.
   * @param everywhere ports that are taken on every address anyway.
   */
  endpoints(everywhere: readonly number[]): readonly Endpoint[] {
    const wide = [...new Set([...this.#patterns.map(({ port }) => port), ...everywhere])];
    const own = this.#exact.filter(({ port }) => !wide.includes(port)).flatMap(({ name, port }) => [this.#address.get(name) as string, ...(name === LOOPBACK_NAME ? ["::1"] : [])].map((host) => ({ host, port })));
    const all = [...own, ...wide.flatMap((port) => [{ host: "0.0.0.0", port }, { host: "::", port }])];
    // localhost and 127.0.0.1 are one place.
    return all.filter(({ host, port }, index) => all.findIndex((one) => one.host === host && one.port === port) === index);
  }

  get ports(): readonly number[] {
    return [...new Set([...this.#exact, ...this.#patterns].map(({ port }) => port))];
  }

  #give(name: string, address: string): string {
    this.#address.set(name, address);
    this.#names.set(address, [...(this.#names.get(address) ?? []), name]);
    return address;
  }
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

function numbered(second: number, index: number): string {
  return `127.${second}.${(index >> 8) & 255}.${index & 255}`;
}
