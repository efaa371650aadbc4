/** The name that was probably meant. */

/** The one at the smallest edit distance, if that is small; null otherwise. */
export function nearest(given: string, names: readonly string[]): string | null {
  const ranked = names.map((name) => [distance(given.toLowerCase(), name.toLowerCase()), name] as const).sort(([a], [b]) => a - b);
  const [best] = ranked;
  return best !== undefined && given.length > 1 && given.length < 64 && best[0] <= 2 ? best[1] : null;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) next[j] = Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length] as number;
}
