/** Takes the gate out again: the bytes that were there, or exactly what a person has edited since. */
import { existsSync, lstatSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { replaceFile } from "../atomic.ts";
import { SallyportError, asSallyportError } from "../errors.ts";
import { removeServer } from "../manifest/edit.ts";
import { load } from "../manifest/load.ts";
import { LOCK, dropFromLock } from "../manifest/lock.ts";
import type { Host } from "../model.ts";
import { foundIn, readText } from "./find.ts";
import { digestOfEntry, writing } from "./protect.ts";
import { digestOfText, dropRecord, ownPrograms, readBackup, readRecord, records, writeRecord, type FileRecord, type Guarded } from "./records.ts";
import { isRunners, startOf } from "./no-gate.ts";
import type { ClientFile } from "./places.ts";
import { forgetSecrets, putBack, type Moved } from "./secrets.ts";
import { unwrap } from "./wrap.ts";

export interface Undone {
  readonly name: string;
  /** Null: done. Otherwise why not. */
  readonly error: SallyportError | null;
  /** What could not be tidied up after it. */
  left?: string;
}

/** @param names of the servers; null: all of the file. Throws `clients.*`; the file is untouched then. */
export async function unprotectFile(file: ClientFile, names: readonly string[] | null, dry: boolean, host: Host): Promise<{ undone: Undone[]; before: string; after: string }> {
  const bytes = readFileSync(file.path);
  const text = readText(file.path);
  const record = readRecord(file.path, host);
  const guarded = foundIn(file, text, host).filter(({ state, name }) => (state === "protected" || state === "other") && (names === null || names.includes(name)));
  const undone: Undone[] = [];
  const taken: Guarded[] = [];
  let now = text;
  for (const { name, server } of guarded) {
    const path = server?.path.join("\0");
    const fresh = foundIn(file, now, host).find((one) => one.server?.path.join("\0") === path)?.server ?? null;
    const known = record?.servers.find((one) => one.path.join("\0") === path) ?? null;
    // What nobody wrote down and nothing shows to be the gate may be any program of the name.
    if (fresh !== null && known === null && startOf(fresh.argv, host) === null && !isRunners(fresh.argv) && !fresh.argv.some((word) => ownPrograms(file.path, host).includes(word))) {
      undone.push({ name, error: new SallyportError("clients.entry", `${name}: it is not this copy of Sallyport that stands before it; take it out by hand`) });
      continue;
    }
    const next = fresh === null ? null : attempt(() => unwrap(file, now, fresh, known, ownPrograms(file.path, host)));
    if (typeof next !== "string") {
      undone.push({ name, error: next ?? new SallyportError("clients.entry", `${name}: the manifest has its command, and the file does not`) });
      continue;
    }
    const moved = known?.moved ?? [];
    const back = moved.length === 0 ? next : await withSecrets(file, next, path, moved, host);
    if (typeof back !== "string") {
      undone.push({ name, error: back });
      continue;
    }
    now = back;
    if (known !== null) taken.push(known);
    undone.push({ name, error: null });
  }
  const left = (record?.servers ?? []).filter((one) => !taken.includes(one));
  const after = await exact(record, text, now, left, host);
  if (dry || after === text) return { undone, before: text, after };
  if (file.scope === "managed") throw new SallyportError("clients.managed", file.path);
  writing(file.path, () => replaceFile(file.path, after, { mode: 0o600, expected: bytes }));
  forget(file, record, left, record?.after === digestOfText(text), after, host);
  for (const { manifest, moved, path } of taken) {
    try {
      if (manifest !== null) forgetServer(manifest, host);
      await forgetSecrets(moved, host);
    } catch (error) {
      const one = undone.find(({ name, error: why }) => why === null && name === path.at(-1));
      if (one !== undefined) one.left = asSallyportError(error).message;
    }
  }
  return { undone, before: text, after };
}

function attempt(action: () => string | null): string | SallyportError | null {
  try {
    return action();
  } catch (error) {
    return new SallyportError("clients.entry", (error as Error).message, { cause: error });
  }
}

/** Nobody has touched the file since, and nothing of the gate's stays: then it is the very bytes that were there. */
async function exact(record: FileRecord | null, text: string, now: string, left: readonly Guarded[], host: Host): Promise<string> {
  if (record === null || !record.exact || left.length > 0 || digestOfText(text) !== record.after) return now;
  return (await readBackup(record.backup, host))?.toString("utf8") ?? now;
}

async function withSecrets(file: ClientFile, text: string, path: string | undefined, moved: readonly Moved[], host: Host): Promise<string | SallyportError> {
  const server = foundIn(file, text, host).find((one) => one.server?.path.join("\0") === path)?.server ?? null;
  return server === null ? text : putBack(text, server, moved, host).catch((error: unknown) => asSallyportError(error));
}

function forget(file: ClientFile, record: FileRecord | null, left: readonly Guarded[], wasOurs: boolean, after: string, host: Host): void {
  if (record === null) return;
  if (left.length === 0) dropRecord(file.path, host);
  else writeRecord({ ...record, exact: record.exact && wasOurs, after: digestOfText(after), servers: left }, host);
}

/** What was written into the manifest goes, unless somebody has changed it or another client uses it. */
function forgetServer({ file, name, digest }: NonNullable<Guarded["manifest"]>, host: Host): void {
  if (records(host).some(({ servers }) => servers.some(({ manifest }) => manifest?.file === file && manifest.name === name))) return;
  if (!existsSync(file)) return;
  const text = readFileSync(file, "utf8");
  const servers = load(file, text).value.servers ?? {};
  const entry = Object.hasOwn(servers, name) ? servers[name] : undefined;
  if (entry === undefined || digestOfEntry(entry) !== digest) return;
  const rest = removeServer(text, name);
  writing(file, () => (rest === null && !lstatSync(file).isSymbolicLink() ? rmSync(file) : replaceFile(file, rest ?? "version: 1\nservers: {}\n", { mode: 0o644, expected: Buffer.from(text) })));
  dropFromLock(join(dirname(file), LOCK), name);
}
