/** A server's command line -> a Launch: the exact program and the files that belong to it, before the cell closes. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, readSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { SallyportError } from "../../errors.ts";
import type { Host } from "../../model.ts";
import type { Identity, Launch } from "../plan.ts";
import { findProgram } from "../survey.ts";
import { resolveContainer } from "./docker.ts";
import { resolveNpx } from "./npx.ts";
import { programNeeds, scriptNeeds } from "./prefix.ts";
import { unshim } from "./shims.ts";

export interface ResolveOptions {
  readonly host: Host;
  /** Fetch a package again instead of running the one that was pinned at first use. */
  readonly update: boolean;
  /** Progress of long work, a line each. */
  readonly say: (line: string) => void;
}

type Launcher = (args: readonly string[], program: string, options: ResolveOptions) => Promise<Launch> | Launch;

/** Adding a launcher is one file and one line. */
const LAUNCHERS: readonly (readonly [name: RegExp, launcher: Launcher])[] = [
  [/^npx$/, async (args, _, options) => runScript(await resolveNpx(args, options), options)],
  [/^(?:docker|podman)$/, (args, program, options) => resolveContainer(basename(program) === "podman" ? "podman" : "docker", args, options)],
  [/^node(?:js)?$/, (args, program, options) => interpreted(program, args, options, NODE_OPTIONS)],
  [/^(?:python[0-9.]*|ruby|perl|php|bun|bash|dash|sh)$/, (args, program, options) => interpreted(program, args, options, OTHER_OPTIONS)],
];

/** Options of interpreters: which carry code themselves, and which take the next word as their value. */
interface Options {
  readonly code: RegExp;
  readonly valued: RegExp;
}

const NODE_OPTIONS: Options = { code: /^(?:-e|--eval|-p|--print|-pe|-i|--interactive|-)(?:=|$)/, valued: /^(?:-r|--require|--import|--loader|--experimental-loader|-C|--conditions|--title)$/ };
const OTHER_OPTIONS: Options = { code: /^(?!)/, valued: /^-[cemWXI]$/ };

/** Throws `launch.*`. */
export async function resolveLaunch(command: readonly string[], options: ResolveOptions): Promise<Launch> {
  const [word, ...args] = command;
  if (word === undefined) throw new SallyportError("usage.no-command");
  const launcher = LAUNCHERS.find(([name]) => name.test(basename(word)))?.[1];
  const program = word === "npx" ? word : locate(word, options.host);
  if (launcher !== undefined) return launcher(args, program, options);
  return runScript({ file: program, args, identity: identify(program) }, options);
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
  const interpreter = shebang(script.file);
  if (interpreter === null) return { program: script.file, args: script.args, needs: [...programNeeds(script.file, host), ...(script.needs ?? [])], identity: script.identity };
  const [word = "", ...options] = interpreter;
  const program = locate(word, host);
  const file = realpathSync(script.file);
  return { program, args: [...options, file, ...script.args], needs: [...programNeeds(program, host), ...(script.needs ?? scriptNeeds(file, host))], identity: script.identity };
}

function interpreted(program: string, args: readonly string[], { host }: ResolveOptions, options: Options): Launch {
  let at = 0;
  for (; at < args.length && (args[at] as string).startsWith("-"); at += 1) {
    const word = args[at] as string;
    if (options.code.test(word)) throw new SallyportError("launch.code", word);
    if (options.valued.test(word)) at += 1;
  }
  const named = args[at];
  const file = named === undefined ? null : fileAt(named, host);
  if (file === null && options === NODE_OPTIONS) throw new SallyportError(named === undefined ? "launch.code" : "launch.file", named ?? "from stdin");
  if (file === null) return { program, args, needs: programNeeds(program, host), identity: identify(program) };
  const needs = [...programNeeds(program, host), ...scriptNeeds(file, host)];
  return { program, args: [...args.slice(0, at), file, ...args.slice(at + 1)], needs, identity: { ...identify(file), kind: "script" } };
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
  const program = unshim(found, host);
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
