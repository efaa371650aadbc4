/** Docker and Podman by their own commands: found, asked, and never given a word of a server's as an option. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { delimiter, join, posix } from "node:path";
import { SallyportError } from "../errors.ts";
import type { Host } from "../model.ts";
import { findProgram } from "./survey.ts";

export type EngineName = "docker" | "podman";
/** gVisor is no engine but a runtime of theirs: a kernel of its own for each container, in user space. */
export type ContainerKind = EngineName | "gvisor";

export interface Engine {
  readonly name: EngineName;
  readonly program: string;
  /** What its command needs to find its daemon and images; nothing of the caller's that it could pass on to a container. */
  readonly env: Readonly<Record<string, string>>;
  readonly rootless: boolean;
  /** Containers get a kernel of their own (gVisor's runsc). */
  readonly gvisor: boolean;
  /** Options that this machine needs. */
  readonly options: readonly string[];
}

const PASSED = /^(?:PATH|HOME|USER|LOGNAME|XDG_RUNTIME_DIR|XDG_CONFIG_HOME|XDG_DATA_HOME|DOCKER_CERT_PATH|CONTAINERS_CONF|CONTAINERS_STORAGE_CONF|DBUS_SESSION_BUS_ADDRESS)$/;
const PLACES = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"].join(delimiter);
const TIMEOUT = 60_000;

/** Throws `cell.engine`. */
export async function findEngine(kind: ContainerKind, host: Host): Promise<Engine> {
  if (kind === "gvisor") return gvisor(host);
  return engineOf(kind, host);
}

async function engineOf(name: EngineName, host: Host): Promise<Engine> {
  const program = findProgram(name, `${host.env["PATH"] ?? ""}${delimiter}${PLACES}`, "/");
  if (program === null) throw new SallyportError("cell.engine", `${name} is not installed`);
  const passed = Object.fromEntries(Object.entries(host.env).filter((entry): entry is [string, string] => PASSED.test(entry[0]) && entry[1] !== undefined));
  const env = { ...passed, PATH: `${passed["PATH"] ?? ""}${delimiter}${PLACES}` };
  return name === "docker" ? docker(program, env, host) : podman(program, env, host);
}

/** Podman takes a runtime by its path; Docker knows those that its daemon was told of. */
async function gvisor(host: Host): Promise<Engine> {
  const runsc = findProgram("runsc", `${host.env["PATH"] ?? ""}${delimiter}${PLACES}`, "/");
  if (runsc === null) throw new SallyportError("cell.engine", "gVisor (runsc) is not installed");
  // A program of the name that is none would be found out with every start.
  const version = await said(runsc, ["--version"], { PATH: PLACES }, 5000).catch(() => "");
  if (!version.startsWith("runsc version")) throw new SallyportError("cell.engine", `${runsc} --version does not answer as gVisor's runsc does`);
  const rootful = await engineOf("podman", host).catch(() => null);
  if (rootful?.rootless === false) return { ...rootful, gvisor: true, options: ["--runtime", runsc] };
  const daemon = await engineOf("docker", host).catch(() => null);
  if (daemon === null || daemon.rootless) throw new SallyportError("cell.engine", "gVisor needs Podman or Docker of root's");
  const runtimes = (await ask(daemon, ["info", "--format", "{{json .Runtimes}}"])).trim();
  if (!Object.hasOwn(JSON.parse(runtimes) as object, "runsc")) throw new SallyportError("cell.engine", "Docker's daemon does not know the runtime runsc: run `runsc install`, and start the daemon again");
  return { ...daemon, gvisor: true };
}

