/** Secrets out of a client's file, and back: the value goes into a store, and what stays in its place says so. */
import { hash } from "node:crypto";
import { findSecrets } from "../guards/text/secrets.ts";
import type { Host } from "../model.ts";
import { dropSecret, readSecret, writeSecret, type StoreName } from "../secrets/store.ts";
import { hasPlaceholder } from "./expand.ts";
import { FORMATS } from "./formats/formats.ts";
import { applyEdits, type Edit, type Entry, type Format } from "./formats/tree.ts";
import type { ClientServer } from "./servers.ts";

/** In place of the value. */
export const KEPT = "kept by sallyport";

/** How a value was written: what comes back is written the same way, and nothing else need be remembered of it. */
const STYLES = { usual: (text: string, format: Format) => format.quote(text), double: (text: string) => JSON.stringify(text), single: (text: string) => `'${text}'`, plain: (text: string) => text } as const;

export interface Moved {
  readonly variable: string;
  readonly reference: string;
  readonly style: keyof typeof STYLES;
}

const SECRET_NAME = /(?:^|_)(?:token|key|secret|passw(?:or)?d|pass|pat|credentials?|auth)(?:_|$)/i;

/** A name that says so with a value long enough to be one, or a value whose form says so. */
export function isSecret(name: string, value: string): boolean {
  return value !== KEPT && ((SECRET_NAME.test(name) && value.length >= 8 && !/^(?:true|false|\d{1,6}|[/~.].*|https?:.*)$/.test(value)) || findSecrets(value).length > 0);
}

/** Where a secret stands in the file as it is: variables by name, words of the command line by number. */
export function secretsIn({ env, argv, file }: ClientServer): string[] {
  return [...Object.entries(env).filter(([name, value]) => isSecret(name, value) && !hasPlaceholder(value, file)).map(([name]) => name), ...maskedWords(argv).flatMap((word, index) => (word === argv[index] ? [] : [`argument ${index}`]))];
}

const SECRET_OPTION = /^--?(?:[\w-]*[-_])?(?:token|(?:api)?key|secret|passw(?:or)?d|pass|credentials?|auth)$/i;
/** Numbers, switches and files are none, whatever their option is called. */
const PLAIN_VALUE = /^(?:.{0,5}|true|false|[\d.,]+|[/~.].*)$/;

/** A command line without what is secret in it: by form, by the option's name, by the header's. */
export function maskedWords(words: readonly string[]): string[] {
  return words.map((word, index) => {
    const [, option = "", value] = /^(--?[\w-]+)=([^]+)$/.exec(word) ?? [];
    if (value !== undefined && SECRET_OPTION.test(option) && !PLAIN_VALUE.test(value)) return `${option}=[secret]`;
    if (index > 0 && SECRET_OPTION.test(words[index - 1] as string) && !word.startsWith("-") && !PLAIN_VALUE.test(word)) return "[secret]";
    return findSecrets(word).length > 0 || /\b(?:bearer|basic)\s+\S{6,}|authorization:/i.test(word) ? "[secret]" : word;
  });
}

/** With every secret of this server left out; for a screen. */
export function masked(text: string, { env, argv }: ClientServer): string {
  const words = maskedWords(argv);
  const hidden = argv.flatMap((word, index) => (words[index] === word ? [] : [/^--?[\w-]+=([^]+)$/.exec(word)?.[1] ?? word]));
  const values = [...hidden, ...Object.entries(env).filter(([name, value]) => isSecret(name, value)).map(([, value]) => value)];
  const known = values.reduce((now, value) => now.replaceAll(value, "[secret]").replaceAll(JSON.stringify(value).slice(1, -1), "[secret]"), text);
  return findSecrets(known).toSorted((a, b) => b.range[0] - a.range[0]).reduce((now, { range: [start, end] }) => `${now.slice(0, start)}[secret]${now.slice(end)}`, known);
}

/** Those that can be moved, with where they would go. */
export function movable(server: ClientServer, text: string, store: StoreName): Moved[] {
  const { file, name, path, env, variables } = server;
  const format = FORMATS[file.client.format];
  return secretsIn(server).flatMap((variable) => {
    const entry = variables.find(({ key }) => key === variable);
    const value = env[variable];
    if (entry === undefined || value === undefined) return [];
    const written = spanText(text, entry);
    const style = (Object.keys(STYLES) as (keyof typeof STYLES)[]).find((one) => STYLES[one](value, format) === written);
    // Two files, or two projects of one file, may have a server of the same name.
    const where = hash("sha256", JSON.stringify([file.path, path, variable]), "hex").slice(0, 8);
    const short = [name, variable].map((part) => part.replaceAll(/[^A-Za-z0-9._-]/g, "_").slice(0, 60));
    const reference = `${store}:${file.client.id}/${short[0]}-${where}/${short[1]}`;
    return style === undefined ? [] : [{ variable, reference, style }];
  });
}

/** Into the store. Throws `secret.store`. */
export async function keep({ env }: ClientServer, moved: readonly Moved[], host: Host): Promise<void> {
  for (const { variable, reference } of moved) await writeSecret(reference, env[variable] as string, host);
}

/** Out of the text. */
export function hide(text: string, { file, variables }: ClientServer, moved: readonly Moved[]): string {
  const format = FORMATS[file.client.format];
  return applyEdits(text, moved.flatMap(({ variable }) => edit(variables.find(({ key }) => key === variable), format.quote(KEPT))));
}

/** Back into the text, where nobody has written anything else there. Throws `secret.*`. */
export async function putBack(text: string, { file, env, variables }: ClientServer, moved: readonly Moved[], host: Host): Promise<string> {
  const format = FORMATS[file.client.format];
  const edits: Edit[] = [];
  for (const { variable, reference, style } of moved) {
    if (env[variable] !== KEPT) continue;
    const value = await readSecret(reference, host);
    edits.push(...edit(variables.find(({ key }) => key === variable), STYLES[style](value, format)));
  }
  return applyEdits(text, edits);
}

export async function forgetSecrets(moved: readonly Moved[], host: Host): Promise<void> {
  for (const { reference } of moved) await dropSecret(reference, host);
}

function spanText(text: string, { value }: Entry): string {
  return value.kind === "table" ? "" : text.slice(value.start, value.end);
}

function edit(entry: Entry | undefined, text: string): Edit[] {
  return entry === undefined || entry.value.kind === "table" ? [] : [{ start: entry.value.start, end: entry.value.end, text }];
}
