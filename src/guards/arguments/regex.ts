/** Regular expressions that a server will run: none that a backtracking engine takes for ever (CWE-1333). */
import { RE2JS } from "re2js";
import type { Objection, SyncCheck } from "./world.ts";

/** One that a linear-time engine knows (look-around and references back apart), without repetition that can be cut up in many ways. */
export const checkRegex: SyncCheck = (value) => {
  if (value.length > 1024) return "it is longer than 1,024 characters";
  for (const [, from, to] of value.matchAll(/\{(\d+)?,?(\d+)?\}/g)) if (Number(from ?? 0) > 1000 || Number(to ?? 0) > 1000) return "it repeats more than a thousand times";
  try {
    const plain = value.replaceAll(/(?<!\\)((?:\\\\)*)\(\?<?[=!]/g, "$1(?:").replaceAll(/(?<!\\)((?:\\\\)*)\\[1-9](?!\d)/g, "$1(?:)");
    RE2JS.compile(RE2JS.translateRegExp(plain));
  } catch (error) {
    return `no linear-time engine takes it: ${(error as Error).message}`;
  }
  return neighbours(value) ?? repeatsItself(value);
};

/** More than two repeats side by side that can take the same letters: each cuts the text in another place. */
function neighbours(pattern: string): Objection {
  for (const [run] of pattern.matchAll(/(?:(?:\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\()[\]{}*+?|^$])[*+]\??){3,}/gsu)) {
    const atoms = run.match(ATOM) ?? [];
    if (atoms.every((atom, index) => index === 0 || overlap(atom, atoms[index - 1] as string))) return "it repeats the same side by side";
  }
  return null;
}

interface Group {
  readonly start: number;
  repeats: boolean;
  choice: boolean;
}

/** Follows the groups with a stack; what is repeated and holds repetition or choice must have one way to be cut into rounds. */
function repeatsItself(pattern: string): Objection {
  const groups: Group[] = [];
  let multiplied = 1;
  for (let at = 0; at < pattern.length; at += 1) {
    const letter = pattern[at] as string;
    if (letter === "\\") at += 1;
    else if (letter === "[") at = endOfClass(pattern, at);
    else if (letter === "(") groups.push({ start: at, repeats: false, choice: false });
    else if (letter === "|") groups.forEach((group) => (group.choice = true));
    else if (letter === ")") {
      const group = groups.pop();
      const times = repetition(pattern.slice(at + 1));
      if (group === undefined || times === 1) {
        if (group?.repeats === true) groups.forEach((outer) => (outer.repeats = true));
        continue;
      }
      if (times !== Infinity) multiplied *= times;
      if (multiplied > 1000) return "it repeats more than a thousand times";
      if (times > 10 && (group.repeats || group.choice) && ambiguous(pattern.slice(group.start + 1, at))) return "it repeats what repeats itself";
      groups.forEach((outer) => (outer.repeats = true));
    } else if (at > 0 && (repetition(pattern.slice(at)) > 1 || (letter === "?" && !/[(*+?}]/.test(pattern[at - 1] as string)))) groups.forEach((group) => (group.repeats = true));
  }
  return null;
}

/** How often the quantifier at the start repeats; 1 where there is none. */
function repetition(text: string): number {
  if (/^[*+]/.test(text)) return Infinity;
  const [, from, comma, to] = /^\{(\d+)(,?)(\d*)\}/.exec(text) ?? [];
  if (from === undefined) return 1;
  return to !== undefined && to !== "" ? Number(to) : comma === "," ? Infinity : Number(from);
}

function endOfClass(pattern: string, at: number): number {
  let end = at + (pattern[at + 1] === "^" ? 2 : 1);
  if (pattern[end] === "]") end += 1;
  while (end < pattern.length && pattern[end] !== "]") end += pattern[end] === "\\" ? 2 : 1;
  return end;
}

const ATOM = /\[\^?\]?(?:\\.|[^\]\\])*\]|\\.|[^\\()|*+?{}]/gsu;

/** Whether one text can be cut into rounds of the body in two ways: not where a fixed part that nothing repeated can take parts the rounds. */
function ambiguous(body: string): boolean {
  const inner = body.replace(/^\?(?:[:=!]|<[=!]|P?<\w+>)/, "");
  const branches = splitTop(inner);
  if (branches.length > 1) {
    if (branches.every((branch) => /^(?:\\[^dDwWsSbB]|[^\\()[\]*+?{}|.^$])+$/.test(branch))) return branches.some((one, index) => branches.some((other, at) => at !== index && other.startsWith(one)));
    const heads = branches.map((branch) => branch.match(ATOM)?.[0] ?? null);
    return heads.some((one, index) => one === null || heads.some((other, at) => at > index && (other === null || overlap(one, other)))) || branches.some((branch) => /[*+]/.test(branch) && ambiguous(branch));
  }
  const repeated = [...inner.matchAll(/(\[\^?\]?(?:\\.|[^\]\\])*\]|\\.|[^\\()|*+?{}]|\))(?=[*+?]|\{\d+,)/gsu)].map(([, atom = ""]) => atom);
  const first = new RegExp(`^(${ATOM.source})(?![*?{+])`, "su").exec(inner)?.[1];
  const last = new RegExp(`(${ATOM.source})$`, "su").exec(inner)?.[1];
  // What a repeated group holds may all be repeated.
  const all = repeated.includes(")") ? (inner.match(ATOM) ?? []) : repeated;
  return ![first, last].some((fixed) => fixed !== undefined && without(all, repeated.includes(")") ? fixed : null).every((atom) => !overlap(atom, fixed)));
}

/** All but one of them. */
function without(atoms: readonly string[], one: string | null): string[] {
  const at = one === null ? -1 : atoms.indexOf(one);
  return atoms.filter((_, index) => index !== at);
}

function splitTop(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === "[") at = endOfClass(text, at);
    else if (text[at] === "(") depth += 1;
    else if (text[at] === ")") depth -= 1;
    else if (text[at] === "|" && depth === 0) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return [...parts, text.slice(from)];
}

/** Letters that stand for all: beyond them, classes are hardly ever told apart. */
const SAMPLE = Array.from({ length: 0x250 }, (_, code) => String.fromCharCode(code));

function overlap(one: string, other: string): boolean {
  try {
    const [a, b] = [new RegExp(`^${one}$`, "su"), new RegExp(`^${other}$`, "su")];
    return SAMPLE.some((letter) => a.test(letter) && b.test(letter));
  } catch {
    return true;
  }
}
