/** Hosts that a package's own files name: what it will probably want to reach. Only a hint; nothing is opened by it. */
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import type { Plan } from "../sandbox/plan.ts";

export interface NamedHost {
  /** `NAME:PORT`. */
  readonly host: string;
  /** The file that names it, from the package's directory. */
  readonly file: string;
}

const MAX_FILES = 200;
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_HOSTS = 8;
const CODE = /\.(?:[cm]?js|ts|py)$/;
/** In code and not in comments or documentation links, as far as a line shows it. */
const URLS = /(?<!\* .{0,120})["'`](https?|wss?):\/\/([a-z0-9-]+(?:\.[a-z0-9-]+)+)(?::(\d{1,5}))?(?=[/"'`?#$])/gi;
/** Documentation, schemas, licences, names that are examples. */
const TALK = /(?:^|\.)(?:example\.(?:com|org|net)|localhost|w3\.org|json-schema\.org|schemas?\..*|modelcontextprotocol\.io|npmjs\.(?:com|org)|nodejs\.org|mozilla\.org|opensource\.org|apache\.org|spdx\.org|stackoverflow\.com|wikipedia\.org|docs?\..*|developers?\..*|(?<!api\.)github\.com|ietf\.org|rfc-editor\.org|purl\.org|xmlsoap\.org|zod\.dev|unpkg\.com)$/i;

/** Of the packages' own files, without those they depend on. */
export function hostsNamed({ identity, mounts }: Plan): NamedHost[] {
  if (identity.kind !== "npm" && identity.kind !== "pypi") return [];
  const found = new Map<string, string>();
  for (const folder of packageFolders(identity.name, mounts)) {
    let bytes = 0;
    for (const file of codeFiles(folder)) {
      bytes += statSync(file).size;
      if (bytes > MAX_BYTES) break;
      for (const [, scheme = "", name = "", port] of readFileSync(file, "utf8").matchAll(URLS)) {
        const host = `${name.toLowerCase()}:${port ?? (/s$/i.test(scheme) ? 443 : 80)}`;
        if (!TALK.test(name) && !/^[\d.]+$/.test(name) && !found.has(host)) found.set(host, relative(folder, file));
      }
    }
  }
  return [...found].slice(0, MAX_HOSTS).map(([host, file]) => ({ host, file }));
}

function packageFolders(name: string, mounts: Plan["mounts"]): string[] {
  const roots = mounts.flatMap((mount) => (mount.kind === "read" ? [mount.source] : []));
  return roots.map((root) => join(root, "node_modules", name)).filter((folder) => existsSync(folder));
}

function codeFiles(folder: string): string[] {
  const found: string[] = [];
  const visit = (at: string): void => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      if (found.length >= MAX_FILES || entry.name === "node_modules") continue;
      if (entry.isDirectory()) visit(join(at, entry.name));
      else if (entry.isFile() && CODE.test(entry.name)) found.push(join(at, entry.name));
    }
  };
  visit(folder);
  return found;
}
