/** What may leave, held until the journal has it. Lines that lie side by side in memory leave as one write. */
import type { Writable } from "node:stream";

export class Outbox {
  readonly #stream: Writable;
  #ready: Buffer[] = [];
  /** The run being extended: a view that starts at the first line and ends behind the newline of the last. */
  #run: Buffer | null = null;
  #closed = false;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /** Adds a line, newline included. */
  add(wire: Buffer): void {
    const run = this.#run;
    if (run !== null && run.buffer === wire.buffer && run.byteOffset + run.length === wire.byteOffset) {
      this.#run = Buffer.from(run.buffer, run.byteOffset, run.length + wire.length);
      return;
    }
    if (run !== null) this.#ready.push(run);
    this.#run = wire;
  }

  /** Writes what was added; called after the commit. */
  send(): void {
    if (this.#run === null) return;
    const only = this.#ready.length === 0;
    if (!only) this.#ready.push(this.#run);
    const bytes = only ? this.#run : Buffer.concat(this.#ready);
    this.#ready = [];
    this.#run = null;
    if (!this.#closed && this.#stream.writable) this.#stream.write(bytes);
  }

  get isFull(): boolean {
    return !this.#closed && this.#stream.writable && this.#stream.writableNeedDrain;
  }

  whenDrained(listener: () => void): void {
    this.#stream.once("drain", listener);
    this.#stream.once("close", listener);
  }

  close(): void {
    this.#closed = true;
  }
}
