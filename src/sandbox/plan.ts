/**
 * The Plan: what a cell will be, as data, before anything runs. Pure: everything it needs to know of the machine comes
 * in as a Survey, so that `sallyport explain` prints exactly what `sallyport run` starts.
 */
import { createHash } from "node:crypto";
import { dirname, isAbsolute, resolve } from "node:path";
import type { Network } from "../model.ts";
import { isWithin } from "../paths.ts";
import type { Architecture } from "./syscalls.ts";

export const BACKENDS = ["bubblewrap", "gvisor", "podman", "docker"] as const;
export type Isolation = (typeof BACKENDS)[number] | "none";

/** What is to be run, resolved: the program's absolute path on the host, and the files that belong to it. */
export interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  /** Those of them that the caller has said: directories that they name are shown. What a package or an image says names nothing. */
  readonly asked: readonly string[];
  /** Directories and files that the program needs to run at all; read-only. */
  readonly needs: readonly string[];
  /** Why this is that server and no other: digest and origin. */
  readonly identity: Identity;
  /** The image that it brings, where it is one; otherwise containers get one that is made for it. */
  readonly image?: Image;
  /** Literals of its own command line. */
  readonly variables?: Readonly<Record<string, string>>;
  /** The engine that has that image. */
  readonly engine?: "docker" | "podman";
}

/** What a container starts from. */
export interface Image {
  /** `sha256:…`. */
  readonly id: string;
  readonly name: string;
  /** Its own variables, which are the server's too. */
  readonly environment: Readonly<Record<string, string>>;
  /** Numeric and not 0, or null. */
  readonly user: User | null;
  readonly cwd: string;
  readonly volumes: readonly string[];
  /** Made here from the server's own files. */
  readonly made: boolean;
}

export interface Identity {
  readonly kind: "npm" | "pypi" | "image" | "bundle" | "script" | "program";
  readonly name: string;
  readonly version?: string;
  /** Subresource integrity of the package, or `sha256-…` of the file. */
  readonly integrity: string;
}

export type Mount =
  | { readonly kind: "read" | "write" | "device"; readonly at: string; readonly source: string }
  | { readonly kind: "tmpfs"; readonly at: string; readonly bytes: number; readonly writable: boolean }
  | { readonly kind: "link"; readonly at: string; readonly target: string }
  | { readonly kind: "text"; readonly at: string; readonly text: string }
  | { readonly kind: "directory"; readonly at: string }
  | { readonly kind: "proc"; readonly at: string };

/** Limits in the kernel's units: counts, bytes, seconds. */
export interface Limits {
  readonly processes: number;
  readonly openFiles: number;
  readonly fileBytes: number;
  readonly coreBytes: number;
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
}

export interface Plan {
  readonly isolation: Isolation;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  /** Ids on the host; inside it is always `INSIDE`. */
  readonly user: User;
  readonly limits: Limits;
  readonly architecture: Architecture | null;
  readonly identity: Identity;
  /** What the caller gave: where paths in arguments may lead. */
  readonly given: Given;
  /** What may be reached; null: the cell has no network but its own loopback. */
  readonly network: Reachable | null;
  /** What a container starts from; null for other cells. */
  readonly image: Image | null;
}

/** Where the gate listens inside the cell, and for whom; whom it connects to, it decides connection by connection. */
export interface Reachable extends Network {
  readonly resolver: string;
  readonly proxy: string;
}

export interface Given {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/** What the machine has, looked up once. */
export interface Survey {
  readonly user: User;
  readonly architecture: Architecture | null;
  readonly system: readonly Mount[];
  readonly cwd: string;
  /** Directories that hold keys, journal and pins: hidden from every server, wherever they lie. */
  readonly hidden: readonly string[];
}

export interface Wish extends Given {
  readonly isolation: Isolation;
  readonly limits: Partial<Limits>;
  readonly environment: Readonly<Record<string, string>>;
  readonly network: Reachable | null;
}

/** Ids that a server sees itself with. */
export const INSIDE: User = { uid: 1000, gid: 1000 };
/** Where the cell's only writable memory may lie: the first that the caller's directories do not cover. */
const SCRATCH = ["/tmp", "/var/tmp", "/scratch"];

export const LIMITS: Limits = {
  processes: 512,
  openFiles: 4096,
  fileBytes: 1024 ** 3,
  coreBytes: 0,
  cpuSeconds: 4 * 3600,
  memoryBytes: 2 * 1024 ** 3,
};

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const SCRATCH_BYTES = 256 * 1024 ** 2;
const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];

export function makePlan(launch: Launch, wish: Wish, survey: Survey): Plan {
  const given = [...wish.read, ...wish.write];
  const scratch = SCRATCH.find((at) => !given.some((parent) => isWithin(at, parent))) ?? "/scratch";
  const plan = { isolation: wish.isolation, command: [launch.program, ...launch.args], limits: { ...LIMITS, ...wish.limits }, architecture: survey.architecture, identity: launch.identity, given: { read: wish.read, write: wish.write } };
  if (wish.isolation === "none") return { ...plan, cwd: survey.cwd, environment: wish.environment, mounts: [], user: survey.user, network: null, image: null };
  const { image = null } = launch;
  const mounts = image === null ? cellMounts(launch, wish, survey, scratch) : containerMounts(image, launch, wish, survey, scratch);
  const home = image === null ? `${scratch}/home` : scratch;
  const environment = { ...image?.environment, ...launch.variables, ...wish.environment, ...(image === null || image.made ? {} : { PATH: image.environment["PATH"] ?? DEFAULT_PATH }), ...proxied(wish.network), HOME: home, TMPDIR: scratch };
  const own = image === null || image.made;
  const cwd = isVisible(survey.cwd, mounts) || (own && namesRelative(launch.args, survey.cwd, mounts)) ? survey.cwd : own ? home : image.cwd;
  return { ...plan, cwd, environment, mounts, user: given.length > 0 ? survey.user : (image?.user ?? survey.user), network: wish.network, image };
}

