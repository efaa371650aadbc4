/** The gate's own words before a server's: how they are written, and how they are told from what only looks like them. */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { basename, delimiter, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { SallyportError } from "../errors.ts";
import { load } from "../manifest/load.ts";
import type { Host } from "../model.ts";
import type { ClientFile } from "./places.ts";
import type { ClientServer } from "./servers.ts";

/** Where a client's servers are described. */
export function manifestOf(file: ClientFile, host: Host): string {
  return join(file.project ?? host.dirs.config, "sallyport.yaml");
}

/** Throws `clients.place` where the words would lead nowhere before long. */
export function gateWords({ file, cwd, env }: ClientServer, name: string, host: Host): string[] {
  const [interpreter, program] = host.program;
  if (/[/\\]_npx[/\\]/.test(program)) throw new SallyportError("clients.place", program);
  // A PATH of its own may have another program of that name.
  const short = !file.client.minimalPath && env["PATH"] === undefined && isOnPath(program, host);
  return [...(short ? ["sallyport"] : [interpreter, program]), "run", "--server", name, ...manifestWords(file, cwd, host), "--"];
}

/** In a project, the manifest is found from where the client starts; a path would be this machine's. */
function manifestWords(file: ClientFile, cwd: string | null, host: Host): string[] {
  const { project } = file;
  if (project === null) return ["--manifest", manifestOf(file, host)];
  if (file.client.project !== undefined) return ["--manifest", `${file.client.project}/sallyport.yaml`];
  if (cwd === null) return [];
  return ["--manifest", isAbsolute(cwd) ? manifestOf(file, host) : relative(resolve(project, cwd), join(project, "sallyport.yaml"))];
}

function isOnPath(program: string, host: Host): boolean {
  const found = (host.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "sallyport")).find((path) => existsSync(path));
  return found !== undefined && realpathSync(found) === realpathSync(program);
}

/** Words that start a program of that name from the registry, or what is installed. */
const RUNNERS = [["npx"], ["npx", "-y"], ["npx", "--yes"], ["bunx"], ["pnpm", "dlx"], ["pnpm", "exec"], ["yarn", "dlx"], ["npm", "exec", "--"], ["npm", "exec", "--yes", "--"]];

/**
 * Where the words of what seems to be a gate end and the server's begin; null where nothing of the kind stands there.
 * @param own files that are, or were, this program: a server's own `main.js run` is none.
 */
export function gateLength(argv: readonly string[], own: readonly string[]): number | null {
  const at = argv.slice(0, 8).findIndex((word, index) => argv[index + 1] === "run" && (/^sallyport(?:@.*|\.cmd)?$/.test(basename(word)) || own.includes(word) || /[/\\]sallyport[/\\]dist[/\\]main\.js$/.test(word)));
  if (at === -1) return null;
  const dashes = argv.indexOf("--", at + 2);
  return dashes === -1 ? argv.length : dashes + 1;
}

/** Variables by which the gate itself becomes another program, or finds other files of its own. */
const BENDING = /^(?:NODE_(?!ENV$).*|LD_.*|DYLD_.*|OPENSSL_.*|GCONV_PATH|npm_.*|BUN_.*|PNPM_.*|YARN_.*)$/i;
/** Where it looks for its tools, engines, packages and stores: the user's own files may say that, a project's may not. */
const LEADING = /^(?:PATH|TMPDIR|DOCKER_.*|CONTAINERS?_.*|PODMAN_.*|XDG_.*|DBUS_.*|PIP_.*|UV_.*|PYTHON.*|PERL.*|GIT_.*|SSL_.*|CURL_.*|(?:HTTPS?|ALL|NO)_PROXY|BASH_ENV|ENV|IFS)$/i;
const OF_THE_GATE = /^(?:HOME|SALLYPORT_\w+|XDG_(?:CONFIG|STATE|CACHE)_HOME)$/;

