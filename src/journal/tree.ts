/** Merkle tree hashing of RFC 6962 section 2.1 (SHA-256), kept as a compact range: the roots of the full subtrees. */
import { hash } from "node:crypto";

/** 32 bytes in hexadecimal: what the hash function gives fastest, and records repeat. */
export type Hash = string;

const HASH_BYTES = 32;
/** A compact range has one subtree for each bit of its size, which is exact in a double. */
const MAX_SUBTREES = 54;

/** Node's own method, which `write` gets to after a detour; it stands in no type. */
export type FastBuffer = Buffer & { latin1Write(text: string, at: number, length: number): number; hexWrite(text: string, at: number, length: number): number };

/** MTH of the empty list: SHA-256 of nothing. */
export const EMPTY_ROOT: Hash = hash("sha256", "", "hex");

export class CompactRange {
  /** The subtrees' roots side by side, largest first, so that two neighbours are hashed where they stand; the first byte lends its place to 0x01. */
  readonly #stack = Buffer.alloc(1 + MAX_SUBTREES * HASH_BYTES) as FastBuffer;
  /** By depth: a byte of the stack, and the two roots that follow it. */
  readonly #pairs: Buffer[] = [];
  #depth = 0;
  #size = 0;

  /** @param subtrees roots of the full subtrees for `size` leaves, largest first, as `subtrees` returns them; throws RangeError for another number of them. */
  constructor(size = 0, subtrees: readonly Hash[] = []) {
    if (subtrees.length !== size.toString(2).replaceAll("0", "").length) throw new RangeError("not a compact range");
    for (const subtree of subtrees) this.#put(subtree);
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  get subtrees(): Hash[] {
    return Array.from({ length: this.#depth }, (_, index) => this.#stack.toString("hex", 1 + index * HASH_BYTES, 1 + (index + 1) * HASH_BYTES));
  }

  push(leaf: Hash): void {
    this.#put(leaf);
    for (let size = this.#size; size % 2 === 1; size = (size - 1) / 2) this.#join();
    this.#size += 1;
  }

  root(): Hash {
    if (this.#size === 0) return EMPTY_ROOT;
    const whole = new CompactRange(this.#size, this.subtrees);
    while (whole.#depth > 1) whole.#join();
    return whole.subtrees[0] as Hash;
  }

  #put(root: Hash): void {
    this.#stack.hexWrite(root, 1 + this.#depth * HASH_BYTES, HASH_BYTES);
    this.#depth += 1;
  }

  /** Puts the parent of the two smallest subtrees in their place. */
  #join(): void {
    this.#depth -= 1;
    const before = (this.#depth - 1) * HASH_BYTES;
    const pair = (this.#pairs[this.#depth] ??= this.#stack.subarray(before, before + 1 + 2 * HASH_BYTES));
    const kept = pair[0] as number;
    pair[0] = 1;
    const parent = hash("sha256", pair, "binary");
    pair[0] = kept;
    this.#stack.latin1Write(parent, before + 1, HASH_BYTES);
  }
}

/** Hash of a leaf: SHA-256 of 0x00 and the record's line without its newline. */
export function leafHash(line: Buffer): Hash {
  return hash("sha256", Buffer.concat([Buffer.of(0), line]), "hex");
}

export function toBase64(value: Hash): string {
  return Buffer.from(value, "hex").toString("base64");
}
