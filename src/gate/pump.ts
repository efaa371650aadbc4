/** Moves bytes: one Pump for each direction, and one for stderr, which has no messages. Reading stops while a reader is behind. */
import type { Readable, Writable } from "node:stream";
import type { Side } from "../model.ts";
import type { SallyportError } from "../errors.ts";
import { asSallyportError } from "../errors.ts";
import { FrameSplitter } from "../protocol/frame.ts";
import { OversizeLine, carry, type Ports } from "./carry.ts";
import type { Session } from "./session.ts";

export interface PumpOptions {
  readonly source: Readable;
  readonly from: Side;
  readonly session: Session;
  readonly ports: Ports;
  readonly maxLine: number;
  /** The source has no more; everything of it has been carried. */
  readonly onEnd: () => void;
  /** The journal failed: nothing more may cross. */
  readonly onFailure: (error: SallyportError) => void;
}

export function pump({ source, from, session, ports, maxLine, onEnd, onFailure }: PumpOptions): void {
  const oversize = new OversizeLine();
  const splitter = new FrameSplitter({ frame: (frame) => carry(frame, from, session, ports), fragment: (fragment) => oversize.take(fragment, from, session, ports) }, maxLine);
  const step = (action: () => void): void => {
    try {
      action();
      flush(ports);
    } catch (error) {
      source.pause();
      onFailure(asSallyportError(error));
    }
  };
  source.on("data", (chunk: Buffer) => {
    step(() => splitter.push(chunk));
    holdWhileFull(source, ports);
  });
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    step(() => splitter.end());
    onEnd();
  };
  source.once("end", end).once("close", end).on("error", end);
  if (source.readableEnded || source.destroyed) end();
}

/** The journal first, then the streams: the only place where anything leaves. */
export function flush(ports: Ports): void {
  ports.segment.commit();
  ports.outbox.client.send();
  ports.outbox.server.send();
}

function holdWhileFull(source: Readable, ports: Ports): void {
  const full = [ports.outbox.client, ports.outbox.server].find((outbox) => outbox.isFull);
  if (full === undefined) return;
  source.pause();
  full.whenDrained(() => (full.isFull ? undefined : source.resume()));
}

/** Beyond so much unread stderr the client's copy is cut; the journal has it all. */
const STDERR_BACKLOG = 1024 * 1024;

/** stderr is free text: recorded as it comes (whole characters together), passed on, always drained. */
export function pumpStderr(source: Readable, target: Writable, ports: Ports, onFailure: (error: SallyportError) => void): void {
  let held = Buffer.alloc(0);
  const take = (bytes: Buffer): void => {
    if (bytes.length === 0) return;
    try {
      ports.segment.record("stderr", bytes, false);
      flush(ports);
      if (target.writable && target.writableLength < STDERR_BACKLOG) target.write(bytes);
    } catch (error) {
      onFailure(asSallyportError(error));
    }
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
