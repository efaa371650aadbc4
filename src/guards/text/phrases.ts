/** What a definition says, as the phrases that the classifier weighs: words and pairs of words, one or two sentences at a time. */
import { INVISIBLE } from "./readings.ts";
import { walkStrings } from "./walk.ts";

/** A piece of a text, and the phrases in it. */
export interface Window {
  /** JSON pointer of the text. */
  readonly at: string;
  /** In the text without characters that show nothing, in compatible forms (NFKC). */
  readonly range: readonly [number, number];
  readonly text: string;
  /** The text was read as it stands, so that the range is the text's own. */
  readonly exact: boolean;
  readonly phrases: ReadonlySet<string>;
}

/** A sign of an order, where it stands (orders.ts). */
export interface Mark {
  readonly at: string;
  readonly range: readonly [number, number];
  readonly id: string;
  readonly weight: number;
}

interface Word {
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

/** Longer sentences are cut, so that an order cannot hide among many words. */
const MOST_WORDS = 40;
/** Signs of this weight are orders by themselves. */
const STRONG = 3;
/** So many characters of a text are read, from both ends, and so many pieces of a definition. */
const MOST_TEXT = 32 * 1024;
const MOST_WINDOWS = 2000;

/** Each repetition is bounded or never tried twice: whoever writes definitions chooses what this runs on. */
const WORD = /https?:\/\/\S+|[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]+|~?\/[\w.~*-]+(?:\/[\w.~*-]*)*|\.[a-z][\w-]+|[a-z]+(?:[_.:-][a-z0-9]+)+|[a-z]+(?:'[a-z]+)?|\d[\d.,]*/gi;
const SENTENCE_END = /[.!?;:]\s+|\n+|\s[-\u2013\u2014]\s/g;
const SPOKEN = /^[a-z]+(?:[-'][a-z]+)*$/;
const FORMAL = new Set("the a an of to and or in on for with by from as is are be this that it its at into not no if then than any all each every you your we our their they can may must should will would has have been was were do does did so such same other only also when which who what where how".split(" "));

/** @param own names that this server's tools have. */
export function windowsOf(name: string, value: unknown, own: ReadonlySet<string>, marks: readonly Mark[] = []): Window[] {
  const known = new Set([name, ...own].map((one) => one.toLowerCase()));
  walkStrings((value as { inputSchema?: unknown } | null)?.inputSchema, "", () => {}, (key, at) => void (/\/properties\/[^/]+#$/.test(at) && known.add(key.toLowerCase())));
  const texts = textsOf(value).map((one) => ({ ...one, sentences: sentencesOf(one.text, known) }));
  const first = texts.find(({ at }) => at === "" || at === "/description")?.sentences[0] ?? [];
  const topic = new Set([...known].flatMap(partsOf).concat(first.map(({ word }) => word)).filter(tells).map(stem));
  const windows: Window[] = [];
  for (const { at, text, exact, sentences } of texts) {
    for (const [index, sentence] of sentences.entries()) {
      const next = sentences[index + 1];
      for (const words of next === undefined ? [[sentence]] : [[sentence], [sentence, next]]) {
        if (windows.length >= MOST_WINDOWS) return windows;
        const range = [sentence[0]?.start ?? 0, words.at(-1)?.at(-1)?.end ?? 0] as const;
        const phrases = phrasesOf(words, topic);
        for (const mark of marks) if (mark.at === at && mark.range[0] < range[1] && mark.range[1] > range[0]) phrases.add(mark.weight < STRONG ? `! ${mark.id}, weak` : `! ${mark.id}`);
        windows.push({ at, range, text: text.slice(...range), exact, phrases });
      }
    }
  }
  return windows;
}

/** Texts that a model reads as prose. */
function textsOf(value: unknown): { text: string; at: string; exact: boolean }[] {
  const found: { text: string; at: string; exact: boolean }[] = [];
  walkStrings(value, "", (text, at) => {
    if (at === "/name" || (/^\/(?:input|output)Schema\//.test(at) && !/\/(?:description|\$comment|title|default|const|pattern|(?:enum|examples)\/\d+)$/.test(at))) return;
    const plain = text.replace(INVISIBLE, "").normalize("NFKC");
    const whole = plain.length <= 2 * MOST_TEXT;
    found.push({ text: whole ? plain : `${plain.slice(0, MOST_TEXT)}\n${plain.slice(-MOST_TEXT)}`, at, exact: whole && plain === text });
  }, () => {});
  return found;
}

function sentencesOf(text: string, known: ReadonlySet<string>): Word[][] {
  const sentences: Word[][] = [];
  let from = 0;
  const take = (to: number): void => {
    const words = wordsOf(text.slice(from, to), from, known);
    for (let at = 0; at < words.length; at += MOST_WORDS) sentences.push(words.slice(at, at + MOST_WORDS));
    from = to;
  };
  for (const { index, 0: end } of text.matchAll(SENTENCE_END)) take(index + end.length);
  take(text.length);
  return sentences.filter((words) => words.some(({ word }) => SPOKEN.test(word)));
}

function wordsOf(sentence: string, from: number, known: ReadonlySet<string>): Word[] {
  const words: Word[] = [];
  for (const { index, 0: said } of sentence.matchAll(WORD)) {
    const place = { start: from + index, end: from + index + said.length };
    words.push({ word: kindOf(said, known), ...place });
    // Shouting is a word of its own.
    if (/^[A-Z]{3,}$/.test(said)) words.push({ word: "<capitals>", ...place });
  }
  return words;
}

/** A word as it is; what is no word stands for its kind. */
function kindOf(said: string, known: ReadonlySet<string>): string {
  const word = said.toLowerCase();
  if (/^https?:/.test(word)) return "<url>";
  if (word.includes("@")) return "<mail>";
  if (/^[~/]/.test(word)) return "<path>";
  if (word.startsWith(".")) return "<dotfile>";
  if (/^\d/.test(word)) return "<number>";
  if (word === "e.g" || word === "i.e") return word;
  if (/[_.:]/.test(word) || /^[a-z]+[A-Z]/.test(said)) return known.has(word) ? "<own>" : "<identifier>";
  return word;
}

function phrasesOf(sentences: readonly (readonly Word[])[], topic: ReadonlySet<string>): Set<string> {
  const phrases = new Set<string>();
  let telling = 0;
  let onTopic = 0;
  for (const sentence of sentences) {
    let before = "^";
    for (const { word } of sentence) {
      phrases.add(word).add(`${before} ${word}`);
      before = word;
      if (!tells(word)) continue;
      telling += 1;
      if (topic.has(stem(word))) onTopic += 1;
    }
    phrases.add(`${before} $`);
  }
  if (sentences.length > 1) phrases.add("# two");
  return phrases.add(`# topic ${share(onTopic, telling)}`);
}

/** How much of what a piece speaks of is the definition's own business. */
function share(onTopic: number, telling: number): string {
  if (telling === 0) return "unclear";
  if (onTopic === 0) return "none";
  return onTopic / telling < 0.2 ? "little" : onTopic / telling < 0.45 ? "some" : "much";
}

function tells(word: string): boolean {
  return word.length >= 4 && /^[a-z]+$/.test(word) && !FORMAL.has(word);
}

/** Of `camelCase`, `snake_case` and the like. */
function partsOf(name: string): string[] {
  return name.toLowerCase().split(/[^a-z]+/);
}

function stem(word: string): string {
  return word.length < 5 ? word.replace(/^([a-z]{3,})s$/, "$1") : word.replace(/(?:ations?|ings?|ies|ied|ed|es|s|ly|e)$/, "");
}
