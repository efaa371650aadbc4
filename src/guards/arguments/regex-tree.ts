/** Regular expressions as trees: as much of the syntax as backtracking engines share. Zero-width parts are empty. */

export type Tree =
  | { readonly kind: "empty" }
  /** One character of a class, by the class's own source. */
  | { readonly kind: "one"; readonly of: string }
  | { readonly kind: "row" | "choice"; readonly parts: readonly Tree[] }
  | { readonly kind: "repeat"; readonly part: Tree; readonly least: number; readonly most: number }
  /** What a group took, once more. */
  | { readonly kind: "again"; readonly part: Tree };

export interface Parsed {
  readonly tree: Tree;
  /** What look-arounds hold: each is matched for itself. */
  readonly asides: readonly Tree[];
  readonly anchored: boolean;
  /** It ends where its last character does: no border is asked for that could fail behind it. */
  readonly open: boolean;
  readonly ignoresCase: boolean;
}

const EMPTY: Tree = { kind: "empty" };
const POSIX: Readonly<Record<string, string>> = { alpha: "A-Za-z", digit: "0-9", alnum: "A-Za-z0-9", upper: "A-Z", lower: "a-z", space: "\\s", blank: " \\t", punct: "!-\\/:-@[-`{-~", xdigit: "0-9A-Fa-f", word: "\\w" };
/** Engines disagree whether these are letters or places. */
const LETTER_OR_PLACE = "AzZaGQEC";

const FLAGS = /^\(\?[a-z-]+\)/;
const OPENING = /^\((?:\?(?:P?<(?![=!])(\w+)>|[a-z-]*:|(<?[=!])|>))?/;
const CLASS = /^\[(?!\^?\])(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]/s;
const CHARACTER = /^(?:\\(?:x[0-9a-f]{2}|x\{[0-9a-f]+\}|u[0-9a-f]{4}|u\{[0-9a-f]+\}|[pP]\{\^?[\w=]+\}|p[A-Z]|c[A-Z]|0[0-7]{0,2}|[1-3][0-7]{2}|[^])|[^])/iu;
const COUNT = /^(?:([*+?])|\{(\d*)(?:(,)(\d*))?\})[?+]?/;

/** Throws RangeError with what cannot be followed. */
export function parseRegex(source: string): Parsed {
  const groups: (Tree | null)[] = [null];
  const names = new Map<string, number>();
  const asides: Tree[] = [];
  // A number beyond them is a character (ECMA-262, annex B).
  const capturing = source.replaceAll(/\\[^]|\[(?:\\.|[^\]\\])*\]/gs, "x").match(/\((?!\?(?!P?<(?![=!])))/g)?.length ?? 0;
  let at = 0;
  const rest = (): string => source.slice(at);
  const take = (pattern: RegExp): RegExpExecArray | null => {
    const match = pattern.exec(rest());
    at += match?.[0].length ?? 0;
    return match;
  };

  const choice = (): Tree => {
    const parts = [row()];
    while (source[at] === "|") {
      at += 1;
      parts.push(row());
    }
    return parts.length === 1 ? (parts[0] as Tree) : { kind: "choice", parts };
  };

  const row = (): Tree => {
    const parts: Tree[] = [];
    while (at < source.length && source[at] !== "|" && source[at] !== ")") parts.push(counted(piece()));
    return parts.length === 1 ? (parts[0] as Tree) : { kind: "row", parts };
  };

  const counted = (part: Tree): Tree => {
    const match = take(COUNT);
    if (match === null || match[0] === "{}" || match[0] === "{,}") return part;
    const [, sign, from, comma, to] = match;
    if (sign !== undefined) return counted({ kind: "repeat", part, least: sign === "+" ? 1 : 0, most: sign === "?" ? 1 : Infinity });
    return { kind: "repeat", part, least: Number(from), most: comma === undefined ? Number(from) : to === "" ? Infinity : Number(to) };
  };

  const group = (): Tree => {
    if (take(FLAGS) !== null) return EMPTY;
    const [, name, around] = take(OPENING) as RegExpExecArray;
    const captures = source[at - 1] === "(" || name !== undefined;
    const number = captures ? groups.push(null) - 1 : 0;
    if (name !== undefined) names.set(name, number);
    const part = choice();
    if (source[at] !== ")") throw new RangeError("a group without an end");
    at += 1;
    if (captures) groups[number] = part;
    if (around === undefined) return part;
    asides.push(part);
    return EMPTY;
  };

  const again = (number: number): Tree => {
    const part = groups[number] ?? null;
    if (part === null) throw new RangeError("a reference to what was not taken yet");
    return { kind: "again", part };
  };

  const piece = (): Tree => {
    const named = take(/^(?:\(\?P=(\w+)\)|\\k(?:<(\w+)>|\{(\w+)\}|'(\w+)'))/);
    if (named !== null) return again(names.get(named[1] ?? named[2] ?? named[3] ?? named[4] ?? "") ?? 0);
    if (source[at] === "(") return group();
    if (source[at] === "[") {
      const found = take(CLASS);
      if (found === null) throw new RangeError("a class that engines read in different ways");
      return { kind: "one", of: found[0].replaceAll(/\[:\^?(\w+):\]/g, (_, name: string) => POSIX[name] ?? "\\s\\S") };
    }
    if (source[at] === "^" || source[at] === "$") {
      at += 1;
      return EMPTY;
    }
    const [text] = take(CHARACTER) as RegExpExecArray;
    const letter = text[1] ?? "";
    if (text.length === 2 && /[bB]/.test(letter)) return EMPTY;
    if (text.length === 2 && /[1-9]/.test(letter)) return capturing >= Number(letter) ? again(Number(letter)) : { kind: "one", of: `\\x0${letter}` };
    if (text.length === 2 && text[0] === "\\" && LETTER_OR_PLACE.includes(letter)) return { kind: "choice", parts: [EMPTY, { kind: "one", of: letter }] };
    if (/^\\[0-3][0-7]{1,2}$/.test(text)) return { kind: "one", of: `\\x${Number.parseInt(text.slice(1), 8).toString(16).padStart(2, "0").slice(-2)}` };
    return { kind: "one", of: text };
  };

  const tree = choice();
  if (at < source.length) throw new RangeError("a group without a beginning");
  return { tree, asides, anchored: /^(?:\(\?[a-z-]+\))?(?:\^|\\A)/.test(source) && tree.kind !== "choice", open: !/\$|\(\?<?[=!]|\\[bBzZ]/.test(source.replace(/^\\b/, "")), ignoresCase: /\(\?[a-z]*i/.test(source) };
}
