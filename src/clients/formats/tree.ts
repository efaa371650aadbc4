/** A configuration file as places in its text: what is changed is a piece of text, and everything else stays byte for byte. */

export interface Leaf {
  readonly kind: "leaf";
  readonly start: number;
  readonly end: number;
  /** Undefined: not plain text, such as an alias or a date. */
  readonly value: string | number | boolean | null | undefined;
}

export interface List {
  readonly kind: "list";
  readonly start: number;
  readonly end: number;
  readonly items: readonly Tree[];
  /** Offsets of the dashes of YAML's block form; null in brackets. */
  readonly dashes: readonly number[] | null;
}

export interface Entry {
  readonly key: string;
  /** Of the key. */
  readonly start: number;
  readonly value: Tree;
  /** Whether it stands on a line of its own, and not between braces. */
  readonly line: boolean;
}

export interface Table {
  readonly kind: "table";
  readonly entries: Entry[];
}

export type Tree = Leaf | List | Table;

export interface Format {
  /** Throws SyntaxError with line and column, also for a key that stands twice. */
  readonly parse: (text: string) => Tree;
  readonly quote: (text: string) => string;
  /** Between a key and its value. */
  readonly assign: (key: string, value: string) => string;
}

export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Those must not overlap. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  return [...edits].sort((a, b) => b.start - a.start).reduce((now, { start, end, text: its }) => now.slice(0, start) + its + now.slice(end), text);
}

export function child(tree: Tree | undefined, key: string): Tree | undefined {
  return entry(tree, key)?.value;
}

export function entry(tree: Tree | undefined, key: string): Entry | undefined {
  return tree?.kind === "table" ? tree.entries.find((one) => one.key === key) : undefined;
}

/** The text of a leaf; undefined where it is none. */
export function textOf(tree: Tree | undefined): string | undefined {
  return tree?.kind === "leaf" && typeof tree.value === "string" ? tree.value : undefined;
}

/** The texts of a list; null where anything else stands there. */
export function textsOf(tree: Tree | undefined): string[] | null {
  if (tree === undefined) return [];
  if (tree.kind !== "list") return null;
  const texts = tree.items.map(textOf);
  return texts.every((text) => text !== undefined) ? texts : null;
}

/** Line and column, from one, as editors count. */
export function place(text: string, offset: number): string {
  const before = text.slice(0, offset).split("\n");
  return `${before.length}:${(before.at(-1) as string).length + 1}`;
}

/** A byte order mark is none of the parsers' business; offsets stay. */
export function unmarked(text: string): string {
  return text.replace(/^\ufeff/, " ");
}

/** Throws SyntaxError where a key stands twice: programs differ in which of them counts. */
export function once(text: string, entries: readonly Entry[]): Entry[] {
  const seen = new Set<string>();
  for (const { key, start } of entries) {
    if (seen.has(key)) throw new SyntaxError(`${place(text, start)}: ${JSON.stringify(key)} stands there twice`);
    seen.add(key);
  }
  return [...entries];
}
