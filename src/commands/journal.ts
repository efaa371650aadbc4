import { statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SallyportError, escapeControls } from "../errors.ts";
import { openSigner, parseVerifier, type Verifier } from "../journal/key.ts";
import { findSession, readRecords, type ReadRecord } from "../journal/read.ts";
import { segmentFile } from "../journal/segment.ts";
import { listSessions, verifyJournal, verifyListed } from "../journal/verify-all.ts";
import type { SegmentReport } from "../journal/verify.ts";
import type { Host } from "../model.ts";
import { COMMON_FLAGS, painter, parseFlags, table, type Command, type Paint } from "./command.ts";

const HELP = `sallyport journal tail [-n COUNT] [--follow]     the newest records of all sessions
sallyport journal show [SESSION]                 one session, or the list of sessions
sallyport journal verify [SESSION | --all]       what is proved, and the first wrong byte otherwise

SESSION is a name, its beginning or end (tail shows the last six letters), or "last".

  --json           JSON lines (tail, show) or one document (verify)
  --key VKEY       verify with this verifier key, kept elsewhere, instead of the one beside the journal

Exit code of verify: 0 all that was read is proved, 1 it is not.

Example: sallyport journal verify --all
`;

const FLAGS = { ...COMMON_FLAGS, all: { type: "boolean" }, follow: { type: "boolean", short: "f" }, count: { type: "string", short: "n" }, key: { type: "string" } } as const;

interface Request {
  readonly folder: string;
  readonly session: string | null;
  readonly json: boolean;
  readonly all: boolean;
  readonly follow: boolean;
  readonly count: number;
  readonly key: string | null;
  readonly paint: Paint;
  readonly host: Host;
}

const ACTIONS: Readonly<Record<string, (request: Request) => Promise<number> | number>> = { tail, show, verify };

export const command: Command = (args, host) => {
  const { values, positionals } = parseFlags(args, FLAGS, Infinity);
  const [action = "", session, ...rest] = positionals;
  if (values.help === true || (action === "" && args.length === 0)) {
    host.stdout.write(HELP);
    return 0;
  }
  const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (act === undefined || rest.length > 0) throw new SallyportError("usage.option", `journal ${positionals.join(" ")}`);
  const count = Number(values.count ?? 20);
  if (!Number.isSafeInteger(count) || count < 1) throw new SallyportError("usage.option", `-n ${values.count}: a number from 1`);
  return act({
    folder: join(host.dirs.state, "journal"),
    session: session ?? null,
    json: values.json === true,
    all: values.all === true,
    follow: values.follow === true,
    count,
    key: values.key ?? null,
    paint: painter(host, values["no-color"]),
    host,
  });
};

/** Sessions are read from the newest back, until there are enough records. */
async function tail({ folder, json, follow, count, host, paint }: Request): Promise<number> {
  let newest: { line: string; record: ReadRecord }[] = [];
  for (const session of listSessions(folder).toReversed()) {
    newest = [...[...readRecords(folder, session)].slice(-count), ...newest];
    if (newest.length >= count) break;
  }
  newest.sort((a, b) => (a.record.time < b.record.time ? -1 : 1));
  const write = ({ line, record }: { line: string; record: ReadRecord }): void => void host.stdout.write(`${json ? line : row(record, paint, true)}\n`);
  newest.slice(-count).forEach(write);
  if (follow) await followFrom(folder, write, host);
  return 0;
}

async function followFrom(folder: string, write: (entry: { line: string; record: ReadRecord }) => void, host: Host): Promise<void> {
  const sizes = new Map(listSessions(folder).map((session) => [session, { bytes: sizeOf(folder, session), records: [...readRecords(folder, session)].length }]));
  while (!host.stdout.destroyed) {
    await sleep(300);
    for (const session of listSessions(folder)) {
      const seen = sizes.get(session) ?? { bytes: 0, records: 0 };
      const bytes = sizeOf(folder, session);
      if (bytes === seen.bytes) continue;
      const records = [...readRecords(folder, session)];
      records.slice(seen.records).forEach(write);
      sizes.set(session, { bytes, records: records.length });
    }
  }
}

function sizeOf(folder: string, session: string): number {
  return statSync(segmentFile(folder, session)).size;
}

