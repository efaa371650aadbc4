/** What a client fills in before it starts a server, as far as it can be known without it. */
import { basename } from "node:path";
import type { Host } from "../model.ts";
import { homeDirectory, type ClientFile } from "./places.ts";

export interface Expanded {
  readonly text: string;
  /** Placeholders that only the client can fill in. */
  readonly unknown: readonly string[];
}

/** In place of what is not known: most servers only look whether there is something. */
const UNKNOWN = "placeholder";

export function expand(text: string, file: ClientFile, host: Host): Expanded {
  const unknown: string[] = [];
  const { placeholder } = file.client;
  if (placeholder === null) return { text, unknown };
  const filled = text.replaceAll(placeholder, (whole) => {
    const value = valueOf(whole.replace(/^\$?\{{0,2}\s*/, "").replace(/\s*\}{0,2}$/, ""), file, host);
    if (value === undefined) unknown.push(whole);
    return value ?? UNKNOWN;
  });
  return { text: filled, unknown };
}

function valueOf(inner: string, { project }: ClientFile, host: Host): string | undefined {
  const [, name = "", fallback] = /^(?:env:)?([A-Za-z_]\w*)(?::-([^]*))?$/.exec(inner) ?? [];
  if (inner === "userHome") return homeDirectory(host);
  if (inner === "workspaceFolder" || inner === "workspaceRoot") return project ?? undefined;
  if (inner === "workspaceFolderBasename") return project === null ? undefined : basename(project);
  if (inner === "pathSeparator" || inner === "/") return "/";
  if (name === "HOME") return homeDirectory(host);
  return name === "" ? undefined : (host.env[name] ?? fallback);
}

export function hasPlaceholder(text: string, { client }: ClientFile): boolean {
  return client.placeholder !== null && new RegExp(client.placeholder.source).test(text);
}
