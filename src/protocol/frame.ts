/**
 * Frames: lines of bytes, split on 0x0A only (never on U+2028, U+2029 or a lone CR, as `readline` does),
 * bounded, and without quadratic copying: what came whole is not copied at all.
 */

/** A whole line: `bytes` without its newline, which stands at `chunk[end]`, right behind them in the same memory. */
export interface Frame {
  readonly bytes: Buffer;
  readonly chunk: Buffer;
  readonly start: number;
  readonly end: number;
}

/** A piece of a line that is longer than the limit: never forwarded, always recorded, so never held in memory. */
export interface Fragment {
  readonly bytes: Buffer;
  readonly part: number;
  readonly last: boolean;
}

export interface FrameSink {
  frame(frame: Frame): void;
  fragment(fragment: Fragment): void;
}

/** Default limit of a line in bytes: SDK clients give up above 10 MiB, so this is beyond what any of them reads. */
export const MAX_LINE = 16 * 1024 * 1024;

const LF = 0x0a;
const NEWLINE = Buffer.from("\n");

const EMPTY = Buffer.alloc(0);
/** A fragment's size at most; the first ones of a line too long would otherwise be as long as the limit. */
const FRAGMENT_BYTES = 1024 * 1024;

export class FrameSplitter {
  readonly #sink: FrameSink;
  readonly #limit: number;
  /** The start of a line whose end has not come: grows by doubling, so that a sender of single bytes costs no more than others. */
  #held: Buffer = EMPTY;
  #heldBytes = 0;
  #part = 0;

  constructor(sink: FrameSink, limit = MAX_LINE) {
    this.#sink = sink;
    this.#limit = limit;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, start)) {
      this.#finish(chunk, start, at);
      start = at + 1;
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start));
  }

  /** The stream ended: a last line without a newline is a line all the same. */
  end(): void {
    if (this.#part > 0 || this.#heldBytes > 0) this.#finish(NEWLINE, 0, 0);
  }

  /** The line ends at `end`, where the newline stands. */
  #finish(chunk: Buffer, start: number, end: number): void {
    if (this.#part === 0 && this.#heldBytes === 0 && end - start <= this.#limit) return this.#sink.frame(frameOf(chunk, start, end));
    this.#hold(chunk.subarray(start, end));
    if (this.#part > 0) return this.#fragment(EMPTY, true);
    const whole = this.#reserve(1);
    const length = this.#heldBytes;
    whole[length] = LF;
    this.#held = EMPTY;
    this.#heldBytes = 0;
    this.#sink.frame(frameOf(whole, 0, length));
  }

  #hold(piece: Buffer): void {
    if (this.#part > 0) return this.#fragments(piece);
    piece.copy(this.#reserve(piece.length), this.#heldBytes);
    this.#heldBytes += piece.length;
    if (this.#heldBytes <= this.#limit) return;
    const bytes = this.#held.subarray(0, this.#heldBytes);
    this.#held = EMPTY;
    this.#heldBytes = 0;
    this.#fragments(bytes);
  }

  #reserve(bytes: number): Buffer {
    const needed = this.#heldBytes + bytes;
    if (needed <= this.#held.length) return this.#held;
    const grown = Buffer.allocUnsafeSlow(Math.max(4096, needed, this.#held.length * 2));
    this.#held.copy(grown, 0, 0, this.#heldBytes);
    this.#held = grown;
    return grown;
  }

  #fragments(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += FRAGMENT_BYTES) this.#fragment(bytes.subarray(at, at + FRAGMENT_BYTES), false);
  }

  #fragment(bytes: Buffer, last: boolean): void {
    this.#part += 1;
    this.#sink.fragment({ bytes, part: this.#part, last });
    if (last) this.#part = 0;
  }
}

export function frameOf(chunk: Buffer, start: number, end: number): Frame {
  return { bytes: chunk.subarray(start, end), chunk, start, end };
}
