/**
 * Whether what seems to be a gate is one that can be relied on. A project's file comes with a foreign repository: of its words only
 * those are taken that `protect` writes itself, and its manifest is read as the gate would read it.
 */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, resolve } from "node:path";
import { load } from "../manifest/load.ts";
import type { Host } from "../model.ts";
import { bendsGate, gateLength, manifestOf } from "./gate-words.ts";
import type { ClientServer } from "./servers.ts";

/** Flags of `run` that take nothing away from it, and whether a word follows. */
const HARMLESS: Readonly<Record<string, boolean>> = { "--server": true, "--manifest": true, "--read": true, "--write": true, "--env": true, "--host": true, "--address": true, "--consent": true, "--durability": true, "--max-line": true, "--isolation": true, "--quiet": false };
/** These lend the server something: in a project, its manifest says so, where it is looked at. */
const LENDING = new Set(["--read", "--write", "--env", "--host", "--address", "--consent"]);
const REPEATED = new Set(["--read", "--write", "--env", "--host", "--address"]);
const CELLS = new Set(["auto", "bubblewrap", "podman", "docker", "gvisor"]);
const RUNNERS = new Set(["npx", "npm", "pnpm", "yarn", "bunx"]);
/** Any client's placeholders. */
const FILLED_IN = /[$%{}]/;

/** Null: it is one. */
export function whyNoGate(server: ClientServer, host: Host): string | null {
  const { argv, file, cwd } = server;
  const start = startOf(argv, host);
  if (start === null) return RUNNERS.has(argv[0] ?? "") ? `${argv[0]} starts what the directory it is started in calls sallyport; name the program itself` : "it is not this copy of Sallyport that is started";
  const length = gateLength(argv, [host.program[1]]) ?? argv.length;
  const words = argv.slice(start + 1, length - (argv[length - 1] === "--" ? 1 : 0));
  const flags = new Map<string, string>();
  for (const [flag, value] of flagsOf(words)) {
    if (value === null) return `${flag} stands among the gate's words`;
    if (flags.has(flag) && !REPEATED.has(flag)) return `${flag} stands there twice`;
    if (file.project !== null && LENDING.has(flag)) return `${flag} lends the server something; that belongs into the project's manifest`;
    if (flag === "--isolation" && !CELLS.has(value)) return `its cell is ${value}`;
    flags.set(flag, value);
  }
  const bent = bendsGate(server);
  if (bent !== null) return `${bent} would change the gate itself`;
  if (server.beside !== null) return `${server.beside} may change the gate itself`;
  const manifest = flags.get("--manifest") ?? null;
  // Where it starts says which manifest it is, unless that is named from the root.
  const led = manifest !== null && isAbsolute(anchored(manifest, server)) ? words : [...words, cwd ?? ""];
  const filled = led.find((word) => FILLED_IN.test(anchored(word, server)));
  if (filled !== undefined) return `${filled} is for the client to fill in`;
  if (file.project !== null && manifest !== null && isAbsolute(manifest) && resolve(manifest) !== manifestOf(file, host)) return `its manifest is ${manifest}`;
  const name = flags.get("--server");
  return name === undefined ? null : whyNoCell(server, manifest, name, host);
}

/** Each flag with its value, or null where it is none that may stand there. */
function* flagsOf(words: readonly string[]): Generator<readonly [flag: string, value: string | null]> {
  for (let index = 0; index < words.length; index += 1) {
    const [flag = "", ...rest] = (words[index] as string).split("=");
    const takes = Object.hasOwn(HARMLESS, flag) ? HARMLESS[flag] : undefined;
    if (takes === true && rest.length === 0) index += 1;
    yield [flag, takes === undefined || (!takes && rest.length > 0) ? null : takes ? (rest.length > 0 ? rest.join("=") : (words[index] ?? null)) : ""];
  }
}

/** The project's own directory, where the client has a word for it at the beginning. */
function anchored(word: string, { file }: ClientServer): string {
  const its = file.client.project;
  return its !== undefined && file.project !== null && word.startsWith(its) ? `${file.project}${word.slice(its.length)}` : word;
}

function whyNoCell(server: ClientServer, manifest: string | null, name: string, host: Host): string | null {
  const { file } = server;
  const given = manifest === null ? "sallyport.yaml" : anchored(manifest, server);
  if (file.project === null && !isAbsolute(given)) return "its manifest is looked for wherever the client starts it; name one with --manifest";
  // Not every client goes by the directory that an entry names.
  const project = file.project ?? host.cwd;
  const [first = "", ...others] = [...new Set([resolve(project, anchored(server.cwd ?? ".", server), given), resolve(project, given)])];
  if (manifest === null && !existsSync(first)) return `${first} is not there: your own manifest would be taken for it`;
  const off = [first, ...others].find((one) => backendIn(one, name) === "none");
  return off === undefined ? null : `${off} switches the cell of ${name} off`;
}

/** What a manifest, or what it extends, says of a server's cell; null where one of them cannot be read, which the gate refuses itself. */
function backendIn(manifest: string, name: string): string | null {
  const seen = new Set<string>();
  let found: string | undefined;
  for (let next: string | undefined = manifest; next !== undefined; ) {
    if (seen.has(next)) return null;
    seen.add(next);
    try {
      const file: string = next;
      const { value } = load(file, readFileSync(file, "utf8"));
      found ??= value.servers !== undefined && Object.hasOwn(value.servers, name) ? value.servers[name]?.isolation?.backend : undefined;
      next = value.extend === undefined ? undefined : resolve(dirname(file), value.extend);
    } catch {
      return null;
    }
  }
  return found ?? "auto";
}

/** Index of `run`; null where another program would be started than this one. What a registry's runner would take depends on where it runs. */
export function startOf(argv: readonly string[], host: Host): number | null {
  const [interpreter, own] = host.program;
  const [first = "", second = ""] = argv;
  if ((first === "sallyport" || isSame(first, own)) && second === "run") return 1;
  return (/^node(?:js)?$/.test(first) || isSame(first, interpreter)) && isSame(second, own) && argv[2] === "run" ? 2 : null;
}

/** A registry's runner starts a program of this name: what stands behind it is the server's all the same. */
export function isRunners(argv: readonly string[]): boolean {
  const run = argv.indexOf("run");
  return RUNNERS.has(argv[0] ?? "") && run > 1 && run < 6 && /^sallyport(?:@[\w.^~-]+)?$/.test(argv[run - 1] ?? "") && argv.slice(1, run - 1).every((word) => /^(?:-y|--yes|--|dlx|exec|x)$/.test(word));
}

function isSame(path: string, other: string): boolean {
  if (!isAbsolute(path)) return false;
  try {
    return path === other || realpathSync(path) === realpathSync(other);
  } catch {
    return false;
  }
}
