/**
 * Frames: lines of bytes, split on 0x0A only (never on U+2028, U+2029 or a lone CR, as `readline` does),
 * bounded, and without copying anything twice: a line that arrives in many chunks is joined once, at its end.
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

export class FrameSplitter {
  readonly #sink: FrameSink;
  readonly #limit: number;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #part = 0;

  constructor(sink: FrameSink, limit = MAX_LINE) {
    this.#sink = sink;
    this.#limit = limit;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, start)) {
      this.#finish(chunk, start, at + 1);
      start = at + 1;
    }
    if (start < chunk.length) this.#hold(start === 0 ? chunk : chunk.subarray(start));
  }

  /** The stream ended: a last line without a newline is a line all the same. */
  end(): void {
    if (this.#part > 0) this.#fragment(Buffer.alloc(0), true);
    else if (this.#heldBytes > 0) this.#finish(NEWLINE, 0, 1);
  }

  #finish(chunk: Buffer, start: number, end: number): void {
    if (this.#part > 0) {
      this.#fragment(chunk.subarray(start, end - 1), true);
    } else if (this.#heldBytes + (end - start - 1) > this.#limit) {
      this.#hold(chunk.subarray(start, end - 1));
      this.#fragment(Buffer.alloc(0), true);
    } else {
      this.#sink.frame(this.#heldBytes === 0 ? frameOf(chunk, start, end - 1) : this.#join(chunk.subarray(start, end)));
    }
  }

  #join(tail: Buffer): Frame {
    this.#held.push(tail);
    const wire = Buffer.concat(this.#held, this.#heldBytes + tail.length);
    this.#held = [];
    this.#heldBytes = 0;
    return frameOf(wire, 0, wire.length - 1);
  }

  #hold(piece: Buffer): void {
    if (this.#part > 0) return this.#fragment(piece, false);
    this.#held.push(piece);
    this.#heldBytes += piece.length;
    if (this.#heldBytes <= this.#limit) return;
    const pieces = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const held of pieces) this.#fragment(held, false);
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
