/** Looks up what the machine has: system directories, the pieces of /etc that programs need, the programs that build the cell. */
import { accessSync, constants, existsSync, lstatSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import { SallyportError } from "../errors.ts";
import type { Host } from "../model.ts";
import { INSIDE, type Mount, type Survey, type User } from "./plan.ts";
import { firstClosed } from "./reach.ts";
import { ownDirectories } from "./wish.ts";
import type { Architecture } from "./syscalls.ts";

/** Taken when the gate runs as root: nobody and nogroup. */
export const NOBODY: User = { uid: 65534, gid: 65534 };

const SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/run/current-system/sw"];
/** Of /etc only what libraries read to work at all: no accounts, no keys, no names of the machine, no resolver. */
const ETC = [
  "/etc/alternatives", "/etc/ca-certificates", "/etc/ca-certificates.conf", "/etc/crypto-policies", "/etc/fonts", "/etc/ld-musl-x86_64.path", "/etc/ld.so.cache",
  "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/magic", "/etc/mime.types", "/etc/os-release", "/etc/pki/ca-trust", "/etc/pki/tls/certs",
  "/etc/protocols", "/etc/services", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/timezone",
];

export interface Tools {
  readonly bwrap: string;
  readonly prlimit: string;
  readonly sh: string;
  /** Needed only when started as root. */
  readonly setpriv: string | null;
  readonly unshare: string | null;
  readonly mount: string | null;
}

export function survey(host: Host, user: User): Survey {
  return {
    user,
    architecture: host.arch === "x64" || host.arch === "arm64" ? (host.arch satisfies Architecture) : null,
    system: [...SYSTEM.flatMap(systemMount), ...[...ETC, ...javaSettings()].filter((at) => existsSync(at)).map((at): Mount => ({ kind: "read", at, source: at })), ...accounts()],
    cwd: host.cwd,
    // Where the server's uid cannot get to, nothing can be mounted for it: the first directory that is closed to it is covered instead.
    hidden: [...new Set(ownDirectories(host).map((at) => (host.uid === 0 ? firstClosed(at, user) : at)))],
  };
}

/** The uid that a server gets: the caller's own, or, for root, that of whom the directories for writing belong to, or nobody. */
export function chooseUser(host: Host, write: readonly string[]): User {
  if (host.uid !== 0) return { uid: host.uid, gid: host.gid };
  const owners = write.map((directory) => statSync(directory)).filter(({ uid }) => uid !== 0);
  const owner = owners[0];
  return owner === undefined ? NOBODY : { uid: owner.uid, gid: owner.gid === 0 ? NOBODY.gid : owner.gid };
}

/** Debian keeps what a Java runtime does not start without outside of it: `/etc/java-17-openjdk`. */
function javaSettings(): string[] {
  return readdirSync("/etc").filter((name) => /^java-\d+-openjdk$/.test(name)).map((name) => `/etc/${name}`);
}

function systemMount(at: string): Mount[] {
  if (!existsSync(at)) return [];
  if (lstatSync(at).isSymbolicLink()) return [{ kind: "link", at, target: readlinkSync(at) }];
  return [{ kind: "read", at, source: at }];
}

/** One made-up account, no resolver, and a hosts file of loopback alone: nothing here tells of the machine or its user. */
function accounts(): Mount[] {
  const { uid, gid } = INSIDE;
  return [
    { kind: "text", at: "/etc/passwd", text: `sallyport:x:${uid}:${gid}::/tmp/home:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n` },
    { kind: "text", at: "/etc/group", text: `sallyport:x:${gid}:\nnogroup:x:65534:\n` },
    { kind: "text", at: "/etc/hosts", text: "127.0.0.1 localhost\n::1 localhost\n" },
    { kind: "text", at: "/etc/nsswitch.conf", text: "passwd: files\ngroup: files\nhosts: files dns\n" },
  ];
}

const SBIN = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Throws `cell.platform`, `cell.no-bubblewrap`, `cell.no-tool`. */
export function findTools(host: Host): Tools {
  if (host.platform !== "linux") throw new SallyportError("cell.platform", host.platform);
  const find = (name: string): string | null => findProgram(name, `${host.env["PATH"] ?? ""}${delimiter}${SBIN.join(delimiter)}`, "/");
  const bwrap = find("bwrap");
  if (bwrap === null) throw new SallyportError("cell.no-bubblewrap");
  const needed = (name: string): string => {
    const found = find(name);
    if (found === null) throw new SallyportError("cell.no-tool", name);
    return found;
  };
  const asRoot = (name: string): string | null => (host.uid === 0 ? needed(name) : null);
  return { bwrap, prlimit: needed("prlimit"), sh: needed("sh"), setpriv: asRoot("setpriv"), unshare: asRoot("unshare"), mount: asRoot("mount") };
}

/** Looks a program up as execvp(3) does, without running anything. Empty parts of PATH mean the current directory, and are left out. */
export function findProgram(name: string, path: string, cwd: string): string | null {
  if (name.includes("/")) return isExecutable(resolve(cwd, name)) ? resolve(cwd, name) : null;
  for (const directory of path.split(delimiter)) {
    if (!isAbsolute(directory)) continue;
    const candidate = join(directory, name);
    if (isExecutable(candidate)) return candidate;
  }
  return null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
