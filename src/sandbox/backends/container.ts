/**
 * The container backends: a Plan becomes one `run` of Docker or Podman. Where the image has a shell, a two-line stage holds
 * the server until the gate has read from the host's side what applied, as in the other cells.
 */
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { isWithin } from "../../paths.ts";
import { SallyportError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import type { Mount, Plan, User } from "../plan.ts";
import { seccompProfile } from "../profile.ts";

/** Reads one line of its stdin, byte by byte as read(1) does on pipes, and becomes the server with the rest of it. */
export const STAGE = 'read -r sallyport_go; [ "$sallyport_go" = go ] || exit 125; unset PWD OLDPWD SHLVL HOSTNAME container sallyport_go; exec "$@"';
export const LABEL = "io.sallyport.session";

export interface ContainerFiles {
  readonly profile: string;
  /** The server's variables, which stand in no command line. */
  readonly variables: string;
  /** What stands in for directories that are hidden, by their place. */
  readonly hidden: Readonly<Record<string, string>>;
  /** Made-up files by their place in the container. */
  readonly texts: Readonly<Record<string, string>>;
}

/** Writes what the engine reads by name into the session's folder. */
export function writeFiles(plan: Plan, folder: string): ContainerFiles {
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const profile = join(folder, "seccomp.json");
  writeFileSync(profile, JSON.stringify(seccompProfile()));
  const hidden = plan.mounts.flatMap((mount, index) => (mount.kind === "tmpfs" && !mount.writable ? [[mount.at, hide(mount.at, plan.mounts, join(folder, `hidden-${index}`))] as const] : []));
  const texts = plan.mounts.flatMap((mount, index) => (mount.kind === "text" ? [[mount.at, mount.text, join(folder, `text-${index}`)] as const] : []));
  for (const [, text, file] of texts) writeFileSync(file, text, { mode: 0o444 });
  const variables = join(folder, "variables");
  writeFileSync(variables, own(plan).filter(([, value]) => !value.includes("\n")).map(([key, value]) => `${key}=${value}\n`).join(""), { mode: 0o600 });
  return { profile, variables, hidden: Object.fromEntries(hidden), texts: Object.fromEntries(texts.map(([at, , file]) => [at, file])) };
}

/** What the image does not say itself. */
function own({ environment, image }: Plan): [string, string][] {
  return Object.entries(environment).filter(([key, value]) => image?.environment[key] !== value);
}

/** A file of variables has one a line. */
function spoken(plan: Plan): [string, string][] {
  return own(plan).filter(([, value]) => value.includes("\n"));
}

/** A folder with nothing but the places for what is mounted below it: it is read-only by then. */
function hide(at: string, mounts: readonly Mount[], folder: string): string {
  mkdirSync(folder, { mode: 0o755 });
  for (const mount of mounts) {
    if ((mount.kind !== "read" && mount.kind !== "write") || mount.at === at || !isWithin(mount.at, at)) continue;
    const place = join(folder, relative(at, mount.at));
    mkdirSync(statSync(mount.source).isDirectory() ? place : dirname(place), { recursive: true, mode: 0o755 });
    if (!statSync(mount.source).isDirectory()) writeFileSync(place, "");
  }
  return folder;
}

export interface ContainerInvocation {
  readonly argv: readonly string[];
  /** Of the engine's command alone: a variable of the server's or its image's could load code into it. */
  readonly env: Readonly<Record<string, string>>;
}

/** @param staged whether the image has a shell. */
export function containerInvocation(plan: Plan, engine: Engine, name: string, files: ContainerFiles, staged: boolean): ContainerInvocation {
  const { limits, user, image } = plan;
  if (image === null) throw new Error("a container without an image");
  const [entrypoint = "", ...args] = staged ? ["/bin/sh", "-c", STAGE, "sallyport", ...plan.command] : plan.command;
  if (engine.gvisor && engine.name === "docker" && plan.network !== null) throw new SallyportError("cell.engine", "Docker starts gVisor without a network that the gate could stand in: install Podman, or name another kind of cell");
  const options = [
    ...["run", ...(engine.gvisor && engine.name === "docker" ? ["--runtime", "runsc"] : []), "--interactive", "--rm", "--pull", "never", "--name", name, "--label", `${LABEL}=${name}`],
    ...["--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--security-opt", `seccomp=${files.profile}`],
    ...["--user", `${user.uid}:${user.gid}`, ...(engine.name === "podman" && engine.rootless ? ["--userns", "keep-id"] : []), "--hostname", "sallyport", "--ipc", "private", "--cgroupns", "private"],
    ...["--memory", String(limits.memoryBytes), "--memory-swap", String(limits.memoryBytes), "--pids-limit", String(limits.processes)],
    ...Object.entries({ nofile: limits.openFiles, nproc: limits.processes, core: limits.coreBytes, fsize: limits.fileBytes, cpu: limits.cpuSeconds, ...(engine.rootless ? { data: limits.memoryBytes } : {}) }).flatMap(([key, value]) => ["--ulimit", `${key}=${value}:${value}`]),
    // What the server says belongs into the journal, and nowhere else.
    ...["--log-driver", "none", "--no-healthcheck", "--restart", "no"],
    ...(engine.name === "podman" ? ["--read-only-tmpfs=false", "--http-proxy=false", "--passwd=false", "--no-hosts", "--sdnotify", "ignore"] : []),
    ...plan.mounts.flatMap((mount) => mountOptions(mount, engine, user, files)),
    ...["--workdir", plan.cwd],
    ...["--env-file", files.variables, ...spoken(plan).flatMap(([key, value]) => ["--env", `${key}=${value}`])],
    ...["--entrypoint", entrypoint],
  ];
  return { argv: [engine.program, ...engine.options, ...runtimeFlags(plan, engine), ...options, image.id, ...args], env: engine.env };
}

/** gVisor's own network has no way out. Where hosts are named, it uses that of the container's namespace, in which only the gate listens. */
function runtimeFlags({ network }: Plan, { gvisor, name }: Engine): string[] {
  return gvisor && name === "podman" ? ["--runtime-flag", network === null ? "network=none" : "network=host"] : [];
}

function mountOptions(mount: Mount, engine: Engine, user: User, { texts, hidden }: ContainerFiles): string[] {
  switch (mount.kind) {
    case "read":
    case "write":
      return ["--mount", [`type=bind`, field("source", mount.source), field("target", mount.at), ...(mount.kind === "read" ? ["readonly"] : [])].join(",")];
    case "text":
      return ["--mount", ["type=bind", field("source", texts[mount.at] as string), field("target", mount.at), "readonly"].join(",")];
    case "tmpfs":
      // A memory file system would take the mode of the directory that it hides, with some runtimes.
      if (!mount.writable) return ["--mount", ["type=bind", field("source", hidden[mount.at] as string), field("target", mount.at), "readonly"].join(",")];
      return ["--tmpfs", `${mount.at}:${owned(engine, user)},exec,nosuid,nodev,size=${mount.bytes}`];
    // The image brings them, or the engine.
    case "device":
    case "directory":
    case "link":
    case "proc":
      return [];
  }
}

/** Docker's runtime takes the mode of the directory below, so it is told the owner; Podman does not know owners everywhere. */
function owned({ name }: Engine, { uid, gid }: User): string {
  return name === "docker" ? `rw,uid=${uid},gid=${gid},mode=0755` : "rw,mode=1777";
}

/** The engines read `--mount` as one line of CSV. */
function field(key: string, value: string): string {
  const text = `${key}=${value}`;
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
