/**
 * Which sessions of this state directory are alive: a folder for each, with the gate that it belongs to. What a killed gate
 * has left is found by it at the next start, and what belongs to somebody else never is.
 */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SallyportError } from "../errors.ts";
import type { Host } from "../model.ts";

/** What a session has outside its own processes. */
export interface Belongings {
  readonly gate: { readonly pid: number; readonly started: string };
  readonly groups: readonly string[];
  /** The command that removes its container, the program first; null where it has none. */
  readonly remove: { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> } | null;
}

/** Cells at once. */
export const CEILING = 100;

function folderOf(host: Host): string {
  return join(host.dirs.state, "run");
}

export function sessionFolder(host: Host, session: string): string {
  return join(folderOf(host), session);
}

/** Throws `cell.ceiling`. @returns what takes the entry out again. */
export function enrol(host: Host, session: string, belongings: Omit<Belongings, "gate">): () => void {
  const alive = sessions(host).filter(({ lives }) => lives).length;
  if (alive >= CEILING) throw new SallyportError("cell.ceiling", `${alive} of ${CEILING}`);
  const folder = sessionFolder(host, session);
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  writeFileSync(join(folder, "belongings.json"), JSON.stringify({ gate: { pid: host.pid, started: startOf(host.pid) }, ...belongings } satisfies Belongings), { mode: 0o600 });
  return () => rmSync(folder, { recursive: true, force: true });
}

export interface Known {
  readonly session: string;
  readonly folder: string;
  readonly lives: boolean;
  readonly belongings: Belongings | null;
}

export function sessions(host: Host): Known[] {
  return names(folderOf(host)).map((session) => {
    const folder = join(folderOf(host), session);
    const belongings = read(join(folder, "belongings.json"));
    return { session, folder, belongings, lives: belongings === null ? isFresh(folder) : startOf(belongings.gate.pid) === belongings.gate.started };
  });
}

/** Removes what dead gates have left; returns their sessions. */
export async function reap(host: Host): Promise<string[]> {
  const dead = sessions(host).filter(({ lives }) => !lives);
  for (const { folder, belongings } of dead) {
    if (belongings?.remove !== null && belongings?.remove !== undefined) await run(belongings.remove.argv, belongings.remove.env);
    for (const group of belongings?.groups ?? []) removeGroup(group);
    rmSync(folder, { recursive: true, force: true });
  }
  return dead.map(({ session }) => session);
}

/** Settles when it has ended, however: a container may be gone already. */
function run([program = "", ...args]: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  return new Promise((resolve) => void execFile(program, args, { env, cwd: "/", timeout: 60_000 }, () => resolve()));
}

/** Only an empty group can be removed; one that still holds a process is left for the next start. */
function removeGroup(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Gone, or not ours to remove.
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file: string): Belongings | null {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Belongings;
  } catch {
    return null;
  }
}

const FRESH = 60_000;

/** A gate writes its entry a moment after it has made the folder. */
function isFresh(folder: string): boolean {
  try {
    return Date.now() - statSync(folder).mtimeMs < FRESH;
  } catch {
    return false;
  }
}

/** When a process was started, in ticks since the machine's start: with its number, an identity (proc_pid_stat(5), field 22). */
function startOf(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? "" : `${fields[19]} ${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()}`;
  } catch {
    return "";
  }
}
