/** A file is replaced whole or not at all: written aside, brought to the disk, renamed. Links are followed; owner and mode stay. */
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fchmodSync, fchownSync, fsyncSync, openSync, readFileSync, readdirSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { processEntry } from "./processes.ts";

export interface Replacing {
  /** For a file that is not there yet. */
  readonly mode: number;
  /** What must stand there at the last moment; null: nothing. Left out, anything may. */
  readonly expected?: Buffer | null;
}

/** Another program has written the file in the meantime; nothing was changed. */
export class FileChanged extends Error {}

/** Throws FileChanged, and errors of the file system; then the file is what it was. */
export function replaceFile(path: string, content: string | Buffer, { mode, expected }: Replacing): void {
  const target = existsSync(path) ? realpathSync(path) : path;
  const known = statSync(target, { throwIfNoEntry: false });
  // A renamed file would replace it all the same.
  if (known !== undefined && (known.mode & 0o222) === 0) throw new Error(`EACCES: ${target} is read-only`);
  tidy(target);
  const aside = join(dirname(target), `.${basename(target)}.sallyport-${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    const file = openSync(aside, "wx", 0o600);
    try {
      if (known !== undefined && (known.uid !== process.getuid?.() || known.gid !== process.getgid?.())) fchownSync(file, known.uid, known.gid);
      fchmodSync(file, known === undefined ? mode : known.mode & 0o7777);
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (expected !== undefined) refuseOther(target, expected);
    renameSync(aside, target);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
}

function refuseOther(path: string, expected: Buffer | null): void {
  const now = existsSync(path) ? readFileSync(path) : null;
  const same = now === null || expected === null ? now === expected : now.equals(expected);
  if (!same) throw new FileChanged(`${path} was written by another program in the meantime`);
}

/** Milliseconds after which nobody is still writing; processes of other containers cannot be seen. */
const OLD = 10_000;

/** What a killed process has left beside it. */
function tidy(path: string): void {
  const prefix = `.${basename(path)}.sallyport-`;
  for (const name of readdirSync(dirname(path)).filter((one) => one.startsWith(prefix))) {
    const pid = Number(name.slice(prefix.length).split("-")[0]);
    const left = join(dirname(path), name);
    if (processEntry(pid) === null && Date.now() - (statSync(left, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) > OLD) rmSync(left, { force: true });
  }
}
