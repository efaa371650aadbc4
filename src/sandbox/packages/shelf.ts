/**
 * The cache of fetched packages: a folder for each name and range, with what was fetched for it. Later starts use no
 * network; a pin that does not hold any more (cache cleaned, file cut) counts as none.
 */
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SallyportError } from "../../errors.ts";
import type { ResolveOptions } from "./resolve.ts";
import type { Wanted } from "./commands.ts";

/** `pin.json`: what was fetched for one name, range and program. */
export interface Pin {
  readonly name: string;
  readonly range: string;
  readonly version: string;
  /** Of the package: subresource integrity as the registry states it, or a digest over what was installed. */
  readonly integrity: string;
  /** SHA-256 of the file that holds the integrity of the whole tree. */
  readonly tree: string;
  /** That file, relative to the folder. */
  readonly treeFile: string;
  readonly folder: string;
  /** The program, relative to the folder. */
  readonly program: string;
  /** Packages whose install scripts were not run. */
  readonly withoutScripts: readonly string[];
}

export interface Fetched {
  readonly pin: Pin;
  readonly folder: string;
}

type Facts = Omit<Pin, "name" | "range" | "folder" | "tree">;

/** @param fetch fills an empty folder, whose name stays, and says what came. Throws `launch.fetch`. */
export async function fromShelf(kind: string, wanted: Wanted, { host, update, say }: ResolveOptions, fetch: (folder: string) => Promise<Facts>): Promise<Fetched> {
  const label = `${wanted.name.replace("/", "+")}@${encodeURIComponent(wanted.range || "latest")}${wanted.program === null ? "" : `+${encodeURIComponent(wanted.program)}`}`;
  const shelf = join(host.dirs.cache, kind, label);
  const known = update ? null : readPin(shelf);
  if (known !== null) return { pin: known, folder: join(shelf, known.folder) };
  say(`fetching ${wanted.name} ${wanted.range || "(newest)"} (once; later starts need no network)`);
  const name = randomBytes(6).toString("hex");
  const folder = join(shelf, name);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const facts = await fetch(folder);
    const pin: Pin = { name: wanted.name, range: wanted.range, folder: name, tree: digestOf(join(folder, facts.treeFile)), ...facts };
    const file = join(shelf, `.pin-${name}`);
    writeFileSync(file, `${JSON.stringify(pin, null, 2)}\n`);
    renameSync(file, join(shelf, "pin.json"));
    say(`fetched ${pin.name} ${pin.version}`);
    return { pin, folder };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error instanceof SallyportError ? error : new SallyportError("launch.fetch", `${wanted.name}: ${(error as Error).message}`, { cause: error });
  }
}

function readPin(shelf: string): Pin | null {
  try {
    const pin = JSON.parse(readFileSync(join(shelf, "pin.json"), "utf8")) as Pin;
    const folder = join(shelf, pin.folder);
    return digestOf(join(folder, pin.treeFile)) === pin.tree && existsSync(join(folder, pin.program)) ? pin : null;
  } catch {
    return null;
  }
}

export function digestOf(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}
