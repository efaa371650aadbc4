/**
 * Bounds for memory and processes by control groups, v1 and v2, where this user may write them. The gate moves the
 * waiting server in before it is released; the guard removes the empty group however the gate ends.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Limits } from "./plan.ts";

export interface ControlGroup {
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
  /** The group's directories (v1 has one for each controller), and what is written into their files. */
  readonly settings: readonly { readonly directory: string; readonly values: Readonly<Record<string, number>> }[];
}

const ROOT = "/sys/fs/cgroup";

/** Where the groups for one session would lie; null where there is no controller for memory. Makes nothing yet. */
export function planGroup(name: string, limits: Limits, root = ROOT, membership = readFileSync("/proc/self/cgroup", "utf8")): ControlGroup | null {
  const paths = new Map(membership.trim().split("\n").map((line) => line.split(":") as [string, string, string]).map(([, controllers, path]) => [controllers, path]));
  return planVersion1(name, limits, root, paths) ?? planVersion2(name, limits, root, paths.get("") ?? null);
}

function planVersion1(name: string, limits: Limits, root: string, paths: ReadonlyMap<string, string>): ControlGroup | null {
  const setting = (controller: string, values: Readonly<Record<string, number>>): ControlGroup["settings"] => {
    const own = [...paths].find(([controllers]) => controllers.split(",").includes(controller))?.[1];
    const parent = [join(root, controller, own ?? ""), join(root, controller)].find((directory) => existsSync(join(directory, "cgroup.procs")));
    return own === undefined || parent === undefined ? [] : [{ directory: join(parent, name), values }];
  };
  const memory = setting("memory", { "memory.limit_in_bytes": limits.memoryBytes });
  const pids = setting("pids", { "pids.max": limits.processes });
  if (memory.length === 0) return null;
  return { version: 1, controllers: pids.length === 0 ? ["memory"] : ["memory", "pids"], settings: [...memory, ...pids] };
}

/** Beside the gate's own group, as a group with processes in it cannot hand controllers on ("no internal processes"). */
function planVersion2(name: string, limits: Limits, root: string, path: string | null): ControlGroup | null {
  if (path === null || !existsSync(join(root, "cgroup.controllers"))) return null;
  const parent = join(root, dirname(path));
  const handedOn = readFileSync(join(parent, "cgroup.subtree_control"), "utf8").split(/\s+/);
  if (!handedOn.includes("memory")) return null;
  const pids = handedOn.includes("pids");
  const values = { "memory.max": limits.memoryBytes, "memory.oom.group": 1, ...(pids ? { "pids.max": limits.processes } : {}) };
  return { version: 2, controllers: pids ? ["memory", "pids"] : ["memory"], settings: [{ directory: join(parent, name), values }] };
}

/** Makes the groups. False, with nothing left, where this user may not. */
export function createGroup({ settings }: ControlGroup): boolean {
  const made: string[] = [];
  try {
    for (const { directory, values } of settings) {
      mkdirSync(directory);
      made.push(directory);
      for (const [file, value] of Object.entries(values)) writeFileSync(join(directory, file), String(value));
    }
    return true;
  } catch {
    for (const directory of made) rmdirSync(directory);
    return false;
  }
}

/** Moves a process, and with it all that it starts from then on. */
export function enterGroup(group: ControlGroup, pid: number): void {
  for (const { directory } of group.settings) writeFileSync(join(directory, "cgroup.procs"), String(pid));
}
