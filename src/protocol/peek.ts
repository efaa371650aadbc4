/**
 * What can be learnt of a line that is refused: the id and method at its top level, so that who asked gets an answer.
 * Works on pieces, so that a line beyond the limit needs no memory. It decides nothing but whom to answer: a line
 * that states two ids, or none, yields none.
 */
import type { Id } from "./decode.ts";

const ID_LIMIT = 256;

export interface Peeked {
  readonly id: Id | null;
  readonly method: string | null;
}

export class TopLevelPeek {
  #depth = 0;
  #inString = false;
  #escaped = false;
  #token = "";
  #key = "";
  #expectKey = false;
  #ids: string[] = [];
  #methods: string[] = [];

  push(bytes: Buffer): this {
    for (const byte of bytes) this.#byte(byte);
    return this;
  }

  result(): Peeked {
    const id = this.#ids.length === 1 ? canonical(this.#ids[0] as string) : null;
    const method = this.#methods.length === 1 ? canonical(this.#methods[0] as string) : null;
    return { id, method: typeof method === "string" ? (JSON.parse(method) as string) : null };
  }

  #byte(byte: number): void {
    if (this.#inString) {
      this.#keep(byte);
      if (this.#escaped) this.#escaped = false;
      else if (byte === 0x5c) this.#escaped = true;
      else if (byte === 0x22) this.#inString = false;
    } else if (byte === 0x22) {
      this.#inString = true;
      this.#keep(byte);
    } else if (byte === 0x7b || byte === 0x5b) {
      this.#depth += 1;
      this.#token = "";
      this.#expectKey = this.#depth === 1 && byte === 0x7b;
    } else if (byte === 0x7d || byte === 0x5d) {
      this.#endOfValue();
      this.#depth -= 1;
    } else if (byte === 0x2c) {
      this.#endOfValue();
      if (this.#depth === 1) this.#expectKey = true;
    } else if (byte === 0x3a) {
      this.#endOfKey();
    } else if (byte > 0x20) {
      this.#keep(byte);
    }
  }

  #keep(byte: number): void {
    if (this.#depth === 1 && this.#token.length <= ID_LIMIT) this.#token += String.fromCharCode(byte);
  }

  #endOfKey(): void {
    if (this.#depth !== 1 || !this.#expectKey) return;
    this.#key = this.#token;
    this.#token = "";
    this.#expectKey = false;
  }

  #endOfValue(): void {
    if (this.#depth !== 1) return;
    if (this.#key === '"id"' && this.#token !== "" && this.#ids.length < 2) this.#ids.push(this.#token);
    if (this.#key === '"method"' && this.#token !== "" && this.#methods.length < 2) this.#methods.push(this.#token);
    this.#token = "";
    this.#key = "";
  }
}

/** The token in the one form that an answer may carry; anything unusual is nobody's id. */
function canonical(token: string): Id | null {
  if (token.length > ID_LIMIT || !/^(?:"[\x20-\x7e]*"|0|-?[1-9][0-9]{0,15})$/.test(token)) return null;
  try {
    const value = JSON.parse(token) as string | number;
    return typeof value === "number" ? value : JSON.stringify(value);
  } catch {
    return null;
  }
}
