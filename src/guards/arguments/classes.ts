/** Classes of characters, compared by the characters in them. */

export const BLANK = "\\s";

/** Letters that stand for all: beyond them, and what an expression names itself, classes are hardly ever told apart. */
const SAMPLE = [...Array.from({ length: 0x250 }, (_, code) => String.fromCharCode(code)), ..."Жعहあ中한\u2028😀"];

interface Classes {
  /** Whether two have a character in common. */
  readonly meet: (a: number, b: number) => boolean;
  /** Whether all that they have in common is white space. */
  readonly blank: (a: number, b: number) => boolean;
}

export function overlaps(sources: readonly string[], ignoresCase: boolean): Classes {
  const letters = [...new Set([...SAMPLE, ...sources.flatMap((source) => [...source].filter((letter) => letter > "\u024f"))])];
  const members = sources.map((source) => {
    const test = compiled(source, ignoresCase ? "i" : "");
    return BigInt(`0b${letters.map((letter) => (test === null || test.test(letter) ? "1" : "0")).join("")}`);
  });
  const common = (a: number, b: number): bigint => (members[a] as bigint) & (members[b] as bigint);
  return { meet: (a, b) => common(a, b) !== 0n, blank: (a, b) => (common(a, b) & ~(members[sources.indexOf(BLANK)] as bigint)) === 0n };
}

/** Null where no engine here knows it: then it may be any character. */
function compiled(source: string, flags: string): RegExp | null {
  for (const more of ["su", "s"]) {
    try {
      return new RegExp(`^(?:${source.length === 1 && /[{}\]/-]/.test(source) ? `\\${source}` : source})$`, flags + more);
    } catch {
      // The other reading may know it.
    }
  }
  return null;
}
