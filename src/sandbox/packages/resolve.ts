/** A server's command line -> a Launch: the exact program and the files that belong to it, before the cell closes. */
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, readSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { SallyportError } from "../../errors.ts";
import type { Host } from "../../model.ts";
import type { Identity, Launch } from "../plan.ts";
import { findProgram } from "../survey.ts";
import { parseRunner, type RunnerName } from "./commands.ts";
import { INTERPRETERS, PYTHON, CODE_MODULES, isProject, parseProject, type Interpreter } from "./interpreters.ts";
import { resolveNpm } from "./npm.ts";
import { programNeeds, scriptNeeds } from "./prefix.ts";
import { unshim } from "./shims.ts";

export interface ResolveOptions {
  readonly host: Host;
  /** Fetch a package again instead of running the one that was pinned at first use. */
  readonly update: boolean;
  /** Whether a manifest names this command line: then it may carry code. */
  readonly named: boolean;
  /** Progress of long work, a line each. */
  readonly say: (line: string) => void;
  /** Runs a package manager where it reaches its registry alone. */
  readonly fetch: (fetching: Fetching) => Promise<void>;
}

/** A package manager at work: it fills a folder of the cache. */
export interface Fetching {
  readonly tool: "npm" | "pip";
  /** The program first. */
  readonly argv: readonly string[];
  readonly folder: string;
}

type Launcher = (args: readonly string[], program: string, options: ResolveOptions) => Promise<Launch> | Launch;

const npm = (runner: RunnerName): Launcher => async (args, _, options) => runScript(await resolveNpm(parseRunner(runner, args, options.named), options), options);
const pypi = (runner: RunnerName): Launcher => async (args, _, options) => runScript(await (await import("./pypi.ts")).resolvePypi(parseRunner(runner, args, options.named), options), options);

/** Adding a launcher is one file and one line. Those that fetch need not be installed themselves. */
const LAUNCHERS: readonly (readonly [name: RegExp, launcher: Launcher, installed: boolean])[] = [
  [/^npx$/, npm("npx"), false],
  [/^npm$/, npm("npm"), false],
  [/^pnpm$/, npm("pnpm"), false],
  [/^yarn$/, npm("yarn"), false],
  [/^bunx$/, npm("bunx"), false],
  [/^uvx$/, pypi("uvx"), false],
  [/^uv$/, async (args, program, options) => (isProject(args) ? runProject(args, options) : pypi("uv")(args, program, options)), false],
  [/^pipx$/, pypi("pipx"), false],
  [/^env$/, (args, _, options) => unwrapped(args, options), true],
  [/^(?:nice|nohup|timeout|setsid|stdbuf|time|ionice|chrt|taskset|busybox|sudo|doas|su|runuser|xargs|script|strace|unshare|nsenter|chroot|flatpak-spawn|rbash|[gm]?awk|find|git|flock|setarch|linux64|i386|prlimit|bwrap|setpriv|parallel|watch|ssh|make|ld-linux.*|ld-musl.*)$/, (args, program, options) => wrapped(args, program, options), true],
  [/^(?:docker|podman)$/, async (args, program, options) => (await import("./docker.ts")).resolveContainer(basename(program) === "podman" ? "podman" : "docker", args, options), true],
  ...INTERPRETERS.map(([name, kind]): readonly [RegExp, Launcher, boolean] => [name, (args, program, options) => interpreted(program, args, options, kind), true]),
];

/** Throws `launch.*`. */
export async function resolveLaunch(command: readonly string[], options: ResolveOptions): Promise<Launch> {
  const [word, ...args] = command;
  if (word === undefined) throw new SallyportError("usage.no-command");
  const [, launcher, installed = true] = LAUNCHERS.find(([name]) => name.test(basename(word))) ?? [];
  if (/\.(?:mcpb|dxt)$/.test(word)) return (await import("./bundle.ts")).resolveBundle(fileAt(word, options.host) ?? word, args, options, (inner) => resolveLaunch(inner, options));
  const program = installed ? locate(word, options.host) : word;
  if (launcher !== undefined) return launcher(args, program, options);
  return runScript({ file: program, args, identity: identify(program) }, options);
}

/** `env PROGRAM ARG…`; what it could change is said to Sallyport, and `-S` is a command line in a word. */
function unwrapped(args: readonly string[], options: ResolveOptions): Promise<Launch> {
  const [word = ""] = args;
  if (word.startsWith("-")) throw new SallyportError("launch.code", `env ${word}`);
  if (word.includes("=")) throw new SallyportError("launch.code", `env ${word}: use --env in front of the dashes`);
  return resolveLaunch(args, options);
}

