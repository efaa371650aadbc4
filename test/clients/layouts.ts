/** Client files in every layout that people and programs give them, with marks at places where a person may edit. */
import fc from "fast-check";
import type { Client } from "../../src/clients/client.ts";

export interface Written {
  readonly text: string;
  /** Marks that stand in the text, outside of what the gate may touch. */
  readonly marks: readonly string[];
}

interface Style {
  readonly indent: string;
  readonly end: string;
  readonly comments: boolean;
  readonly trailing: boolean;
  readonly inline: boolean;
  readonly bom: boolean;
  /** Between braces and what they hold. */
  readonly pad: string;
}

const style: fc.Arbitrary<Style> = fc.record({ indent: fc.constantFrom("  ", "    ", "\t", " "), end: fc.constantFrom("\n", "\r\n"), comments: fc.boolean(), trailing: fc.boolean(), inline: fc.boolean(), bom: fc.boolean(), pad: fc.constantFrom("", " ", "  ") });

export interface Model {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[] | null;
  readonly env: readonly string[];
}

const word = fc.constantFrom("npx", "node", "/usr/bin/python3", "C:\\Program Files\\x.exe", "uvx", "ü-\u{1F600}", 'a"b', "it's", "a # b", "x: y");
const args = fc.array(fc.oneof(word, fc.constantFrom("-y", "--flag", "${HOME}/docs", "", " ", "[x]", "{y}", "// no", "true", "5")), { maxLength: 4 });
export const models: fc.Arbitrary<Model[]> = fc.uniqueArray(fc.record({ name: fc.constantFrom("a", "b b", "c.d", "ö", 'q"q'), command: word, args: fc.option(args), env: fc.uniqueArray(fc.constantFrom("TOKEN", "KEY", "PATH"), { maxLength: 2 }) }), { minLength: 1, maxLength: 4, selector: ({ name }) => name });

type Writer = (client: Client, servers: readonly Model[], style: Style) => Written;

/** A file of this client with these servers, written in some way. */
export function written(client: Client, servers: readonly Model[]): fc.Arbitrary<Written> {
  return style.map((one) => WRITERS[client.format](client, servers, one));
}

const keysOf = ({ keys, places }: Client): readonly string[] => (places[0]?.keys ?? keys)[0] as readonly string[];

const WRITERS: Readonly<Record<Client["format"], Writer>> = { json, toml, yaml };

function json(client: Client, servers: readonly Model[], { indent, end, comments, trailing, inline, bom, pad }: Style): Written {
  const marks: string[] = [];
  const mark = (): string => (marks.push(`mark${marks.length}x`), marks.at(-1) as string);
  const comment = (): string => (comments ? `/* ${mark()} */` : "");
  const quote = (text: string, index: number): string => (index % 3 === 2 ? JSON.stringify(text).replaceAll("p", "\\u0070") : JSON.stringify(text));
  const block = (open: string, close: string, items: readonly string[], depth: number): string => {
    if (items.length === 0) return `${open}${pad}${close}`;
    const tail = trailing ? "," : "";
    if (inline && depth > 2) return `${open}${pad}${items.join(`,${pad}`)}${tail}${pad}${close}`;
    const line = `${end}${indent.repeat(depth)}`;
    return `${open}${comments ? ` // ${mark()}` : ""}${line}${items.join(`,${comments ? ` // ${mark()}` : ""}${line}`)}${tail}${end}${indent.repeat(depth - 1)}${close}`;
  };
  const pair = (key: string, value: string): string => `${JSON.stringify(key)}${pad}:${pad}${value}`;
  const keys = keysOf(client);
  const depth = keys.length + 1;
  const { command: commandKey, env: envKey } = client.shape;
  const isList = client.id === "opencode" || client.id === "kilo";
  const entries = servers.map(({ name, command, args: words, env }, index) => {
    const list = (all: readonly string[]): string => block("[", "]", all.map((one, at) => quote(one, at)), depth + 2);
    const line = isList ? [pair("type", '"local"'), pair(commandKey, list([command, ...(words ?? [])]))] : [pair(commandKey, `${quote(command, index)}${comment()}`), ...(words === null ? [] : [pair("args", list(words))])];
    const own = [...line, pair(envKey, block("{", "}", env.map((variable) => pair(variable, JSON.stringify(mark()))), depth + 2)), pair("note", JSON.stringify(mark()))];
    return pair(name, block("{", "}", index % 2 === 0 ? own : own.toReversed(), depth + 1));
  });
  const inner = keys.toReversed().reduce((body, key, index) => block("{", "}", [pair("theme", JSON.stringify(mark())), pair(key, body)].slice(index === keys.length - 1 ? 0 : 1), keys.length - index), block("{", "}", entries, depth));
  return { text: `${bom ? "\ufeff" : ""}${comment()}${inner}${end}${comment()}`, marks };
}

