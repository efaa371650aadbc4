/** What was done to a client's file: the bytes before, what taking the gate out needs, and what it wrote into the manifest. */
import { hash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { replaceFile } from "../atomic.ts";
import type { Host } from "../model.ts";
import { decrypt, encrypt } from "../secrets/age-file.ts";
import type { Moved } from "./secrets.ts";
import type { Wrapped } from "./wrap.ts";

/** One server that the gate stands before. */
export interface Guarded extends Wrapped {
  readonly moved: readonly Moved[];
  /** Manifest and the server's name there; null where it was not written by us. */
  readonly manifest: { readonly file: string; readonly name: string; readonly digest: string } | null;
}

export interface FileRecord {
  readonly version: 1;
  readonly path: string;
  readonly client: string;
  /** What was put before the servers: it may have moved since. */
  readonly program: string;
  /** The bytes from before the first server in it was protected. */
  readonly backup: string;
  /** Nobody but us has written the file since: without the gate it is those bytes again. */
  readonly exact: boolean;
  /** SHA-256 of the file as it was left. */
  readonly after: string;
  readonly servers: readonly Guarded[];
}

export const digestOfText = (text: string | Buffer): string => hash("sha256", text, "hex");

const folderOf = (host: Host): string => join(host.dirs.state, "clients");
const backupsOf = (host: Host): string => join(folderOf(host), "backups");
const fileOf = (path: string, host: Host): string => join(folderOf(host), `${digestOfText(path).slice(0, 32)}.json`);

/** Null where nothing is known of it. */
export function readRecord(path: string, host: Host): FileRecord | null {
  try {
    const record = JSON.parse(readFileSync(fileOf(path, host), "utf8")) as FileRecord;
    return record.version === 1 && record.path === path ? record : null;
  } catch {
    return null;
  }
}

/** This program's file, and what it was when that file was written. */
export function ownPrograms(path: string, host: Host): readonly string[] {
  const [, own] = host.program;
  const then = readRecord(path, host)?.program;
  return then === undefined || then === own ? [own] : [own, then];
}

export function writeRecord(record: FileRecord, host: Host): void {
  mkdirSync(folderOf(host), { recursive: true, mode: 0o700 });
  replaceFile(fileOf(record.path, host), `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
}

export function dropRecord(path: string, host: Host): void {
  rmSync(fileOf(path, host), { force: true });
}

export function records(host: Host): FileRecord[] {
  const folder = folderOf(host);
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
  return names.flatMap((name) => {
    try {
      const record = JSON.parse(readFileSync(join(folder, name), "utf8")) as FileRecord;
      return record.version === 1 ? [record] : [];
    } catch {
      return [];
    }
  });
}

/**
 * @param secrets values that were moved out of the file: the copy is encrypted then, and older ones that hold them go.
 * @returns its name. The same bytes are kept once.
 */
export async function keepBackup(path: string, bytes: Buffer, secrets: readonly string[], host: Host): Promise<string> {
  const folder = backupsOf(host);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const of = digestOfText(path).slice(0, 8);
  const sealed = secrets.length > 0;
  const key = `${of}-${digestOfText(bytes).slice(0, 16)}`;
  const names = readdirSync(folder).filter((name) => name.includes(`-${of}-`) && !name.endsWith(".of"));
  const bare = names.filter((name) => !name.endsWith(".age"));
  for (const name of sealed ? bare : []) if (secrets.some((one) => readFileSync(join(folder, name)).includes(one))) for (const file of [name, `${name}.of`]) rmSync(join(folder, file), { force: true });
  const known = (sealed ? names.filter((name) => name.endsWith(".age")) : bare).find((name) => name.includes(key));
  if (known !== undefined && (await readBackup(known, host))?.equals(bytes) === true) return known;
  const name = `${new Date(host.now() / 1000).toISOString().slice(0, 19).replaceAll(":", "")}-${key}-${basename(path)}${sealed ? ".age" : ""}`;
  replaceFile(join(folder, name), sealed ? await encrypt(bytes, host) : bytes, { mode: 0o600 });
  writeFileSync(join(folder, `${name}.of`), path, { mode: 0o600 });
  return name;
}

/** Null where it is gone, or its key is. */
export async function readBackup(name: string, host: Host): Promise<Buffer | null> {
  const file = join(backupsOf(host), basename(name));
  try {
    const bytes = readFileSync(file);
    return name.endsWith(".age") ? Buffer.from(await decrypt(bytes.toString("utf8"), host)) : bytes;
  } catch {
    return null;
  }
}

export interface Backup {
  readonly file: string;
  readonly of: string;
}

/** The newest last. */
export function backups(host: Host): Backup[] {
  const folder = backupsOf(host);
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => name.endsWith(".of")).sort().map((name) => ({ file: join(folder, name.slice(0, -".of".length)), of: readFileSync(join(folder, name), "utf8") }));
}
