/** JSON, with the comments and trailing commas that many clients take. */
import { parseTree, printParseErrorCode, type Node, type ParseError } from "jsonc-parser";
import { once, place, unmarked, type Entry, type Format, type Tree } from "./tree.ts";

export const JSON_FORMAT: Format = {
  parse: (text) => {
    const errors: ParseError[] = [];
    const root = parseTree(unmarked(text), errors, { allowTrailingComma: true, allowEmptyContent: true });
    const [first] = errors;
    if (first !== undefined) throw new SyntaxError(`${place(text, first.offset)}: ${printParseErrorCode(first.error)}`);
    return root === undefined ? { kind: "table", entries: [] } : tree(text, root);
  },
  quote: (text) => JSON.stringify(text),
  assign: (key, value) => `${JSON.stringify(key)}: ${value}`,
};

function tree(text: string, { type, offset, length, value, children = [] }: Node): Tree {
  if (type === "array") return { kind: "list", start: offset, end: offset + length, items: children.map((one) => tree(text, one)), dashes: null };
  if (type !== "object") return { kind: "leaf", start: offset, end: offset + length, value: value as string | number | boolean | null };
  const entries = children.map(({ offset: start, children: [key, its] = [] }): Entry => ({ key: String(key?.value), start, value: tree(text, its as Node), line: false }));
  return { kind: "table", entries: once(text, entries) };
}
