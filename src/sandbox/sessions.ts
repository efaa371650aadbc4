/**
 * Which sessions of this state directory are alive: a folder for each, with the gate that it belongs to. What a killed gate
 * has left is found by it at the next start, and what belongs to somebody else never is.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SallyportError } from "../errors.ts";
import type { Host } from "../model.ts";
import { processEntry } from "../processes.ts";

/** What a session has outside its own processes. */
export interface Belongings {
  readonly groups: readonly string[];
  /** The command that removes its container, the program first; null where it has none. */
  readonly remove: { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> } | null;
}

/** Cells at once. */
export const CEILING = 100;
const FILE = "belongings.json";

function folderOf(host: Host): string {
  return join(host.dirs.state, "run");
}

/** The name says whose it is, so that there is no moment at which that is not known. */
export function sessionFolder(host: Host, session: string): string {
  return join(folderOf(host), `${session}.${host.pid}.${processEntry(host.pid)?.start ?? ""}`);
}

/** Throws `cell.ceiling`. @returns what takes the entry out again. */
export function enrol(host: Host, session: string, belongings: Belongings): () => void {
  const alive = sessions(host).filter(({ lives }) => lives).length;
  if (alive >= CEILING) throw new SallyportError("cell.ceiling", `${alive} of ${CEILING}`);
  const folder = sessionFolder(host, session);
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  writeFileSync(join(folder, FILE), JSON.stringify(belongings), { mode: 0o600 });
  return () => rmSync(folder, { recursive: true, force: true });
}

export interface Known {
  readonly session: string;
  readonly folder: string;
  readonly lives: boolean;
}

export function sessions(host: Host): Known[] {
  return names(folderOf(host)).map((name) => {
    const [session = "", pid = "", started = ""] = name.split(".");
    return { session, folder: join(folderOf(host), name), lives: started !== "" && processEntry(Number(pid))?.start === started };
  });
}

/** Removes what dead gates have left; settles with their sessions. What takes its time goes on if this gate ends first. */
export async function reap(host: Host): Promise<string[]> {
  const dead = sessions(host).filter(({ lives }) => !lives);
  await Promise.all(dead.map(({ folder }) => remove(folder)));
  return dead.map(({ session }) => session);
}

async function remove(folder: string): Promise<void> {
  const belongings = read(join(folder, FILE));
  for (const group of belongings?.groups ?? []) removeGroup(group);
  if (belongings === null || belongings.remove === null) return rmSync(folder, { recursive: true, force: true });
  const { argv, env } = belongings.remove;
  const script = 'folder=$1; shift; "$@" >/dev/null 2>&1; rm -r -f "$folder"';
  const child = spawn("/bin/sh", ["-c", script, "sallyport-tidy", folder, ...argv], { env: { PATH: "/usr/bin:/bin", ...env }, cwd: "/", stdio: "ignore", detached: true });
  await new Promise<void>((resolve) => {
    child.once("close", () => resolve()).once("error", () => resolve());
    child.unref();
  });
}

/** Only an empty group can be removed; one that still holds a process is left to the guard. */
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
