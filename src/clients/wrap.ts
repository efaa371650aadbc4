/**
 * The gate before a server's command line, and out again. Only the command line's own text changes: what stands beside it,
 * comments, order and odd spacing included, is not even looked at.
 */
import { FORMATS } from "./formats/formats.ts";
import { applyEdits, type Edit, type Entry, type Format, type List } from "./formats/tree.ts";
import { gateLength } from "./gate-words.ts";
import { listOf, sameButArgv, serversOf, type ClientServer } from "./servers.ts";
import type { ClientFile } from "./places.ts";

/** What taking the gate out again needs to know beyond the file itself. */
export interface Wrapped {
  readonly path: readonly string[];
  /** The program as it was written, quotes and all; null where the whole command line is one list. */
  readonly command: string | null;
  /** The list was made for the gate. */
  readonly madeArgs: boolean;
}

/** Puts `gate` before the command line. */
export function wrap(file: ClientFile, text: string, server: ClientServer, gate: readonly string[]): { text: string; wrapped: Wrapped } {
  const format = FORMATS[file.client.format];
  const { command, args } = server.spot;
  const list = listOf(server.spot);
  const isList = command.value.kind === "list";
  const written = isList ? null : textAt(text, command);
  const words = isList ? gate : [...gate.slice(1), server.argv[0] as string];
  const edits: Edit[] = isList ? [] : [{ ...spanOf(command), text: format.quote(gate[0] as string) }];
  edits.push(list === null ? made(text, command, words, format) : inserted(text, list, words, format));
  const changed = applyEdits(text, edits);
  checked(file, text, changed, server, [...gate, ...server.argv]);
  return { text: changed, wrapped: { path: server.path, command: written, madeArgs: args === null && !isList } };
}

/** Takes the gate out. Null where none stands there, or where nothing stands behind it. */
export function unwrap(file: ClientFile, text: string, server: ClientServer, known: Wrapped | null, own: readonly string[]): string | null {
  const format = FORMATS[file.client.format];
  const length = gateLength(server.argv, own);
  const original = length === null ? undefined : server.argv[length];
  const list = listOf(server.spot);
  if (length === null || original === undefined || list === null) return null;
  const { command, args } = server.spot;
  const isList = command.value.kind === "list";
  // Of the list, the words of the gate; beside a program of its own, the gate's but for the first, and the program.
  const count = length;
  const edits: Edit[] = [];
  if (!isList) {
    const before = known?.command ?? null;
    edits.push({ ...spanOf(command), text: before !== null && isQuoteOf(before, original, format) ? before : format.quote(original) });
  }
  const whole = known?.madeArgs === true && list.items.length === count && args !== null;
  edits.push(whole && (args.line || /^\s*,\s*$/.test(text.slice(spanOf(command).end, args.start))) ? unmade(text, command, args) : removed(text, list, count));
  const changed = applyEdits(text, edits);
  checked(file, text, changed, server, server.argv.slice(length));
  return changed;
}

function isQuoteOf(written: string, value: string, format: Format): boolean {
  try {
    const tree = format.parse(format.assign("a", written).replace(/^"a": .*$/s, (whole) => `{${whole}}`));
    return tree.kind === "table" && tree.entries[0]?.value.kind === "leaf" && tree.entries[0].value.value === value;
  } catch {
    return false;
  }
}

/** Nothing else may have changed, and the command line is what was meant. Throws where that is not so: nothing is written then. */
function checked(file: ClientFile, before: string, after: string, server: ClientServer, argv: readonly string[]): void {
  const found = serversOf(file, after).servers.find(({ path }) => path.join("\0") === server.path.join("\0"));
  if (found === undefined || JSON.stringify(found.argv) !== JSON.stringify(argv) || !sameButArgv(file, before, after, server)) throw new Error(`${server.name}: the change would have touched more than its command line`);
}

function spanOf({ value }: Entry): { start: number; end: number } {
  return value.kind === "table" ? { start: 0, end: 0 } : { start: value.start, end: value.end };
}

