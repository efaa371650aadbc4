/** The words of a shell command: what their quotes and escapes stand for, and what of them the shell itself still acts on. */

/** What is needed of the grammar's tree. */
interface Node {
  readonly type: string;
  readonly text: string;
  readonly isNamed: boolean;
  readonly children: readonly (Node | null)[];
  readonly namedChildren: readonly (Node | null)[];
}

/** Characters that a shell makes other words of, unless quotes or escapes protect them; those are kept as private ones. */
const ACTED_ON = "{},*?[]";
const HIDDEN = 0xe000;
/** Which a command line must therefore not hold itself. */
export const RESERVED = /[\ue000-\ue00f]/;

const hide = (text: string): string => text.replaceAll(/[{},*?[\]]/g, (letter) => String.fromCharCode(HIDDEN + ACTED_ON.indexOf(letter)));

/** The text as the program gets it. */
export const shown = (word: string): string => word.replaceAll(/[\ue000-\ue006]/g, (letter) => ACTED_ON[letter.charCodeAt(0) - HIDDEN] as string);

/** The text that a word stands for, what is protected in it hidden; null where a part of it is known only when it runs. */
export function wordOf(node: Node): string | null {
  if (node.type === "word" || node.type === "number") return node.text.replaceAll(/\\([^])/g, (_, letter: string) => hide(letter));
  if (node.type === "raw_string") return hide(node.text.slice(1, -1));
  if (node.type === "ansi_c_string") return hide(ansi(node.text.slice(2, -1)));
  if (node.type === "brace_expression") return node.text;
  if (node.type === "string") {
    const inner = node.namedChildren.filter((child) => child !== null);
    return inner.every((child) => child.type === "string_content") ? hide(node.text.slice(1, -1).replaceAll(/\\([$`"\\])/g, "$1")) : null;
  }
  if (node.type !== "concatenation") return null;
  const parts = node.children.filter((child) => child !== null).map((child) => (child.isNamed ? wordOf(child) : child.text));
  return parts.includes(null) ? null : parts.join("");
}

const ANSI: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", a: "\u0007", b: "\b", e: "\u001b", E: "\u001b", f: "\f", v: "\v" };

function ansi(text: string): string {
  return text.replaceAll(/\\(?:x([0-9a-f]{1,2})|u([0-9a-f]{1,4})|U([0-9a-f]{1,8})|([0-7]{1,3})|([^]))/gi, (_, x: string | undefined, u: string | undefined, long: string | undefined, octal: string | undefined, letter: string | undefined) => {
    if (letter !== undefined) return ANSI[letter] ?? letter;
    const point = octal === undefined ? Number.parseInt((x ?? u ?? long) as string, 16) : Number.parseInt(octal, 8);
    return point <= 0x10ffff ? String.fromCodePoint(point) : "\ufffd";
  });
}
