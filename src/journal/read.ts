/** Reads records for people; proves nothing (that is verify.ts). */
import { statSync } from "node:fs";
import { SallyportError } from "../errors.ts";
import type { Stream } from "../model.ts";
import { CHECKPOINT_LINE } from "./chain.ts";
import { readLines } from "./lines.ts";
import { segmentFile } from "./segment.ts";
import { listSessions } from "./verify-all.ts";

export interface ReadRecord {
  readonly seq: number;
  readonly time: string;
  readonly session: string;
  readonly stream: Stream;
  readonly verdict: string;
  readonly reasons: readonly string[];
  readonly bytes: number;
  readonly sha256: string;
  readonly message?: unknown;
  readonly text?: string;
  readonly base64?: string;
}

/** A whole name, an unmistakable beginning or end of one, or `last`. Throws `journal.no-session`. */
export function findSession(folder: string, wanted: string): string {
  const sessions = listSessions(folder);
  const found = wanted === "last" ? sessions.slice(-1) : sessions.filter((session) => session.startsWith(wanted) || session.endsWith(wanted));
  if (found.length !== 1 || found[0] === undefined) throw new SallyportError("journal.no-session", found.length === 0 ? wanted : `${wanted} fits ${found.length} sessions`);
  return found[0];
}

/** Every line of a segment that is a record; lines, and things, that are none are left to `verify`. */
export function* readRecords(folder: string, session: string): Generator<{ line: string; record: ReadRecord }> {
  const file = segmentFile(folder, session);
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) throw new SallyportError("journal.no-session", session);
  if (!found.isFile()) return;
  for (const { bytes } of readLines(file)) {
    const line = bytes.toString("utf8");
    if (line.startsWith(CHECKPOINT_LINE)) continue;
    try {
      yield { line, record: JSON.parse(line) as ReadRecord };
    } catch {
      continue;
    }
  }
}
