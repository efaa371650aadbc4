/** Patterns with `*`; where there is a separator (URIs: `/`), `*` stops at it and `**` does not. No regular expression, so no input makes it slow. */

interface Star {
  /** Where the pattern goes on behind it, and how far into the text it reaches. */
  readonly next: number;
  reach: number;
}

/** Whether a whole text matches; at worst quadratic in the text's length. */
export function matches(pattern: string, text: string, separator = ""): boolean {
  let wide: Star | null = null;
  let narrow: Star | null = null;
  let next = 0;
  for (let at = 0; ; ) {
    if (pattern[next] === "*") {
      const first = next;
      while (pattern[next] === "*") next += 1;
      const star = { next, reach: at };
      if (separator === "" || next - first > 1) [wide, narrow] = [star, null];
      else narrow = star;
      continue;
    }
    if (at === text.length && next === pattern.length) return true;
    if (at < text.length && next < pattern.length && pattern[next] === text[at]) {
      next += 1;
      at += 1;
      continue;
    }
    // The last star takes one character more; one that may not hands over to the wide star before it.
    const star: Star | null = narrow !== null && narrow.reach < text.length && text[narrow.reach] !== separator ? narrow : wide;
    if (star === null || star.reach >= text.length) return false;
    if (star === wide) narrow = null;
    star.reach += 1;
    next = star.next;
    at = star.reach;
  }
}

/** Whether everything that the second pattern matches is matched by the first: sure when true. */
export function covers(pattern: string, other: string, separator = ""): boolean {
  if (pattern === other) return true;
  // `*` of the other stands for any text: only a star of ours can take it in, and a narrow one no wide one.
  const marked = separator === "" ? other.replace(/\*+/g, "\0") : other.replace(/\*\*+/g, `\0${separator}\0`).replaceAll("*", "\0");
  return !pattern.includes("\0") && matches(pattern, marked, separator);
}
