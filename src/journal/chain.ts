/**
 * The host-wide chain: one line when a segment begins and one when it ends, so that a segment that goes missing whole
 * is noticed. Gates write it side by side and never wait for each other: a line is one append, and whoever has appended
 * signs all complete lines that stand before the end that it sees.
 */
import { closeSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { asSallyportError } from "../errors.ts";
import { CHAIN_ORIGIN, openCheckpoint, signCheckpoint } from "./checkpoint.ts";
import type { Signer } from "./key.ts";
import { CompactRange, leafHash, toBase64 } from "./tree.ts";

export type ChainEntry =
  | { readonly event: "begin"; readonly time: string; readonly session: string; readonly key: string }
  | { readonly event: "end"; readonly time: string; readonly session: string; readonly records: number; readonly root: string };

/** Beside the note: the compact range (hexadecimal) and the byte at which it ends, so that the next gate need not read from the start. */
export interface ChainCheckpoint {
  readonly checkpoint: string;
  readonly range: readonly string[];
  readonly end: number;
}

export const CHECKPOINT_LINE = '{"checkpoint":';
const TAIL_BYTES = 64 * 1024;

export function chainFile(folder: string): string {
  return join(folder, "chain.jsonl");
}

/** Appends the entry and a checkpoint over all that stands. Throws `journal.open`. */
export function appendToChain(folder: string, entry: ChainEntry, signer: Signer): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const descriptor = openSync(chainFile(folder), "a+", 0o600);
    try {
      if (!fstatSync(descriptor).isFile()) throw new Error("the chain is not a file");
      // A line that a full disk or a power cut tore stays a (bad) line of its own, instead of spoiling ours.
      const lead = endsWhole(descriptor) ? "" : "\n";
      writeSync(descriptor, `${lead}${JSON.stringify(entry)}\n`);
      const { range, end } = readRange(descriptor, signer);
      const note = signCheckpoint(CHAIN_ORIGIN, range.size, range.root(), signer);
      const line: ChainCheckpoint = { checkpoint: note, range: range.subtrees, end };
      writeSync(descriptor, `${JSON.stringify(line)}\n`);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw asSallyportError(error, "journal.open");
  }
}

function endsWhole(descriptor: number): boolean {
  const { size } = fstatSync(descriptor);
  return size === 0 || readAt(descriptor, size - 1, 1)[0] === 0x0a;
}

function readRange(descriptor: number, signer: Signer): { range: CompactRange; end: number } {
  const { size } = fstatSync(descriptor);
  // Not a byte beyond `size`: another gate may append meanwhile, and its checkpoint would end behind what is read here.
  const tail = Math.min(size, TAIL_BYTES);
  const known = lastCheckpoint(readAt(descriptor, size - tail, tail), size, signer);
  const range = known?.range ?? new CompactRange();
  let end = known?.end ?? 0;
  const rest = readAt(descriptor, end, size - end);
  for (let at = 0, newline = rest.indexOf(0x0a); newline !== -1; at = newline + 1, newline = rest.indexOf(0x0a, at)) {
    const line = rest.subarray(at, newline);
    if (line.toString("latin1", 0, CHECKPOINT_LINE.length) === CHECKPOINT_LINE) continue;
    range.push(leafHash(line));
    end = (known?.end ?? 0) + newline + 1;
  }
  return { range, end };
}

/** The newest checkpoint that is ours and agrees with its own range; anything doubtful means reading from the start. */
function lastCheckpoint(tail: Buffer, fileSize: number, signer: Signer): { range: CompactRange; end: number } | null {
  for (const line of tail.toString("utf8").split("\n").toReversed()) {
    if (!line.startsWith(CHECKPOINT_LINE)) continue;
    try {
      const { checkpoint, range, end } = JSON.parse(line) as ChainCheckpoint;
      const { origin, size, root } = openCheckpoint(checkpoint, signer);
      const known = new CompactRange(size, range);
      if (origin === CHAIN_ORIGIN && Number.isSafeInteger(end) && end >= 0 && end <= fileSize && toBase64(known.root()) === root) return { range: known, end };
    } catch {
      return null;
    }
  }
  return null;
}

function readAt(descriptor: number, position: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  let done = 0;
  for (let read = -1; read !== 0 && done < bytes; done += read) read = readSync(descriptor, buffer, done, bytes - done, position + done);
  return buffer.subarray(0, done);
}
