/**
 * The Attestation: what the kernel says really applied, read from the host's side (`/proc/PID`) while the server's
 * process still waits, and compared with what was asked. Nothing inside the cell is believed.
 */
import { readFileSync, readdirSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ControlGroup } from "./cgroup.ts";
import { isWithin } from "../paths.ts";
import { type Limits, type Mount, type Plan } from "./plan.ts";

export interface Attestation {
  readonly isolation: Plan["isolation"];
  readonly pid: number;
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  readonly groups: readonly number[];
  readonly uidMap: string;
  readonly gidMap: string;
  /** Hexadecimal masks by set: Inh, Prm, Eff, Bnd, Amb. */
  readonly capabilities: Readonly<Record<string, string>>;
  readonly noNewPrivileges: boolean;
  /** Mode (0 off, 2 filter) and number of filters. */
  readonly seccomp: { readonly mode: number; readonly filters: number };
  readonly namespaces: Readonly<Record<string, string>>;
  readonly mounts: readonly { readonly at: string; readonly type: string; readonly writable: boolean }[];
  readonly cgroup: { readonly version: number; readonly controllers: readonly string[]; readonly paths: readonly string[] } | null;
  readonly limits: Readonly<Record<string, string>>;
  /** Names of the environment's variables. */
  readonly environment: readonly string[];
  readonly descriptors: readonly number[];
  /** Behind a kernel in user space: what this machine's kernel says of that, where the other members are the server's. */
  readonly kernel?: Pick<Attestation, "pid" | "uids" | "gids" | "capabilities" | "noNewPrivileges" | "seccomp">;
  /** What this machine does not enforce, in words. */
  readonly notEnforced: readonly string[];
  /** What was asked and did not apply; a server with an entry here is killed. */
  readonly broken: readonly string[];
}

export const NAMESPACES = ["user", "pid", "net", "ipc", "uts", "cgroup", "mnt"];
export const LIMIT_NAMES: Readonly<Record<keyof Limits, string>> = {
  processes: "Max processes",
  openFiles: "Max open files",
  fileBytes: "Max file size",
  coreBytes: "Max core file size",
  cpuSeconds: "Max cpu time",
  memoryBytes: "Max data size",
};

/** Set by bubblewrap of its own accord, and taken away again by the stage. */
const ADDED = "PWD";

/** What the kernel says of one process. @param waitingFd descriptor that holds the server's stdin while the stage waits; gone on release. */
export function observe(plan: Plan, pid: number, group: ControlGroup | null, waitingFd: number | null): Observed {
  const proc = (name: string): string => readFileSync(`/proc/${pid}/${name}`, "utf8");
  const status = new Map(proc("status").split("\n").map((line) => line.split(":\t", 2) as [string, string]));
  const ids = (name: string): number[] => (status.get(name) ?? "").trim().split(/\s+/).filter(Boolean).map(Number);
  return {
    isolation: plan.isolation,
    pid,
    uids: ids("Uid"),
    gids: ids("Gid"),
    groups: ids("Groups"),
    uidMap: proc("uid_map").trim().replace(/[ \t]+/g, " "),
    gidMap: proc("gid_map").trim().replace(/[ \t]+/g, " "),
    capabilities: Object.fromEntries(["Inh", "Prm", "Eff", "Bnd", "Amb"].map((set) => [set, status.get(`Cap${set}`) ?? "?"])),
    noNewPrivileges: status.get("NoNewPrivs") === "1",
    seccomp: { mode: Number(status.get("Seccomp")), filters: Number(status.get("Seccomp_filters") ?? 0) },
    namespaces: namespacesOf(pid),
    mounts: mountsOf(pid),
    cgroup: group === null ? null : { version: group.version, controllers: group.controllers, paths: proc("cgroup").trim().split("\n") },
    limits: limitsOf(proc("limits")),
    environment: proc("environ").split("\0").filter(Boolean).map((entry) => entry.slice(0, entry.indexOf("="))).filter((name) => name !== ADDED),
    descriptors: readdirSync(`/proc/${pid}/fd`).map(Number).filter((descriptor) => descriptor !== waitingFd),
  };
}

export function attest(plan: Plan, pid: number, group: ControlGroup | null, waitingFd: number | null): Attestation {
  const observed = observe(plan, pid, group, waitingFd);
  return { ...observed, notEnforced: notEnforced(plan, group), broken: plan.isolation === "none" ? [] : compare(plan, observed, group, namespacesOf(process.pid)) };
}

export type Observed = Omit<Attestation, "notEnforced" | "broken">;

/** The promises, one line each: what is false here is broken. `own` are the namespaces of the gate. */
export function compare(plan: Plan, seen: Observed, group: ControlGroup | null, own: Readonly<Record<string, string>>): string[] {
  const promises: [kept: boolean, promise: string][] = [
    [seen.uids.length === 4 && seen.uids.every((uid) => uid === plan.user.uid && uid !== 0), "the host's uid is the one planned, and not 0"],
    [seen.gids.length === 4 && seen.gids.every((gid) => gid === plan.user.gid && gid !== 0), "the host's gid is the one planned, and not 0"],
    [Object.values(seen.capabilities).every((mask) => /^0+$/.test(mask)), "all capability sets are empty"],
    [seen.noNewPrivileges, "no new privileges can be gained"],
    [seen.seccomp.mode === 2 && seen.seccomp.filters >= 1, "a system call filter is in force"],
    ...NAMESPACES.map((name): [boolean, string] => [seen.namespaces[name] !== undefined && seen.namespaces[name] !== own[name], `the ${name} namespace is its own`]),
    ...mountPromises(plan, seen),
    ...limitPromises(plan, seen, group),
    [group === null || group.settings.every(({ directory }) => seen.cgroup?.paths.some((line) => directory.endsWith(line.split(":")[2] ?? "?")) === true), "the control group holds it"],
    [seen.environment.every((name) => Object.hasOwn(plan.environment, name)), "the environment holds the planned variables only"],
    [seen.descriptors.every((descriptor) => descriptor <= 2), "no descriptor but stdin, stdout and stderr is open"],
  ];
  return promises.filter(([kept]) => !kept).map(([, promise]) => promise);
}

