/** Regular expressions that a server will run: none that a backtracking engine takes for ever (CWE-1333). */
import { RE2JS } from "re2js";
import { degree } from "./ambiguity.ts";
import { parseRegex } from "./regex-tree.ts";
import type { SyncCheck } from "./world.ts";

/** One that a linear-time engine knows (look-around and references back apart), without repetition that can be cut up in many ways. */
export const checkRegex: SyncCheck = (value) => {
  if (value.length > 1024) return "it is longer than 1,024 characters";
  for (const [, from, to] of value.matchAll(/\{(\d+)?,?(\d+)?\}/g)) if (Number(from ?? 0) > 1000 || Number(to ?? 0) > 1000) return "it repeats more than a thousand times";
  try {
    const plain = value.replaceAll(/(?<!\\)((?:\\\\)*)\(\?<?[=!]/g, "$1(?:").replaceAll(/(?<!\\)((?:\\\\)*)\\[1-9](?!\d)/g, "$1(?:)");
    RE2JS.compile(RE2JS.translateRegExp(plain));
  } catch (error) {
    return `no linear-time engine takes it: ${(error as Error).message}`;
  }
  try {
    const power = degree(parseRegex(value));
    if (power === Infinity) return "it repeats what repeats itself: an engine may try it in exponentially many ways";
    return power > MAX_DEGREE ? "it repeats the same side by side" : null;
  } catch (error) {
    if (error instanceof RangeError) return `it cannot be told how long it takes: ${error.message}`;
    throw error;
  }
};

/** A loop in front of one that takes the same, and not of two: lines of a hundred thousand characters are seldom blank, but often there. */
const MAX_DEGREE = 6;