function textAt(text: string, where: Entry): string {
  const { start, end } = spanOf(where);
  return text.slice(start, end);
}

/** White space before an offset, back to whatever stands there. */
function spaceBefore(text: string, offset: number): string {
  let start = offset;
  while (start > 0 && /\s/.test(text[start - 1] as string)) start -= 1;
  return text.slice(start, offset);
}

function inserted(text: string, { items, dashes, start }: List, words: readonly string[], format: Format): Edit {
  const [first] = items;
  const quoted = words.map((word) => format.quote(word));
  if (dashes !== null) {
    const at = dashes[0] as number;
    const indent = text.slice(text.lastIndexOf("\n", at - 1) + 1, at);
    return { start: at, end: at, text: quoted.map((word) => `- ${word}${lineEnd(text)}${indent}`).join("") };
  }
  if (first === undefined || first.kind === "table") return { start: start + 1, end: start + 1, text: quoted.join(", ") };
  const space = spaceBefore(text, first.start);
  const line = space.lastIndexOf("\n");
  const between = line === -1 ? ", " : `,${text[first.start - space.length + line - 1] === "\r" ? "\r" : ""}${space.slice(line)}`;
  return { start: first.start, end: first.start, text: quoted.map((word) => `${word}${between}`).join("") };
}

/** The first words of a list, with the commas behind them, and the space up to what stays. */
function removed(text: string, { items, dashes }: List, count: number): Edit {
  const last = items[count - 1] as { end: number };
  const next = items[count];
  if (dashes !== null) {
    const start = dashes[0] as number;
    if (next === undefined) return { start, end: last.end, text: "[]" };
    const end = dashes[count] as number;
    return { start, end: text.slice(last.end, end).trim() === "" ? end : start + lineOf(text, start, last.end), text: "" };
  }
  const { start } = items[0] as { start: number };
  const behind = /^\s*,/.exec(text.slice(last.end))?.[0] ?? "";
  const comma = last.end + behind.length;
  const space = next === undefined ? "" : (/^\s*/.exec(text.slice(comma))?.[0] ?? "");
  return { start, end: comma + space.length, text: "" };
}

/** Up to the end of the last word's line, and the indentation behind it. */
function lineOf(text: string, start: number, end: number): number {
  const rest = /^[^\n]*\n[ \t]*/.exec(text.slice(end))?.[0] ?? "";
  return end + rest.length - start;
}

/** A list where there was none, behind the program. */
function made(text: string, command: Entry, words: readonly string[], format: Format): Edit {
  const list = format.assign("args", `[${words.map((word) => format.quote(word)).join(", ")}]`);
  const { end } = spanOf(command);
  if (command.line) {
    const at = endOfLine(text, end);
    const indent = text.slice(text.lastIndexOf("\n", command.start - 1) + 1, command.start);
    // The first key of a list's item stands behind a dash.
    return { start: at, end: at, text: `${lineEnd(text)}${indent.replaceAll(/\S/g, " ")}${list}` };
  }
  const space = spaceBefore(text, command.start);
  const line = space.lastIndexOf("\n");
  const before = line === -1 ? " " : `${text[command.start - space.length + line - 1] === "\r" ? "\r" : ""}${space.slice(line)}`;
  return { start: end, end, text: `,${before}${list}` };
}

function unmade(text: string, command: Entry, args: Entry): Edit {
  const { end } = spanOf(args);
  const start = args.line ? text.lastIndexOf("\n", args.start - 1) : spanOf(command).end;
  return { start: args.line && text[start - 1] === "\r" ? start - 1 : start, end, text: "" };
}

function endOfLine(text: string, from: number): number {
  const at = text.indexOf("\n", from);
  const end = at === -1 ? text.length : at;
  return text[end - 1] === "\r" ? end - 1 : end;
}

function lineEnd(text: string): string {
  return /\r?\n/.exec(text)?.[0] ?? "\n";
}
