/**
 * The writer of one session's segment. `record` and `state` lay lines aside, `commit` writes them with one system call;
 * nothing may be forwarded before its `commit` has returned. After the first failure it writes nothing more.
 */
import { hash } from "node:crypto";
import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { SallyportError, asSallyportError, type Code } from "../errors.ts";
import type { Stream, Verdict } from "../model.ts";
import { sessionOrigin, signCheckpoint } from "./checkpoint.ts";
import type { Signer } from "./key.ts";
import { ALLOW, HeadFormat, PREV_DIGITS, TimeFormat, encodeOther } from "./record.ts";
import { CompactRange, toBase64, type FastBuffer } from "./tree.ts";

/** `process`: what was written survives the death of the gate; `disk`: of the machine (fdatasync before forwarding). */
export type Durability = "process" | "disk";

export interface SegmentOptions {
  /** The journal's folder. */
  readonly folder: string;
  readonly session: string;
  /** What the session is judged by; every record cites it. */
  readonly manifest: string;
  readonly signer: Signer;
  readonly now: () => number;
  readonly durability: Durability;
  /** Told once, when a timer finds the segment unusable; failures of calls are thrown. */
  readonly onFailure: (error: SallyportError) => void;
}

export interface Closed {
  readonly records: number;
  /** Root hash over all records, base64. */
  readonly root: string;
}

const CHECKPOINT_INTERVAL = 1000;
const BUFFER_BYTES = 64 * 1024;
/** The first byte of the buffer stands for the newline before the first line; see `#seal`. */
const ORIGIN = 1;

export function segmentFile(folder: string, session: string): string {
  return join(folder, "sessions", `${session}.jsonl`);
}

export class Segment {
  readonly session: string;
  readonly #options: SegmentOptions;
  readonly #descriptor: number;
  readonly #time = new TimeFormat();
  readonly #head: HeadFormat;
  readonly #range = new CompactRange();
  #buffer: Buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #end = ORIGIN;
  /** Where the line starts that is not in the tree yet; 0 for none. It stays in the buffer until then. */
  #unsealed = 0;
  #sealEnd = 0;
  #records = 0;
  #written = 0;
  #now = "";
  #prev = "0".repeat(PREV_DIGITS);
  #signedSize = -1;
  #timer: NodeJS.Timeout | null = null;
  #failure: SallyportError | null = null;

  /** Throws `journal.open`. */
  constructor(options: SegmentOptions) {
    this.session = options.session;
    this.#options = options;
    this.#head = new HeadFormat(options.session, options.manifest);
    try {
      mkdirSync(join(options.folder, "sessions"), { recursive: true, mode: 0o700 });
      this.#descriptor = openSync(segmentFile(options.folder, options.session), "ax", 0o600);
    } catch (error) {
      throw asSallyportError(error, "journal.open");
    }
  }

  get failure(): SallyportError | null {
    return this.#failure;
  }

