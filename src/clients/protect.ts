/**
 * Writes what was agreed to: first manifest and lock, then what undoing needs, and last the client's file. Killed at any
 * moment, each file is the old or the new one; done again, it finds what is there and goes on.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { FileChanged, replaceFile } from "../atomic.ts";
import { SallyportError } from "../errors.ts";
import { canonical } from "../manifest/canonical.ts";
import { REMARK, addServer } from "../manifest/edit.ts";
import { load } from "../manifest/load.ts";
import { LOCK, readLock, writeLock } from "../manifest/lock.ts";
import type { ServerEntry } from "../manifest/schema.ts";
import type { Host } from "../model.ts";
import { foundIn } from "./find.ts";
import { hide, keep } from "./secrets.ts";
import { gateWords, manifestOf } from "./gate-words.ts";
import type { Examined } from "./examine.ts";
import type { ClientFile } from "./places.ts";
import { digestOfText, keepBackup, readRecord, writeRecord, type Guarded } from "./records.ts";
import type { ClientServer } from "./servers.ts";
import { wrap } from "./wrap.ts";

/** One server of a file, with the manifest's name for it. */
export interface Named {
  readonly examined: Examined;
  readonly name: string;
  /** It stands in the manifest: as it should, or as a person has changed it, who keeps it. */
  readonly known: false | "same" | "edited";
}

/** Names that are free, or that are this very server's already. @param taken by others of this run, and changed. */
export function nameFor(examined: Examined, taken: Map<string, string>, host: Host): Named {
  const { server, entry, proposal } = examined;
  const file = manifestOf(server.file, host);
  const servers = serversIn(file);
  const locked = readLock(join(dirname(file), LOCK))?.servers ?? {};
  const mine = canonical([entry, proposal.locked.identity, proposal.locked.argv]);
  const base = server.name.replaceAll(/[^\w.-]+/g, "-").replaceAll(/^[^A-Za-z0-9]+|-+$/g, "").slice(0, 40) || "server";
  for (let count = 0; ; count += 1) {
    const name = count === 0 ? base : count === 1 ? `${base}-${server.file.client.id}` : `${base}-${server.file.client.id}-${count}`;
    const key = `${file}\0${name}`;
    const pinned = Object.hasOwn(locked, name) ? locked[name] : undefined;
    // Killed between manifest and lock, it has no pins yet.
    const { identity, argv } = pinned ?? proposal.locked;
    const isIt = Object.hasOwn(servers, name) && canonical([identity, argv]) === canonical([proposal.locked.identity, proposal.locked.argv]);
    const same = isIt && canonical(servers[name]) === canonical(entry);
    const edited = isIt && !same && pinned !== undefined && isEdited(servers[name] as ServerEntry, entry);
    const other = taken.get(key);
    if (other === mine || (other === undefined && (same || edited || !Object.hasOwn(servers, name)))) {
      taken.set(key, mine);
      if (edited) return { examined: { ...examined, entry: servers[name] as ServerEntry }, name, known: "edited" };
      return { examined, name, known: same || other === mine ? "same" : false };
    }
  }
}

/** What a person has changed of it since stays; only what the client's file says must be the same. */
function isEdited(known: ServerEntry, proposed: ServerEntry): boolean {
  const asksMore = proposed.network !== undefined || proposed.isolation?.write !== undefined;
  return !asksMore && said(known) === said(proposed);
}

function said({ pass = [], secrets = {}, command }: ServerEntry): string {
  return canonical([pass.toSorted(), secrets, command ?? null]);
}

function serversIn(file: string): Readonly<Record<string, ServerEntry>> {
  return existsSync(file) ? (load(file, textOfManifest(file)).value.servers ?? {}) : {};
}

/** Throws `manifest.missing` where something else than a file stands there. */
function textOfManifest(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new SallyportError("manifest.missing", `${file}: ${(error as Error).message}`, { cause: error });
  }
}

export const digestOfEntry = (entry: unknown): string => digestOfText(canonical(entry));

