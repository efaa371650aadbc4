/**
 * The Attestation of a container behind gVisor: two halves. This machine's kernel tells of the Sentry, the program that is
 * the container's kernel, and of the Gofer, which hands it the directories shown; the Sentry tells of the process that still
 * waits inside (asked before the server's first instruction). Source: gVisor, "Security Model".
 */
import { randomBytes } from "node:crypto";
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { processEntry } from "../processes.ts";
import { limitsOf, mountsIn, namespacesOf, observe, sourceMatches, underWrite, type Attestation, type Observed } from "./attest.ts";
import { bounds, groupOf, type Promised } from "./attest-container.ts";
import { ask, type Engine } from "./engine.ts";
import { SallyportError } from "../errors.ts";
import type { Mount, Plan } from "./plan.ts";

/** The cgroup namespace is the host's for the Sentry; inside, it makes control groups of its own up. */
const NAMESPACES = ["user", "pid", "net", "ipc", "uts", "mnt"];
/** In the shell's own words, as an image need not have more: one file after the other, each behind a word that no file's name can hold. */
const TELL = 'for f in status mountinfo limits; do printf "%s %s\\n" "$1" "$f"; while IFS= read -r l; do printf "%s\\n" "$l"; done < /proc/1/$f; done; printf "%s fd\\n" "$1"; printf "%s\\n" /proc/1/fd/*';
/** File systems that the Sentry makes up; what is writable there is root's, and changes nothing outside. */
const OWN_MOUNTS = /^\/(?:proc|sys|dev)(?:\/|$)|^\/etc\/(?:resolv\.conf|hostname|hosts)$|^\/run\/\.containerenv$|^\/run\/secrets$/;
/** What an engine puts into every container. */
const ADDED = ["HOSTNAME", "container", "TERM", "HOME", "PWD", "PATH"];
/** CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID and SYS_PTRACE: what runsc keeps, in a user namespace of its own. */
const SENTRY_CAPABILITIES = 0x8001fn;
/** With a network of the kernel's also NET_BIND_SERVICE and NET_ADMIN, and this machine's user namespace. */
const NETWORK_CAPABILITIES = 0x1400n;
const AS_ROOT = "a uid that is not 0 on this machine: gVisor itself runs as root, with the capabilities listed under kernel, and goes by the modes of files alone (no access control lists)";
const WITH_NETWORK = "a user namespace of gVisor's own: where hosts are named, runsc runs in this machine's";

interface Inside {
  readonly status: ReadonlyMap<string, string>;
  readonly mounts: Attestation["mounts"];
  readonly limits: Attestation["limits"];
  readonly descriptors: readonly number[];
}

/** @param pid the Sentry's. Throws `cell.engine` where the engine does not answer. */
export async function attestGvisor(plan: Plan, engine: Engine, name: string, pid: number): Promise<Attestation> {
  const word = `=${randomBytes(16).toString("hex")}`;
  const [told, variables] = await Promise.all([ask(engine, ["exec", name, "/bin/sh", "-c", TELL, "sallyport", word]), ask(engine, ["inspect", "--format", "{{json .Config.Env}}", name])]);
  const inside = insideOf(told, word);
  const found = groupOf(pid);
  const sentry = observe(plan, pid, found.group, null);
  const ids = (key: string): number[] => (inside.status.get(key) ?? "").trim().split(/\s+/).filter(Boolean).map(Number);
  const seen: Observed = {
    ...sentry,
    uids: ids("Uid"),
    gids: ids("Gid"),
    groups: ids("Groups"),
    capabilities: Object.fromEntries(["Inh", "Prm", "Eff", "Bnd"].map((set) => [set, inside.status.get(`Cap${set}`) ?? "?"])),
    noNewPrivileges: inside.status.get("NoNewPrivs") === "1",
    seccomp: { mode: Number(inside.status.get("Seccomp") ?? 0), filters: 0 },
    kernel: { pid: sentry.pid, uids: sentry.uids, gids: sentry.gids, capabilities: sentry.capabilities, noNewPrivileges: sentry.noNewPrivileges, seccomp: sentry.seccomp },
    mounts: inside.mounts,
    limits: inside.limits,
    environment: (JSON.parse(variables) as string[]).map((entry) => entry.slice(0, entry.indexOf("="))),
    descriptors: inside.descriptors,
  };
  const promises = [...ofSentry(sentry, plan.network !== null), ...ofServer(plan, seen, goferOf(pid)), ...bounds(plan, engine, seen, found)];
  return { ...seen, notEnforced: [...(found.group === null ? ["memory and processes: the engine's control group was not found"] : []), ...(plan.network === null ? [] : [WITH_NETWORK]), ...(sentry.uids.includes(0) ? [AS_ROOT] : [])], broken: promises.filter(([kept]) => !kept).map(([, promise]) => promise) };
}

