/**
 * Bounds for memory and processes by control groups, v1 and v2, where this user may write them. The gate moves the
 * waiting server in before it is released; a guard process outside removes the empty group however the gate ends.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Limits } from "./plan.ts";

export interface ControlGroup {
  readonly version: 1 | 2;
  /** The group's directories; v1 has one for each controller. */
  readonly directories: readonly string[];
  readonly controllers: readonly string[];
}

const ROOT = "/sys/fs/cgroup";

/** Makes the groups for one session; null where no controller for memory can be written. */
export function createGroup(name: string, limits: Limits, root = ROOT, membership = readFileSync("/proc/self/cgroup", "utf8")): ControlGroup | null {
  const paths = new Map(membership.trim().split("\n").map((line) => line.split(":") as [string, string, string]).map(([, controllers, path]) => [controllers, path]));
  return createVersion1(name, limits, root, paths) ?? createVersion2(name, limits, root, paths.get("") ?? null);
}

function createVersion1(name: string, limits: Limits, root: string, paths: ReadonlyMap<string, string>): ControlGroup | null {
  const made: string[] = [];
  const make = (controller: string, values: Readonly<Record<string, number>>): boolean => {
    const own = [...paths].find(([controllers]) => controllers.split(",").includes(controller))?.[1];
    const mounted = join(root, controller);
    const parent = own !== undefined && existsSync(join(mounted, own)) ? join(mounted, own) : mounted;
    if (own === undefined || !existsSync(join(parent, "cgroup.procs"))) return false;
    return attempt(made, join(parent, name), values);
  };
  if (!make("memory", { "memory.limit_in_bytes": limits.memoryBytes })) return discard(made);
  const pids = make("pids", { "pids.max": limits.processes });
  return { version: 1, directories: made, controllers: pids ? ["memory", "pids"] : ["memory"] };
}

/** Beside the gate's own group, as a group with processes in it cannot hand controllers on ("no internal processes"). */
function createVersion2(name: string, limits: Limits, root: string, path: string | null): ControlGroup | null {
  if (path === null || !existsSync(join(root, "cgroup.controllers"))) return null;
  const made: string[] = [];
  const parent = join(root, path === "/" ? "/" : dirname(path));
  const handedOn = readFileSync(join(parent, "cgroup.subtree_control"), "utf8").split(/\s+/);
  if (!handedOn.includes("memory")) return null;
  const pids = handedOn.includes("pids");
  const values = { "memory.max": limits.memoryBytes, "memory.oom.group": 1, ...(pids ? { "pids.max": limits.processes } : {}) };
  if (!attempt(made, join(parent, name), values)) return discard(made);
  return { version: 2, directories: made, controllers: pids ? ["memory", "pids"] : ["memory"] };
}

function attempt(made: string[], directory: string, values: Readonly<Record<string, number>>): boolean {
  try {
    mkdirSync(directory);
    made.push(directory);
    for (const [file, value] of Object.entries(values)) writeFileSync(join(directory, file), String(value));
    return true;
  } catch {
    return false;
  }
}

function discard(made: readonly string[]): null {
  for (const directory of made) rmdirSync(directory);
  return null;
}

/** Moves a process, and with it all that it starts from then on. */
export function enterGroup(group: ControlGroup, pid: number): void {
  for (const directory of group.directories) writeFileSync(join(directory, "cgroup.procs"), String(pid));
}

/** Waits for the end of its stdin, which the gate's death is too, then removes the groups as soon as they are empty. */
const GUARD = 'while read -r _; do :; done; i=0; while [ "$i" -lt 100 ]; do left=0; for d; do rmdir "$d" 2>/dev/null; [ -d "$d" ] && left=1; done; [ "$left" = 0 ] && exit 0; i=$((i+1)); sleep 0.1; done';

/** In a session of its own, so that a signal to the gate's process group does not take it along. */
export function guardGroup(group: ControlGroup, sh: string): ChildProcess {
  const guard = spawn(sh, ["-c", GUARD, "sallyport-guard", ...group.directories], { detached: true, stdio: ["pipe", "ignore", "ignore"], env: {}, cwd: "/" });
  guard.on("error", () => {});
  guard.stdin?.on("error", () => {});
  guard.unref();
  return guard;
}
