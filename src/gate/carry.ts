/**
 * One message, one direction: frame -> decode -> relate -> decide -> record -> enact. Both directions go through here;
 * the side is data. What is thrown on the way becomes a recorded refusal, and an answer to who asked.
 */
import { escapeControls, SallyportError, asSallyportError, type Code } from "../errors.ts";
import type { Side, Verdict } from "../model.ts";
import type { Segment } from "../journal/segment.ts";
import { ALLOW } from "../journal/record.ts";
import type { Decoded, Decoder } from "../protocol/decode.ts";
import { errorAnswer, refusal } from "../protocol/encode.ts";
import { frameOf, type Fragment, type Frame } from "../protocol/frame.ts";
import { TopLevelPeek, type Peeked } from "../protocol/peek.ts";
import type { Judge } from "./judge.ts";
import { ALLOWED, type Ruling } from "./ruling.ts";
import type { Notes } from "./notes.ts";
import type { Outbox } from "./outbox.ts";
import { otherSide, type Exchange, type Session } from "./session.ts";

export interface Ports {
  readonly decoder: Decoder;
  readonly segment: Segment;
  /** What goes to each side; sent only after the segment's commit. */
  readonly outbox: Readonly<Record<Side, Outbox>>;
  readonly notes: Notes;
  readonly judge: Judge;
  /** Frames that wait for their ruling. */
  readonly held: Set<Held>;
  /** Runs what a held frame was waiting for, and sends what it laid aside. */
  later: (action: () => void) => void;
}

export interface Held {
  readonly frame: Frame;
  readonly from: Side;
}

/** A frame that the journal has; nothing else can be enacted. */
interface Recorded {
  readonly frame: Frame;
  readonly from: Side;
  readonly verdict: Verdict;
}

/** A line that was understood and related, on its way to a ruling. */
interface Judged {
  readonly frame: Frame;
  readonly from: Side;
  readonly batch: Decoded["batch"];
  readonly exchanges: readonly Exchange[];
}

export function carry(frame: Frame, from: Side, session: Session, ports: Ports): void {
  let decoded: Decoded | null = null;
  let judged: Judged | null = null;
  try {
    decoded = ports.decoder.decode(frame);
    judged = { frame, from, batch: decoded.batch, exchanges: session.relate(decoded, from) };
    const rulings = decide(judged, session, ports);
    if (rulings instanceof Promise) hold(judged, rulings, session, ports);
    else conclude(judged, rulings, session, ports);
  } catch (thrown) {
    if (judged === null) refuse(frame, decoded, from, asSallyportError(thrown), session, ports);
    else deny(judged, asSallyportError(thrown), session, ports);
  }
}

/** What manifest, pins, guards and limits say; a promise only where something has to be loaded first. */
function decide({ frame, batch, exchanges }: Judged, session: Session, ports: Ports): readonly Ruling[] | Promise<readonly Ruling[]> {
  const waiting = session.count("client");
  if (batch === null) {
    const ruling = ports.judge.rule(exchanges[0] as Exchange, waiting, frame.bytes);
    return ruling instanceof Promise ? ruling.then((one) => [one]) : [ruling];
  }
  // One that throws must not leave another's promise behind, which nobody would wait for.
  const rulings = exchanges.map((exchange, index) => {
    try {
      return ports.judge.rule(exchange, waiting, batch[index] as Buffer);
    } catch (error) {
      return Promise.reject(asSallyportError(error));
    }
  });
  return rulings.some((ruling) => ruling instanceof Promise) ? Promise.all(rulings.map(async (ruling) => ruling)) : (rulings as Ruling[]);
}

/** Everything else passes meanwhile. What is cancelled or too late when the ruling comes does not cross any more. */
function hold(judged: Judged, rulings: Promise<readonly Ruling[]>, session: Session, ports: Ports): void {
  const { frame, from, exchanges } = judged;
  const held: Held = { frame, from };
  ports.held.add(held);
  const after = (action: () => void): void =>
    ports.later(() => {
      if (!ports.held.delete(held)) return;
      const cancelled = exchanges.some(({ asked }) => asked !== null && !session.waitsFor(from, asked));
      if (cancelled) deny({ ...judged, exchanges: exchanges.filter(({ asked }) => asked === null || session.waitsFor(from, asked)) }, new SallyportError("message.cancelled"), session, ports);
      else action();
    });
  rulings.then(
    (settled) => after(() => conclude(judged, settled, session, ports)),
    (error: unknown) => {
      // What else stands in the line is not asked about any longer.
      for (const { asked } of exchanges) asked?.onCancel?.();
      after(() => deny(judged, asSallyportError(error), session, ports));
    },
  );
}

