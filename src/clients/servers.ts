/** The servers that stand in a client's file, whichever way it writes them down. */
import type { Client, Keys } from "./client.ts";
import type { ClientFile } from "./places.ts";
import { FORMATS } from "./formats/formats.ts";
import { child, entry, place, textOf, textsOf, type Entry, type Leaf, type List, type Table, type Tree } from "./formats/tree.ts";

/** Where the command line stands in the text. */
export interface Spot {
  /** A program, or with `args` null the whole command line. */
  readonly command: Entry;
  readonly args: Entry | null;
}

export interface ClientServer {
  readonly file: ClientFile;
  readonly name: string;
  /** Names from the top of the file to it; of a list, the server's own name in place of its number. */
  readonly path: Keys;
  /** The command line as it stands there: placeholders are the client's. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Variables that are passed on by name. */
  readonly names: readonly string[];
  readonly cwd: string | null;
  /** A key whose value is more for the client to do: variables out of a file, a debugger. Null: none that is known. */
  readonly beside: string | null;
  readonly disabled: boolean;
  readonly spot: Spot;
  /** Where its variables stand. */
  readonly variables: readonly Entry[];
}

/** Something in the file that is no STDIO server, and why. */
export interface Other {
  readonly name: string;
  readonly path: Keys;
  readonly why: "remote" | "unreadable";
  readonly detail: string;
}

export interface FileServers {
  readonly servers: readonly ClientServer[];
  readonly others: readonly Other[];
}

/** Throws SyntaxError, with line and column. */
export function serversOf(file: ClientFile, text: string): FileServers {
  const root = parsed(file, text);
  const servers: ClientServer[] = [];
  const others: Other[] = [];
  const seen = new Set<Tree>();
  for (const keys of file.place.keys ?? file.client.keys) {
    for (const [path, name, tree] of entriesAt(root, keys, [], file.client)) {
      if (seen.has(tree)) continue;
      const found = serverOf(file, path, name, tree);
      if (found === null) continue;
      seen.add(tree);
      if ("why" in found) others.push(found);
      else servers.push(found);
    }
  }
  const [twice] = servers.filter(({ path }, index) => servers.slice(0, index).some((one) => one.path.join("\0") === path.join("\0")));
  if (twice !== undefined) throw new SyntaxError(`${place(text, twice.spot.command.start)}: there are two servers ${JSON.stringify(twice.name)}`);
  return { servers, others };
}

/** Files of some clients are megabytes long, and each is looked at again and again. */
const KEPT_TREES = 4;
const trees = new Map<string, Tree>();

function parsed(file: ClientFile, text: string): Tree {
  const { format } = file.client;
  const key = `${format}\n${text}`;
  const known = trees.get(key);
  if (known !== undefined) return known;
  const tree = FORMATS[format].parse(text);
  const [oldest] = trees.keys();
  if (trees.size >= KEPT_TREES && oldest !== undefined) trees.delete(oldest);
  trees.set(key, tree);
  return tree;
}

function entriesAt(tree: Tree | undefined, [key, ...rest]: Keys, path: Keys, client: Client): (readonly [path: Keys, name: string, tree: Tree])[] {
  if (tree === undefined) return [];
  if (key !== undefined) {
    if (tree.kind !== "table") return isNothing(tree) ? [] : [[path, path.at(-1) ?? "the whole file", tree]];
    const inner = tree.entries.filter((one) => key === "*" || one.key === key);
    return inner.flatMap((one) => entriesAt(one.value, rest, [...path, one.key], client));
  }
  if (tree.kind !== (client.shape.list === true ? "list" : "table")) return isNothing(tree) ? [] : [[path, path.at(-1) ?? "", tree]];
  if (tree.kind === "list") {
    return tree.items.map((item, index) => {
      const name = textOf(child(item, "name")) ?? `#${index + 1}`;
      return [[...path, name], name, textOf(child(item, "name")) === undefined ? { ...UNKNOWN } : item] as const;
    });
  }
  return tree.kind === "table" ? tree.entries.map((one) => [[...path, one.key], one.key, one.value] as const) : [];
}

/** What stands where a server should, and is none. */
const UNKNOWN: Tree = { kind: "leaf", start: 0, end: 0, value: undefined };

function isNothing(tree: Tree): boolean {
  return (tree.kind === "leaf" && tree.value === null) || (tree.kind === "list" && tree.items.length === 0) || (tree.kind === "table" && tree.entries.length === 0);
}

const REMOTE = ["url", "httpUrl", "serverUrl", "uri"];
const REMOTE_TYPES = ["http", "sse", "remote", "streamable-http", "streamable_http", "streamableHttp", "ws"];

