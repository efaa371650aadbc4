/** What the whole journal proves: the chain's own checkpoints, and every segment that it lists or that lies there unlisted. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { CHECKPOINT_LINE, chainFile, type ChainCheckpoint, type ChainEntry } from "./chain.ts";
import { CHAIN_ORIGIN, NoteError, openCheckpoint } from "./checkpoint.ts";
import type { Verifier } from "./key.ts";
import { readLines } from "./lines.ts";
import { segmentFile } from "./segment.ts";
import { CompactRange, leafHash, toBase64 } from "./tree.ts";
import { verifySegment, type Problem, type SegmentReport } from "./verify.ts";

export interface JournalReport {
  readonly chain: { readonly entries: number; readonly proved: number; readonly problem: Problem | null };
  readonly segments: readonly SegmentReport[];
}

interface Listed {
  readonly begun: Set<string>;
  readonly ended: Map<string, { readonly records: number; readonly root: string }>;
}

export function verifyJournal(folder: string, verifier: Verifier, onSegment: (report: SegmentReport) => void = () => {}): JournalReport {
  const { chain, listed } = verifyChain(folder, verifier);
  const present = listSessions(folder);
  const all = [...new Set([...present, ...listed.begun])].sort();
  const segments = all.map((session) => {
    const first = check(folder, session, verifier, listed);
    // A session may have begun since the chain was read.
    const report = first.problem?.kind === "unlisted" ? verifyListed(folder, session, verifier) : first;
    onSegment(report);
    return report;
  });
  return { chain, segments };
}

export function listSessions(folder: string): string[] {
  const sessions = join(folder, "sessions");
  if (!existsSync(sessions)) return [];
  const files = readdirSync(sessions).filter((name) => name.endsWith(".jsonl"));
  return files.map((name) => basename(name, ".jsonl")).sort();
}

/** One segment, and what the chain says of it. */
export function verifyListed(folder: string, session: string, verifier: Verifier): SegmentReport {
  return check(folder, session, verifier, verifyChain(folder, verifier).listed);
}

function check(folder: string, session: string, verifier: Verifier, listed: Listed): SegmentReport {
  const file = segmentFile(folder, session);
  const absent = { session, records: 0, proved: 0, until: null, root: "", ended: false };
  if (!existsSync(file)) return { ...absent, problem: problem("missing", "the chain lists this segment, and its file is gone") };
  const report = verifySegment(file, verifier);
  const end = listed.ended.get(session);
  // A gate that is killed while it writes leaves a torn line; only of an ended segment is that a cut.
  if (report.problem?.kind === "torn" && end === undefined) return { ...report, problem: null };
  if (report.problem !== null) return report;
  if (report.records > 1 && report.proved === 0) return { ...report, problem: problem("signature", "no checkpoint proves anything of it, and its gate would have written one before the second record") };
  // A gate that is killed before the chain has its line has not let a server run either: its segment holds one record.
  if (!listed.begun.has(session) && report.records > 1) return { ...report, problem: problem("unlisted", "the chain does not list this segment") };
  if (end !== undefined && (end.records !== report.records || end.records !== report.proved || end.root !== report.root)) {
    return { ...report, problem: problem("cut", `the segment ended with ${end.records} records and another root; ${report.proved} are proved here`) };
  }
  return report;
}

function problem(kind: string, text: string): Problem {
  return { kind, text, from: 0, to: 0 };
}

/** Checkpoints of the chain may come late (another gate's line stands before them), so the roots of all sizes are kept. */
function verifyChain(folder: string, verifier: Verifier): { chain: JournalReport["chain"]; listed: Listed } {
  const listed: Listed = { begun: new Set(), ended: new Map() };
  const range = new CompactRange();
  const roots = [toBase64(range.root())];
  let proved = 0;
  const isFile = statSync(chainFile(folder), { throwIfNoEntry: false })?.isFile() === true;
  let first: Problem | null = isFile ? null : { kind: "chain", text: "there is no chain", from: 0, to: 0 };
  for (const { bytes, at, whole } of first === null ? readLines(chainFile(folder)) : []) {
    const found = (text: string): void => void (first ??= { kind: "chain", text, from: at, to: at + bytes.length });
    if (bytes.toString("latin1", 0, CHECKPOINT_LINE.length) === CHECKPOINT_LINE) {
      const size = checkpointSize(bytes, verifier, roots);
      if (typeof size === "string") found(size);
      else proved = Math.max(proved, size);
    } else {
      range.push(leafHash(bytes));
      roots.push(toBase64(range.root()));
      // A gate that sees half of another's line takes it for torn, and ends it: then nothing stands between the two.
      if (bytes.length > 0 && (!note(bytes, listed) || !whole)) found("this line is no entry, or the second of its kind for one session");
    }
  }
  return { chain: { entries: range.size, proved, problem: first }, listed };
}

/** The size that the checkpoint proves, or what is wrong with it. */
function checkpointSize(bytes: Buffer, verifier: Verifier, roots: readonly string[]): number | string {
  try {
    const { checkpoint } = JSON.parse(bytes.toString("utf8")) as ChainCheckpoint;
    const { origin, size, root } = openCheckpoint(checkpoint, verifier);
    if (origin !== CHAIN_ORIGIN) return `the checkpoint is that of ${origin}`;
    if (size >= roots.length) return `the checkpoint covers ${size} entries, ${roots.length - 1} stand before it: entries were removed`;
    if (roots[size] !== root) return "an entry before this checkpoint was changed, removed, added or moved";
    return size;
  } catch (error) {
    return error instanceof NoteError ? error.message : "this line is no checkpoint";
  }
}

function note(bytes: Buffer, listed: Listed): boolean {
  try {
    const entry = JSON.parse(bytes.toString("utf8")) as ChainEntry;
    if (entry.event === "begin" && !listed.begun.has(entry.session)) listed.begun.add(entry.session);
    else if (entry.event === "end" && !listed.ended.has(entry.session)) listed.ended.set(entry.session, { records: entry.records, root: entry.root });
    else return false;
    return true;
  } catch {
    return false;
  }
}
