/** `sallyport run`: one client, one server in its cell, one journal segment. Starts here, ends here. */
import { compileSooner } from "../engine.ts";
import { ERRORS, SallyportError, asSallyportError } from "../errors.ts";
import type { Egress } from "../egress/egress.ts";
import type { Durability } from "../journal/segment.ts";
import type { Host } from "../model.ts";
import { measureWakeUps } from "../poll.ts";
import { Decoder } from "../protocol/decode.ts";
import { refusal } from "../protocol/encode.ts";
import { startPlan } from "../sandbox/backend.ts";
import type { Cell } from "../sandbox/launch.ts";
import type { Plan } from "../sandbox/plan.ts";
import { reap } from "../sandbox/sessions.ts";
import { askPeer, askServer, say, type Ports } from "./carry.ts";
import type { Consent } from "./consent.ts";
import { Ending, exitCodeOf, type Cause } from "./ending.ts";
import type { Judge } from "./judge.ts";
import { Notes } from "./notes.ts";
import { makeDirectories, newSession, openJournal, type Journal } from "./open-journal.ts";
import { Outbox } from "./outbox.ts";
import type { Authority } from "./authorize.ts";
import { needsAuthority } from "./may-ask.ts";
import type { Around, openConsent } from "./consenting.ts";
import type { PinPlace } from "./pins.ts";
import { openPins, pinPlace, prepare, type Prepared, type ServerOptions } from "./prepare.ts";
import { Door, pump, pumpStderr } from "./pump.ts";
import { Session } from "./session.ts";

export interface RunOptions extends ServerOptions {
  readonly durability: Durability;
  readonly maxLine: number;
  readonly quiet: boolean;
  /** A job in CI: its principal comes from an OIDC token, and nobody is asked. */
  readonly ci: boolean;
  /** Where the pins stand, if not in the usual place. */
  readonly pins: PinPlace | null;
}

/** Runs one session to its end and returns the exit code. Throws only before a server was started. */
export async function run(options: RunOptions, host: Host): Promise<number> {
  const notes = new Notes((text) => void host.stderr.write(text), options.quiet);
  makeDirectories(host);
  const prepared = await prepare(options, host, (line) => notes.info(line), true);
  const { plan, chosen, reason } = prepared;
  const place = options.pins ?? pinPlace(prepared, host);
  const pins = openPins(prepared, place, options.update);
  if (plan.isolation === "none") notes.warn(`NO ISOLATION: the server runs with your rights, files and network (reason: ${reason})`);
  if (plan.isolation === "none" && chosen.compiled.network !== null) notes.warn("without a cell the server reaches every host, not just those that are named");
  const session = newSession(host);
  const authority = needsAuthority(prepared, options.ci, host) ? await (await import("./authorize.ts")).authorize(prepared, session, pins, place, options.ci, (line) => notes.info(line), host) : null;
  const way = plan.network === null ? null : wayOut(plan, host);
  const starting = startPlan(plan, session, host, way?.open);
  void reap(host).catch(() => {});
  // One after the other: the way out has a process to start.
  const judging = (way?.loaded ?? Promise.resolve()).then(() => import("./judging.ts"));
  const consenting = authority === null ? null : judging.then(() => import("./consenting.ts"));
  const journal = await openJournal(session, prepared, options, host).catch(async (error: unknown) => {
    await starting.then((cell) => cell.kill(), () => {});
    way?.close();
    throw error;
  });
  const abandon = (error: unknown): never => {
    way?.close();
    journal.abandon(asSallyportError(error));
    throw error;
  };
  const cell = await starting.catch(abandon);
  // Before the server's first instruction: nobody connects to what is not there yet.
  const egress = (await way?.open(cell.attestation.pid).catch((error: unknown) => (cell.kill(), abandon(error)))) ?? null;
  const { makeJudge } = await judging;
  return converse({ prepared, cell, egress, journal, judge: makeJudge(prepared, pins, notes, host), notes, authority, openConsent: (await consenting)?.openConsent ?? null }, options, host);
}

/** The way out of a cell: opened once, as soon as any process of the cell's is known. */
function wayOut(plan: Plan, host: Host): { loaded: Promise<unknown>; open: (pid: number) => Promise<Egress>; close: () => void } {
  const loading = import("./network.ts");
  let opening: Promise<Egress> | null = null;
  const open = (pid: number): Promise<Egress> => {
    opening ??= loading.then(({ openNetwork }) => openNetwork(plan, pid, host));
    opening.catch(() => {});
    return opening;
  };
  return { loaded: loading, open, close: () => void opening?.then((egress) => egress.close()).catch(() => {}) };
}

interface Parts {
  readonly prepared: Prepared;
  readonly cell: Cell;
  readonly egress: Egress | null;
  readonly journal: Journal;
  readonly judge: Judge;
  readonly notes: Notes;
  /** Null where nobody has ever to be asked. */
  readonly authority: Authority | null;
  readonly openConsent: typeof openConsent | null;
}