function conclude({ frame, from, batch, exchanges }: Judged, rulings: readonly Ruling[], session: Session, ports: Ports): void {
  if (batch === null && rulings[0] === ALLOWED && (exchanges[0]?.answers?.own ?? null) === null) return enact(record(frame, from, ALLOW, ports), ports);
  const own = exchanges.filter(({ answers }) => (answers?.own ?? null) !== null);
  const rewritten = rulings.filter(({ rewritten: message, answered }) => message !== null || answered !== undefined);
  if (rewritten.length === 0 && own.length === 0) return enact(record(frame, from, ALLOW, ports), ports);
  const original = (index: number): string => (batch?.[index] ?? frame.bytes).toString("utf8");
  const reasons = [...new Set([...rewritten.flatMap(({ verdict }) => verdict.reasons), ...(own.length > 0 ? ["gate.asked" satisfies Code] : [])])];
  const asking = rulings.every(({ answered }) => answered !== undefined);
  record(frame, from, { decision: asking ? "ask" : own.length === exchanges.length ? "deny" : "rewrite", reasons }, ports);
  // In a batch, what the gate asked for may stand among what the client did.
  const texts = exchanges.flatMap(({ answers }, index) => ((answers?.own ?? null) === null && rulings[index]?.answered === undefined ? [rulings[index]?.rewritten ?? original(index)] : []));
  if (texts.length > 0) say(otherSide(from), batch !== null ? `[${texts.join(",")}]` : (texts[0] as string), ports, "rewrite");
  for (const [index, { answers, asked }] of exchanges.entries()) {
    answers?.own?.(original(index));
    const answered = rulings[index]?.answered;
    if (answered === undefined || asked === null) continue;
    session.settle(from, asked.id);
    say(from, answered, ports);
  }
}

function record(frame: Frame, from: Side, verdict: Verdict, ports: Ports): Recorded {
  ports.segment.record(from, frame.bytes, true, verdict);
  return { frame, from, verdict };
}

function enact({ frame, from, verdict }: Recorded, ports: Ports): void {
  if (verdict.decision === "allow") ports.outbox[otherSide(from)].add(frame);
}

/** The line was related, and may not cross: who asked gets a refusal, and who waits for what stands in it, too. */
function deny({ frame, from, exchanges }: Judged, error: SallyportError, session: Session, ports: Ports): void {
  if (ports.segment.failure !== null) throw ports.segment.failure;
  record(frame, from, { decision: "deny", reasons: [error.code] }, ports);
  ports.notes.refused(from, error);
  for (const { asked, answers } of exchanges) {
    const own = answers?.own ?? null;
    if (own !== null) own(null);
    else if (asked !== null) {
      session.settle(from, asked.id);
      say(from, refusal(asked, error.code, detailOf(error)), ports);
    } else if (answers !== null) say(otherSide(from), refusal(answers, error.code, from === "server" ? "" : detailOf(error)), ports);
  }
}

/** What was not understood, or stands in no relation to anything. */
function refuse(frame: Frame, decoded: Decoded | null, from: Side, error: SallyportError, session: Session, ports: Ports): void {
  if (ports.segment.failure !== null) throw ports.segment.failure;
  ports.segment.record(from, frame.bytes, decoded !== null, { decision: "deny", reasons: [error.code] });
  ports.notes.refused(from, error);
  if (error.code === "frame.blank") return;
  if (decoded !== null) answerEach(decoded, from, error, session, ports);
  else answerPeeked(new TopLevelPeek().push(frame.bytes).result(), from, error, session, ports, looksLikeMessage(frame.bytes));
}

/** Asks the server for a list that no client has asked for yet. Resolves with the answer's line, or null where none comes in time. */
export function askServer(method: string, params: object, session: Session, ports: Ports): Promise<string | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), ASK_PATIENCE);
    askPeer("server", method, params, session, ports, (answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}

/** A request of the gate's own; tells the answer's line, or null where none can come. Returns what takes the request back. */
export function askPeer(to: Side, method: string, params: object, session: Session, ports: Ports, answered: (line: string | null) => void): () => void {
  const id = session.newId(otherSide(to));
  const asked = session.ask(to, id, method, answered);
  ports.later(() => say(to, `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${JSON.stringify(params)}}`, ports, "ask"));
  return () => {
    if (!session.takeBack(otherSide(to), asked)) return;
    ports.later(() => say(to, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id},"reason":"it is no longer needed"}}`, ports, "ask"));
  };
}

const ASK_PATIENCE = 10_000;

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
export function say(to: Side, message: string, ports: Ports, event: "answer" | "rewrite" | "ask" = "answer"): void {
  ports.segment.record("gate", Buffer.from(`{"event":"${event}","to":"${to}","message":${message}}`), true);
  const wire = Buffer.from(`${message}\n`);
  ports.outbox[to].add(frameOf(wire, 0, wire.length - 1));
}
