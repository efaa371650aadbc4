/** From the table's places to the files that are there. */
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Host } from "../model.ts";
import type { Client, Place, Scope } from "./client.ts";

/** A file of a client's, whether or not it is there. */
export interface ClientFile {
  readonly client: Client;
  readonly place: Place;
  readonly scope: Scope;
  readonly path: string;
  /** The directory that its relative names start from. */
  readonly project: string | null;
}

export function homeDirectory(host: Host): string {
  return host.env["HOME"]?.startsWith("/") === true ? host.env["HOME"] : homedir();
}

/** Files that exist, each once for each scope. */
export function filesOf(client: Client, scopes: readonly Scope[], host: Host): ClientFile[] {
  return client.places.filter(({ scope }) => scopes.includes(scope)).flatMap((place) => pathsOf(place, host).filter((path) => existsSync(path)).map((path) => ({ client, place, scope: place.scope, path: realpathSync(path), project: place.scope === "project" ? host.cwd : null })));
}

/** Where its files would be on this machine. */
export function pathsOf(place: Place, host: Host): string[] {
  const own = host.platform === "darwin" ? place.darwin : host.platform === "win32" ? place.win32 : place.linux;
  return [...(own ?? []), ...(place.all ?? [])].flatMap((template) => matches(expanded(template, host)));
}

function expanded(template: string, host: Host): string {
  const home = homeDirectory(host);
  const roaming = host.env["APPDATA"] ?? join(home, "AppData/Roaming");
  const local = host.env["LOCALAPPDATA"] ?? join(home, "AppData/Local");
  const config = host.env["XDG_CONFIG_HOME"]?.startsWith("/") === true ? host.env["XDG_CONFIG_HOME"] : join(home, ".config");
  const [, variable, fallback] = /^\$(\w+)\|(.*)$/.exec(template) ?? [];
  const moved = variable === undefined ? undefined : host.env[variable];
  // The directory of the fallback moves; the file keeps its name.
  if (moved !== undefined && moved !== "") return resolve(host.cwd, moved, (fallback as string).split("/").at(-1) as string);
  const folders: Record<string, string> = { config, support: join(home, "Library/Application Support"), roaming, local, project: host.cwd };
  return resolve((fallback ?? template).replace(/^~(?=\/)/, home).replaceAll(/\{(\w+)\}/g, (whole, name: string) => folders[name] ?? whole));
}

/** One `*` stands for any name, or part of one. */
function matches(path: string): string[] {
  const at = path.indexOf("*");
  if (at === -1) return [path];
  const folder = path.slice(0, path.lastIndexOf("/", at));
  const [name = "", ...rest] = path.slice(folder.length + 1).split("/");
  const [before = "", after = ""] = name.split("*");
  const found = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true ? readdirSync(folder).filter((one) => one.startsWith(before) && one.endsWith(after) && one.length >= before.length + after.length) : [];
  return found.sort().map((one) => join(folder, one, ...rest));
}
