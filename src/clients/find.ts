/** All servers of all clients of this machine, and what stands before each. */
import { readFileSync } from "node:fs";
import { SallyportError } from "../errors.ts";
import type { Host } from "../model.ts";
import { nearest } from "../nearest.ts";
import { SCOPES, type Client, type Scope } from "./client.ts";
import { filesOf, type ClientFile } from "./places.ts";
import { gateLength } from "./gate-words.ts";
import { masked } from "./secrets.ts";
import { serversOf, type ClientServer } from "./servers.ts";
import { CLIENTS } from "./table.ts";

export interface Asked {
  /** Empty: all. */
  readonly clients: readonly string[];
  readonly servers: readonly string[];
  readonly scopes: readonly string[];
}

/** `open`: nothing stands before it. */
export type State = "open" | "protected" | "remote" | "unreadable";

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
  const files = all.filter((file, index) => !all.slice(0, index).some((one) => one.path === file.path && one.place.keys === file.place.keys));
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

function chosen(ids: readonly string[]): readonly Client[] {
  for (const id of ids) if (!CLIENTS.some((client) => client.id === id)) throw new SallyportError("clients.unknown", didYouMean(id, CLIENTS.map((client) => client.id)));
  return ids.length === 0 ? CLIENTS : CLIENTS.filter(({ id }) => ids.includes(id));
}

function didYouMean(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  return near === null ? name : `${name}; did you mean ${near}?`;
}

/** Throws `clients.syntax`. */
export function readText(path: string): string {
  const bytes = readFileSync(path);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new SallyportError("clients.syntax", `${path}: it is not UTF-8`, { cause: error });
  }
}

export function foundIn(file: ClientFile, text: string, host: Host): Found[] {
  const { servers, others } = serversOf(file, text);
  return [
    ...servers.map((server): Found => ({ file, name: server.name, state: gateLength(server.argv, host.program[1]) === null ? "open" : "protected", detail: masked(server.argv.join(" "), server), server })),
    ...others.map(({ name, why, detail }): Found => ({ file, name, state: why, detail, server: null })),
  ];
}