function mountPromises(plan: Plan, seen: Observed): [boolean, string][] {
  const hostMounts = new Set(mountsOf("self").map(({ at }) => at));
  const planned = new Map(plan.mounts.map((mount) => [mount.at, mount]));
  const mayWrite = (at: string): boolean => {
    const mount = planned.get(at);
    return at === "/proc" || mount?.kind === "device" || mount?.kind === "write" || (mount?.kind === "tmpfs" && mount.writable);
  };
  const known = (at: string): boolean => at === "/" || planned.has(at) || at.startsWith("/proc/") || inheritedBelow(at, plan.mounts, hostMounts);
  return [
    [seen.mounts.every(({ at, writable }) => !writable || mayWrite(at) || underWrite(at, plan.mounts)), "nothing is writable but what was planned"],
    [seen.mounts.every(({ at }) => known(at)), "nothing is mounted but what was planned"],
    [plan.mounts.every((mount) => sourceMatches(mount, seen)), "each directory shown is the one that was named"],
  ];
}

/** What the host itself has mounted below a directory that was given comes along with it, at the same place. */
export function inheritedBelow(at: string, mounts: readonly Mount[], hostMounts: ReadonlySet<string>): boolean {
  const parent = mounts.findLast((mount) => (mount.kind === "read" || mount.kind === "write") && isWithin(at, mount.at));
  if (parent === undefined || (parent.kind !== "read" && parent.kind !== "write")) return false;
  return hostMounts.has(realpathSync(parent.source) + at.slice(parent.at.length));
}

export function underWrite(at: string, mounts: readonly Mount[]): boolean {
  return mounts.some((mount) => mount.kind === "write" && at.startsWith(`${mount.at}/`)) && !mounts.some((mount) => mount.at === at);
}

/** Compares device and inode, so that a name exchanged between planning and mounting is noticed. */
export function sourceMatches(mount: Mount, seen: Observed): boolean {
  if (mount.kind !== "read" && mount.kind !== "write") return true;
  try {
    const inside = statSync(join(`/proc/${seen.pid}/root`, mount.at));
    const outside = statSync(mount.source);
    return inside.dev === outside.dev && inside.ino === outside.ino;
  } catch {
    return false;
  }
}

function limitPromises(plan: Plan, seen: Observed, group: ControlGroup | null): [boolean, string][] {
  const names = (Object.keys(LIMIT_NAMES) as (keyof Limits)[]).filter((name) => name !== "memoryBytes" || group === null);
  return names.map((name) => {
    const value = String(plan.limits[name]);
    return [seen.limits[LIMIT_NAMES[name]] === `${value} ${value}`, `the limit is set: ${LIMIT_NAMES[name].slice(4)}`];
  });
}

function notEnforced(plan: Plan, group: ControlGroup | null): string[] {
  if (plan.isolation === "none") return ["everything: isolation was switched off"];
  if (group === null) return ["memory of all processes together: no control group can be written here, each process is bounded by itself"];
  return group.controllers.includes("pids") ? [] : ["processes by control group; the process limit of the user namespace holds"];
}

export function namespacesOf(pid: number): Record<string, string> {
  return Object.fromEntries(NAMESPACES.map((name) => [name, readlinkSync(`/proc/${pid}/ns/${name}`)]));
}

/** proc_pid_mountinfo(5): the mount point is the fifth field, its options the sixth; the type stands behind the dash. */
export function mountsOf(pid: number | "self"): Attestation["mounts"] {
  // Bytes, not characters, are escaped: they are put together before they are read as UTF-8.
  return mountsIn(readFileSync(`/proc/${pid}/mountinfo`, "latin1"));
}

/** @param text as proc_pid_mountinfo(5), its bytes as Latin-1. */
export function mountsIn(text: string): Attestation["mounts"] {
  return text.trim().split("\n").filter(Boolean).map((line) => {
    const [before = "", after = ""] = line.split(" - ", 2);
    const fields = before.split(" ");
    return mountOf(fields[4] ?? "", after.split(" ")[0] ?? "", fields[5] ?? "");
  });
}

/** @param at as the kernel escapes it, byte by byte. */
function mountOf(at: string, type: string, options: string): Attestation["mounts"][number] {
  const bytes = at.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return { at: Buffer.from(bytes, "latin1").toString("utf8"), type, writable: options.split(",").includes("rw") };
}

export function limitsOf(text: string): Record<string, string> {
  const rows = text.split("\n").slice(1).map((line) => /^(.+?)\s{2,}(\S+)\s+(\S+)/.exec(line)).filter((row) => row !== null);
  return Object.fromEntries(rows.map(([, name = "", soft = "", hard = ""]) => [name, `${soft} ${hard}`]));
}