/** Whether an argument means something from where the caller stands: then the server must stand there, too. */
function namesRelative(args: readonly string[], cwd: string, mounts: readonly Mount[]): boolean {
  const paths = args.map((argument) => (argument.startsWith("-") ? argument.slice(argument.indexOf("=") + 1) : argument));
  return paths.some((path) => path !== "" && !path.startsWith("-") && !isAbsolute(path) && isVisible(resolve(cwd, path), mounts));
}

/** The image is the rest, and for one that was made the package. A volume that it declares would be a directory of the engine's on the disk. */
function containerMounts(image: Image, launch: Launch, wish: Wish, survey: Survey, scratch: string): Mount[] {
  const memory = [scratch, ...image.volumes.filter((at) => at !== scratch && ![...wish.read, ...wish.write].some((given) => isWithin(at, given) || isWithin(given, at)))].map((at): Mount => ({ kind: "tmpfs", at, bytes: SCRATCH_BYTES, writable: true }));
  // Engines would show the machine's own otherwise.
  const base: Mount[] = [...memory, ...(wish.network === null ? [{ kind: "text", at: "/etc/resolv.conf", text: "" } as const] : resolver(wish.network))];
  return [...base, ...ownMounts({ needs: launch.needs.filter((at) => !isSystem(at)) }, wish, survey, base)];
}

/** What a made image holds itself, as far as the server needs it. */
export function isSystem(at: string): boolean {
  return ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc"].some((parent) => isWithin(at, parent));
}

function resolver(network: Reachable | null): Mount[] {
  return network === null ? [] : [{ kind: "text", at: "/etc/resolv.conf", text: `nameserver ${network.resolver}\noptions timeout:2 attempts:2\n` }];
}

/** Binds the plan into the journal: a different cell has a different digest. */
export function planDigest(plan: Plan): string {
  return createHash("sha256").update(JSON.stringify(plan)).digest("hex");
}

/** For programs that look for a proxy; what the caller names stays. Names work without, as the cell's resolver leads to the gate. */
function proxied(network: Reachable | null): Record<string, string> {
  if (network === null) return {};
  const url = `http://${network.proxy}`;
  const both = Object.entries({ HTTP_PROXY: url, HTTPS_PROXY: url, ALL_PROXY: url, NO_PROXY: "localhost,127.0.0.1,::1" });
  return { ...Object.fromEntries(both.flatMap(([name, value]) => [[name, value], [name.toLowerCase(), value]])), NODE_USE_ENV_PROXY: "1" };
}

function cellMounts(launch: Launch, wish: Wish, survey: Survey, scratch: string): Mount[] {
  const base: Mount[] = [
    ...survey.system,
    { kind: "proc", at: "/proc" },
    { kind: "tmpfs", at: "/dev", bytes: 65536, writable: false },
    ...DEVICES.map((name): Mount => ({ kind: "device", at: `/dev/${name}`, source: `/dev/${name}` })),
    { kind: "link", at: "/dev/fd", target: "/proc/self/fd" },
    { kind: "link", at: "/dev/stdin", target: "/proc/self/fd/0" },
    { kind: "link", at: "/dev/stdout", target: "/proc/self/fd/1" },
    { kind: "link", at: "/dev/stderr", target: "/proc/self/fd/2" },
    { kind: "link", at: "/dev/shm", target: `${scratch}/.shm` },
    { kind: "tmpfs", at: scratch, bytes: SCRATCH_BYTES, writable: true },
    { kind: "directory", at: `${scratch}/home` },
    { kind: "directory", at: `${scratch}/.shm` },
    ...resolver(wish.network),
  ];
  return [...base, ...ownMounts(launch, wish, survey, base)];
}

/** The caller's directories and what must stay hidden in them; parents before children, so that each lies on top of its parent. */
function ownMounts(launch: Pick<Launch, "needs">, wish: Wish, survey: Survey, base: readonly Mount[]): Mount[] {
  const found = new Map<string, Mount>();
  const readable = [...launch.needs, ...wish.read].filter((at) => !isVisible(at, base));
  for (const at of readable) found.set(at, { kind: "read", at, source: at });
  for (const at of wish.write) found.set(at, { kind: "write", at, source: at });
  const given = [...found.keys()];
  for (const at of survey.hidden) {
    if (given.some((parent) => isWithin(at, parent)) && !found.has(at)) found.set(at, { kind: "tmpfs", at, bytes: 4096, writable: false });
  }
  const mounts = [...found.values()].sort((a, b) => depth(a.at) - depth(b.at) || (a.at < b.at ? -1 : 1));
  return mounts.filter((mount) => mount.kind !== "read" || !coveredByRead(mount, mounts));
}

/** A read-only directory inside another needs no mount of its own, unless something lies between them. */
function coveredByRead(mount: Mount, mounts: readonly Mount[]): boolean {
  const parents = mounts.filter((other) => other !== mount && isWithin(mount.at, other.at));
  const nearest = parents.at(-1);
  return nearest?.kind === "read";
}

function depth(path: string): number {
  return path === "/" ? 0 : path.split("/").length;
}

/** Whether a path of the host is seen at the same place in the cell. */
export function isVisible(path: string, mounts: readonly Mount[]): boolean {
  for (let at = path; ; at = dirname(at)) {
    const mount = mounts.findLast((candidate) => candidate.at === at);
    if (mount !== undefined) return mount.kind === "read" || mount.kind === "write";
    if (at === dirname(at)) return false;
  }
}
