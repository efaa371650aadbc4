/** The command table; builds the ports from the process, and is the only exit. */
import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { stayLean } from "./engine.ts";
import { SallyportError, asSallyportError } from "./errors.ts";
import type { Dirs, Host } from "./model.ts";
import { nearest } from "./nearest.ts";
import { COMMANDS } from "./commands/table.ts";

/** What every server of this machine is bound by, whatever its own manifest says. */
const BASELINE = "/etc/sallyport/baseline.yaml";

declare const SALLYPORT_VERSION: string;

const HELP = `sallyport: a gate and a cell for MCP servers that speak over STDIO

  sallyport COMMAND [OPTION…]

${Object.entries(COMMANDS).map(([name, [summary]]) => `  ${name.padEnd(12)}${summary}`).join("\n")}

  sallyport COMMAND --help   options and an example
  sallyport --version

Example: sallyport run -- npx -y @modelcontextprotocol/server-filesystem ~/docs
`;

async function main(argv: readonly string[], host: Host): Promise<number> {
  const [name, ...args] = argv;
  if (name === "--version" || name === "-V") return print(host, `${host.version}\n`);
  if (name === "help" && args.length > 0) return args.length === 1 && !args[0]?.startsWith("-") ? main([...args, "--help"], host) : refuseWord(args.at(-1) ?? "");
  if (name === undefined || name === "--help" || name === "-h" || name === "help") return print(host, HELP);
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry === undefined) {
    const near = nearest(name, Object.keys(COMMANDS));
    throw new SallyportError("usage.unknown-command", near === null ? name : `${name}; did you mean ${near}?`);
  }
  if (name === "run") stayLean();
  const { command } = await entry[1]();
  return command(args, host);
}

function refuseWord(word: string): never {
  throw new SallyportError("usage.option", `${word} is one word too many`);
}

function print(host: Host, text: string): number {
  host.stdout.write(text);
  return 0;
}

function hostOf(processLike: NodeJS.Process): Host {
  const { env } = processLike;
  const cwd = cwdOf(processLike);
  let base = -Infinity;
  return {
    env,
    cwd,
    uid: processLike.getuid?.() ?? -1,
    gid: processLike.getgid?.() ?? -1,
    pid: processLike.pid,
    platform: processLike.platform,
    arch: processLike.arch,
    version: SALLYPORT_VERSION,
    program: [processLike.execPath, import.meta.filename],
    dirs: dirsOf(env, cwd),
    baseline: BASELINE,
    now: () => {
      // Microseconds from the steady clock, tied to the wall clock at first and whenever that was set.
      const steady = performance.now() * 1000;
      const offset = Date.now() * 1000 - steady;
      if (Math.abs(offset - base) > 5000) base = offset;
      return base + steady;
    },
    stdin: processLike.stdin,
    stdout: processLike.stdout,
    stderr: processLike.stderr,
    parent: () => processLike.ppid,
    onSignal: (listener) => (["SIGINT", "SIGTERM", "SIGHUP"] as const).forEach((signal) => processLike.on(signal, () => listener(signal))),
  };
}

/** A current directory that has been removed is none: names are then taken from the root. */
function cwdOf(processLike: NodeJS.Process): string {
  try {
    return processLike.cwd();
  } catch {
    return "/";
  }
}

/** XDG base directories, or all three below SALLYPORT_HOME; clients pass little more than HOME. */
function dirsOf(env: NodeJS.ProcessEnv, cwd: string): Dirs {
  const own = env["SALLYPORT_HOME"];
  if (own !== undefined && own !== "") return { config: resolve(cwd, own, "config"), state: resolve(cwd, own, "state"), cache: real(resolve(cwd, own, "cache")) };
  const home = env["HOME"]?.startsWith("/") === true ? env["HOME"] : homedir();
  const base = (name: string, fallback: string): string => join(env[name]?.startsWith("/") === true ? env[name] : join(home, fallback), "sallyport");
  return { config: base("XDG_CONFIG_HOME", ".config"), state: base("XDG_STATE_HOME", ".local/state"), cache: real(base("XDG_CACHE_HOME", ".cache")) };
}

/** Programs are started from the cache by the path that links lead to; a cell shows them under the same. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(real(parent), basename(path));
  }
}

function fail(host: Host, thrown: unknown): number {
  const error = asSallyportError(thrown);
  host.stderr.write(`sallyport: ${error.message} (${error.code})\nsallyport: next step: ${error.hint}\n`);
  if (error.code === "internal.bug" && thrown instanceof Error) host.stderr.write(`${thrown.stack ?? ""}\n`);
  return error.exitCode;
}

const host = hostOf(process);
let lost: NodeJS.ErrnoException | null = null;
process.stdout.on("error", (error: NodeJS.ErrnoException) => (lost ??= error));
const code = await main(process.argv.slice(2), host).catch((error: unknown) => fail(host, error));
// What was to be kept in a file is not there: that is no success. Who stops reading a pipe has read enough.
await new Promise((told) => setImmediate(told));
process.exit(lost !== null && (lost as NodeJS.ErrnoException).code !== "EPIPE" ? fail(host, new SallyportError("file.access", `stdout: ${(lost as Error).message}`)) : code);