  /** Lays a frame aside. `accepted`: the decoder took it, so its bytes can stand in the line as they are. */
  record(stream: Stream, frame: Buffer, accepted: boolean, verdict: Verdict = ALLOW): void {
    if (this.#failure !== null) throw this.#failure;
    this.settle();
    const { payload, value } = accepted ? { payload: "message" as const, value: frame } : encodeOther(frame);
    // Frames of one read have come together, and share their time.
    if (this.#end === ORIGIN) this.#now = this.#time.format(this.#options.now());
    const text = this.#head.encode(this.#records, this.#now, stream, verdict, frame, this.#prev, payload);
    this.#reserve(text.length + value.length + 2);
    const start = this.#end;
    this.#end += (this.#buffer as FastBuffer).latin1Write(text, this.#end, text.length);
    this.#buffer.set(value, this.#end);
    this.#end += value.length;
    this.#buffer[this.#end] = 0x7d;
    this.#end += 1;
    this.#unsealed = start;
    this.#sealEnd = this.#end;
    this.#records += 1;
    this.#buffer[this.#end] = 0x0a;
    this.#end += 1;
  }

  /** Takes the newest line into the tree. Work that may wait until the line has been written and its frame has left. */
  settle(): void {
    if (this.#unsealed === 0) return;
    this.#seal(this.#unsealed, this.#sealEnd);
    this.#unsealed = 0;
  }

  /** Lays a statement of the gate's own aside. */
  state(event: string, facts: object = {}): void {
    this.record("gate", Buffer.from(JSON.stringify({ event, ...facts })), true);
  }

  /** Writes what was laid aside. Throws `journal.write`; the segment is then cut back to its last whole record where possible. */
  commit(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#end === ORIGIN) return;
    this.#write(this.#buffer.subarray(ORIGIN, this.#end));
    this.#end = ORIGIN;
    if (this.#buffer.length > BUFFER_BYTES * 16) {
      this.settle();
      this.#buffer = Buffer.allocUnsafe(BUFFER_BYTES);
    }
    if (this.#options.durability === "disk") this.#attempt(() => fdatasyncSync(this.#descriptor));
    this.#timer ??= setTimeout(() => this.#checkpointOnTime(), CHECKPOINT_INTERVAL);
  }

  /** Signs what has been written. */
  checkpoint(): void {
    this.commit();
    this.settle();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#signedSize === this.#range.size) return;
    this.#refuseAltered();
    this.#signedSize = this.#range.size;
    const note = signCheckpoint(sessionOrigin(this.session), this.#range.size, this.#range.root(), this.#options.signer);
    this.#write(Buffer.from(`${JSON.stringify({ checkpoint: note, prev: this.#prev })}\n`));
    if (this.#options.durability === "disk") this.#attempt(() => fdatasyncSync(this.#descriptor));
  }

  /** The last checkpoint, and the end. Where that fails, the segment stays as it is, unclosed. */
  close(): Closed {
    try {
      this.checkpoint();
    } finally {
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = null;
      this.#failure ??= new SallyportError("journal.write", "the segment is closed");
      closeSync(this.#descriptor);
    }
    return { records: this.#range.size, root: toBase64(this.#range.root()) };
  }

  /** Hashes the line that starts at `start` with RFC 6962's 0x00 in front, for which the newline before it lends its place. */
  #seal(start: number, end: number): void {
    const before = this.#buffer[start - 1] as number;
    this.#buffer[start - 1] = 0;
    const leaf = hash("sha256", this.#buffer.subarray(start - 1, end), "hex");
    this.#buffer[start - 1] = before;
    this.#prev = leaf.slice(0, PREV_DIGITS);
    this.#range.push(leaf);
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#end + bytes));
    this.#buffer.copy(grown, 0, 0, this.#end);
    this.#buffer = grown;
  }

  #write(bytes: Buffer): void {
    this.#attempt(() => {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#descriptor, bytes, done);
    });
    this.#written += bytes.length;
  }

  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      try {
        ftruncateSync(this.#descriptor, this.#written);
      } catch {
        // The torn line stays; `verify` knows it for what it is, as no newline ends it.
      }
      this.#fail("journal.write", (error as Error).message, error);
    }
  }

  /** Somebody who empties, cuts or removes the file while it is being written would otherwise go unnoticed until `verify`. */
  #refuseAltered(): void {
    const { size, nlink } = fstatSync(this.#descriptor);
    if (nlink === 0) this.#fail("journal.altered", "the segment was removed");
    if (size !== this.#written) this.#fail("journal.altered", `the segment has ${size} bytes, ${this.#written} were written`);
  }

  #checkpointOnTime(): void {
    this.#timer = null;
    try {
      this.checkpoint();
    } catch (error) {
      this.#options.onFailure(asSallyportError(error));
    }
  }

  #fail(code: Code, detail: string, cause?: unknown): never {
    this.#failure = new SallyportError(code, detail, { cause });
    throw this.#failure;
  }
}