/** Null: no server at all, such as a setting that stands among them. */
function serverOf(file: ClientFile, path: Keys, name: string, given: Tree): ClientServer | Other | null {
  const unreadable = (detail: string): Other => ({ name, path, why: "unreadable", detail });
  if (given.kind !== "table") return isNothing(given) ? null : unreadable("its entry is no table of names and values, or stands somewhere else (an alias, an anchor)");
  const { shape } = file.client;
  const [tree, key] = nested(given, shape.command);
  const command = entry(tree, key);
  if ([given, tree].some((one) => entry(one, "<<") !== undefined)) return unreadable("part of its entry is merged from somewhere else (<<)");
  const type = textOf(child(given, "type")) ?? textOf(child(given, "transport"));
  const url = REMOTE.map((one) => textOf(child(given, one))).find((one) => one !== undefined);
  const remote = url !== undefined || (type !== undefined && REMOTE_TYPES.includes(type));
  if (command === undefined && remote) return { name, path, why: "remote", detail: url ?? type ?? "" };
  if (command === undefined) return type === "stdio" || type === "local" || given.entries.some((one) => /^(?:command|cmd|args)$/i.test(one.key)) ? unreadable(`there is no ${key}`) : null;
  if (remote) return unreadable("it has a command as well as an address");
  const whole = command.value.kind === "list";
  const words = whole ? textsOf(command.value) : [textOf(command.value)];
  const args = whole ? null : (entry(tree, "args") ?? null);
  const more = args === null ? [] : textsOf(args.value);
  if (words === null || words[0] === undefined || words[0] === "") return unreadable(`${key} is no text`);
  if (more === null) return unreadable("args is no list of texts");
  if ([...(words as string[]), ...more].some((word) => word.includes("\0"))) return unreadable("a word holds a zero byte");
  const env = textTable(child(tree, shape.env));
  if (env === null) return unreadable(`${shape.env} holds something other than texts`);
  const names = shape.names === undefined ? [] : namesOf(child(given, shape.names));
  if (names === null) return unreadable(`${shape.names} holds something other than names`);
  const disabled = leaf(child(given, "disabled")) === true || leaf(child(given, "enabled")) === false;
  const variables = child(tree, shape.env);
  return { file, name, path, variables: variables?.kind === "table" ? variables.entries : [], argv: [...(words as string[]), ...more], env, names, cwd: textOf(child(given, "cwd")) ?? null, beside: BESIDE.find((one) => entry(given, one) !== undefined || entry(tree, one) !== undefined) ?? null, disabled, spot: { command, args } };
}

/** VS Code and Cursor read variables from a file; VS Code has servers debugged. */
const BESIDE = ["envFile", "env_file", "dev"];

/** Zed's older form keeps the command line in a table of its own. */
function nested(tree: Table, key: string): readonly [tree: Table, key: string] {
  const inner = child(tree, key);
  return inner?.kind === "table" ? [inner, "path"] : [tree, key];
}

function leaf(tree: Tree | undefined): Leaf["value"] {
  return tree?.kind === "leaf" ? tree.value : undefined;
}

/** Numbers, booleans and nothing at all are taken as clients take them: as their text. */
function textTable(tree: Tree | undefined): Record<string, string> | null {
  if (tree === undefined || leaf(tree) === null) return {};
  if (tree.kind !== "table") return null;
  const found = tree.entries.map(({ key, value }) => [key, leaf(value)] as const);
  return found.some(([, value]) => value === undefined) ? null : Object.fromEntries(found.map(([key, value]) => [key, String(value ?? "")]));
}

/** Texts, or tables with a `name`. */
function namesOf(tree: Tree | undefined): string[] | null {
  if (tree === undefined) return [];
  if (tree.kind !== "list") return null;
  const names = tree.items.map((item) => textOf(item) ?? textOf(child(item, "name")));
  return names.every((name) => name !== undefined) ? names : null;
}

/** The list that the command line stands in, if there is one. */
export function listOf({ command, args }: Spot): List | null {
  const value = args?.value ?? command.value;
  return value.kind === "list" ? value : null;
}

/** Whether two texts of a file say the same but for one server's command line. */
export function sameButArgv(file: ClientFile, before: string, after: string, { path }: ClientServer): boolean {
  const spots = [before, after].map((text) => serversOf(file, text).servers.find((one) => one.path.join("\0") === path.join("\0"))?.spot);
  const left = new Set(spots.flatMap((spot) => (spot === undefined ? [] : [spot.command, spot.args])));
  return spots.every((spot) => spot !== undefined) && same(parsed(file, before), parsed(file, after), left);
}

function same(a: Tree, b: Tree, left: ReadonlySet<Entry | null>): boolean {
  if (a.kind === "leaf" || b.kind === "leaf") return a.kind === b.kind && (a as Leaf).value === (b as Leaf).value;
  if (a.kind === "list" || b.kind === "list") {
    const [x, y] = [a, b] as [List, List];
    return a.kind === b.kind && x.items.length === y.items.length && x.items.every((item, index) => same(item, y.items[index] as Tree, left));
  }
  const [x, y] = [a.entries, b.entries].map((entries) => entries.filter((one) => !left.has(one))) as [Entry[], Entry[]];
  return x.length === y.length && x.every(({ key, value }, index) => key === y[index]?.key && same(value, y[index].value, left));
}