async function converse({ prepared, cell, egress, journal, judge, notes, authority, openConsent: opener }: Parts, options: RunOptions, host: Host): Promise<number> {
  const session = new Session();
  const ports: Ports = { decoder: new Decoder(), segment: journal.segment, outbox: { client: new Outbox(host.stdout), server: new Outbox(cell.stdin) }, notes, judge, held: new Set(), later: (action) => action() };
  const ending = new Ending(cell);
  const because = (cause: Cause): void => ending.because(cause);
  const onFailure = (error: SallyportError): void => because({ kind: "failure", error });
  journal.onFailure = onFailure;

  // Before there is a program that could be interrupted.
  host.onSignal((signal) => because({ kind: "signal", signal }));
  compileSooner();
  journal.segment.state("attestation", cell.attestation);
  try {
    journal.segment.checkpoint();
    cell.release();
  } catch (error) {
    onFailure(asSallyportError(error));
  }
  host.stdout.on("error", () => because({ kind: "client-gone" }));
  host.stderr.on("error", () => {});
  cell.stdin.on("error", () => ports.outbox.server.close());
  const door = new Door(ports, session, onFailure);
  ports.later = (action) => door.pass(action);
  if (egress !== null) {
    egress.record = (event, facts) => {
      door.pass(() => journal.segment.state(event, facts));
      notes.shutOut(event, facts);
      // What cannot be recorded is not passed on, here either.
      if (journal.segment.failure !== null) egress.close();
    };
  }
  judge.ask = (method, params) => askServer(method, params, session, ports);
  const tell = (event: string, facts: object): void => door.pass(() => journal.segment.state(event, facts));
  const consent = opener === null || authority === null ? null : openAsking(opener, { prepared, session: journal.segment.session, authority, tell, say: (line) => notes.info(line), wire: wireOf(session, ports) }, judge, host);
  if (egress !== null && consent?.hasPolicies === true) egress.permit = (target) => consent.permitHost(`${target.name}:${target.port}`);
  for (const [event, facts] of authority?.told ?? []) tell(event, facts);
  ending.onKill = () => door.drain();
  pump({ source: host.stdin, from: "client", session, ports, door, maxLine: options.maxLine, onEnd: () => (consent?.close(), whenRuled(ports, () => because({ kind: "client-closed" }))) });
  pump({ source: cell.stdout, from: "server", session, ports, door, maxLine: options.maxLine, onEnd: () => ending.serverClosed() });
  pumpStderr(cell.stderr, host.stderr, ports, door);

  void measureWakeUps();
  const watch = watchParent(host, () => because({ kind: "client-gone" }));
  await ending.done;
  clearInterval(watch);
  egress?.close();
  consent?.close();
  door.open();
  return finish(ending, session, ports, journal, host);
}

function openAsking(opener: typeof openConsent, around: Around, judge: Judge, host: Host): Consent {
  const { consent, elicitor } = opener(around, host);
  judge.consent = consent;
  judge.answers.asksBack = (asked, result) => elicitor.asksBack(asked, result);
  return consent;
}

function wireOf(session: Session, ports: Ports): Around["wire"] {
  return {
    askClient: (method, params, answered) => askPeer("client", method, params, session, ports, answered),
    notifyClient: (method, params) => ports.later(() => say("client", `{"jsonrpc":"2.0","method":"${method}","params":${JSON.stringify(params)}}`, ports, "ask")),
  };
}

/** Calls that wait for their ruling are the client's last words: the server still gets them. */
function whenRuled(ports: Ports, then: () => void, tries = 100): void {
  if (ports.held.size === 0 || tries === 0) then();
  else setTimeout(() => whenRuled(ports, then, tries - 1), 10);
}

const WATCH_INTERVAL = 2000;

/** A client that dies while its messages wait for a server that does not read would leave no other trace. */
function watchParent(host: Host, gone: () => void): NodeJS.Timeout {
  const parent = host.parent();
  return setInterval(() => (host.parent() === parent ? undefined : gone()), WATCH_INTERVAL);
}

/** The server is gone: whoever still waits gets an answer, the segment its end, and stdout the time to be read. */
async function finish(ending: Ending, session: Session, ports: Ports, journal: Journal, host: Host): Promise<number> {
  const { cause, exit } = ending as { cause: Cause; exit: NonNullable<Ending["exit"]> };
  host.stdin.pause();
  const notStarted = cause.kind === "server-ended" && (exit.code === 126 || exit.code === 127) && session.version === null;
  const code = cause.kind === "failure" ? cause.error.code : notStarted ? "server.not-started" : cause.kind.startsWith("server-") ? "server.ended" : "session.ending";
  try {
    for (const { frame, from } of ports.held) ports.segment.record(from, frame.bytes, true, { decision: "deny", reasons: [code] });
    ports.held.clear();
    for (const asked of session.waiting()) say("client", refusal(asked, code, `exit code ${exit.code}`), ports);
    ports.segment.commit();
    ports.outbox.client.send();
    journal.end({ cause: cause.kind, ...(cause.kind === "signal" ? { signal: cause.signal } : {}), exit: exit.code, killed: ending.killed });
  } catch (error) {
    answerUnrecorded(session, asSallyportError(error), host);
    ports.notes.error(asSallyportError(error));
    return drained(host, asSallyportError(error).exitCode);
  }
  ports.notes.summary();
  if (cause.kind === "failure") ports.notes.error(cause.error);
  if (notStarted) ports.notes.error(new SallyportError("server.not-started"));
  return drained(host, notStarted ? 4 : exitCodeOf(cause, exit, ending.killed));
}

/** The journal is broken, so nothing crosses any more; but nobody is left waiting for an answer that cannot come. */
function answerUnrecorded(session: Session, error: SallyportError, host: Host): void {
  for (const asked of session.waiting()) host.stdout.write(`${refusal(asked, error.code, ERRORS[error.code].text)}\n`);
}

const DRAIN_TIMEOUT = 2000;

/** Leaving with unread output would lose everything beyond the pipe's 64 KiB. */
async function drained(host: Host, code: number): Promise<number> {
  if (host.stdout.writableLength === 0 || !host.stdout.writable) return code;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, DRAIN_TIMEOUT);
    host.stdout.write("", () => {
      clearTimeout(timer);
      resolve();
    });
  });
  return code;
}
