/** When a person is asked, and through what: the words of the manifest, the weakest first. */

export const ASKING = ["never", "reach", "first", "always"] as const;
export type AskWhen = (typeof ASKING)[number];

export const CONSENT_CHANNELS = ["elicitation", "terminal", "desktop", "webhook"] as const;
export type ConsentChannel = (typeof CONSENT_CHANNELS)[number];

/** The strictest of two; null: nothing was said. */
export function stricter<T extends AskWhen | null>(one: T, other: T): T {
  const rank = (word: T): number => (word === null ? -1 : ASKING.indexOf(word));
  return rank(one) >= rank(other) ? one : other;
}