function show(request: Request): number {
  const { folder, session, json, host, paint } = request;
  if (session === null) return list(request);
  const name = findSession(folder, session);
  if (!json) host.stdout.write(`${paint("bold", name)}\n`);
  for (const { line, record } of readRecords(folder, name)) host.stdout.write(`${json ? line : row(record, paint, false)}\n`);
  return 0;
}

function list({ folder, json, host }: Request): number {
  const sessions = listSessions(folder).map((session) => {
    const first = readRecords(folder, session).next().value as { record: ReadRecord } | undefined;
    const begun = (first?.record.message ?? {}) as { command?: string[] };
    return { session, server: begun.command ?? [], bytes: sizeOf(folder, session) };
  });
  if (json) for (const entry of sessions) host.stdout.write(`${JSON.stringify(entry)}\n`);
  else if (sessions.length === 0) host.stdout.write("no sessions yet\n");
  else host.stdout.write(`${table(sessions.map(({ session, server, bytes }) => [session, `${Math.ceil(bytes / 1024)} KiB`, server.join(" ")]))}\n`);
  return 0;
}

const ARROWS = { client: "-->", server: "<--", stderr: "err", gate: " * " } as const;
const WIDTH = 160;

function row(record: ReadRecord, paint: Paint, withSession: boolean): string {
  const body = record.message === undefined ? (record.text ?? `${record.bytes} bytes: ${record.base64?.slice(0, 40)}`) : JSON.stringify(record.message);
  const short = body.trimEnd().length > WIDTH ? `${body.slice(0, WIDTH)}…` : body.trimEnd();
  const refused = record.verdict === "allow" ? "" : `[${record.verdict}: ${record.reasons.join(", ")}] `;
  const head = table([[...(withSession ? [record.session.slice(-6)] : []), record.time.slice(11, 23), String(record.seq).padStart(4), ARROWS[record.stream], `${refused}${short}`]]);
  return refused === "" ? head : paint("red", head);
}

function verify(request: Request): number {
  const { folder, session, all, host } = request;
  const verifier = request.key === null ? openSigner(host.dirs.state, host.uid) : parseVerifier(request.key);
  if (all || session === null) return verifyEverything(request, verifier);
  const report = verifyListed(folder, findSession(folder, session), verifier);
  host.stdout.write(request.json ? `${JSON.stringify(report, null, 2)}\n` : `${sentence(report, request.paint)}\n`);
  return report.problem === null ? 0 : 1;
}

function verifyEverything({ folder, json, paint, host }: Request, verifier: Verifier): number {
  const { chain, segments } = verifyJournal(folder, verifier, (report) => (json ? undefined : host.stdout.write(`${sentence(report, paint)}\n`)));
  const bad = segments.filter((report) => report.problem !== null).length;
  if (json) host.stdout.write(`${JSON.stringify({ key: verifier.vkey, chain, segments }, null, 2)}\n`);
  else {
    const state = chain.problem === null ? paint("green", "proved") : paint("red", `WRONG from byte ${chain.problem.from}: ${escapeControls(chain.problem.text)}`);
    host.stdout.write(`chain of ${chain.entries} entries: ${state}\n${segments.length} sessions, ${bad} wrong; key ${verifier.vkey}\n`);
  }
  return bad === 0 && chain.problem === null ? 0 : 1;
}

/** Names and texts come from files that somebody may have altered: none of them writes a line of its own. */
function sentence({ session, records, proved, until, ended, problem }: SegmentReport, paint: Paint): string {
  const name = escapeControls(session);
  const span = until === null ? "nothing is proved" : `records 0 to ${proved - 1} are proved, up to ${escapeControls(until)}`;
  const open = records > proved ? `; ${records - proved} after the last checkpoint are not` : "";
  if (problem !== null) return `${name}: ${paint("red", "WRONG")} from byte ${problem.from}${problem.to > problem.from ? ` to ${problem.to}` : ""}: ${escapeControls(problem.text)} (${problem.kind}); ${span}`;
  return `${name}: ${paint("green", "good")}, ${span}${open}${ended ? "" : "; the session has no end: its gate runs or was killed"}`;
}
