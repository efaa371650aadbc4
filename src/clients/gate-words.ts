/** The gate's own words before a server's: how they are written, and how they are told from what only looks like them. */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { basename, delimiter, dirname, isAbsolute, join } from "node:path";
import { SallyportError } from "../errors.ts";
import type { Host } from "../model.ts";
import type { ClientFile } from "./places.ts";

/** Where a client's servers are described. */
export function manifestOf(file: ClientFile, host: Host): string {
  return join(file.project ?? host.dirs.config, "sallyport.yaml");
}

/** Throws `clients.place` where the words would lead nowhere before long. */
export function gateWords(file: ClientFile, name: string, host: Host): string[] {
  const [interpreter, program] = host.program;
  if (/[/\\]_npx[/\\]/.test(program)) throw new SallyportError("clients.place", program);
  const start = !file.client.minimalPath && isOnPath(program, host) ? ["sallyport"] : [interpreter, program];
  return [...start, "run", "--server", name, ...manifestWords(file, host), "--"];
}

/** In a project, the manifest is found from where the client starts; a path would be this machine's. */
function manifestWords(file: ClientFile, host: Host): string[] {
  if (file.project === null) return ["--manifest", manifestOf(file, host)];
  return file.client.project === undefined ? [] : ["--manifest", `${file.client.project}/sallyport.yaml`];
}

function isOnPath(program: string, host: Host): boolean {
  const found = (host.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "sallyport")).find((path) => existsSync(path));
  return found !== undefined && realpathSync(found) === realpathSync(program);
}

const RUNNERS: Readonly<Record<string, readonly string[]>> = { npx: ["-y", "--yes"], bunx: [], pnpx: [], pnpm: ["dlx", "exec"], npm: ["exec", "-y", "--yes", "--"], yarn: ["dlx"] };

/** Where the gate's own command line ends and the server's begins; null where no gate stands before it. @param own this program's file. */
export function gateLength(argv: readonly string[], own: string): number | null {
  const at = gateAt(argv, own);
  if (at === null || argv[at] !== "run") return null;
  const dashes = argv.indexOf("--", at + 1);
  return dashes === -1 ? argv.length : dashes + 1;
}

/** Behind the program that is the gate; a word of that name somewhere in the line is none. */
function gateAt([first = "", ...rest]: readonly string[], own: string): number | null {
  if (isGate(first, own)) return 1;
  const name = basename(first).replace(/\.(?:exe|cmd)$/i, "");
  if (/^node(?:js)?$/.test(name)) return rest[0] !== undefined && isAbsolute(rest[0]) && isGate(rest[0], own) ? 2 : null;
  const passed = Object.hasOwn(RUNNERS, name) ? RUNNERS[name] : undefined;
  if (passed === undefined) return null;
  const package_ = rest.findIndex((word) => !passed.includes(word));
  return package_ !== -1 && /^sallyport(?:@[\w.^~-]+)?$/.test(rest[package_] as string) ? package_ + 2 : null;
}

/** By name from the PATH; by its file, only where that is a copy of this package. */
function isGate(word: string, own: string): boolean {
  if (/^sallyport(?:\.cmd)?$/i.test(word)) return true;
  if (!isAbsolute(word)) return false;
  if (word === own) return true;
  try {
    const file = realpathSync(word);
    return file === realpathSync(own) || (JSON.parse(readFileSync(join(dirname(dirname(file)), "package.json"), "utf8")) as { name?: unknown }).name === "sallyport";
  } catch {
    return false;
  }
}