/** Programs that run another one, which then nobody has looked at. */
function wrapped(args: readonly string[], program: string, options: ResolveOptions): Launch {
  // A program of one's own may be called `time` or `script` as well.
  if (!options.named && /^(?:\/usr(?:\/local)?)?\/(?:s?bin|lib[^/]*)\//.test(program)) throw new SallyportError("launch.code", `${basename(program)} runs another program: name that one`);
  return runScript({ file: program, args, identity: identify(program) }, options);
}

/** `uv run` inside a project: its own environment, as `uv sync` has left it. */
function runProject(args: readonly string[], options: ResolveOptions): Promise<Launch> | Launch {
  const { directory, rest } = parseProject(args, options);
  const [word = "", ...more] = rest;
  const bin = join(directory, ".venv/bin");
  const python = join(bin, "python");
  if (!existsSync(python)) throw new SallyportError("launch.file", `${directory} has no environment yet: run uv sync in it`);
  const host = { ...options.host, cwd: directory };
  if (/^python[0-9.]*$/.test(word)) return interpreted(python, more, { ...options, host }, PYTHON);
  if (word.endsWith(".py")) return interpreted(python, rest, { ...options, host }, PYTHON);
  const script = join(bin, word);
  if (word === "" || word.includes("/") || !existsSync(script)) throw new SallyportError("launch.file", `${directory} has no program ${word}`);
  return runScript({ file: script, args: more, identity: { ...identify(script), kind: "script" }, needs: [directory] }, { ...options, host });
}

export interface Script {
  readonly file: string;
  readonly args: readonly string[];
  readonly identity: Identity;
  /** Directories that belong to it; found by itself where missing. */
  readonly needs?: readonly string[];
}

/** A file that may be a script: its interpreter is looked up here, as the cell's PATH is another. */
function runScript(script: Script, { host }: ResolveOptions): Launch {
  return scriptLaunch(script, host);
}

export function scriptLaunch(script: Script, host: Host): Launch {
  const interpreter = shebang(script.file);
  if (interpreter === null) return { program: script.file, args: script.args, asked: script.args, needs: [...programNeeds(script.file, host), ...(script.needs ?? [])], identity: script.identity };
  const [word = "", ...options] = interpreter;
  const program = locate(word, host);
  const file = realpathSync(script.file);
  return { program, args: [...options, file, ...script.args], asked: script.args, needs: [...programNeeds(program, host), ...(script.needs ?? scriptNeeds(file, host))], identity: script.identity };
}

/** The script may come after options; what carries code in the command line is refused, unless the manifest names it. */
function interpreted(program: string, args: readonly string[], { host, named }: ResolveOptions, kind: Interpreter): Launch {
  const at = named ? 0 : scriptAt(args, kind);
  const word = args[at];
  const whole: Launch = { program, args, asked: args, needs: programNeeds(program, host), identity: identify(program) };
  if (at === -1) return whole;
  const found = named ? args.findIndex((one) => !one.startsWith("-") && !kind.verbs.includes(one) && fileAt(one, host) !== null) : at;
  const file = found === -1 || args[found] === undefined ? null : fileAt(args[found], host);
  if (file === null && !named) throw new SallyportError(word === undefined ? "launch.code" : "launch.file", word ?? "from stdin");
  if (file === null) return whole;
  const needs = [...whole.needs, ...scriptNeeds(file, host)];
  return { ...whole, args: [...args.slice(0, found), file, ...args.slice(found + 1)], needs, identity: { ...identify(file), kind: "script" } };
}

/** Where the script's name stands; -1 where a module is named instead. Throws `launch.code`. */
function scriptAt(args: readonly string[], kind: Interpreter): number {
  let behind = false;
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] as string;
    if (!word.startsWith("-") && !(word.startsWith("+") && kind.plain.test(word))) {
      if (kind.refused.includes(word)) refuseCode(word);
      if (behind || !kind.verbs.includes(word)) return at;
      behind = true;
    } else if (kind.code.test(word) || /=\s*(?:data|https?|blob):/i.test(word)) refuseCode(word);
    else if (kind.module.test(word)) return CODE_MODULES.test(word.replace(/^-[A-Za-z]*m/, "") || (args[at + 1] ?? "")) ? refuseCode(args[at + 1] ?? word) : -1;
    else if (kind.valued.test(word)) {
      at += 1;
      if (/^\s*(?:data|https?|blob):/i.test(args[at] ?? "")) refuseCode(`${word} ${args[at]}`);
    } else if (!kind.plain.test(word) && !word.includes("=")) refuseCode(`${word}: not known without a value; write it with = if it takes one`);
  }
  return args.length;
}

function refuseCode(word: string): never {
  throw new SallyportError("launch.code", word);
}

/** The real file behind a path, as the interpreter would find it; node adds the endings that `require` knows. */
function fileAt(path: string, host: Host): string | null {
  for (const ending of ["", ".js", ".mjs", ".cjs", "/index.js"]) {
    try {
      const real = realpathSync(join(path.startsWith("/") ? "/" : host.cwd, path + ending));
      if (statSync(real).isFile()) return real;
    } catch {
      // Not this one.
    }
  }
  return null;
}

function locate(word: string, host: Host): string {
  const found = findProgram(word, host.env["PATH"] ?? "", host.cwd);
  if (found === null) throw new SallyportError("launch.not-found", word);
  // A version manager is asked for what the caller's path leads to, never for a path that a script names.
  const program = word.includes("/") ? found : unshim(found, host);
  // By its directory's real path: /bin may be a link, which the cell has as a link too.
  return join(realpathSync(dirname(program)), basename(program));
}

function shebang(file: string): string[] | null {
  const head = readHead(file);
  if (!head.startsWith("#!")) return null;
  const words = (head.slice(2).split("\n", 1)[0] ?? "").trim().split(/\s+/);
  if (basename(words[0] ?? "") !== "env") return words;
  return words.slice(words[1] === "-S" ? 2 : 1);
}

function readHead(file: string): string {
  try {
    const descriptor = openSync(file, "r");
    try {
      const head = Buffer.alloc(256);
      return head.toString("latin1", 0, readSync(descriptor, head, 0, head.length, 0));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    throw new SallyportError("launch.file", file);
  }
}

const HASHED_BYTES = 16 * 1024 * 1024;

/** Digest of the file; large programs (a runtime of 100 MB takes longer to hash than to start) by size and time of change. */
function identify(file: string): Identity {
  const { size, mtimeMs } = statSync(file);
  const integrity = size > HASHED_BYTES ? `size-${size}-changed-${Math.floor(mtimeMs)}` : `sha256-${createHash("sha256").update(readFileSync(file)).digest("base64")}`;
  return { kind: "program", name: file, integrity };
}
