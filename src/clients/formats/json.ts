/** JSON, with the comments and trailing commas that many clients take. */
import { parseTree, printParseErrorCode, type Node, type ParseError } from "jsonc-parser";
import { once, place, unmarked, type Entry, type Format, type Tree } from "./tree.ts";

const WORDS: Readonly<Record<string, string>> = {
  InvalidSymbol: "this is no JSON", InvalidNumberFormat: "this is no number", PropertyNameExpected: "a key in quotes is missing", ValueExpected: "a value is missing", ColonExpected: "a colon is missing", CommaExpected: "a comma is missing",
  CloseBraceExpected: "a closing brace is missing", CloseBracketExpected: "a closing bracket is missing", EndOfFileExpected: "something stands behind the end", UnexpectedEndOfString: "the text has no end", UnexpectedEndOfComment: "the comment has no end", InvalidEscapeCharacter: "this escape means nothing", InvalidCharacter: "this character may not stand here",
};

export const JSON_FORMAT: Format = {
  parse: (text) => {
    const errors: ParseError[] = [];
    const root = parseTree(unmarked(text), errors, { allowTrailingComma: true, allowEmptyContent: true });
    const [first] = errors;
    if (first !== undefined) throw new SyntaxError(`${place(text, first.offset)}: ${WORDS[printParseErrorCode(first.error)] ?? printParseErrorCode(first.error)}`);
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
