/** What a person does not see and a model reads: invisible characters, terminal control, markup that shows nothing, padding. */
import type { Severity } from "../../model.ts";

export interface Hidden {
  readonly rule: string;
  /** In a definition; what is masked elsewhere is held there. */
  readonly severity: Severity;
  readonly range: readonly [start: number, end: number];
  readonly what: string;
}

/** Emoji flags of regions are spelt in tags behind a black flag: those alone are honest. */
const FLAG = /\u{1f3f4}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{3,6}\u{e007f}/gu;
const TAGS = /[\u{e0000}-\u{e00ff}\u{e01f0}-\u{e0fff}]+/gu;
const BIDI = /[\u202a-\u202e\u2066-\u2069]+/g;
const RTL = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
const ZERO = /[\u200b-\u200f\u2060-\u2064\u206a-\u206f\ufeff\u00ad\u034f\u061c\u115f\u1160\u180b-\u180e\u3164\uffa0\u17b4\u17b5\u2800\ufff9-\ufffb]+|[\u{1d173}-\u{1d17a}]+/gu;
const JOINING = /[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Thai}\p{Script=Lao}\p{Script=Tibetan}\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f]/u;
const SELECTORS = /[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]+/gu;
const TERMINAL = /\u001b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -~])|[\u0000-\u0008\u000e-\u001f\u007f-\u009f]|\r(?!\n|$)/g;
const PRIVATE = /[\ue000-\uf8ff\u{f0000}-\u{ffffd}\u{100000}-\u{10fffd}]{2,}/gu;

export function hiddenCharacters(text: string): Hidden[] {
  const found: Hidden[] = [];
  const add = (match: RegExpMatchArray, rule: string, what: string, severity: Severity = "mask"): void => {
    const start = match.index as number;
    found.push({ rule, severity, range: [start, start + match[0].length], what });
  };
  for (const match of text.matchAll(TERMINAL)) if (match[0] !== "\f" && match[0] !== "\u000b") add(match, "hidden.terminal", "terminal control");
  if (!/[^\u0000-\u00ac\u00ae-\u02ff]/.test(text)) return found;
  const flags = [...text.matchAll(FLAG)].map((match) => [match.index, match.index + match[0].length] as const);
  for (const match of text.matchAll(TAGS)) if (!flags.some(([start, end]) => match.index >= start && match.index < end)) add(match, "hidden.tags", "tag characters");
  for (const match of text.matchAll(BIDI)) if (/[\u202d\u202e]/.test(match[0]) || !RTL.test(text)) add(match, "hidden.bidi", "text direction control");
  for (const match of text.matchAll(ZERO)) if (!joins(text, match)) add(match, "hidden.zero-width", "characters without width", match[0].length === 1 && /[\u00ad\ufeff\u200b]/.test(match[0]) ? "note" : "mask");
  for (const match of text.matchAll(SELECTORS)) if (!selects(text, match)) add(match, "hidden.selectors", "variation selectors");
  for (const match of text.matchAll(PRIVATE)) add(match, "hidden.private-use", "characters without a meaning of their own", "note");
  return found;
}

/** Joiners and marks belong between letters of scripts that need them, and in emoji. */
function joins(text: string, match: RegExpMatchArray): boolean {
  if (match[0].length > 1) return false;
  const at = match.index as number;
  const before = [...text.slice(Math.max(0, at - 2), at)].at(-1) ?? "";
  const after = [...text.slice(at + 1, at + 3)][0] ?? "";
  if (/[\u200c\u200d]/.test(match[0])) return JOINING.test(before) || JOINING.test(after);
  if (/[\u200e\u200f\u061c]/.test(match[0])) return RTL.test(text);
  return match[0] === "\u200b" && (JOINING.test(before) || JOINING.test(after));
}

function selects(text: string, match: RegExpMatchArray): boolean {
  if ([...match[0]].length > 1) return false;
  const before = [...text.slice(Math.max(0, (match.index as number) - 2), match.index)].at(-1) ?? "";
  return match[0] >= "\ufe00" && match[0] <= "\ufe0f" ? /[\p{Emoji}\p{Extended_Pictographic}\p{Script=Han}\p{S}\p{Script=Mongolian}\p{Script=Myanmar}\u20e3]/u.test(before) : /\p{Script=Han}/u.test(before);
}

