/** The Attestation of a container: the same facts, read from the host's side, against what an engine promises. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { LIMIT_NAMES, NAMESPACES, inheritedBelow, mountsOf, namespacesOf, observe, sourceMatches, underWrite, type Attestation, type Observed } from "./attest.ts";
import type { ControlGroup } from "./cgroup.ts";
import type { Engine } from "./engine.ts";
import type { Limits, Plan } from "./plan.ts";

/** What engines put into every container, with nothing of the caller's in it. */
const ADDED = ["HOSTNAME", "container", "TERM", "HOME", "PWD"];
/** Mounts of the engine's own. */
const OWN_MOUNTS = /^\/(?:proc|sys|dev)(?:\/|$)|^\/etc\/(?:resolv\.conf|hostname|hosts)$|^\/run\/\.containerenv$|^\/run\/secrets$/;
/** Devices and memory; with control groups of version 1 also the empty memory file system that holds them, which is root's. */
const OWN_WRITABLE = /^\/(?:proc|dev)(?:\/|$)|^\/sys\/fs\/cgroup$/;
const GROUPS = "/sys/fs/cgroup";

/** @param staged whether the process still waits; otherwise it is the server, which may have opened files of its own. */
export function attestContainer(plan: Plan, engine: Engine, pid: number, staged: boolean): Attestation {
  const found = groupOf(pid);
  const seen = observe(plan, pid, found.group, null);
  const promises = [...identity(plan, engine, seen), ...surroundings(plan, seen, staged), ...bounds(plan, engine, seen, found)];
  const notEnforced = engine.rootless && !isBounded(found.memory, plan.limits.memoryBytes) ? ["memory and processes together: no control group is handed on to this user, each process is bounded by itself"] : found.group === null ? ["memory and processes: the engine's control group was not found"] : [];
  return { ...seen, notEnforced, broken: promises.filter(([kept]) => !kept).map(([, promise]) => promise) };
}

export type Promised = readonly [kept: boolean, promise: string];

function identity(plan: Plan, engine: Engine, seen: Observed): Promised[] {
  const own = namespacesOf(process.pid);
  // Behind an engine's user namespace another number stands for the one that was asked for; never the machine's root.
  const kept = (ids: readonly number[], asked: number): boolean => ids.length === 4 && ids.every((id) => id !== 0 && (engine.rootless || id === asked));
  return [
    [kept(seen.uids, plan.user.uid), "the host's uid is the one planned, and not 0"],
    [kept(seen.gids, plan.user.gid), "the host's gid is the one planned, and not 0"],
    [!seen.groups.includes(0), "it is in no group of root's"],
    [Object.values(seen.capabilities).every((mask) => /^0+$/.test(mask)), "all capability sets are empty"],
    [seen.noNewPrivileges, "no new privileges can be gained"],
    [seen.seccomp.mode === 2 && seen.seccomp.filters >= 1, "a system call filter is in force"],
    ...NAMESPACES.filter((name) => name !== "user" || engine.rootless).map((name): Promised => [seen.namespaces[name] !== undefined && seen.namespaces[name] !== own[name], `the ${name} namespace is its own`]),
  ];
}

function surroundings(plan: Plan, seen: Observed, staged: boolean): Promised[] {
  const hostMounts = new Set(mountsOf("self").map(({ at }) => at));
  const planned = new Map(plan.mounts.map((mount) => [mount.at, mount]));
  const mayWrite = (at: string): boolean => {
    const mount = planned.get(at);
    if (mount !== undefined) return mount.kind === "write" || (mount.kind === "tmpfs" && mount.writable);
    return OWN_WRITABLE.test(at) || underWrite(at, plan.mounts);
  };
  const root = seen.mounts.find(({ at }) => at === "/");
  return [
    [root !== undefined && !root.writable, "the root is read-only"],
    [seen.mounts.every(({ at, writable }) => !writable || mayWrite(at) || isRootsFile(seen.pid, at)), "nothing is writable but what was planned"],
    [seen.mounts.every(({ at }) => at === "/" || planned.has(at) || OWN_MOUNTS.test(at) || inheritedBelow(at, plan.mounts, hostMounts)), "nothing is mounted but what was planned"],
    [!seen.mounts.some(({ at }) => /docker\.sock|podman\.sock|containerd\.sock/.test(at)), "no engine's socket is inside"],
    [plan.mounts.every((mount) => sourceMatches(mount, seen)), "each directory shown is the one that was named"],
    [seen.environment.every((name) => Object.hasOwn(plan.environment, name) || ADDED.includes(name)), "the environment holds the planned variables only"],
    [!staged || seen.descriptors.every((descriptor) => descriptor <= 2), "no descriptor but stdin, stdout and stderr is open"],
  ];
}

/** `/etc/hosts` and its like are files of root's that the engine mounts writable; no server is root. */
function isRootsFile(pid: number, at: string): boolean {
  return /^\/etc\/(?:resolv\.conf|hostname|hosts)$|^\/run\/\.containerenv$/.test(at) && existsSync(`/proc/${pid}/root${at}`);
}

export function bounds(plan: Plan, engine: Engine, seen: Observed, { memory, processes }: Found): Promised[] {
  // Without root an engine may have no group to set bounds in: then each process has its own.
  const names = (Object.keys(LIMIT_NAMES) as (keyof Limits)[]).filter((name) => name !== "memoryBytes" || engine.rootless);
  return [
    ...names.map((name): Promised => [seen.limits[LIMIT_NAMES[name]] === `${plan.limits[name]} ${plan.limits[name]}`, `the limit is set: ${LIMIT_NAMES[name].slice(4)}`]),
    [memory === null || engine.rootless || isBounded(memory, plan.limits.memoryBytes), "the control group bounds the memory"],
    [processes === null || engine.rootless || isBounded(processes, plan.limits.processes), "the control group bounds the processes"],
  ];
}

function isBounded(value: number | null, limit: number): boolean {
  return value !== null && value <= limit;
}

export interface Found {
  readonly group: ControlGroup | null;
  readonly memory: number | null;
  readonly processes: number | null;
}

/** Where the engine has put it, and what stands there. */
export function groupOf(pid: number): Found {
  const paths = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n").map((line) => line.split(":") as [string, string, string]);
  const at = (controller: string): string | null => {
    const own = paths.find(([, controllers]) => controllers.split(",").includes(controller));
    const unified = paths.find(([hierarchy]) => hierarchy === "0");
    const folder = own !== undefined ? join(GROUPS, controller, own[2]) : unified === undefined ? null : join(GROUPS, unified[2]);
    return folder !== null && existsSync(folder) ? folder : null;
  };
  const memory = number(at("memory"), "memory.limit_in_bytes", "memory.max");
  const processes = number(at("pids"), "pids.max");
  const controllers = [...(memory === null ? [] : ["memory"]), ...(processes === null ? [] : ["pids"])];
  const group: ControlGroup | null = controllers.length === 0 ? null : { version: existsSync(join(GROUPS, "cgroup.controllers")) ? 2 : 1, controllers, settings: [] };
  return { group, memory, processes };
}

function number(folder: string | null, ...files: string[]): number | null {
  const file = folder === null ? undefined : files.map((name) => join(folder, name)).find((name) => existsSync(name));
  const text = file === undefined ? "" : readFileSync(file, "utf8").trim();
  return text === "" ? null : text === "max" ? Infinity : Number(text);
}