/** The client's own configuration adds variables to containers (`proxies`), so it gets an empty one, and is told the endpoint. */
async function docker(program: string, env: Record<string, string>, host: Host): Promise<Engine> {
  const endpoint = host.env["DOCKER_HOST"] ?? (await said(program, ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], env).catch(() => ""))?.trim();
  const address = endpoint === "" ? "unix:///var/run/docker.sock" : endpoint;
  // What applied is read from this machine's /proc: a daemon elsewhere could not be held to anything.
  if (!address.startsWith("unix://")) throw new SallyportError("cell.engine", `docker's daemon is at ${address}, not on this machine`);
  const folder = join(host.dirs.state, "docker");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const engine: Engine = { name: "docker", program, env: { ...env, DOCKER_HOST: address, DOCKER_CONFIG: folder }, rootless: false, gvisor: false, options: [] };
  await ask(engine, ["version", "--format", "{{.Server.Version}}"]);
  const security = (await ask(engine, ["info", "--format", "{{json .SecurityOptions}}"])).trim();
  return { ...engine, rootless: security.includes("name=rootless") };
}

async function podman(program: string, env: Record<string, string>, host: Host): Promise<Engine> {
  // crun refuses mixed hierarchies of control groups; runc does not.
  const mixed = existsSync("/sys/fs/cgroup") && !existsSync("/sys/fs/cgroup/cgroup.controllers") && readFileSync("/proc/self/cgroup", "utf8").includes("memory");
  const runc = mixed ? findProgram("runc", PLACES, "/") : null;
  const options = runc === null ? [] : ["--runtime", runc];
  const engine: Engine = { name: "podman", program, env, rootless: host.uid !== 0, gvisor: false, options };
  await ask(engine, ["version", "--format", "{{.Client.Version}}"]);
  return engine;
}

/** What the engine prints. Throws `cell.engine`. */
export function ask(engine: Engine, args: readonly string[]): Promise<string> {
  return said(engine.program, [...engine.options, ...args], engine.env);
}

function said(program: string, args: readonly string[], env: Readonly<Record<string, string>>, timeout = TIMEOUT): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { env, timeout, maxBuffer: 16 * 1024 * 1024, cwd: "/" }, (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new SallyportError("cell.engine", `${args.find((word) => /^[a-z]+$/.test(word)) ?? ""}: ${stderr.trim().split("\n").at(-1) || error.message}`))));
  });
}

export interface ImageFacts {
  /** `sha256:…` of its configuration: what runs, whatever the name means by then. */
  readonly id: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly user: string;
  readonly cwd: string;
  /** Directories for which the engine would make writable volumes of its own. */
  readonly volumes: readonly string[];
  /** Digest in the registry that it came from; null where it came from none. */
  readonly digest: string | null;
}

interface Inspected {
  readonly Id: string;
  readonly RepoDigests?: readonly string[] | null;
  readonly Config?: { readonly Entrypoint?: readonly string[] | null; readonly Cmd?: readonly string[] | null; readonly Env?: readonly string[] | null; readonly User?: string; readonly WorkingDir?: string; readonly Volumes?: Readonly<Record<string, unknown>> | null };
}

/** Null where the machine does not have it. */
export async function inspectImage(engine: Engine, name: string): Promise<ImageFacts | null> {
  const text = await ask(engine, ["image", "inspect", name]).catch((error: SallyportError) => (/no such image|not known|not found|unable to inspect/i.test(error.detail) ? null : Promise.reject(error)));
  const [image] = text === null ? [] : (JSON.parse(text) as Inspected[]);
  if (image === undefined) return null;
  const { Config: config = {} } = image;
  const environment = Object.fromEntries((config.Env ?? []).map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]));
  return {
    id: image.Id.startsWith("sha256:") ? image.Id : `sha256:${image.Id}`,
    entrypoint: config.Entrypoint ?? [],
    command: config.Cmd ?? [],
    environment,
    user: config.User ?? "",
    cwd: config.WorkingDir === undefined || config.WorkingDir === "" ? "/" : config.WorkingDir,
    volumes: [...new Set(Object.keys(config.Volumes ?? {}).map(volumeOf))],
    digest: image.RepoDigests?.[0]?.split("@")[1] ?? null,
  };
}

/** As the kernel writes it. Throws `cell.image`. */
function volumeOf(at: string): string {
  const plain = posix.normalize(at).replace(/(.)\/$/, "$1");
  if (!plain.startsWith("/") || plain === "/" || /[:,"\n]/.test(plain)) throw new SallyportError("cell.image", `its volume ${at} cannot be replaced`);
  return plain;
}
