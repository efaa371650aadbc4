/** The texts that a text may hide: what it says when normalised, decoded, turned round or spelt out. */
import { skeletonOf } from "./look-alike.ts";

export interface Reading {
  readonly text: string;
  /** How it was come by; null: it stands there. */
  readonly by: string | null;
  /** Where it stands in the text. */
  readonly range: readonly [start: number, end: number];
}

export const INVISIBLE = /[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu;
/** Decoded pieces of so many characters at least: shorter ones say nothing. */
const LEAST = 12;
const MOST_PIECES = 24;
/** Shortest runs that are decoded: in definitions; in data, which is full of short ones, as the first look knows them (quick.ts). */
const RUNS = { playful: { base64: 16, hex: 12, codes: 12 }, data: { base64: 40, hex: 16, codes: 15 } } as const;

/** @param playful also what is spelt, turned or shifted, which nobody does in data. */
export function readingsOf(text: string, playful: boolean): Reading[] {
  const whole: readonly [number, number] = [0, text.length];
  const found: Reading[] = [{ text, by: null, range: whole }];
  const add = (reading: string, by: string, range: readonly [number, number] = whole): void => {
    if (found.length < MOST_PIECES && reading.length >= LEAST && found.every((one) => one.text !== reading)) found.push({ text: reading, by, range });
  };
  const plain = text.replace(INVISIBLE, "").normalize("NFKC");
  if (plain !== text) add(plain, "normalised");
  if (/[^\u0000-\u024f]/.test(plain) && /[A-Za-z]/.test(plain)) add(looksLatin(plain), "look-alike letters");
  for (const [reading, by, range] of [...decodedPieces(plain, playful ? RUNS.playful : RUNS.data), ...hiddenCharacters(text)]) add(reading, by, range);
  if (!playful) return found;
  for (const match of plain.matchAll(/(?:\b\w(?:[ .\-_*|]| {2,3})){8,}\w?\b/g)) add(match[0].replaceAll(/ {2,}/g, "\n").replaceAll(/[ .\-_*|]/g, "").replaceAll("\n", " "), "spaced letters", [match.index, match.index + match[0].length]);
  if ((plain.match(/\b[a-z@$]*[013457@$]+[a-z@$][\w@$]*|\b[a-z]+[013457@$]+[\w@$]*/gi)?.filter((word) => !COUNTED.test(word)).length ?? 0) >= 4) add(leet(plain), "digits for letters");
  if (looksTurned(plain)) add([...plain].toReversed().join(""), "reversed");
  const turned = plain.replace(/[a-z]/gi, (letter) => String.fromCharCode((letter <= "Z" ? 90 : 122) >= letter.charCodeAt(0) + 13 ? letter.charCodeAt(0) + 13 : letter.charCodeAt(0) - 13));
  if (looksEnglish(turned) && !looksEnglish(plain)) add(turned, "rot13");
  for (const match of plain.matchAll(/[^\n.:]{24,}/g)) {
    const piece = match[0].replace(/[a-z]/gi, (letter) => String.fromCharCode((letter <= "Z" ? 90 : 122) >= letter.charCodeAt(0) + 13 ? letter.charCodeAt(0) + 13 : letter.charCodeAt(0) - 13));
    if (looksEnglish(piece) && !looksEnglish(match[0])) add(piece, "rot13", [match.index, match.index + match[0].length]);
    if (looksTurned(match[0])) add([...match[0]].toReversed().join(""), "reversed", [match.index, match.index + match[0].length]);
  }
  return found;
}

/** Only where scripts are mixed inside words is a look-alike meant; a text of one script is read as it is. */
function looksLatin(text: string): string {
  return text.replace(/[\p{L}\p{M}]+/gu, (word) => (/\p{Script=Latin}/u.test(word) && /[^\p{Script=Latin}\p{M}\p{Script=Common}]/u.test(word) ? skeletonOf(word) : word));
}

const COMMON = /\b(?:the|and|you|to|of|is|this|not|all|with|before|tell|read|send|file|user|must|any|for|in|that|tool|call)\b/gi;

function looksEnglish(text: string): boolean {
  const words = text.match(/[a-z']+/gi)?.length ?? 0;
  return words >= 4 && (text.match(COMMON)?.length ?? 0) / words > 0.2;
}

function looksTurned(text: string): boolean {
  const turned = [...text].toReversed().join("");
  return looksEnglish(turned) && !looksEnglish(text);
}

/** h1, utf8, 3d, 10k, @scope, $name: a digit or sign beside a word rather than in it. */
const COUNTED = /^(?:[a-z]+\d+|\d+[a-z]{1,3}|[@$][a-z_]+)$/i;

const LEET: Readonly<Record<string, string>> = { "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", $: "s" };

function leet(text: string): string {
  return text.replace(/[\w@$]*[a-z][\w@$]*/gi, (word) => (/^\d+[a-z]{0,2}$|^v\d/i.test(word) ? word : word.replace(/[013457@$]/g, (sign) => LEET[sign] as string)));
}

function readable(bytes: Buffer): string | null {
  const text = bytes.toString("utf8");
  const letters = text.match(/[\p{L}\p{N} .,;:'"!?()/_@\-\n]/gu)?.length ?? 0;
  return text.length >= LEAST && !text.includes("\ufffd") && letters / text.length > 0.9 && /\p{L}{2,}/u.test(text) ? text : null;
}

type Piece = readonly [text: string, by: string, range: readonly [number, number]];

function decodedPieces(text: string, least: (typeof RUNS)[keyof typeof RUNS], depth = 0): Piece[] {
  const found: Piece[] = [];
  const each = (pattern: RegExp, by: string, decode: (match: string) => string | null): void => {
    for (const match of text.matchAll(pattern)) {
      const decoded = found.length < MOST_PIECES ? decode(match[0]) : null;
      if (decoded === null) continue;
      const range = [match.index, match.index + match[0].length] as const;
      found.push([decoded, by, range]);
      if (depth < 2) found.push(...decodedPieces(decoded, RUNS.playful, depth + 1).map(([inner, how]): Piece => [inner, `${by}, ${how}`, range]));
    }
  };
  each(new RegExp(`[A-Za-z0-9+/_-]{${least.base64},}={0,2}`, "g"), "base64", (run) => readable(Buffer.from(run, run.includes("-") || run.includes("_") ? "base64url" : "base64")));
  each(/(?:\b[A-Z2-7]{24,}={0,6})/g, "base32", (run) => readable(base32(run)));
  each(new RegExp(`(?:[0-9a-f]{2}[ :,\\\\x]{0,4}){${least.hex},}`, "gi"), "hexadecimal", (run) => readable(Buffer.from(run.replace(/0x|\\x|[^0-9a-f]/gi, ""), "hex")));
  each(/(?<![\w.~-])[\w.~-]*(?:%[0-9a-f]{2}[\w.~-]{0,14}){4,}/gi, "percent-encoding", (run) => readable(Buffer.from(run.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))), "latin1")));
  each(/(?:[^&]?&#x?[0-9a-f]{1,6};){4,}/gi, "character references", (run) => run.replace(/&#(x?)([0-9a-f]{1,6});/gi, (_, x: string, code: string) => character(Number.parseInt(code, x === "" ? 10 : 16))));
  each(/(?:\\u\{?[0-9a-f]{2,6}\}?){6,}|(?:\\x[0-9a-f]{2}){8,}/gi, "escapes", (run) => run.replace(/\\[ux]\{?([0-9a-f]{2,6})\}?/gi, (_, hex: string) => character(Number.parseInt(hex, 16))));
  each(/(?:\b[01]{8}\b[ ,]?){8,}/g, "binary", (run) => readable(Buffer.from((run.match(/[01]{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))));
  each(new RegExp(`(?:\\b\\d{2,3}\\b[ ,]{1,2}){${least.codes},}\\d{2,3}`, "g"), "character codes", (run) => readable(Buffer.from((run.match(/\d+/g) ?? []).map(Number).filter((code) => code < 256))));
  return found;
}

function character(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : "";
}

function base32(run: string): Buffer {
  const bits = [...run.replace(/=+$/, "")].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  return Buffer.from((bits.match(/[01]{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** Text in characters that show nothing: tags spell ASCII, variation selectors and zero-width pairs spell bytes. */
function hiddenCharacters(text: string): Piece[] {
  const found: Piece[] = [];
  for (const match of text.matchAll(/[\u{e0020}-\u{e007e}]{4,}/gu)) found.push([[...match[0]].map((one) => String.fromCodePoint((one.codePointAt(0) as number) - 0xe0000)).join(""), "tag characters", [match.index, match.index + match[0].length]]);
  for (const match of text.matchAll(/[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]{4,}/gu)) {
    const bytes = Buffer.from([...match[0]].map((one) => ((one.codePointAt(0) as number) >= 0xe0100 ? (one.codePointAt(0) as number) - 0xe0100 + 16 : (one.codePointAt(0) as number) - 0xfe00)));
    found.push([bytes.toString("utf8"), "variation selectors", [match.index, match.index + match[0].length]]);
  }
  return found;
}
