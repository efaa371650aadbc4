/**
 * What a segment proves. Reads it once, line by line: the records' order, their frames' hashes, the link of each to the
 * one before, and every checkpoint's signature and root. Stops at the first thing that is wrong and names its place.
 */
import { hash } from "node:crypto";
import { basename } from "node:path";
import { CHECKPOINT_LINE } from "./chain.ts";
import { NoteError, openCheckpoint, sessionOrigin } from "./checkpoint.ts";
import type { Verifier } from "./key.ts";
import { readLines, type Line } from "./lines.ts";
import { PREV_DIGITS, frameOf } from "./record.ts";
import { CompactRange, leafHash, toBase64 } from "./tree.ts";

export interface Problem {
  /** `record`, `order`, `link`, `root`, `signature`, `torn`, `file`, `missing`, `unlisted`, `cut` (docs/format/journal.md). */
  readonly kind: string;
  readonly text: string;
  /** First byte (from 0) of the file that is wrong, and where more than one record may be, the byte after the last. */
  readonly from: number;
  readonly to: number;
}

export interface SegmentReport {
  readonly session: string;
  readonly records: number;
  /** How many records, from the first, a good checkpoint covers. */
  readonly proved: number;
  /** Time of the last proved record. */
  readonly until: string | null;
  /** Root hash over the proved records, base64. */
  readonly root: string;
  /** Whether the gate ended the segment itself; a killed or running gate did not. */
  readonly ended: boolean;
  readonly problem: Problem | null;
}

class Broken extends Error {
  readonly problem: Problem;
  constructor(kind: string, text: string, from: number, to: number) {
    super(text);
    this.problem = { kind, text, from, to };
  }
}

interface Head {
  readonly seq: number;
  readonly time: string;
  readonly session: string;
  readonly stream: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly prev: string;
  readonly message?: { readonly event?: string };
}

export function verifySegment(file: string, verifier: Verifier, session = basename(file, ".jsonl")): SegmentReport {
  const state = new SegmentState(session, verifier);
  try {
    for (const line of readLines(file)) state.take(line);
    return state.report(null);
  } catch (error) {
    if (error instanceof Broken) return state.report(error.problem);
    return state.report({ kind: "file", text: (error as Error).message, from: 0, to: 0 });
  }
}

class SegmentState {
  readonly #session: string;
  readonly #verifier: Verifier;
  readonly #range = new CompactRange();
  #prev = "0".repeat(PREV_DIGITS);
  /** Where the line of the newest record starts, and where the lines after the last good checkpoint do. */
  #lastAt = 0;
  #unprovedAt = 0;
  #time: string | null = null;
  #proved = 0;
  #provedRoot = "";
  #until: string | null = null;
  #lastEvent: string | undefined;

  constructor(session: string, verifier: Verifier) {
    this.#session = session;
    this.#verifier = verifier;
  }

  take(line: Line): void {
    const end = line.at + line.bytes.length;
    if (!line.whole) throw new Broken("torn", "the last line has no end: it was cut, or the gate was killed while writing it", line.at, end);
    if (line.bytes.toString("latin1", 0, CHECKPOINT_LINE.length) === CHECKPOINT_LINE) this.#checkpoint(line, end);
    else this.#record(line, end);
  }

  report(problem: Problem | null): SegmentReport {
    return {
      session: this.#session,
      records: this.#range.size,
      proved: this.#proved,
      until: this.#until,
      root: this.#provedRoot,
      ended: this.#lastEvent === "session.end" && this.#proved === this.#range.size,
      problem,
    };
  }

  #record(line: Line, end: number): void {
    const head = readHead(line, end);
    const index = this.#range.size;
    if (head.session !== this.#session) throw new Broken("order", `a record of session ${head.session} stands here`, line.at, end);
    if (head.seq !== index) throw new Broken("order", `record ${head.seq} stands where record ${index} belongs: records were removed, added or moved`, line.at, end);
    const held = frameOf(line.bytes);
    if (held === null || held.frame.length !== head.bytes || hash("sha256", held.frame, "hex") !== head.sha256) {
      throw new Broken("record", `record ${index}: the frame does not have the length and hash that the record states`, line.at, end);
    }
    if (head.prev !== this.#prev) throw new Broken("link", `record ${index - 1} is not the one that record ${index} follows: one of them was changed`, this.#lastAt, end);
    this.#advance(line, head);
  }

  #advance(line: Line, head: Head): void {
    const leaf = leafHash(line.bytes);
    this.#range.push(leaf);
    this.#prev = leaf.slice(0, PREV_DIGITS);
    this.#lastAt = line.at;
    this.#time = head.time;
    this.#lastEvent = head.stream === "gate" ? head.message?.event : undefined;
  }

  #checkpoint(line: Line, end: number): void {
    const { note, prev } = readNote(line, end);
    const { origin, size, root } = this.#open(note, line.at, end);
    if (origin !== sessionOrigin(this.#session)) throw new Broken("signature", `the checkpoint is that of ${origin}`, line.at, end);
    if (size !== this.#range.size) throw new Broken("order", `the checkpoint covers ${size} records, ${this.#range.size} stand before it`, this.#unprovedAt, end);
    if (prev !== this.#prev) throw new Broken("link", `record ${this.#range.size - 1} is not the one that the checkpoint follows: it was changed`, this.#lastAt, end);
    if (root !== toBase64(this.#range.root())) {
      throw new Broken("root", `a record from ${this.#proved} to ${this.#range.size - 1} was changed, and what follows made to fit it`, this.#unprovedAt, end);
    }
    this.#proved = size;
    this.#provedRoot = root;
    this.#until = this.#time;
    this.#unprovedAt = end + 1;
  }

  #open(note: string, at: number, end: number): ReturnType<typeof openCheckpoint> {
    try {
      return openCheckpoint(note, this.#verifier);
    } catch (error) {
      if (error instanceof NoteError) throw new Broken("signature", error.message, at, end);
      throw error;
    }
  }
}

function readHead(line: Line, end: number): Head {
  try {
    const head = JSON.parse(line.bytes.toString("utf8")) as Partial<Head> | null;
    if (typeof head?.seq === "number" && typeof head.session === "string" && typeof head.prev === "string") return head as Head;
  } catch {
    // Not JSON: the same finding.
  }
  throw new Broken("record", "this line is no record", line.at, end);
}

function readNote(line: Line, end: number): { note: string; prev: string } {
  try {
    const { checkpoint, prev } = JSON.parse(line.bytes.toString("utf8")) as { checkpoint?: unknown; prev?: unknown };
    if (typeof checkpoint === "string" && typeof prev === "string") return { note: checkpoint, prev };
  } catch {
    // Not JSON: the same finding.
  }
  throw new Broken("signature", "this line is no checkpoint", line.at, end);
}
