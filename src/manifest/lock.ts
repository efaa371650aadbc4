/**
 * `sallyport.lock`: what was seen of each server and approved. A digest pins each tool, prompt, resource template and the
 * instructions over the whole RFC 8785 form; the value stands beside it, so that a change can be shown word by word.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { replaceFile } from "../atomic.ts";
import { SallyportError } from "../errors.ts";
import { digestOf } from "./canonical.ts";

export const KINDS = ["tools", "prompts", "templates", "instructions"] as const;
export type Kind = (typeof KINDS)[number];

export interface Pinned {
  readonly digest: string;
  readonly value: unknown;
  /** Rules whose findings keep the item back until somebody approves it. */
  readonly held?: readonly string[];
}

/** Why this is that server: the package with version and integrity, or the file's digest. */
export interface PinnedIdentity {
  readonly kind: string;
  readonly name: string;
  readonly version?: string;
  readonly integrity: string;
}

export interface LockedServer {
  readonly identity: PinnedIdentity;
  readonly argv: readonly string[];
  /** Kinds whose list has been seen to its end: what comes later is new. */
  readonly complete: readonly Kind[];
  readonly items: Readonly<Record<Kind, Readonly<Record<string, Pinned>>>>;
}

export interface Lock {
  readonly version: 1;
  readonly servers: Readonly<Record<string, LockedServer>>;
}

const EMPTY: Lock = { version: 1, servers: {} };
/** Its name, beside the manifest. */
export const LOCK = "sallyport.lock";

/** Null where there is none. Throws `pin.lock`: a lock that cannot be read protects nobody, and is not replaced unseen. */
export function readLock(file: string): Lock | null {
  const text = textOf(file);
  return text === null ? null : parseLock(text, file);
}

/** Null where there is none. Throws `pin.lock`. */
export function textOf(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new SallyportError("pin.lock", `${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** Throws `pin.lock`. */
export function parseLock(text: string, file: string): Lock {
  try {
    const lock = JSON.parse(text) as Lock;
    if (lock.version !== 1) throw new Error(`version ${String(lock.version)} is not known`);
    for (const [name, server] of Object.entries(lock.servers)) for (const kind of KINDS) for (const [key, pinned] of Object.entries(server.items[kind])) if (digestOf(pinned.value) !== pinned.digest) throw new Error(`${name}: the digest of ${kind} ${key} is not that of its value`);
    return lock;
  } catch (error) {
    throw new SallyportError("pin.lock", `${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** Gates that write at the same moment may each put the other's entry back as it was; whoever finds its own gone writes again. */
const TRIES = 5;

/** An empty one, where there is none. Throws `pin.write`. */
export function makeLock(file: string): void {
  try {
    writeFileSync(file, `${JSON.stringify(EMPTY, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw new SallyportError("pin.write", `${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** Takes one server's entry out; the file goes with the last. Throws `pin.write`, `pin.lock`. */
export function dropFromLock(file: string, name: string): void {
  const { [name]: gone, ...servers } = readLock(file)?.servers ?? {};
  if (gone === undefined) return;
  try {
    if (Object.keys(servers).length === 0) rmSync(file);
    else replaceFile(file, `${JSON.stringify({ version: 1, servers }, null, 2)}\n`, { mode: 0o600 });
  } catch (error) {
    throw new SallyportError("pin.write", `${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** Replaces one server's entry, others as they are now; whole or not at all. Throws `pin.write`, `pin.lock`. */
export function writeLock(file: string, name: string, server: LockedServer): void {
  const wanted = digestOf(sorted(server));
  for (let tries = 0; tries < TRIES; tries += 1) {
    replace(file, name, server);
    const written = readLock(file)?.servers ?? {};
    if (Object.hasOwn(written, name) && digestOf(written[name]) === wanted) return;
  }
  throw new SallyportError("pin.write", `${file}: others write it at the same time, again and again`);
}

function replace(file: string, name: string, server: LockedServer): void {
  const lock = readLock(file) ?? EMPTY;
  const servers = Object.fromEntries([...Object.entries(lock.servers).filter(([other]) => other !== name), [name, sorted(server)] as const].sort(([a], [b]) => (a < b ? -1 : 1)));
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    replaceFile(file, `${JSON.stringify({ version: 1, servers }, null, 2)}\n`, { mode: 0o600 });
  } catch (error) {
    throw new SallyportError("pin.write", `${file}: ${(error as Error).message}`, { cause: error });
  }
}

function sorted(server: LockedServer): LockedServer {
  const items = Object.fromEntries(KINDS.map((kind) => [kind, Object.fromEntries(Object.entries(server.items[kind]).sort(([a], [b]) => (a < b ? -1 : 1)))])) as unknown as LockedServer["items"];
  return { identity: server.identity, argv: server.argv, complete: [...server.complete].sort(), items };
}

export function pin(value: unknown, held: readonly string[]): Pinned {
  return { digest: digestOf(value), value, ...(held.length > 0 ? { held } : {}) };
}

export function noItems(): LockedServer["items"] {
  return { tools: {}, prompts: {}, templates: {}, instructions: {} };
}
