/** What may leave, held until the journal has it. Lines that lie side by side in memory leave as one write. */
import type { Writable } from "node:stream";
import type { Frame } from "../protocol/frame.ts";

export class Outbox {
  readonly #stream: Writable;
  #ready: Buffer[] = [];
  /** The run being extended, from the start of its first line to the newline of its last. */
  #chunk: Buffer | null = null;
  #start = 0;
  #end = 0;
  #frames = 0;
  #closed = false;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  add({ chunk, start, end }: Frame): void {
    this.#frames += 1;
    if (this.#chunk === chunk && start === this.#end + 1) {
      this.#end = end;
      return;
    }
    this.#closeRun();
    this.#chunk = chunk;
    this.#start = start;
    this.#end = end;
  }

  /** Writes what was added; called after the commit. Returns the number of frames. */
  send(): number {
    if (this.#chunk === null) return 0;
    const frames = this.#frames;
    this.#frames = 0;
    this.#closeRun();
    const bytes = this.#ready.length === 1 ? (this.#ready[0] as Buffer) : Buffer.concat(this.#ready);
    this.#ready = [];
    if (!this.#closed && this.#stream.writable) this.#stream.write(bytes);
    return frames;
  }

  #closeRun(): void {
    if (this.#chunk !== null) this.#ready.push(this.#chunk.subarray(this.#start, this.#end + 1));
    this.#chunk = null;
  }

  get isFull(): boolean {
    return !this.#closed && this.#stream.writable && this.#stream.writableNeedDrain;
  }

  /** Bytes that wait for the reader. */
  get backlog(): number {
    return this.#closed || !this.#stream.writable ? 0 : this.#stream.writableLength;
  }

  /** Calls back once: when the reader has caught up, or is gone. */
  whenDrained(listener: () => void): void {
    const once = (): void => {
      this.#stream.off("drain", once).off("close", once);
      listener();
    };
    this.#stream.on("drain", once).on("close", once);
  }

  close(): void {
    this.#closed = true;
  }
}
