/**
 * Signs of orders are found one by one (orders.ts), and the whole is compared with what was poisoned before (classifier.ts).
 * Neither is sure enough alone: honest texts show a sign here and there, and a careful attacker avoids each of them.
 */
import { escapeControls } from "../../errors.ts";
import type { Finding } from "../../model.ts";
import type { Likeness } from "./classifier.ts";
import type { Mark } from "./phrases.ts";
import type { RuleId } from "./rules.ts";

/** Definitions of this score are held back. Above `NOTE`, odds of two to three, they are told. */
export const HOLD = 2;
export const NOTE = -0.4;
/** Below this score, a single sign of something on its way is an honest tool's business: what speaks of the person, or of itself as an order, is not excused. */
const EXCUSED = 0;
const EXCUSABLE: readonly string[] = ["order.capture", "order.redirect", "order.shadowing"];
/** Several signs of so much weight in one text are excused by nothing. */
const SURE = 6;
/** Below this share of known words it is another language, or none, of which the classifier knows nothing. */
export const FAMILIAR = 0.4;
const EVIDENCE = 160;

export function weighed(found: readonly Finding[], marks: readonly Mark[], likeness: Likeness | null): Finding[] {
  const orders = found.filter(({ rule, severity }) => rule.startsWith("order.") && severity === "hold");
  if (likeness === null) return [...found];
  const { score, familiar } = likeness;
  if (familiar < FAMILIAR) return orders.length > 0 || marks.length === 0 ? [...found] : [...found, likely(likeness, "note")];
  if (orders.length === 0) return score < NOTE ? [...found] : [...found, likely(likeness, score >= HOLD ? "hold" : "note")];
  if (score >= EXCUSED || areSure(marks) || orders.some(({ rule }) => !EXCUSABLE.includes(rule))) return [...found];
  return found.filter((one) => !orders.includes(one));
}

function areSure(marks: readonly Mark[]): boolean {
  const sums = new Map<string, number>();
  for (const { at, weight } of marks) sums.set(at, (sums.get(at) ?? 0) + weight);
  return [...sums.values()].some((sum) => sum > SURE);
}

function likely({ window }: Likeness, severity: Finding["severity"]): Finding {
  const rule: RuleId = "order.likely";
  return { rule, severity, at: window.at, range: window.range, evidence: escapeControls(window.text).slice(0, EVIDENCE) };
}