function toml(client: Client, servers: readonly Model[], { indent, end, comments, inline, pad, trailing, bom }: Style): Written {
  const marks: string[] = [];
  const mark = (): string => (marks.push(`mark${marks.length}x`), marks.at(-1) as string);
  const comment = (): string => (comments ? ` # ${mark()}` : "");
  const top = keysOf(client)[0] as string;
  const quote = (text: string, index: number): string => (index % 3 === 1 && !/['\n]/.test(text) ? `'${text}'` : JSON.stringify(text));
  const list = (words: readonly string[]): string => (inline || words.length === 0 ? `[${pad}${words.map(quote).join(`,${pad}`)}${trailing && words.length > 0 ? "," : ""}${pad}]` : `[${comment()}${end}${words.map((one, at) => `${indent}${quote(one, at)}${at < words.length - 1 || trailing ? "," : ""}${comment()}${end}`).join("")}]`);
  const blocks = servers.map(({ name, command, args: words, env }, index) => {
    const key = /^[\w-]+$/.test(name) ? name : JSON.stringify(name);
    const variables = env.map((variable) => `${variable} = "${mark()}"`).join(", ");
    if (index % 3 === 2) return `[${top}]${end}${key} = {${pad}command = ${quote(command, index)}${words === null ? "" : `, args = [${words.map((one) => quote(one, 0)).join(", ")}]`}, env = { ${variables} }${pad}}${end}`;
    const lines = [`[${top}.${key}]${comment()}`, `command${pad}=${pad}${quote(command, index)}${comment()}`, ...(words === null ? [] : [`${pad}args = ${list(words)}${comment()}`]), `startup_timeout_sec = 5`, ...(index % 2 === 0 ? [`env = { ${variables} }`] : [`[${top}.${key}.env]`, ...env.map((variable) => `${variable} = "${mark()}"`)])];
    return `${lines.join(end)}${end}${end}`;
  });
  // A table of tables can be opened once only.
  const parts = blocks.filter((_, index) => index % 3 !== 2 || index === 2);
  return { text: `${bom ? "\ufeff" : ""}model = "${mark()}"${comment()}${end}${parts.join("")}[other]${end}x = 1${end}`, marks };
}

function yaml(client: Client, servers: readonly Model[], { end, comments, inline, indent, pad }: Style): Written {
  const marks: string[] = [];
  const mark = (): string => (marks.push(`mark${marks.length}x`), marks.at(-1) as string);
  const comment = (): string => (comments ? ` # ${mark()}` : "");
  const deep = indent === "\t" ? "  " : indent.length === 1 ? "  " : indent;
  const quote = (text: string, index: number): string => (/^[\w/-][\w/.-]*$/.test(text) && !/^(?:true|5|-+)$/.test(text) && index % 2 === 0 ? text : index % 3 === 1 ? `'${text.replaceAll("'", "''")}'` : JSON.stringify(text));
  const list = (words: readonly string[], at: string): string => (inline || words.length === 0 ? ` [${pad}${words.map((one) => JSON.stringify(one)).join(", ")}${pad}]` : `${end}${words.map((one, index) => `${at}- ${quote(one, index)}${comment()}`).join(end)}`);
  const isList = client.shape.list === true;
  const blocks = servers.map(({ name, command, args: words, env }, index) => {
    const at = isList ? `${deep}  ` : `${deep}${deep}`;
    const lines = [`${client.shape.command}: ${quote(command, index)}${comment()}`, ...(words === null ? [] : [`args:${list(words, index % 2 === 0 ? at : `${at}  `)}`]), `${client.shape.env}:${env.length === 0 ? " {}" : ""}`, ...env.map((variable) => `  ${variable}: ${mark()}`)];
    const ordered = isList && index % 2 === 1 ? [...lines, `name: ${JSON.stringify(name)}`] : isList ? [`name: ${JSON.stringify(name)}`, ...lines] : lines;
    return isList ? `${deep}- ${ordered.join(`${end}${at}`)}${end}` : `${deep}${JSON.stringify(name)}:${comment()}${end}${at}${ordered.join(`${end}${at}`)}${end}`;
  });
  return { text: `# ${mark()}${end}${keysOf(client)[0] as string}:${end}${blocks.join("")}other: ${mark()}${end}`, marks };
}