/** What this machine's kernel holds the container's kernel to. */
function ofSentry(seen: Observed, network: boolean): Promised[] {
  const own = namespacesOf(process.pid);
  const root = seen.mounts.find(({ at }) => at === "/");
  return [
    ...NAMESPACES.filter((name) => name !== "user" || !network).map((name): Promised => [seen.namespaces[name] !== undefined && seen.namespaces[name] !== own[name], `the ${name} namespace is its own`]),
    [seen.noNewPrivileges, "no new privileges can be gained"],
    [seen.seccomp.mode === 2 && seen.seccomp.filters >= 1, "a system call filter is in force"],
    [(BigInt(`0x${seen.capabilities["Eff"]}`) & ~(SENTRY_CAPABILITIES | (network ? NETWORK_CAPABILITIES : 0n))) === 0n, "gVisor has no capability but those that it needs"],
    [root?.type === "tmpfs" && !root.writable && seen.mounts.every(({ at }) => at === "/" || at === "/proc" || at === "/etc"), "gVisor itself has no file system of this machine's mounted"],
    [seen.environment.every((name) => name.startsWith("RUNSC_") || name.startsWith("GODEBUG") || name === "GOMAXPROCS"), "gVisor has none of the caller's variables"],
  ];
}

function ofServer(plan: Plan, seen: Observed, gofer: number | null): Promised[] {
  const planned = new Map(plan.mounts.map((mount) => [mount.at, mount]));
  const mayWrite = (at: string): boolean => {
    const mount = planned.get(at);
    if (mount !== undefined) return mount.kind === "write" || (mount.kind === "tmpfs" && mount.writable);
    return OWN_MOUNTS.test(at) || underWrite(at, plan.mounts);
  };
  return [
    [seen.uids.length === 4 && seen.uids.every((id) => id === plan.user.uid && id !== 0), "the uid is the one planned, and not 0"],
    [seen.gids.length === 4 && seen.gids.every((id) => id === plan.user.gid && id !== 0), "the gid is the one planned, and not 0"],
    [!seen.groups.includes(0), "it is in no group of root's"],
    [Object.values(seen.capabilities).every((mask) => /^0+$/.test(mask)), "all capability sets are empty"],
    [seen.mounts.some(({ at, writable }) => at === "/" && !writable), "the root is read-only"],
    [seen.mounts.every(({ at, writable }) => !writable || mayWrite(at)), "nothing is writable but what was planned"],
    [seen.mounts.every(({ at }) => at === "/" || planned.has(at) || OWN_MOUNTS.test(at)), "nothing is mounted but what was planned"],
    [plan.mounts.every((mount) => isShown(mount, seen, gofer)), "each directory shown is the one that was named"],
    [seen.environment.every((name) => Object.hasOwn(plan.environment, name) || ADDED.includes(name)), "the environment holds the planned variables only"],
    [seen.descriptors.every((descriptor) => descriptor <= 2) && seen.descriptors.length === 3, "stdin, stdout and stderr are open, and no other descriptor"],
  ];
}

/** The Gofer has changed its root to the container's: what stands there is what the Sentry shows. */
function isShown(mount: Mount, seen: Observed, gofer: number | null): boolean {
  if (mount.kind !== "read" && mount.kind !== "write") return true;
  return gofer !== null && seen.mounts.some(({ at }) => at === mount.at) && sourceMatches(mount, { ...seen, pid: gofer });
}

/** The process that hands directories to this Sentry: the same program's, of the same parent and user, for the same container. */
function goferOf(sentry: number): number | null {
  const bundle = wordsOf(String(sentry)).find((word) => word.startsWith("--bundle="));
  const found = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry)).find((entry) => {
    const words = wordsOf(entry);
    return words[0] === "runsc-gofer" && bundle !== undefined && words.includes(bundle) && isAkin(entry, String(sentry));
  });
  return found === undefined ? null : Number(found);
}

function isAkin(one: string, other: string): boolean {
  try {
    const [a, b] = [one, other].map((pid) => [readlinkSync(`/proc/${pid}/exe`), processEntry(Number(pid))?.parent, /^Uid:.*$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[0]].join(" "));
    return a === b;
  } catch {
    return false;
  }
}

function wordsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

/** @param word stands before each part, and nowhere else. Throws `cell.engine`. */
export function insideOf(told: string, word: string): Inside {
  const all = told.split(`${word} `).slice(1).map((part) => [part.slice(0, part.indexOf("\n")), part.slice(part.indexOf("\n") + 1)] as const);
  const parts = new Map(all);
  if (all.map(([name]) => name).join(" ") !== "status mountinfo limits fd") throw new SallyportError("cell.engine", "the container did not tell of its first process");
  const part = (name: string): string => parts.get(name) ?? "";
  const pairs = part("status").split("\n").filter(Boolean).map((line) => line.split(":", 2) as [string, string]);
  // The kernel of this machine gives bytes, where this one gives letters.
  const mounts = mountsIn(Buffer.from(part("mountinfo")).toString("latin1"));
  return { status: new Map(pairs.map(([key, value]) => [key, value.trim()])), mounts, limits: limitsOf(part("limits")), descriptors: (part("fd").match(/(?<=\/fd\/)\d+$/gm) ?? []).map(Number) };
}