/** Manifest and lock. Throws `manifest.*`, `pin.*`, `clients.write`. */
function describe({ examined, name, known }: Named, host: Host): Guarded["manifest"] {
  const { server, entry, proposal, hosts } = examined;
  const file = manifestOf(server.file, host);
  const made = { file, name, digest: digestOfEntry(entry) };
  const lock = join(dirname(file), LOCK);
  if (known !== false) {
    if (!Object.hasOwn(readLock(lock)?.servers ?? {}, name)) writeLock(lock, name, proposal.locked);
    return known === "edited" ? null : made;
  }
  const before = existsSync(file) ? readFileSync(file) : null;
  const remark = hosts.length === 0 ? undefined : `${REMARK} ${hosts.map((one) => one.host).join(", ")}: what it should reach goes under network.hosts`;
  const text = addServer(before?.toString("utf8") ?? null, name, entry, proposal.reasons, remark);
  load(file, text);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writing(file, () => replaceFile(file, text, { mode: 0o644, expected: before }));
  writeLock(lock, name, proposal.locked);
  return made;
}

/** The file as it would be. Throws where the entry cannot be changed: `clients.entry`. */
export function changed(text: string, named: readonly Named[], host: Host): { text: string; servers: Omit<Guarded, "manifest">[] } {
  return named.reduce((now, { examined, name }) => {
    const { file } = examined.server;
    const server = fresh(file, now.text, examined.server, host);
    try {
      const { text: next, wrapped } = wrap(file, now.text, server, gateWords(server, name, host));
      const hidden = examined.moved.length === 0 ? next : hide(next, again(file, next, examined.server, host), examined.moved);
      return { text: hidden, servers: [...now.servers, { ...wrapped, moved: examined.moved }] };
    } catch (error) {
      throw error instanceof SallyportError ? error : new SallyportError("clients.entry", (error as Error).message, { cause: error });
    }
  }, { text, servers: [] as Omit<Guarded, "manifest">[] });
}

function again(file: ClientFile, text: string, { path, name }: ClientServer, host: Host): ClientServer {
  const found = foundIn(file, text, host).find(({ server }) => server !== null && server.path.join("\0") === path.join("\0"))?.server;
  if (found === undefined || found === null) throw new Error(`${name} is gone`);
  return found;
}

function fresh(file: ClientFile, text: string, { path, name, argv }: ClientServer, host: Host): ClientServer {
  const found = foundIn(file, text, host).find(({ server }) => server !== null && server.path.join("\0") === path.join("\0"));
  if (found === undefined || found.server === null || found.state !== "open" || found.server.argv.join("\0") !== argv.join("\0")) throw new SallyportError("clients.changed", `${file.path}: ${name}`);
  return found.server;
}

/** All servers of one file at once. Throws `clients.*`, `manifest.*`, `pin.*`; the client's file is untouched then. */
export async function protectFile(file: ClientFile, named: readonly Named[], host: Host): Promise<void> {
  if (file.scope === "managed") throw new SallyportError("clients.managed", file.path);
  const before = readFileSync(file.path);
  const { text, servers } = changed(before.toString("utf8"), named, host);
  for (const { examined } of named) await keep(examined.server, examined.moved, host);
  const guarded = servers.map((wrapped, index): Guarded => ({ ...wrapped, manifest: describe(named[index] as Named, host) }));
  const record = readRecord(file.path, host);
  const others = (record?.servers ?? []).filter(({ path }) => !guarded.some((one) => one.path.join("\0") === path.join("\0")));
  const secrets = named.flatMap(({ examined }) => examined.moved.map(({ variable }) => examined.server.env[variable] as string));
  const backup = await keepBackup(file.path, before, secrets, host).catch((error: unknown) => writing(file.path, () => {
    throw error;
  }));
  const first = record !== null && others.length > 0 ? { backup: record.backup, exact: record.exact && record.after === digestOfText(before) } : { backup, exact: !named.some(({ examined }) => foundIn(examined.server.file, before.toString("utf8"), host).some(({ state }) => state === "protected" || state === "other")) };
  writing(file.path, () => {
    writeRecord({ version: 1, path: file.path, client: file.client.id, program: host.program[1], ...first, after: digestOfText(text), servers: [...others, ...guarded] }, host);
    replaceFile(file.path, text, { mode: 0o600, expected: before });
  });
}

/** Errors of the file system in the words of the table. */
export function writing<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof SallyportError) throw error;
    throw error instanceof FileChanged ? new SallyportError("clients.changed", error.message, { cause: error }) : new SallyportError("clients.write", `${path}: ${(error as Error).message}`, { cause: error });
  }
}
