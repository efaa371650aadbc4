/** Texts that an expression of ours matches, made from its own source: classes, groups, counts and alternatives, as far as ours use them. */

type Pick = (below: number) => number;
type Made = (pick: Pick) => string;

const PLAIN = " abcdefghijklmnopqrstuvwxyz0123456789";
/** Counts without an upper bound, and optional gaps, are kept this short. */
const MOST = 4;

/** Look-arounds and borders are left out: who asks tries the text against the expression itself. */
export function sampler(source: string): Made {
  let at = 0;

  const either = (): Made => {
    const ways = [row()];
    while (source[at] === "|") {
      at += 1;
      ways.push(row());
    }
    return (pick) => (ways[pick(ways.length)] as Made)(pick);
  };

  const row = (): Made => {
    const parts: Made[] = [];
    while (at < source.length && source[at] !== "|" && source[at] !== ")") parts.push(counted(piece()));
    return (pick) => parts.map((part) => part(pick)).join("");
  };

  const counted = (of: Made): Made => {
    const [whole, least, comma, most] = /^(?:[?*+]|\{(\d+)(,?)(\d*)\})\??/.exec(source.slice(at)) ?? [];
    if (whole === undefined) return of;
    at += whole.length;
    const from = least === undefined ? Number(whole[0] === "+") : Number(least);
    const limit = whole[0] === "?" ? 1 : least === undefined || (comma !== "" && most === "") ? from + MOST : comma === "" ? from : Number(most);
    return (pick) => Array.from({ length: from + pick(Math.min(limit - from, MOST) + 1) }, () => of(pick)).join("");
  };

  const piece = (): Made => {
    const sign = source[at] as string;
    if (sign === "(") return group();
    const [text = ""] = /^(?:\[(?:\\.|[^\]\\])*\]|\\p\{\w+\}|\\u[0-9a-f]{4}|\\.|.)/is.exec(source.slice(at)) ?? [];
    at += text.length;
    if (text === "\\b" || text === "^" || text === "$") return () => "";
    if ((text.length === 1 && text !== ".") || /^\\[^\w]$/.test(text)) return () => text.at(-1) as string;
    if (text === "\\s") return () => " ";
    if (text === "\\p{L}") return (pick) => "абв"[pick(3)] as string;
    const members = [...PLAIN, ..."ABCXYZ_-+/.,:;@\n#=(){}[]<>"].filter((one) => new RegExp(`^${text}$`, "u").test(one));
    return members.length === 0 ? () => JSON.parse(`"${text}"`) as string : (pick) => members[pick(members.length)] as string;
  };

  const group = (): Made => {
    const [start = ""] = /^\((?:\?(?::|<?[=!]))?/.exec(source.slice(at)) as string[];
    at += start.length;
    const inner = either();
    at += 1;
    return start === "(" || start === "(?:" ? inner : () => "";
  };

  const made = either();
  return (pick) => made(pick).replaceAll(/ {2,}/g, " ");
}