const COMMENT = /<!--([^]*?)(?:-->|$)|\[(?:\/\/|comment|hidden|_)[^\]\n]{0,80}\]:[ \t]{0,8}(?:#|<>|\/)[ \t]{0,8}[("']?([^)"'\n]{0,2000})|(?:\/\*|%%)(?=[^*\n]*\b(?:hidden|llm|ai|agents?|assistant|models?|system)\b)([^*\n]*)/gi;
const STYLE = /<[a-z][^<>]{0,400}\b(?:style\s*=\s*["'][^"'<>]{0,400}(?:display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?:\.0+)?\b|font-size\s*:\s*0|color\s*:\s*(?:#?f{3,6}\b|white|transparent)|(?:left|top|text-indent)\s*:\s*-\d{3,}|height\s*:\s*0|width\s*:\s*0)|hidden(?=[\s>=])|aria-hidden\s*=\s*["']true)[^<>]{0,400}>/gi;
const MAX_MARKUP = 512 * 1024;

/** Markup that a renderer does not show. */
export function hiddenMarkup(whole: string): Hidden[] {
  const text = whole.length > MAX_MARKUP ? whole.slice(0, MAX_MARKUP) : whole;
  const found: Hidden[] = padding(text);
  for (const match of text.matchAll(COMMENT)) if ((match[1] ?? match[2] ?? match[3] ?? "").trim().split(/\s+/).length >= 3) found.push({ rule: "hidden.comment", severity: isShown(text, match.index) && match[0].length < SHORT ? "note" : "hold", range: [match.index, match.index + match[0].length], what: "a comment" });
  for (const match of text.matchAll(STYLE)) found.push({ rule: "hidden.style", severity: (/^[^<]*/.exec(text.slice(match.index + match[0].length))?.[0] ?? "").trim().split(/\s+/).length >= 4 ? "hold" : "note", range: [match.index, match.index + match[0].length], what: "an element that is not shown" });
  return found;
}

/** A comment that is spoken of, as an example: renderers show what stands in code. */
const SHORT = 60;

function isShown(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 4000), at);
  return (before.split("```").length % 2 === 0) || ((/[^\n]*$/.exec(before)?.[0] ?? "").split("`").length % 2 === 0 && /^[^\n]*`/.test(text.slice(at)));
}

/** Text behind so much that shows nothing; each pattern is one run, so that no text makes it slow. */
function padding(text: string): Hidden[] {
  const found: Hidden[] = [];
  const end = text.trimEnd().length;
  for (const match of text.matchAll(/\s{12,}/g)) {
    const lines = match[0].split("\n").length - 1;
    if (match.index + match[0].length > end || match.index === 0 || (match[0].length < 60 && lines < 12)) continue;
    found.push({ rule: "hidden.padding", severity: match[0].length > 200 || lines >= 12 ? "hold" : "note", range: [match.index, match.index + match[0].length], what: `${match[0].length} blanks` });
  }
  let at = 0;
  let empty = 0;
  for (const line of text.split("\n")) {
    if (line.trim() !== "" && line.trim().length <= 2 && !/\w/.test(line)) empty += 1;
    else if (line.trim() !== "") {
      if (empty >= 24) found.push({ rule: "hidden.padding", severity: "hold", range: [at, at + line.length], what: `${empty} lines that say nothing` });
      empty = 0;
    }
    at += line.length + 1;
  }
  return found;
}

const IMAGE = /!\[[^\]\n]{0,400}\]\([ \t]{0,20}<?((?:https?:)?\/\/[^\s)>]+)|!\[[^\]\n]{0,400}\]\[[^\]\n]{0,80}\]|<img\b[^<>]{0,400}\bsrc\s*=\s*["']?((?:https?:)?\/\/[^\s"'>]+)/gi;
const LINK = /(?:\]\([ \t]{0,20}<?|\bhref\s*=\s*["']?|^[ \t]{0,20}\[[^\]\n]{1,200}\]:[ \t]{0,20}<?|\b)(https?:\/\/[^\s)>"'\]]+)/gim;
/** Places in an address that are to be filled with data. */
const SLOT = /\{\{?[^}]*\}?\}|\$\{[^}]*\}|<[a-z_ -]{3,}>|%7B|=(?:BASE64|DATA|SECRET|CONVERSATION|HISTORY|KEY|TOKEN|CONTENT|PAYLOAD|YOUR_\w+|ENCODED\w*|URLENCODED?\w*)\b|=\s*(?:\.{3}|…)|(?:\?|&)(?:data|q|d|payload|exfil|leak|content|ctx|context|history|conversation|secret|token|key|dump|log|info|body|text|msg)=(?:[A-Za-z0-9+/_-]{24,}|$)/i;

const UPPER = /[=/[](?:[A-Z]{3,}_)*[A-Z]{4,}(?:_[A-Z]+)*\]?(?=[&\s)\]"'>]|$)/;

/** Links and images that carry data out when they are drawn or followed (CWE-200). */
export function carriers(whole: string): Hidden[] {
  const text = whole.length > MAX_MARKUP ? whole.slice(0, MAX_MARKUP) : whole;
  const found: Hidden[] = [];
  for (const match of text.matchAll(IMAGE)) {
    const address = match[1] ?? match[2] ?? "";
    const slot = SLOT.test(address) || UPPER.test(address);
    if (slot || address.includes("?")) found.push({ rule: "exfiltration.image", severity: slot ? "hold" : "note", range: [match.index, match.index + match[0].length], what: "an image whose address carries data" });
  }
  for (const match of text.matchAll(LINK)) if ((SLOT.test(match[1] as string) || UPPER.test(match[1] as string)) && !found.some(({ range: [start, end] }) => match.index >= start && match.index < end)) found.push({ rule: "exfiltration.link", severity: "note", range: [match.index, match.index + match[0].length], what: "an address that is to be filled with data" });
  return found;
}
