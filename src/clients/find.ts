/** All servers of all clients of this machine, and what stands before each. */
import { readFileSync, statSync } from "node:fs";
import { SallyportError } from "../errors.ts";
import type { Host } from "../model.ts";
import { nearest } from "../nearest.ts";
import { SCOPES, type Client, type Scope } from "./client.ts";
import { filesOf, type ClientFile } from "./places.ts";
import { gateLength } from "./gate-words.ts";
import { whyNoGate } from "./no-gate.ts";
import { maskedWords } from "./secrets.ts";
import { ownPrograms } from "./records.ts";
import { serversOf, type ClientServer } from "./servers.ts";
import { CLIENTS } from "./table.ts";

export interface Asked {
  /** Empty: all. */
  readonly clients: readonly string[];
  readonly servers: readonly string[];
  readonly scopes: readonly string[];
}

/** `open`: nothing stands before it. `other`: something that looks like the gate, and cannot be relied on. */
export type State = "open" | "protected" | "other" | "remote" | "unreadable";

export interface Found {
  readonly file: ClientFile;
  readonly name: string;
  readonly state: State;
  /** What it is, or why it is left alone. */
  readonly detail: string;
  /** Null where its entry cannot be read as a command line. */
  readonly server: ClientServer | null;
}

export interface Survey {
  readonly files: readonly ClientFile[];
  readonly found: readonly Found[];
  /** Files that cannot be read. */
  readonly broken: readonly { readonly file: ClientFile; readonly error: SallyportError }[];
}

/** Throws `clients.unknown`, `usage.option`, `clients.server`. */
export function survey(asked: Asked, host: Host): Survey {
  const clients = chosen(asked.clients);
  for (const scope of asked.scopes) if (!SCOPES.includes(scope as Scope)) throw new SallyportError("usage.option", `--scope ${scope}: one of ${SCOPES.join(", ")}`);
  const scopes = asked.scopes.length === 0 ? SCOPES : (asked.scopes as readonly Scope[]);
  const all = clients.flatMap((client) => filesOf(client, scopes, host));
  // In the home directory itself, a client's own file and the project's are the same.
  const files = all.filter((file, index) => !all.slice(0, index).some((one) => one.path === file.path && sameServers(one, file)));
  const found: Found[] = [];
  const broken: Survey["broken"][number][] = [];
  for (const file of files) {
    try {
      found.push(...foundIn(file, readText(file.path), host));
    } catch (error) {
      if (!broken.some((one) => one.file.path === file.path)) broken.push({ file, error: error instanceof SallyportError ? error : new SallyportError("clients.syntax", `${file.path}:${(error as Error).message}`, { cause: error }) });
    }
  }
  const wanted = found.filter(({ name }) => asked.servers.length === 0 || asked.servers.includes(name));
  for (const name of asked.servers) if (!found.some((one) => one.name === name)) throw new SallyportError("clients.server", didYouMean(name, found.map((one) => one.name)));
  return { files, found: wanted, broken };
}

/** Two clients may share a file, and look into different parts of it. */
function sameServers(a: ClientFile, b: ClientFile): boolean {
  return partOf(a) === partOf(b);
}

function partOf({ client, place }: ClientFile): string {
  return JSON.stringify([client.format, client.shape, place.keys ?? client.keys]);
}

function chosen(ids: readonly string[]): readonly Client[] {
  for (const id of ids) if (!CLIENTS.some((client) => client.id === id)) throw new SallyportError("clients.unknown", didYouMean(id, CLIENTS.map((client) => client.id)));
  return ids.length === 0 ? CLIENTS : CLIENTS.filter(({ id }) => ids.includes(id));
}

function didYouMean(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  return near === null ? name : `${name}; did you mean ${near}?`;
}

const MAX_BYTES = 64 * 1024 * 1024;

/** Throws `clients.syntax`. */
export function readText(path: string): string {
  const { size } = statSync(path);
  if (!statSync(path).isFile() || size > MAX_BYTES) throw new SallyportError("clients.syntax", `${path}: ${size > MAX_BYTES ? "it is too large" : "it is no file"}`);
  const bytes = readFileSync(path);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new SallyportError("clients.syntax", `${path}: it is not UTF-8`, { cause: error });
  }
}

export function foundIn(file: ClientFile, text: string, host: Host): Found[] {
  const { servers, others } = serversOf(file, text);
  const own = ownPrograms(file.path, host);
  return [
    ...servers.map((server): Found => ({ file, name: server.name, ...stateOf(server, own, host), server })),
    ...others.map(({ name, why, detail }): Found => ({ file, name, state: why, detail: why === "remote" ? originOf(detail) : detail, server: null })),
  ];
}

function stateOf(server: ClientServer, own: readonly string[], host: Host): Pick<Found, "state" | "detail"> {
  const line = maskedWords(server.argv).join(" ");
  if (gateLength(server.argv, own) === null) return { state: "open", detail: line };
  const why = whyNoGate(server, host);
  return why === null ? { state: "protected", detail: line } : { state: "other", detail: `${why}: ${line}` };
}

/** Paths and parameters of addresses may be secrets. */
function originOf(text: string): string {
  return URL.canParse(text) ? new URL(text).origin : "";
}