/** The first that would; a project's file must not say where the gate's own files are either. */
export function bendsGate({ file, env, names, argv }: Pick<ClientServer, "file" | "env" | "names" | "argv">): string | null {
  const all = [...Object.keys(env), ...names];
  return all.find((name) => BENDING.test(name) || (file.project !== null && (OF_THE_GATE.test(name) || LEADING.test(name))) || (name === "PATH" && Object.hasOwn(env, name) && !isAbsolute(argv[0] ?? ""))) ?? null;
}

/** What the gate itself goes by; a server gets its own of each. */
export function isOfTheGate(name: string): boolean {
  return name === "PATH" || OF_THE_GATE.test(name);
}

/** Flags of `run` that take nothing away from it, and whether a word follows. */
const HARMLESS: Readonly<Record<string, boolean>> = { "--server": true, "--manifest": true, "--read": true, "--write": true, "--env": true, "--host": true, "--address": true, "--consent": true, "--durability": true, "--max-line": true, "--quiet": false, "--update": false };

/** Why what seems to be a gate is none that can be relied on; null: it is one. */
export function whyNoGate(server: ClientServer, host: Host): string | null {
  const { argv, file } = server;
  const start = startOf(argv, host);
  if (start === null) return "it is not this copy of Sallyport that is started";
  const length = gateLength(argv, [host.program[1]]) ?? argv.length;
  const words = argv.slice(start + 1, length - (argv[length - 1] === "--" ? 1 : 0));
  let manifest: string | null = null;
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] as string;
    const takes = Object.hasOwn(HARMLESS, word) ? HARMLESS[word] : undefined;
    if (takes === undefined) return `${word} stands among the gate's words`;
    if (word === "--manifest") manifest = words[index + 1] ?? null;
    if (takes) index += 1;
  }
  const bent = bendsGate(server);
  if (bent !== null) return `${bent} would change the gate itself`;
  if (file.project !== null && manifest !== null && isAbsolute(manifest) && manifest !== manifestOf(file, host)) return `its manifest is ${manifest}`;
  const at = words.indexOf("--server");
  const base = resolve(file.project ?? host.cwd, server.cwd ?? ".");
  const named = resolve(base, (manifest ?? "sallyport.yaml").replace(file.client.project ?? "\0", file.project ?? ""));
  return at !== -1 && hasNoCell(named, words[at + 1] ?? "") ? `${named} switches the cell of ${words[at + 1]} off` : null;
}

const DEEPEST = 16;

/** What cannot be read, the gate itself refuses. */
function hasNoCell(manifest: string, name: string): boolean {
  let next: string | undefined = manifest;
  for (let depth = 0; next !== undefined && depth < DEEPEST; depth += 1) {
    try {
      const file: string = next;
      const { value } = load(file, readFileSync(file, "utf8"));
      const backend = value.servers !== undefined && Object.hasOwn(value.servers, name) ? value.servers[name]?.isolation?.backend : undefined;
      if (backend !== undefined) return backend === "none";
      next = value.extend === undefined ? undefined : resolve(dirname(file), value.extend);
    } catch {
      return false;
    }
  }
  return false;
}

/** Index of `run`; null where another program would be started than this one, or one of its name. */
function startOf(argv: readonly string[], host: Host): number | null {
  const [interpreter, own] = host.program;
  const [first = "", second = ""] = argv;
  if ((first === "sallyport" || isSame(first, own)) && second === "run") return 1;
  if ((/^node(?:js)?$/.test(first) || isSame(first, interpreter)) && isSame(second, own) && argv[2] === "run") return 2;
  const runner = RUNNERS.find((words) => words.every((word, index) => argv[index] === word) && /^sallyport(?:@[\w.^~-]+)?$/.test(argv[words.length] ?? "") && argv[words.length + 1] === "run");
  return runner === undefined ? null : runner.length + 1;
}

function isSame(path: string, other: string): boolean {
  if (!isAbsolute(path)) return false;
  try {
    return path === other || realpathSync(path) === realpathSync(other);
  } catch {
    return false;
  }
}

