/**
 * The lexical half of the strict reader: strings, numbers, words and white space (RFC 8259, sections 2, 6 and 7). The
 * fields are plain ones, for speed; only the scanner extends it.
 *
 * The caller guarantees valid UTF-8, and a byte 0x0A behind the last byte, which ends every loop without a bounds check.
 */
import { SallyportError, type Code } from "../errors.ts";

export const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export class Lexer {
  protected buffer: Buffer = Buffer.alloc(1);
  /** Where the line starts, and the byte to be read next. */
  protected start = 0;
  protected at = 0;
  /** Of the key read last: the hash of its bytes, and whether it holds escapes. */
  protected hash = 0;
  protected escaped = false;

  protected key(): void {
    const buffer = this.buffer;
    let at = this.at + 1;
    let hash = 0;
    this.escaped = false;
    for (;;) {
      const byte = buffer[at] as number;
      if (byte === QUOTE) break;
      if (byte < 0x20) this.fail("json.syntax", at);
      if (byte === BACKSLASH) {
        this.escaped = true;
        at = this.escape(at);
      } else {
        hash = (Math.imul(hash, 31) + byte) | 0;
        at += 1;
      }
    }
    this.hash = hash;
    this.at = at + 1;
  }

  protected string(): void {
    const buffer = this.buffer;
    let at = this.at + 1;
    for (;;) {
      const byte = buffer[at] as number;
      if (byte === QUOTE) break;
      if (byte < 0x20) this.fail("json.syntax", at);
      at = byte === BACKSLASH ? this.escape(at) : at + 1;
    }
    this.at = at + 1;
  }

  /** Passes one escape (two for a surrogate pair); halves of a pair become U+FFFD in some parsers and errors in others. */
  private escape(at: number): number {
    const byte = this.buffer[at + 1] as number;
    if (byte !== 0x75) {
      if (byte === 0x22 || byte === 0x5c || byte === 0x2f || byte === 0x62 || byte === 0x66 || byte === 0x6e || byte === 0x72 || byte === 0x74) return at + 2;
      return this.fail("json.syntax", at);
    }
    const unit = this.hex4(at + 2);
    if (unit < 0xd800 || unit > 0xdfff) return at + 6;
    if (unit > 0xdbff || this.buffer[at + 6] !== BACKSLASH || this.buffer[at + 7] !== 0x75) this.fail("json.surrogate", at);
    const low = this.hex4(at + 8);
    if (low < 0xdc00 || low > 0xdfff) this.fail("json.surrogate", at);
    return at + 12;
  }

  private hex4(at: number): number {
    let unit = 0;
    for (let i = at; i < at + 4; i += 1) {
      const byte = this.buffer[i] as number;
      const digit = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66 ? (byte | 0x20) - 0x57 : -1;
      if (digit < 0) this.fail("json.syntax", i);
      unit = unit * 16 + digit;
    }
    return unit;
  }

  protected number(first: number): void {
    const start = this.at;
    let at = first === 0x2d ? start + 1 : start;
    if (this.buffer[at] === 0x30) at += 1;
    else at = this.digits(at);
    let large = at - start > 300;
    if (this.buffer[at] === 0x2e) at = this.digits(at + 1);
    if (((this.buffer[at] as number) | 0x20) === 0x65) {
      const sign = this.buffer[at + 1];
      at = this.digits(sign === 0x2b || sign === 0x2d ? at + 2 : at + 1);
      large = true;
    }
    if (large && !Number.isFinite(Number(this.buffer.toString("latin1", start, at)))) this.fail("json.number");
    this.at = at;
  }

  private digits(from: number): number {
    let at = from;
    for (let byte = this.buffer[at] as number; byte >= 0x30 && byte <= 0x39; byte = this.buffer[at] as number) at += 1;
    if (at === from) this.fail("json.syntax", at);
    return at;
  }

  protected literal(word: string): void {
    for (let i = 0; i < word.length; i += 1) if (this.buffer[this.at + i] !== word.charCodeAt(i)) this.fail("json.syntax");
    this.at += word.length;
  }

  /**
   * Passes white space and returns the byte after it. A carriage return is white space for JSON, but the end of a line for
   * many readers of lines (Python's universal newlines, Node's readline), which would find a second message behind it.
   */
  protected skipSpace(): number {
    let byte = this.buffer[this.at] as number;
    while (byte === 0x20 || byte === 0x09) {
      this.at += 1;
      byte = this.buffer[this.at] as number;
    }
    if (byte === 0x0d && this.buffer[this.at + 1] !== 0x0a) this.fail("json.carriage-return");
    return byte;
  }

  protected fail(code: Code, at = this.at): never {
    throw new SallyportError(code, `byte ${at - this.start + 1} of the line`);
  }
}
