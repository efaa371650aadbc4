/** YAML: block and flow form; aliases, anchors and merged keys are not taken apart. */
import { isMap, isScalar, isSeq, parseDocument, type CST, type Node, type YAMLMap, type YAMLSeq } from "yaml";
import { once, place, type Entry, type Format, type Tree } from "./tree.ts";

export const YAML_FORMAT: Format = {
  parse: (text) => {
    const document = parseDocument(text, { keepSourceTokens: true, uniqueKeys: false });
    const [first] = document.errors;
    if (first !== undefined) throw new SyntaxError(`${place(text, first.pos[0])}: ${first.message.split("\n")[0]}`);
    return document.contents === null || (isScalar(document.contents) && document.contents.value === null) ? { kind: "table", entries: [] } : tree(text, document.contents);
  },
  quote: (text) => (/^(?!(?:true|false|null|yes|no|on|off|y|n)$)(?:-{1,2}(?=[a-z]))?[A-Za-z/][\w./-]*$/i.test(text) ? text : JSON.stringify(text)),
  assign: (key, value) => `${key}: ${value}`,
};

function tree(text: string, node: Node | null): Tree {
  const [start, end] = node?.range ?? [0, 0];
  // Whatever is changed here would change elsewhere too.
  if (node !== null && "anchor" in node && node.anchor !== undefined) return { kind: "leaf", start, end, value: undefined };
  if (isMap(node)) return { kind: "table", entries: once(text, (node as YAMLMap<Node, Node | null>).items.map((pair) => entryOf(text, pair, node.flow !== true))) };
  if (isSeq(node)) return { kind: "list", start, end, items: (node as YAMLSeq<Node>).items.map((item) => tree(text, item)), dashes: node.flow === true ? null : dashesOf(node) };
  const value = isScalar(node) ? node.value : undefined;
  const isPlain = value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  return { kind: "leaf", start, end, value: isPlain ? value : undefined };
}

function entryOf(text: string, { key, value }: { key: Node; value: Node | null }, line: boolean): Entry {
  return { key: isScalar(key) ? String(key.value) : "", start: key.range?.[0] ?? 0, value: tree(text, value), line };
}

function dashesOf(node: YAMLSeq): number[] {
  const token = node.srcToken as CST.BlockSequence | undefined;
  return (token?.items ?? []).flatMap(({ start }) => start.find(({ type }) => type === "seq-item-ind")?.offset ?? []);
}
