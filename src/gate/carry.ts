/**
 * One message, one direction: frame -> decode -> relate -> decide -> record -> enact. Both directions go through here;
 * the side is data. What is thrown on the way becomes a recorded refusal, and an answer to who asked.
 */
import { escapeControls, SallyportError, asSallyportError } from "../errors.ts";
import type { Side, Verdict } from "../model.ts";
import type { Segment } from "../journal/segment.ts";
import { ALLOW } from "../journal/record.ts";
import type { Decoded, Decoder } from "../protocol/decode.ts";
import { errorAnswer, refusal } from "../protocol/encode.ts";
import { frameOf, type Fragment, type Frame } from "../protocol/frame.ts";
import { TopLevelPeek, type Peeked } from "../protocol/peek.ts";
import type { Notes } from "./notes.ts";
import type { Outbox } from "./outbox.ts";
import { otherSide, type Exchange, type Session } from "./session.ts";

export interface Ports {
  readonly decoder: Decoder;
  readonly segment: Segment;
  /** What goes to each side; sent only after the segment's commit. */
  readonly outbox: Readonly<Record<Side, Outbox>>;
  readonly notes: Notes;
}

/** A frame that the journal has; nothing else can be enacted. */
interface Recorded {
  readonly frame: Frame;
  readonly from: Side;
  readonly verdict: Verdict;
}

export function carry(frame: Frame, from: Side, session: Session, ports: Ports): void {
  let decoded: Decoded | null = null;
  try {
    decoded = ports.decoder.decode(frame);
    const exchanges = session.relate(decoded, from);
    const verdict = decide(exchanges);
    enact(record(frame, from, verdict, ports), ports);
  } catch (thrown) {
    refuse(frame, decoded, from, asSallyportError(thrown), session, ports);
  }
}

/** Manifest, guards and policy will speak here; what decoding and relating accept is allowed until they do. */
function decide(_exchanges: readonly Exchange[]): Verdict {
  return ALLOW;
}

function record(frame: Frame, from: Side, verdict: Verdict, ports: Ports): Recorded {
  ports.segment.record(from, frame.bytes, true, verdict);
  return { frame, from, verdict };
}

function enact({ frame, from, verdict }: Recorded, ports: Ports): void {
  if (verdict.decision === "allow") ports.outbox[otherSide(from)].add(frame);
}

function refuse(frame: Frame, decoded: Decoded | null, from: Side, error: SallyportError, session: Session, ports: Ports): void {
  if (ports.segment.failure !== null) throw ports.segment.failure;
  ports.segment.record(from, frame.bytes, decoded !== null, { decision: "deny", reasons: [error.code] });
  ports.notes.refused(from, error);
  if (error.code === "frame.blank") return;
  if (decoded !== null) answerEach(decoded, from, error, session, ports);
  else answerPeeked(new TopLevelPeek().push(frame.bytes).result(), from, error, session, ports, looksLikeMessage(frame.bytes));
}

/** A line beyond the limit comes in pieces; each is recorded, none crosses, and who asked is answered at its end. */
export class OversizeLine {
  #peek = new TopLevelPeek();

  take(fragment: Fragment, from: Side, session: Session, ports: Ports): void {
    const error = new SallyportError("frame.too-long");
    ports.segment.record(from, fragment.bytes, false, { decision: "deny", reasons: [error.code] });
    this.#peek.push(fragment.bytes);
    if (!fragment.last) return;
    ports.notes.refused(from, error);
    answerPeeked(this.#peek.result(), from, error, session, ports, true);
    this.#peek = new TopLevelPeek();
  }
}

/**
 * The line was understood, but may not cross: every request in it gets its answer, and whoever waits for an answer in it
 * an error. A request whose id another one still waits under is answered without id: it would settle that one.
 */
function answerEach(decoded: Decoded, from: Side, error: SallyportError, session: Session, ports: Ports): void {
  for (const { kind, id, method, era } of decoded.messages) {
    if (id === null) continue;
    if (kind !== "request" && session.settle(otherSide(from), id) !== null) say(otherSide(from), errorAnswer(id, error.code), ports);
    else if (kind === "request" && session.isWaiting(from, id)) say(from, errorAnswer(null, error.code), ports);
    else if (kind === "request") say(from, refusal({ id, method, era }, error.code, detailOf(error)), ports);
  }
}

/** The line was not understood. An answer in it becomes an error for who asked; a request is answered with a refusal. */
function answerPeeked({ id, method }: Peeked, from: Side, error: SallyportError, session: Session, ports: Ports, message: boolean): void {
  if (id !== null && method !== null) say(from, refusal({ id, method, era: null }, error.code, detailOf(error)), ports);
  else if (id !== null && session.settle(otherSide(from), id) !== null) say(otherSide(from), errorAnswer(id, error.code), ports);
  else if (from === "client" && message && id === null && method === null) say(from, errorAnswer(null, error.code), ports);
}

function detailOf(error: SallyportError): string {
  return escapeControls(error.detail).slice(0, 200);
}

function looksLikeMessage(bytes: Buffer): boolean {
  return bytes[0] === 0x7b || bytes[0] === 0x5b;
}

/** What the gate says itself is recorded like everything else. @param message one JSON object, without newline. */
export function say(to: Side, message: string, ports: Ports): void {
  ports.segment.record("gate", Buffer.from(`{"event":"answer","to":"${to}","message":${message}}`), true);
  const wire = Buffer.from(`${message}\n`);
  ports.outbox[to].add(frameOf(wire, 0, wire.length - 1));
}
