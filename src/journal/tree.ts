/** Merkle tree hashing of RFC 6962 section 2.1 (SHA-256), kept as a compact range: the roots of the full subtrees. */
import { hash } from "node:crypto";

/** 32 bytes in hexadecimal: what the hash function gives fastest, and records repeat. */
export type Hash = string;

const NODE_BYTES = 65;

/** Node's own method, which `write` gets to after a detour; it stands in no type. */
export type FastBuffer = Buffer & { latin1Write(text: string, at: number, length: number): number; hexWrite(text: string, at: number, length: number): number };

/** MTH of the empty list: SHA-256 of nothing. */
export const EMPTY_ROOT: Hash = hash("sha256", "", "hex");

export class CompactRange {
  readonly #node = Buffer.alloc(NODE_BYTES, 1) as FastBuffer;
  #subtrees: Hash[];
  #size: number;

  /** @param subtrees roots of the full subtrees for `size` leaves, largest first, as `subtrees` returns them. */
  constructor(size = 0, subtrees: readonly Hash[] = []) {
    this.#size = size;
    this.#subtrees = [...subtrees];
  }

  get size(): number {
    return this.#size;
  }

  get subtrees(): readonly Hash[] {
    return this.#subtrees;
  }

  push(leaf: Hash): void {
    let subtree = leaf;
    for (let size = this.#size; size % 2 === 1; size = (size - 1) / 2) subtree = this.#join(this.#subtrees.pop() as Hash, subtree);
    this.#subtrees.push(subtree);
    this.#size += 1;
  }

  root(): Hash {
    if (this.#size === 0) return EMPTY_ROOT;
    return this.#subtrees.reduceRight((right, left) => this.#join(left, right));
  }

  #join(left: Hash, right: Hash): Hash {
    this.#node.hexWrite(left, 1, 32);
    this.#node.hexWrite(right, 33, 32);
    return hash("sha256", this.#node, "hex");
  }
}

/** Hash of a leaf: SHA-256 of 0x00 and the record's line without its newline. */
export function leafHash(line: Buffer): Hash {
  return hash("sha256", Buffer.concat([Buffer.of(0), line]), "hex");
}

export function toBase64(value: Hash): string {
  return Buffer.from(value, "hex").toString("base64");
}
