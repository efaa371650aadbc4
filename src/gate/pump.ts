/** Moves bytes: one Pump for each direction, and one for stderr, which has no messages. Reading stops while a reader is behind. */
import type { Readable, Writable } from "node:stream";
import type { Side } from "../model.ts";
import type { SallyportError } from "../errors.ts";
import { asSallyportError } from "../errors.ts";
import { FrameSplitter, type Frame } from "../protocol/frame.ts";
import { OversizeLine, carry, type Ports } from "./carry.ts";
import { BusyPoll } from "../poll.ts";
import { otherSide, type Session } from "./session.ts";

/** So many frames leave together at the most: the other side can work on them while the rest is judged. */
const FRAMES_AT_ONCE = 32;

export interface PumpOptions {
  readonly source: Readable;
  readonly from: Side;
  readonly session: Session;
  readonly ports: Ports;
  readonly door: Door;
  readonly maxLine: number;
  /** The source has no more; everything of it has been carried. */
  readonly onEnd: () => void;
}

export function pump({ source, from, session, ports, door, maxLine, onEnd }: PumpOptions): void {
  const oversize = new OversizeLine();
  let laid = 0;
  const frame = (one: Frame): void => {
    carry(one, from, session, ports);
    laid += 1;
    if (laid % FRAMES_AT_ONCE === 0) door.open();
  };
  const splitter = new FrameSplitter({ frame, fragment: (fragment) => oversize.take(fragment, from, session, ports) }, maxLine);
  door.hold(source, from);
  source.on("data", (chunk: Buffer) => {
    door.heard(from);
    door.pass(() => splitter.push(chunk));
  });
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    door.pass(() => splitter.end());
    onEnd();
  };
  source.once("end", end).once("close", end).on("error", end);
  if (source.readableEnded || source.destroyed) end();
}

/** Refusals that a side does not read may pile up to so many bytes before it is not read from either. */
const REFUSAL_BACKLOG = 1024 * 1024;

/**
 * The only place where anything leaves: the journal first, then the streams. What came with one read is written to the
 * journal with one call, and reading stops while the other side does not read.
 */
export class Door {
  readonly #ports: Ports;
  readonly #session: Session;
  /** The journal failed: nothing more may cross. */
  readonly #onFailure: (error: SallyportError) => void;
  #failed = false;
  #draining = false;
  readonly #sources: { readonly stream: Readable; readonly from: Side }[] = [];
  readonly #polls: Record<Side, BusyPoll> = { client: new BusyPoll(), server: new BusyPoll() };

  constructor(ports: Ports, session: Session, onFailure: (error: SallyportError) => void) {
    this.#ports = ports;
    this.#session = session;
    this.#onFailure = onFailure;
  }

  hold(stream: Readable, from: Side): void {
    this.#sources.push({ stream, from });
  }

  heard(from: Side): void {
    this.#polls[from].found();
  }

  /** Lets an action lay frames aside, and sends them. */
  pass(action: () => void): void {
    if (this.#failed) return;
    try {
      action();
    } catch (error) {
      this.#fail(error);
    }
    this.open();
  }

  open(): void {
    try {
      this.#ports.segment.commit();
    } catch (error) {
      return this.#fail(error);
    }
    this.#polls.client.sent(this.#ports.outbox.client.send());
    this.#polls.server.sent(this.#ports.outbox.server.send());
    this.#session.delivered();
    this.#ports.segment.settle();
    for (const { stream, from } of this.#sources) this.#holdWhileFull(stream, from);
  }

  #holdWhileFull(stream: Readable, from: Side): void {
    const { outbox } = this.#ports;
    const full = outbox[otherSide(from)].isFull ? outbox[otherSide(from)] : outbox[from].backlog > REFUSAL_BACKLOG ? outbox[from] : null;
    if (full === null || stream.isPaused() || this.#draining) return;
    stream.pause();
    full.whenDrained(() => stream.resume());
  }

  /** The server is gone: the rest of its output is read to the end, whether or not the client reads. */
  drain(): void {
    this.#draining = true;
    for (const { stream } of this.#sources) stream.resume();
  }

  #fail(error: unknown): void {
    this.#failed = true;
    this.#onFailure(asSallyportError(error));
  }
}

/** Beyond so much unread stderr the client's copy is cut; the journal has it all. */
const STDERR_BACKLOG = 1024 * 1024;

/** stderr is free text: recorded as it comes (whole characters together), passed on, always drained. */
export function pumpStderr(source: Readable, target: Writable, ports: Ports, door: Door): void {
  let held = Buffer.alloc(0);
  const take = (bytes: Buffer): void => {
    if (bytes.length === 0) return;
    door.pass(() => {
      ports.segment.record("stderr", bytes, false);
      ports.segment.commit();
      if (target.writable && target.writableLength < STDERR_BACKLOG) target.write(bytes);
    });
  };
  source.on("data", (chunk: Buffer) => {
    const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const cut = bytes.length - unfinished(bytes);
    held = Buffer.from(bytes.subarray(cut));
    take(bytes.subarray(0, cut));
  });
  source.once("end", () => take(held));
  // It was paused while the cell was being built; a listener alone does not start it again.
  source.resume();
  source.on("error", () => {});
}

/** Bytes at the end that begin a UTF-8 character without finishing it. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}
