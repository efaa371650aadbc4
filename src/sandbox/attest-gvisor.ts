/**
 * The Attestation of a container behind gVisor: two halves. This machine's kernel tells of the Sentry, the program that is
 * the container's kernel, and of the Gofer, which opens its files; the Sentry tells of the process that still waits inside
 * (asked before the server's first instruction, so that nothing of the server's could answer). Source: gVisor, "Security Model".
 */
import { readFileSync, readdirSync } from "node:fs";
import { limitsOf, mountOf, namespacesOf, observe, sourceMatches, underWrite, type Attestation, type Observed } from "./attest.ts";
import { bounds, groupOf, type Promised } from "./attest-container.ts";
import { ask, type Engine } from "./engine.ts";
import type { Mount, Plan } from "./plan.ts";

/** The cgroup namespace is the host's for the Sentry; inside, it makes control groups of its own up. */
const NAMESPACES = ["user", "pid", "net", "ipc", "uts", "mnt"];
/** In the shell's own words, as an image need not have more: one file after the other, each behind its name. */
const TELL = 'for f in status mounts limits; do echo "= $f"; while read -r l; do echo "$l"; done < /proc/1/$f; done; echo "= fd"; echo /proc/1/fd/*';
/** File systems that the Sentry makes up; what is writable there is root's, and changes nothing outside. */
const OWN_MOUNTS = /^\/(?:proc|sys|dev)(?:\/|$)|^\/etc\/(?:resolv\.conf|hostname|hosts)$|^\/run\/\.containerenv$|^\/run\/secrets$/;
/** What an engine puts into every container. */
const ADDED = ["HOSTNAME", "container", "TERM", "HOME", "PWD", "PATH"];
/** CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID and SYS_PTRACE: what runsc keeps, in a user namespace of its own. */
const SENTRY_CAPABILITIES = 0x8001fn;
/** With a network of the kernel's also NET_BIND_SERVICE and NET_ADMIN, and this machine's user namespace. */
const NETWORK_CAPABILITIES = 0x1400n;
const WITH_NETWORK = "a user namespace of gVisor's own: where hosts are named, runsc runs in this machine's";

interface Inside {
  readonly status: ReadonlyMap<string, string>;
  readonly mounts: Attestation["mounts"];
  readonly limits: Attestation["limits"];
  readonly descriptors: readonly number[];
}

/** @param pid the Sentry's. Throws `cell.engine` where the engine does not answer. */
export async function attestGvisor(plan: Plan, engine: Engine, name: string, pid: number): Promise<Attestation> {
  const [told, variables] = await Promise.all([ask(engine, ["exec", name, "/bin/sh", "-c", TELL]), ask(engine, ["inspect", "--format", "{{json .Config.Env}}", name])]);
  const inside = insideOf(told);
  const found = groupOf(pid);
  const sentry = observe(plan, pid, found.group, null);
  const ids = (key: string): number[] => (inside.status.get(key) ?? "").trim().split(/\s+/).filter(Boolean).map(Number);
  const seen: Observed = {
    ...sentry,
    uids: ids("Uid"),
    gids: ids("Gid"),
    groups: ids("Groups"),
    capabilities: Object.fromEntries(["Inh", "Prm", "Eff", "Bnd"].map((set) => [set, inside.status.get(`Cap${set}`) ?? "?"])),
    mounts: inside.mounts,
    limits: inside.limits,
    environment: (JSON.parse(variables) as string[]).map((entry) => entry.slice(0, entry.indexOf("="))),
    descriptors: inside.descriptors,
  };
  const promises = [...ofSentry(sentry, plan.network !== null), ...ofServer(plan, seen, goferOf(pid)), ...bounds(plan, engine, seen, found)];
  return { ...seen, notEnforced: [...(found.group === null ? ["memory and processes: the engine's control group was not found"] : []), ...(plan.network === null ? [] : [WITH_NETWORK])], broken: promises.filter(([kept]) => !kept).map(([, promise]) => promise) };
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
    [root?.type === "tmpfs" && !root.writable && seen.mounts.every(({ at }) => at === "/" || at === "/proc" || at === "/etc"), "gVisor itself sees no file system of this machine's"],
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
    [seen.descriptors.every((descriptor) => descriptor <= 2), "no descriptor but stdin, stdout and stderr is open"],
  ];
}

/** The Gofer has changed its root to the container's: what stands there is what the Sentry shows. */
function isShown(mount: Mount, seen: Observed, gofer: number | null): boolean {
  if (mount.kind !== "read" && mount.kind !== "write") return true;
  return gofer !== null && seen.mounts.some(({ at }) => at === mount.at) && sourceMatches(mount, { ...seen, pid: gofer });
}

/** The process that opens files for this Sentry: started by the same runtime, for the same container. */
function goferOf(sentry: number): number | null {
  const bundle = wordsOf(String(sentry)).find((word) => word.startsWith("--bundle="));
  const found = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry)).find((entry) => {
    const words = wordsOf(entry);
    return words[0] === "runsc-gofer" && bundle !== undefined && words.includes(bundle);
  });
  return found === undefined ? null : Number(found);
}

function wordsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

/** Exported for its test. */
export function insideOf(told: string): Inside {
  const parts = new Map(told.split(/^= /m).filter(Boolean).map((part) => [part.slice(0, part.indexOf("\n")), part.slice(part.indexOf("\n") + 1)] as const));
  const part = (name: string): string => parts.get(name) ?? "";
  const pairs = part("status").split("\n").filter(Boolean).map((line) => line.split(":", 2) as [string, string]);
  const mounts = part("mounts").split("\n").filter(Boolean).map((line) => {
    const [, at = "", type = "", options = ""] = line.split(" ");
    return mountOf(at, type, options);
  });
  return { status: new Map(pairs.map(([key, value]) => [key, value.trim()])), mounts, limits: limitsOf(part("limits")), descriptors: (part("fd").match(/\d+(?=\s|$)/g) ?? []).map(Number) };
}
