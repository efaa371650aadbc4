/** Merkle tree hashing of RFC 6962 section 2.1 (SHA-256), kept as a compact range: the roots of the full subtrees. */
import { hash } from "node:crypto";

/** 32 bytes as a latin1 string: cheaper to keep and to compare than a Buffer. */
export type Hash = string;

const NODE_BYTES = 65;

/** MTH of the empty list: SHA-256 of nothing. */
export const EMPTY_ROOT: Hash = hash("sha256", "", "binary");

export class CompactRange {
  readonly #node = Buffer.alloc(NODE_BYTES, 1);
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
    this.#node.write(left, 1, "latin1");
    this.#node.write(right, 33, "latin1");
    return hash("sha256", this.#node, "binary");
  }
}

/** Hash of a leaf: SHA-256 of 0x00 and the record's line without its newline. */
export function leafHash(line: Buffer): Hash {
  return hash("sha256", Buffer.concat([Buffer.of(0), line]), "binary");
}

export function toBase64(value: Hash): string {
  return Buffer.from(value, "latin1").toString("base64");
}

export function toHex(value: Hash): string {
  return Buffer.from(value, "latin1").toString("hex");
}
