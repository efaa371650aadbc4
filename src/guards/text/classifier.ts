/**
 * Whether a definition reads like those that were poisoned: a linear classifier over phrases (phrases.ts), taught by
 * `npm run train` with samples of our own (test/vectors/definitions). It sees polite and businesslike orders that have no
 * sign of their own (orders.ts), and knows honest texts that have some.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Window } from "./phrases.ts";


export interface Classifier {
  readonly bias: number;
  readonly weights: Weights;
}

/** Weights by the hashes of their phrases, some bytes each: a gate keeps them for as long as it lives. */
export class Weights {
  readonly #keys: Uint32Array;
  readonly #weights: Int16Array;

  constructor(lines: readonly (readonly [weight: number, phrases: readonly string[]])[]) {
    const count = lines.reduce((sum, [, phrases]) => sum + phrases.length, 0);
    const slots = 2 ** Math.ceil(Math.log2(count * 1.5 + 1));
    this.#keys = new Uint32Array(slots);
    this.#weights = new Int16Array(slots);
    for (const [weight, phrases] of lines) for (const phrase of phrases) this.#put(hashOf(phrase), weight);
  }

  /** Undefined where the phrase was never met. */
  get(phrase: string): number | undefined {
    const slot = this.#find(hashOf(phrase));
    return this.#keys[slot] === 0 ? undefined : (this.#weights[slot] as number) / UNIT;
  }

  #put(key: number, weight: number): void {
    const slot = this.#find(key);
    this.#keys[slot] = key;
    this.#weights[slot] = weight;
  }

  #find(key: number): number {
    const last = this.#keys.length - 1;
    let slot = key & last;
    while (this.#keys[slot] !== 0 && this.#keys[slot] !== key) slot = (slot + 1) & last;
    return slot;
  }
}

/** FNV-1a over UTF-16 code units; never 0, which stands for nothing. */
function hashOf(phrase: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < phrase.length; at += 1) hash = Math.imul(hash ^ phrase.charCodeAt(at), 0x01000193);
  return hash >>> 0 || 1;
}

export interface Likeness {
  /** Logarithm of the odds, as far as the samples go. */
  readonly score: number;
  /** The piece that speaks loudest. */
  readonly window: Window;
  /** Share of the definition's words that the classifier has met. */
  readonly familiar: number;
  /** Each piece with its score. */
  readonly pieces: readonly (readonly [Window, number])[];
}

/** A window's weights are divided by the root of their number, at least of so many. */
const FEWEST = 6;
/** Weights stand in the file as whole numbers of these parts. */
export const UNIT = 32;

/** The most suspicious piece of a definition; null where it says nothing. */
export function likenessOf({ bias, weights }: Classifier, windows: readonly Window[]): Likeness | null {
  let most: { score: number; window: Window } | null = null;
  const pieces: (readonly [Window, number])[] = [];
  const words = new Map<string, boolean>();
  for (const window of windows) {
    let sum = 0;
    for (const phrase of window.phrases) {
      const weight = weights.get(phrase);
      sum += weight ?? 0;
      if (/^[a-z]/.test(phrase) && !phrase.includes(" ")) words.set(phrase, weight !== undefined);
    }
    const score = bias + sum / norm(window);
    pieces.push([window, score]);
    if (most === null || score > most.score) most = { score, window };
  }
  return most === null ? null : { ...most, pieces, familiar: [...words.values()].filter(Boolean).length / Math.max(1, words.size) };
}

export function norm({ phrases }: Window): number {
  return Math.sqrt(Math.max(FEWEST, phrases.size));
}

/** Lines of a weight and the phrases that have it, separated by tabs, in units; the first is the bias. */
export function parse(text: string): Classifier {
  const [bias = "0", ...lines] = text.trimEnd().split("\n");
  const split = lines.map((line) => line.split("\t"));
  return { bias: Number(bias) / UNIT, weights: new Weights(split.map(([weight, ...phrases]) => [Number(weight), phrases] as const)) };
}

let kept: Classifier | null = null;

/** Read when first needed: a gate whose server is pinned hardly ever looks at definitions. */
export function taught(): Classifier {
  return (kept ??= parse(readFileSync(join(import.meta.dirname, "classifier.txt"), "utf8")));
}
