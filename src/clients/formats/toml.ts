/** TOML: tables, dotted keys and inline tables are all one tree. */
import { parseTOML, type AST } from "toml-eslint-parser";
import { place, unmarked, type Entry, type Format, type Table, type Tree } from "./tree.ts";

export const TOML_FORMAT: Format = {
  parse: (text) => {
    const root: Table = { kind: "table", entries: [] };
    for (const node of body(text)) {
      if (node.type === "TOMLKeyValue") put(root, node, true, text);
      // What stands in a list of tables is not looked into, but it is there.
      else if (node.kind === "array") lists(root, node.resolvedKey.filter((key) => typeof key === "string"), node.range[0], text);
      else if (node.resolvedKey.some((key) => typeof key === "number")) continue;
      else for (const one of node.body) put(tableAt(root, node.resolvedKey.map(String), node.range[0], text), one, true, text);
    }
    return root;
  },
  quote: (text) => JSON.stringify(text).replaceAll("\u007f", "\\u007f"),
  assign: (key, value) => `${key} = ${value}`,
};

function body(text: string): readonly (AST.TOMLKeyValue | AST.TOMLTable)[] {
  try {
    return parseTOML(unmarked(text)).body[0].body;
  } catch (error) {
    const { message, lineNumber, column } = error as Error & { lineNumber?: number; column?: number };
    throw new SyntaxError(`${lineNumber ?? 1}:${(column ?? 0) + 1}: ${message}`, { cause: error });
  }
}

function put(table: Table, { key, value, range }: AST.TOMLKeyValue, line: boolean, text: string): void {
  const path = key.keys.map((one) => (one.type === "TOMLBare" ? one.name : one.value));
  const last = path.pop() as string;
  const into = tableAt(table, path, range[0], text);
  if (into.entries.some((one) => one.key === last)) throw new SyntaxError(`${place(text, range[0])}: ${JSON.stringify(last)} stands there twice`);
  into.entries.push({ key: last, start: range[0], value: tree(value, text), line });
}

function lists(root: Table, path: readonly string[], start: number, text: string): void {
  const into = tableAt(root, path.slice(0, -1), start, text);
  const key = path.at(-1) as string;
  if (!into.entries.some((one) => one.key === key)) into.entries.push({ key, start, value: { kind: "leaf", start, end: start, value: undefined }, line: true });
}

function tableAt(table: Table, path: readonly string[], start: number, text: string): Table {
  return path.reduce((at, key) => {
    const known = at.entries.find((one) => one.key === key)?.value;
    if (known?.kind === "table") return known;
    if (known !== undefined) throw new SyntaxError(`${place(text, start)}: ${JSON.stringify(key)} is a value and a table`);
    const made: Entry & { value: Table } = { key, start, value: { kind: "table", entries: [] }, line: true };
    at.entries.push(made);
    return made.value;
  }, table);
}

function tree(node: AST.TOMLContentNode, text: string): Tree {
  const [start, end] = node.range;
  if (node.type === "TOMLArray") return { kind: "list", start, end, items: node.elements.map((one) => tree(one, text)), dashes: null };
  if (node.type === "TOMLInlineTable") {
    const table: Table = { kind: "table", entries: [] };
    for (const one of node.body) put(table, one, false, text);
    return table;
  }
  const { value } = node;
  return { kind: "leaf", start, end, value: typeof value === "string" || typeof value === "boolean" || typeof value === "number" ? value : undefined };
}
