/**
 * What an argument seems to be, told by its schema, format, name and description, with the reason for each guess. Only
 * `add` guesses: what it proposes stands in the manifest, where somebody can read and change it.
 */
import type { Slot } from "../../model.ts";
import type { Schema } from "./subschemas.ts";

export interface Guess {
  readonly pointer: string;
  readonly slot: Slot;
  readonly reason: string;
}

interface Property {
  readonly name: string;
  readonly format: string;
  /** Of the argument. */
  readonly text: string;
  /** Of the tool: its name and description. */
  readonly tool: string;
  /** Of the server: package name and arguments. */
  readonly server: string;
}

interface Hint {
  readonly slot: (property: Property) => Slot;
  readonly test: (property: Property) => string | null;
}

const WRITES = /\b(?:write|creat|sav|edit|mov|renam|delet|remov|mkdir|append|updat|upload|copy|output|patch|modif|replac|insert|store)/i;
const named = (name: RegExp, reason: string, also: (property: Property) => boolean = () => true) => (property: Property): string | null => (name.test(property.name) && also(property) ? `${reason} by its name` : null);
const says = (pattern: RegExp) => ({ text, tool }: Property): boolean => pattern.test(text === "" ? tool : text);
const plain = (type: Slot["type"]) => (): Slot => ({ type });

function dialect({ server, tool, text }: Property): Slot {
  const about = `${server} ${tool} ${text}`;
  const found = /postgres|\bpg\b|supabase|neon|redshift|cockroach/i.test(about) ? "postgresql" : /mysql|maria/i.test(about) ? "mysql" : /sqlite/i.test(about) ? "sqlite" : null;
  return { type: "sql", ...(found === null ? {} : { dialect: found }) };
}

const path = ({ name, tool, text }: Property): Slot => {
  const output = /dest|output|target|save|new/i.test(name);
  const writes = output || (WRITES.test(tool.split("\n")[0] ?? "") && !/source|src|from|input|read/i.test(name)) || /\bto (?:write|save|create)\b/i.test(text);
  return { type: "path", ...(writes ? { access: "write" as const } : {}) };
};

/** In the order of certainty: the first that fits is taken. */
const HINTS: readonly Hint[] = [
  { slot: plain("url"), test: ({ format }) => (/^(?:uri|url|iri)$/.test(format) ? "an address by its format" : null) },
  { slot: plain("email"), test: ({ format }) => (/^(?:idn-)?email$/.test(format) ? "a mail address by its format" : null) },
  { slot: plain("host"), test: ({ format }) => (/^(?:idn-)?hostname$|^ipv[46]$/.test(format) ? "a host by its format" : null) },
  { slot: path, test: ({ format }) => (/^(?:file-?)?path$|^filepath$|^directory$/.test(format) ? "a path by its format" : null) },
  { slot: plain("regex"), test: ({ format, name }) => (format === "regex" || /^(?:regex|regexp|regular_?expression)$/i.test(name) ? "a regular expression by its name or format" : null) },
  { slot: plain("secret"), test: named(/^(?:password|passwd|passphrase|secret|api_?key|access_?token|auth_?token|private_?key|client_?secret)$/i, "a secret") },
  { slot: dialect, test: (property) => (/^(?:sql|sql_?query|sql_?statement)$/i.test(property.name) || (/^(?:query|statement|queries|q)$/i.test(property.name) && /\bsql\b|postgres|mysql|sqlite|duckdb/i.test(`${property.text} ${property.tool} ${property.server}`)) ? "SQL by its name and description" : null) },
  { slot: plain("command"), test: (property) => (/^(?:command|cmd|shell_?command|command_?line|bash_?command)$/i.test(property.name) && /shell|command|execut|terminal|bash|\brun\b/i.test(`${property.text} ${property.tool}`) ? "a command line by its name and description" : null) },
  { slot: plain("glob"), test: (property) => (/^(?:glob|globs|pattern|patterns|file_?pattern|exclude_?patterns?|include_?patterns?)$/i.test(property.name) && /\bglob|\*\.|\*\*|wildcard/i.test(`${property.text} ${property.tool}`) ? "a file pattern by its name and description" : null) },
  { slot: plain("url"), test: named(/^(?:url|urls|href|webhook|endpoint|link|site|website|page_?url|image_?url|.*_url|.*[a-z]Url|base_?url)$/i, "an address") },
  { slot: plain("url"), test: named(/^uris?$/i, "an address", says(/\b(?:url|https?|web|page|site)\b/i)) },
  { slot: plain("email"), test: named(/^(?:e_?mail|email_?address|to_?email|from_?email|recipient_?email|mail_?to)$/i, "a mail address") },
  { slot: plain("host"), test: named(/^(?:host|hostname|ip|ip_?address|server_?address|domain|fqdn)$/i, "a host") },
  { slot: path, test: named(/^(?:paths?|file_?paths?|file_?names?|dir|dirs|director(?:y|ies)|folders?|cwd|work_?dir|working_?directory|root_?dir|.*_(?:path|file|dir|directory|folder)|.*[a-z](?:Path|FilePath|Dir|Directory|Folder|Filename))$/i, "a path") },
  { slot: path, test: named(/^(?:files?|source|destination|src|dst|dest|input|output|target|root|location)$/i, "a path", says(/\b(?:file|path|director|folder)/i)) },
  { slot: plain("argument"), test: named(/^(?:id|ids|key|keys|ref|sha|branch|tag|revision|commit|version|base|head|repo|repository|owner|org|organization|package|slug|.*_(?:id|ids|key|sha|ref|branch|tag)|.*[a-z](?:Id|Ids|Key|Sha|Ref|Branch|ID))$/, "a plain value") },
];

/** What nothing tells is free text. */
const FREE: Hint = { slot: plain("text"), test: () => "nothing tells what it is" };

const MAX_DEPTH = 6;

/** @param tool its whole definition; @param server its package name and arguments. */
export function guessSlots(tool: { readonly name: string; readonly description?: unknown; readonly inputSchema?: unknown }, server: string): Guess[] {
  const found: Guess[] = [];
  const about = `${tool.name}\n${typeof tool.description === "string" ? tool.description : ""}`;
  const visit = (schema: unknown, name: string, pointer: string, inherited: string, depth: number): void => {
    if (typeof schema !== "object" || schema === null || Array.isArray(schema) || depth > MAX_DEPTH) return;
    const one = schema as Schema;
    const text = `${inherited} ${typeof one["title"] === "string" ? one["title"] : ""} ${typeof one["description"] === "string" ? one["description"] : ""}`.trim();
    if (typeof one["properties"] === "object" && one["properties"] !== null) for (const [key, inner] of Object.entries(one["properties"])) visit(inner, key, `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, "", depth + 1);
    if (one["items"] !== undefined) visit(one["items"], name, `${pointer}/*`, text, depth + 1);
    for (const key of ["anyOf", "oneOf", "allOf"]) if (Array.isArray(one[key])) for (const branch of one[key] as unknown[]) visit(branch, name, pointer, text, depth + 1);
    if (pointer === "" || name === "" || one["enum"] !== undefined || one["const"] !== undefined || ![one["type"]].flat().includes("string") || found.some((guess) => guess.pointer === pointer)) return;
    const property: Property = { name, format: typeof one["format"] === "string" ? one["format"] : "", text, tool: about, server };
    for (const { slot, test } of [...HINTS, FREE]) {
      const reason = test(property);
      if (reason === null) continue;
      found.push({ pointer, slot: slot(property), reason });
      return;
    }
  };
  visit(tool.inputSchema, "", "", "", 0);
  return found;
}
