/** The command line of a server whose manifest entry names none: it stays in the client's file, behind the gate's words. */
import { existsSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import type { Host } from "../model.ts";
import { expand } from "./expand.ts";
import { survey } from "./find.ts";
import { gateLength, manifestOf } from "./gate-words.ts";
import { homeDirectory } from "./places.ts";
import { ownPrograms } from "./records.ts";

export interface InClient {
  readonly command: readonly string[];
  /** As the client would start it: its directory, and the entry's own variables. */
  readonly host: Host;
}

/** @param manifest the file that describes it. Null where no client starts such a server; the first one where several do. */
export function commandInClient(name: string, manifest: string, host: Host): InClient | null {
  for (const { file, state, server } of survey({ clients: [], servers: [], scopes: [] }, host).found) {
    if (state !== "protected" || server === null) continue;
    const length = gateLength(server.argv, ownPrograms(file.path, host)) ?? server.argv.length;
    const words = server.argv.slice(0, length);
    if (words[words.indexOf("--server") + 1] !== name || !words.includes("--server") || !isSame(manifestOf(file, host), manifest) || length === server.argv.length) continue;
    const fill = (text: string): string => expand(text, file, host).text;
    const variables = Object.fromEntries(Object.entries(server.env).map(([key, value]) => [key, fill(value)]));
    const folder = file.place.perProject === true ? server.path[1] : file.project;
    const cwd = resolve(folder ?? homeDirectory(host), server.cwd === null ? "." : fill(server.cwd));
    return { command: server.argv.slice(length).map(fill), host: { ...host, cwd, env: { ...host.env, ...variables } } };
  }
  return null;
}

function isSame(one: string, other: string): boolean {
  return one === other || (existsSync(one) && existsSync(other) && realpathSync(one) === realpathSync(other));
}
