/** From the command line's options to a Wish: checked directories, and an environment of literals. */
import { existsSync, realpathSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { SallyportError } from "../errors.ts";
import type { Host } from "../model.ts";
import { isWithin } from "../paths.ts";
import { type Isolation, type Launch, type Limits, type Reachable, type User, type Wish } from "./plan.ts";

export interface WishOptions {
  readonly isolation: Isolation;
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** `NAME` or `NAME=VALUE`. */
  readonly env: readonly string[];
  /** Whether directories that the server's arguments name are shown as they are. */
  readonly named: boolean;
  readonly limits: Partial<Limits>;
  readonly network: Reachable | null;
  /** Whether variables may make programs load code: a manifest names them. */
  readonly loaders: boolean;
}

/** Variables by which interpreters and the linker load code, whatever their letters' case. */
const LOADERS = /^(?:NODE_OPTIONS|LD_.*|DYLD_.*|PYTHON(?:STARTUP|HOME|INSPECT|BREAKPOINT|USERBASE)|PERL5(?:OPT|LIB|DB)|RUBY(?:OPT|LIB)|BASH_ENV|ENV|BASH_FUNC.*|PROMPT_COMMAND|(?:JAVA_TOOL|_JAVA|JDK_JAVA)_OPTIONS|GIT_(?:SSH|ASKPASS|EXTERNAL_DIFF|CONFIG.*)|PHP_INI_SCAN_DIR|LUA_INIT|GCONV_PATH|npm_config_.*)$/i;

const STANDARD_PATH = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const PASSED_ON = /^(?:TERM|LANG|LC_[A-Z]+|TZ|NODE_ENV)$/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** The shell that holds the server back keeps these for itself. */
const SHELL_OWN = ["PWD", "OLDPWD", "SHLVL"];
/** Kernel interfaces and sockets of the machine's services: never directories of anybody's data. */
const CLOSED = ["/proc", "/sys", "/dev", "/run", "/var/run"];

/** Throws `cell.path`, `cell.variable`. */
export function makeWish(options: WishOptions, launch: Launch, host: Host): Wish {
  const named = options.isolation === "none" || !options.named ? [] : namedDirectories(launch.asked, host);
  const write = options.write.map((path) => checkedDirectory(path, host, true));
  const read = [...options.read.map((path) => checkedDirectory(path, host, false)), ...named].filter((path) => !write.includes(path));
  return { isolation: options.isolation, read: [...new Set(read)], write: [...new Set(write)], environment: environment(options, launch, host), limits: options.limits, network: options.network };
}

function checkedDirectory(path: string, host: Host, write: boolean): string {
  if (path === "") throw new SallyportError("cell.path", "an empty name");
  const at = resolve(host.cwd, path);
  const why = reasonAgainst(at, host, write);
  if (why !== null) throw new SallyportError("cell.path", `${at}: ${why}`);
  if (write && !statSync(at).isDirectory()) throw new SallyportError("cell.path", `${at}: only directories can be given for writing`);
  return at;
}

function reasonAgainst(at: string, host: Host, write: boolean): string | null {
  let real: string;
  try {
    real = realpathSync(at);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "it does not exist" : (error as Error).message;
  }
  const holdsOwn = ownDirectories(host).some((own) => isWithin(own, real));
  // Hidden below a writable parent it could be moved away with that parent, and below a link it would be hidden by another name.
  if (holdsOwn && write) return "Sallyport's own files lie in it; name the directories below that the server needs";
  if (holdsOwn && at !== real) return `Sallyport's own files lie in it; name it as ${real}`;
  for (const path of [at, real]) {
    if (path === "/") return "it is the whole machine";
    const closed = CLOSED.find((parent) => isWithin(path, parent));
    if (closed !== undefined) return `${closed} is the machine's own`;
    const own = ownDirectories(host).find((parent) => isWithin(path, parent));
    if (own !== undefined) return `${own} is Sallyport's own`;
  }
  return null;
}

/** The real names of the directories that no server may see; they exist before a plan is made. */
export function ownDirectories({ dirs }: Host): string[] {
  return [dirs.state, dirs.config, dirs.cache].map((directory) => (existsSync(directory) ? realpathSync(directory) : directory));
}

/** The existing directories that the server's arguments name, plain or as `--option=DIRECTORY`: what it is asked to work on, read-only. */
export function namedDirectories(args: readonly string[], host: Host): string[] {
  const candidates = args.map((argument) => (argument.startsWith("-") ? argument.slice(argument.indexOf("=") + 1) : argument)).filter((path) => path !== "" && !path.startsWith("-"));
  return candidates.map((path) => resolve(host.cwd, path)).filter((at) => isDirectory(at) && reasonAgainst(at, host, false) === null);
}

function isDirectory(at: string): boolean {
  try {
    return statSync(at).isDirectory();
  } catch {
    return false;
  }
}

/** An allow-list of literals. A value that starts with `()` is a function for an old bash (CVE-2014-6271) and is never passed on. */
function environment(options: WishOptions, launch: Launch, host: Host): Record<string, string> {
  const none = options.isolation === "none";
  const passed = Object.entries(host.env).filter((entry): entry is [string, string] => PASSED_ON.test(entry[0]) && entry[1] !== undefined && !entry[1].startsWith("()"));
  const user = none ? (host.env["USER"] ?? "") : "sallyport";
  return {
    ...Object.fromEntries(passed),
    PATH: none ? (host.env["PATH"] ?? STANDARD_PATH.join(":")) : [...new Set([dirname(launch.program), ...STANDARD_PATH])].join(":"),
    ...(none ? { HOME: host.env["HOME"] ?? "/", TMPDIR: host.env["TMPDIR"] ?? "/tmp" } : {}),
    USER: user,
    LOGNAME: user,
    SHELL: "/bin/sh",
    ...Object.fromEntries(options.env.map((text) => variable(text, host, options.loaders)).filter((entry) => entry !== null)),
  };
}

function variable(text: string, host: Host, loaders: boolean): [string, string] | null {
  const equals = text.indexOf("=");
  const name = equals === -1 ? text : text.slice(0, equals);
  if (!NAME.test(name)) throw new SallyportError("cell.variable", name);
  if (SHELL_OWN.includes(name)) throw new SallyportError("cell.variable", `${name} is a shell's own and never passed on`);
  if (!loaders && LOADERS.test(name)) throw new SallyportError("cell.variable", `${name} makes programs load code; a manifest may name it`);
  const value = equals === -1 ? host.env[name] : text.slice(equals + 1);
  if (value?.includes("\0") === true) throw new SallyportError("cell.variable", `${name} holds a zero byte`);
  return value === undefined ? null : [name, value];
}

/** As root the server gets another uid: a directory for writing that only root may write would be of no use to it. */
export function refuseRootOwned(write: readonly string[], { uid, gid }: User): void {
  const closed = write.find((at) => {
    const { uid: owner, gid: group, mode } = statSync(at);
    return (mode & (owner === uid ? 0o200 : group === gid ? 0o020 : 0o002)) === 0 && owner === 0;
  });
  if (closed !== undefined) throw new SallyportError("cell.write-owner", closed);
}
