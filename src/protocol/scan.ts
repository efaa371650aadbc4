/**
 * The strict JSON reader. It does not build values: it proves that the bytes are JSON (RFC 8259) that every conforming
 * parser reads alike, and notes where the protocol's own values stand. What it accepts is forwarded byte for byte.
 *
 * The caller guarantees valid UTF-8, and a byte 0x0A behind the last byte, which ends every loop without a bounds check.
 */
import { ENVELOPE, FREE, PLACES, SLOTS, foldKey, type KnownKey, type Place } from "./keys.ts";
import { Lexer, QUOTE } from "./lex.ts";

/** Below the limits of the parsers in use (serde_json stops at 128). */
export const MAX_DEPTH = 100;

/** Above so many keys an object's keys are compared through a set; below, a loop over hashes is faster. */
const FEW_KEYS = 24;

type Found = (from: number, to: number) => void;

export class Scanner extends Lexer {
  /** Start and end of each kept value of the object scanned last; start is -1 where it is missing. */
  readonly spans = new Int32Array(SLOTS * 2);
  #keys = new Int32Array(3 * 256);
  #keyTop = 0;

  /** Scans one message, or each message of a batch; `found` is told where it stands, while `spans` is that of the message. */
  scan(chunk: Buffer, start: number, end: number, found: Found): "message" | "batch" {
    this.buffer = chunk;
    this.start = start;
    this.at = start;
    this.#keyTop = 0;
    const first = this.skipSpace();
    if (first === 0x7b) this.#message(found);
    else if (first === 0x5b) this.#batch(found);
    else {
      this.#value(1);
      this.#finish(end);
      this.fail("message.shape", start);
    }
    this.#finish(end);
    return first === 0x5b ? "batch" : "message";
  }

