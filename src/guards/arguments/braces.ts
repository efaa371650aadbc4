/** Brace expansion, as bash and most libraries for globs do it: lists, and ranges of numbers and letters. */

const MAX_ALTERNATIVES = 256;

/** Every text that it stands for; null where there would be too many. What is no list and no range stays as it is. */
export function expandBraces(text: string): string[] | null {
  for (let at = text.indexOf("{"); at !== -1; at = text.indexOf("{", at + 1)) {
    const end = closing(text, at);
    const choices = end === -1 ? null : choicesOf(text.slice(at + 1, end));
    if (choices === null) continue;
    const rest = expandBraces(text.slice(end + 1));
    const inner = choices.map((choice) => expandBraces(choice));
    if (rest === null || inner.includes(null)) return null;
    const all = inner.flatMap((one) => one as string[]);
    if (all.length * rest.length > MAX_ALTERNATIVES) return null;
    return all.flatMap((one) => rest.map((tail) => `${text.slice(0, at)}${one}${tail}`));
  }
  return [text];
}

function closing(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === "{") depth += 1;
    if (text[at] === "}") depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}

/** Null: the braces stand for themselves. */
function choicesOf(inner: string): string[] | null {
  const range = /^(-?\d{1,9}|[a-z])\.\.(-?\d{1,9}|[a-z])(?:\.\.-?\d{1,9})?$/i.exec(inner);
  if (range !== null) return rangeOf(range[1] as string, range[2] as string);
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < inner.length; at += 1) {
    if (inner[at] === "{") depth += 1;
    if (inner[at] === "}") depth -= 1;
    if (inner[at] !== "," || depth > 0) continue;
    parts.push(inner.slice(from, at));
    from = at + 1;
  }
  return parts.length === 0 ? null : [...parts, inner.slice(from)];
}

/** Steps are passed over: more words than there will be are looked at, never fewer. */
function rangeOf(first: string, last: string): string[] | null {
  const letters = /[a-z]/i.test(first + last);
  const [from, to] = [first, last].map((one) => (letters ? one.charCodeAt(0) : Number(one))).sort((a, b) => a - b) as [number, number];
  return Array.from({ length: Math.min(to - from, MAX_ALTERNATIVES) + 1 }, (_, index) => (letters ? String.fromCharCode(from + index) : String(from + index)));
}
