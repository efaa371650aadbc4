/**
 * Signs of orders are found one by one (orders.ts), and the whole is compared with what was poisoned before (classifier.ts).
 * Neither is sure enough alone: honest texts show a sign here and there, and a careful attacker avoids each of them.
 */
import { escapeControls } from "../../errors.ts";
import type { Finding } from "../../model.ts";
import type { Likeness } from "./classifier.ts";
import type { Mark } from "./phrases.ts";
import type { RuleId } from "./rules.ts";

/** Definitions of this score are held back. Above `NOTE`, about even odds, they are told. */
export const HOLD = 2;
export const NOTE = -0.1;
/**
 * A single sign of something on its way, in a piece below `EXCUSED`, is most likely an honest tool's business: it is told, below `HONEST` not even that.
 * What speaks of the person, or of itself as an order, is not excused.
 */
const EXCUSED = -0.5;
const HONEST = -2;
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
  const around = orders.reduce((most, one) => Math.max(most, scoreAround(one, likeness)), -Infinity);
  if (orders.length > 0 && (around >= EXCUSED || areSure(marks) || orders.some(({ rule }) => !EXCUSABLE.includes(rule)))) return [...found];
  const others = found.filter((one) => !orders.includes(one));
  if (score >= HOLD) return [...others, likely(likeness, "hold")];
  if (around >= HONEST) return [...others, ...orders.map((one): Finding => ({ ...one, severity: "note" }))];
  return score < NOTE ? others : [...others, likely(likeness, "note")];
}

/**
 * Of the piece that a sign stands in; of the whole, where it is a name. Where the piece was not read, or not as it stands, nothing speaks for
 * it: whoever writes the definition chooses how long it is, and which of its characters become others when they are read.
 */
function scoreAround({ at, range }: Finding, { score, pieces }: Likeness): number {
  if (at.endsWith("#")) return score;
  const around = pieces.filter(([window]) => window.exact && window.at === at && range[0] < window.range[1] && range[1] > window.range[0]);
  return around.length === 0 ? Infinity : around.reduce((most, [, one]) => Math.max(most, one), -Infinity);
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
