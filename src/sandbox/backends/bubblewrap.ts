/**
 * The bubblewrap backend: a Plan becomes one argv. Inside the cell the server's process first waits in a two-line stage
 * script until the gate has read from the host's side what the kernel applied; only then does it become the server.
 *
 * Who owns the boundary: bubblewrap does what its arguments say, so this file is part of the trusted base.
 */
import { randomBytes } from "node:crypto";
import { closeSync, constants, mkdirSync, openSync, realpathSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { seccompFilter } from "../seccomp.ts";
import { INSIDE, type Limits, type Mount, type Plan } from "../plan.ts";
import type { Tools } from "../survey.ts";
import { STAGING, isReachable, stagedName } from "../reach.ts";

/** The child's descriptors: the stage takes the place of stdin, which waits beside it, as a shell reads its own stdin without copies. */
export const STAGE_FD = 0;
export const INFO_FD = 3;
export const STDIN_FD = 4;
const FIRST_DATA_FD = 5;

export interface Invocation {
  /** argv, the program first; the environment is empty. */
  readonly argv: readonly string[];
  /** bubblewrap's own options, passed through a descriptor, so that no path or value shows in a process list. */
  readonly options: readonly string[];
  /** Contents of the descriptors from `FIRST_DATA_FD` on. */
  readonly data: readonly Buffer[];
}

/**
 * Announces itself, waits, and becomes the server. An end of the stream instead of the word means that the gate has
 * died: then nothing is started. The announcement comes from a subshell, as the redirection would leave the shell with a
 * descriptor more for a moment. Variables that shells add of their own are taken away again.
 */
const STAGE = `(printf r >&${STDIN_FD}); read -r sallyport_go; [ "$sallyport_go" = go ] || exit 125; unset PWD OLDPWD SHLVL sallyport_go; exec "$@" <&${STDIN_FD} ${STDIN_FD}<&-`;

/**
 * @param token a random word that stays in the command line of every process of bubblewrap's: the guard knows them by it.
 * @param memoryByProcess true where no cgroup bounds the memory: then each process's private memory is.
 */
export function invocation(plan: Plan, tools: Tools, token: string, memoryByProcess: boolean): Invocation {
  const data: Buffer[] = [];
  const descriptor = (bytes: Buffer): string => String(FIRST_DATA_FD + data.push(bytes) - 1);
  const staged = stagedSources(plan, tools);
  const filter = plan.architecture === null ? [] : ["--seccomp", descriptor(seccompFilter(plan.architecture))];
  const options = [
    ...["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup"],
    ...["--die-with-parent", "--new-session", "--hostname", "sallyport", "--uid", String(INSIDE.uid), "--gid", String(INSIDE.gid)],
    ...["--cap-drop", "ALL", "--info-fd", String(INFO_FD)],
    ...plan.mounts.flatMap((mount) => mountOptions(mount, staged, descriptor)),
    ...["--remount-ro", "/", "--chdir", plan.cwd],
    ...plan.mounts.flatMap((mount) => (mount.kind === "tmpfs" && !mount.writable ? ["--remount-ro", mount.at] : [])),
    ...filter,
    "--clearenv",
    ...Object.entries(plan.environment).flatMap(([name, value]) => ["--setenv", name, value]),
  ];
  const optionsFd = descriptor(Buffer.from(options.map((option) => `${option}\0`).join("")));
  const inside = [tools.prlimit, ...limitOptions(plan.limits, memoryByProcess), "--", tools.sh, "-c", STAGE, token, ...plan.command];
  const argv = [...asUser(plan, tools, staged), tools.bwrap, "--args", optionsFd, "--", ...inside];
  return { argv, options, data };
}

function mountOptions(mount: Mount, staged: ReadonlyMap<string, string>, descriptor: (bytes: Buffer) => string): string[] {
  switch (mount.kind) {
    case "read":
      return ["--ro-bind", staged.get(mount.source) ?? mount.source, mount.at];
    case "write":
      return ["--bind", staged.get(mount.source) ?? mount.source, mount.at];
    case "device":
      return ["--dev-bind", mount.source, mount.at];
    case "tmpfs":
      return ["--perms", "0755", "--size", String(mount.bytes), "--tmpfs", mount.at];
    case "link":
      return ["--symlink", mount.target, mount.at];
    case "text":
      return ["--perms", "0444", "--ro-bind-data", descriptor(Buffer.from(mount.text)), mount.at];
    case "directory":
      return ["--dir", mount.at];
    case "proc":
      return ["--proc", mount.at];
  }
}

/**
 * `--nproc` counts per user namespace only for processes started inside it, so limits are set in the cell: set before,
 * the caller's own processes would count against them.
 */
function limitOptions(limits: Limits, memoryByProcess: boolean): string[] {
  const { processes, openFiles, fileBytes, coreBytes, cpuSeconds, memoryBytes } = limits;
  const both = { nproc: processes, nofile: openFiles, fsize: fileBytes, core: coreBytes, cpu: cpuSeconds, ...(memoryByProcess ? { data: memoryBytes } : {}) };
  return Object.entries(both).map(([name, value]) => `--${name}=${value}:${value}`);
}

/** As root: another uid is taken before bubblewrap starts, because the host would see uid 0 behind its user namespace. */
function asUser(plan: Plan, tools: Tools, staged: ReadonlyMap<string, string>): string[] {
  if (tools.setpriv === null) return [];
  const { uid, gid } = plan.user;
  const change = [tools.setpriv, `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "--"];
  if (staged.size === 0) return change;
  const staging = [tools.sh, "-c", STAGING_SCRIPT, "sallyport", tools.mount as string, STAGING, String(staged.size), ...[...staged.keys()].map((source) => realpathSync(source))];
  return [tools.unshare as string, "--mount", "--propagation", "private", "--", ...staging, ...change];
}

/** Binds each source where an unprivileged uid can reach it, in a mount namespace that ends with the cell. */
const STAGING_SCRIPT =
  'set -e; mount=$1; dir=$2; count=$3; shift 3; "$mount" -t tmpfs -o mode=0755,size=64k tmpfs "$dir"; i=0; ' +
  'while [ "$i" -lt "$count" ]; do if [ -d "$1" ]; then mkdir "$dir/$i"; else : >"$dir/$i"; fi; "$mount" --bind "$1" "$dir/$i"; shift; i=$((i+1)); done; exec "$@"';

/** Sources that only root can enter (mode 0700 homes) are bound, in a mount namespace of their own, where that uid can. */
function stagedSources(plan: Plan, tools: Tools): Map<string, string> {
  if (tools.setpriv === null) return new Map();
  const sources = plan.mounts.flatMap((mount) => (mount.kind === "read" || mount.kind === "write" ? [mount.source] : []));
  const unreachable = sources.filter((source) => !isReachable(realpathSync(source), plan.user));
  return new Map(unreachable.map((source, index) => [source, stagedName(index)]));
}

export function prepareMounts(plan: Plan, tools: Tools): void {
  if (stagedSources(plan, tools).size > 0) mkdirSync(STAGING, { recursive: true, mode: 0o755 });
}

/** Opens nameless files that hold the data: nothing is left behind, whatever happens. The caller closes them. */
export function openData(data: readonly Buffer[], folder: string): number[] {
  return data.map((bytes) => {
    const descriptor = openNameless(folder);
    try {
      // Written by position: the offset stays at the start, from which bubblewrap reads.
      for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done, bytes.length - done, done);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    return descriptor;
  });
}

function openNameless(folder: string): number {
  const temporary = 0o20000000 | constants.O_DIRECTORY; // O_TMPFILE of <fcntl.h>
  try {
    return openSync(folder, temporary | constants.O_RDWR, 0o600);
  } catch {
    // Not every file system has O_TMPFILE.
    const file = join(folder, `.sallyport-${randomBytes(8).toString("hex")}`);
    const descriptor = openSync(file, "wx+", 0o600);
    unlinkSync(file);
    return descriptor;
  }
}