  #finish(end: number): void {
    const byte = this.skipSpace();
    // CR LF at the end of the line is a line end for everybody.
    if (this.at < end && !(byte === 0x0d && this.at === end - 1)) this.fail("json.syntax");
  }

  #message(found: Found): void {
    this.spans.fill(-1);
    const from = this.at;
    this.#object(1, ENVELOPE);
    found(from, this.at);
  }

  #batch(found: Found): void {
    this.at += 1;
    if (this.skipSpace() === 0x5d) this.fail("message.shape");
    for (;;) {
      if (this.skipSpace() !== 0x7b) {
        this.#value(2);
        this.fail("message.shape");
      }
      this.#message(found);
      if (this.#separator(0x5d)) return;
    }
  }

  #value(depth: number): void {
    const byte = this.buffer[this.at] as number;
    if (byte === QUOTE) this.string();
    else if (byte === 0x7b) this.#object(depth, FREE);
    else if (byte === 0x5b) this.#array(depth);
    else if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) this.number(byte);
    else if (byte === 0x74) this.literal("true");
    else if (byte === 0x66) this.literal("false");
    else if (byte === 0x6e) this.literal("null");
    else this.fail("json.syntax");
  }

  #object(depth: number, where: number): void {
    if (depth > MAX_DEPTH) this.fail("json.depth");
    this.at += 1;
    if (this.skipSpace() === 0x7d) {
      this.at += 1;
      return;
    }
    const place = PLACES[where] ?? null;
    const base = this.#keyTop;
    let seen: Set<string> | null = null;
    let others: Set<string> | null = null;
    for (;;) {
      if (this.skipSpace() !== QUOTE) this.fail("json.syntax");
      const start = this.at + 1;
      this.key();
      const end = this.at - 1;
      seen = this.#refuseDuplicate(base, start, end, seen);
      const known = place === null ? undefined : this.#known(place, start, end);
      if (place !== null && known === undefined) others = this.#refuseVariant(place, start, end, others);
      if (this.skipSpace() !== 0x3a) this.fail("json.syntax");
      this.at += 1;
      this.skipSpace();
      this.#member(depth, known);
      if (this.#separator(0x7d)) break;
    }
    this.#keyTop = base;
  }

  #member(depth: number, known: KnownKey | undefined): void {
    const start = this.at;
    if (known !== undefined && known.place !== FREE && this.buffer[start] === 0x7b) this.#object(depth + 1, known.place);
    else this.#value(depth + 1);
    if (known !== undefined && known.slot >= 0) {
      this.spans[known.slot * 2] = start;
      this.spans[known.slot * 2 + 1] = this.at;
    }
  }

  #array(depth: number): void {
    if (depth > MAX_DEPTH) this.fail("json.depth");
    this.at += 1;
    if (this.skipSpace() === 0x5d) {
      this.at += 1;
      return;
    }
    for (;;) {
      this.skipSpace();
      this.#value(depth + 1);
      if (this.#separator(0x5d)) return;
    }
  }

  /** Passes a comma (false) or the closing bracket (true). */
  #separator(close: number): boolean {
    const byte = this.skipSpace();
    if (byte !== 0x2c && byte !== close) this.fail("json.syntax");
    this.at += 1;
    return byte === close;
  }

  // ---- keys

  /** Two equal keys of one object are refused: JavaScript takes the last, others the first, or both. */
  #refuseDuplicate(base: number, start: number, end: number, seen: Set<string> | null): Set<string> | null {
    if (seen === null && !this.escaped && this.#keyTop - base < FEW_KEYS * 3) {
      this.#compareKey(base, start, end);
      return null;
    }
    const set = seen ?? new Set<string>();
    if (seen === null) {
      for (let at = base; at < this.#keyTop; at += 3) set.add(this.buffer.toString("utf8", this.#keys[at], this.#keys[at + 1]));
    }
    const size = set.size;
    if (set.add(this.#keyText(start, end)).size === size) this.fail("json.duplicate-key", start);
    return set;
  }

  #compareKey(base: number, start: number, end: number): void {
    const keys = this.#keys;
    const hash = this.hash;
    for (let at = base; at < this.#keyTop; at += 3) {
      if (keys[at + 2] === hash && this.#sameBytes(keys[at] as number, keys[at + 1] as number, start, end)) this.fail("json.duplicate-key", start);
    }
    if (this.#keyTop + 3 > keys.length) {
      this.#keys = new Int32Array(keys.length * 2);
      this.#keys.set(keys);
    }
    this.#keys[this.#keyTop] = start;
    this.#keys[this.#keyTop + 1] = end;
    this.#keys[this.#keyTop + 2] = hash;
    this.#keyTop += 3;
  }

  #sameBytes(start: number, end: number, otherStart: number, otherEnd: number): boolean {
    if (end - start !== otherEnd - otherStart) return false;
    for (let i = start, j = otherStart; i < end; i += 1, j += 1) if (this.buffer[i] !== this.buffer[j]) return false;
    return true;
  }

  #known(place: Place, start: number, end: number): KnownKey | undefined {
    if (this.escaped) {
      const text = this.#keyText(start, end);
      for (const known of place.byHash.values()) if (known.text === text) return known;
      return undefined;
    }
    const known = place.byHash.get(this.hash);
    if (known === undefined || known.bytes.length !== end - start) return undefined;
    for (let i = 0; i < known.bytes.length; i += 1) if (known.bytes[i] !== this.buffer[start + i]) return undefined;
    return known;
  }

  /** Parsers that fold case would read `Method` as `method`, or one of two others for the other. */
  #refuseVariant(place: Place, start: number, end: number, others: Set<string> | null): Set<string> {
    const text = this.#keyText(start, end);
    if (text === "__proto__") this.fail("json.proto-key", start);
    const folded = foldKey(text);
    if (place.folded.has(folded)) this.fail("json.case-variant", start);
    const set = others ?? new Set<string>();
    if (set.has(folded)) this.fail("json.case-collision", start);
    return set.add(folded);
  }

  #keyText(start: number, end: number): string {
    return this.escaped ? (JSON.parse(this.buffer.toString("utf8", start - 1, end + 1)) as string) : this.buffer.toString("utf8", start, end);
  }
}
