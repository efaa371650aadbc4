/** What was decided of one message. */
import type { Verdict } from "../model.ts";

export interface Ruling {
  readonly verdict: Verdict;
  /** The message in place of the one that came; null: that one. */
  readonly rewritten: string | null;
  /** The gate answers this itself, and passes nothing on. */
  readonly answered?: string;
}

export const ALLOWED: Ruling = Object.freeze({ verdict: Object.freeze({ decision: "allow", reasons: Object.freeze([]) }), rewritten: null });
