/**
 * Finds and compiles the manifest of a run. What was compiled is kept in the cache together with the digests of the files
 * it came from, so that an unchanged manifest costs neither a YAML parser nor a schema.
 */
import { hash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { SallyportError } from "../errors.ts";
import type { Host } from "../model.ts";
import type { Compiled } from "./compile.ts";
import { canonical } from "./canonical.ts";
import type { Loaded } from "./load.ts";
import type { ServerEntry } from "./schema.ts";

/** Changes with the compiled form. */
const FORM = 5;

export interface Chosen {
  readonly compiled: Compiled;
  /** SHA-256 over its canonical form, hexadecimal; every record cites its first digits. */
  readonly digest: string;
  /** The manifest; null for the default profile. */
  readonly file: string | null;
  /** All that it was made from: the manifest, what it extends, the baseline. */
  readonly files: readonly string[];
}

interface Made {
  readonly sources: Readonly<Sources>;
  readonly compiled: Compiled;
}

interface Kept extends Made {
  readonly form: number;
}

/** The manifest that `--server` means when none is named: the project's, or the user's own. Throws `manifest.missing`. */
export function findManifest(named: string | undefined, host: Host): string {
  const places = named === undefined ? [resolve(host.cwd, "sallyport.yaml"), join(host.dirs.config, "sallyport.yaml")] : [resolve(host.cwd, named)];
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new SallyportError("manifest.missing", places.join(", "));
  return found;
}

/** Throws `manifest.*`. */
export async function chooseServer(file: string, name: string, host: Host): Promise<Chosen> {
  return kept(`${file}\0${name}`, file, host, async () => {
    const [{ compileServer }, { load }] = await Promise.all([import("./compile.ts"), import("./load.ts")]);
    const sources: Sources = {};
    const chain = loadChain(file, load, sources);
    const baseline = loadBaseline(host, load, sources);
    return { compiled: compileServer(name, chain, baseline, homeOf(host)), sources };
  });
}

/** The default profile (docs/manifest.md): everything may be asked, what was seen first is pinned, and what is found is held back. */
export async function defaultProfile(asked: Asked, host: Host): Promise<Chosen> {
  const { read, write, isolation, hosts, addresses, consent } = asked;
  return kept(`\0default\0${JSON.stringify([read, write, isolation, hosts, addresses, consent, host.cwd])}`, null, host, async () => {
    const sources: Sources = { [host.baseline]: null };
    const baseline = existsSync(host.baseline) ? loadBaseline(host, (await import("./load.ts")).load, sources) : null;
    const { compileDefault } = await import("./default.ts");
    return { compiled: compileDefault(asked, baseline, homeOf(host)), sources };
  });
}

/** What the command line asks for. */
export interface Asked {
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly isolation: NonNullable<NonNullable<ServerEntry["isolation"]>["backend"]>;
  readonly hosts: readonly string[];
  readonly addresses: readonly string[];
  readonly consent: NonNullable<NonNullable<ServerEntry["consent"]>["ask"]>;
}

type Load = (file: string, text: string) => Loaded;
/** File -> SHA-256 of its bytes; null where there was none. */
type Sources = Record<string, string | null>;

function loadChain(file: string, load: Load, sources: Sources): Loaded[] {
  const chain: Loaded[] = [];
  for (let next: string | undefined = file; next !== undefined; ) {
    const loaded: Loaded = load(next, readText(next, chain.at(-1), sources));
    if (loaded.value.baseline !== undefined) loaded.fail("manifest.value", ["baseline"], "baseline stands in the machine's own file only");
    chain.push(loaded);
    const below: string | undefined = loaded.value.extend === undefined ? undefined : resolve(dirname(loaded.file), loaded.value.extend);
    if (chain.some((one) => one.file === below)) loaded.fail("manifest.cycle", ["extend"], `${below} extends this one`);
    next = below;
  }
  return chain;
}

function readText(file: string, from: Loaded | undefined, sources: Sources): string {
  try {
    const bytes = readFileSync(file);
    sources[file] = hash("sha256", bytes, "hex");
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    const what = `${file}: ${(error as Error).message}`;
    return from === undefined ? refuse(what, error) : from.fail("manifest.missing", ["extend"], what);
  }
}

function refuse(what: string, cause: unknown): never {
  throw new SallyportError("manifest.missing", what, { cause });
}

function loadBaseline(host: Host, load: Load, sources: Sources): Loaded | null {
  sources[host.baseline] = null;
  if (!existsSync(host.baseline)) return null;
  const loaded = load(host.baseline, readText(host.baseline, undefined, sources));
  if (loaded.value.servers !== undefined) loaded.fail("manifest.value", ["servers"], "a baseline holds bounds for all servers, under the key baseline");
  return loaded;
}

export function homeOf(host: Host): string {
  return host.env["HOME"]?.startsWith("/") === true ? host.env["HOME"] : homedir();
}

async function kept(key: string, file: string | null, host: Host, make: () => Promise<Made>): Promise<Chosen> {
  const place = join(host.dirs.cache, "manifests", `${hash("sha256", `${homeOf(host)}\0${key}`, "hex")}.json`);
  const { compiled, sources } = readKept(place) ?? keep(place, await make(), host);
  return { compiled, digest: hash("sha256", canonical(compiled), "hex"), file, files: Object.keys(sources) };
}

function readKept(place: string): Made | null {
  try {
    const { form, sources, compiled } = JSON.parse(readFileSync(place, "utf8")) as Kept;
    return form === FORM && Object.entries(sources).every(([file, digest]) => digestOfFile(file) === digest) ? { sources, compiled } : null;
  } catch {
    return null;
  }
}

/** A cache that cannot be written costs time, no more. */
function keep(place: string, made: Made, host: Host): Made {
  try {
    mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
    writeFileSync(`${place}.${host.pid}`, JSON.stringify({ form: FORM, ...made } satisfies Kept), { mode: 0o600 });
    renameSync(`${place}.${host.pid}`, place);
  } catch {
    // It is compiled again next time.
  }
  return made;
}

function digestOfFile(file: string): string | null {
  return existsSync(file) ? hash("sha256", readFileSync(file), "hex") : null;
}
