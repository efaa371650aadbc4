/** Takes out what must not cross. */
import type { Finding } from "../../model.ts";
import { step } from "./walk.ts";

/** A copy in which what the findings say is masked: secrets named, what nobody sees left out. */
export function masked(value: unknown, findings: readonly Finding[]): unknown {
  const ranges = grouped(findings);
  const copy = (one: unknown, at: string): unknown => {
    if (typeof one === "string") return ranges.has(at) ? cut(one, ranges.get(at) as readonly Finding[]) : one;
    if (Array.isArray(one)) return one.map((item, index) => copy(item, `${at}/${index}`));
    if (typeof one !== "object" || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([key, member]) => {
      const pointer = step(at, key);
      return [ranges.has(`${pointer}#`) ? cut(key, ranges.get(`${pointer}#`) as readonly Finding[]) : key, copy(member, pointer)];
    }));
  };
  return copy(value, "");
}

function grouped(findings: readonly Finding[]): Map<string, Finding[]> {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    if (finding.severity !== "mask") continue;
    const group = groups.get(finding.at);
    if (group === undefined) groups.set(finding.at, [finding]);
    else group.push(finding);
  }
  return groups;
}

/** Ranges that overlap go together; what is a secret in one of them is named. */
function cut(text: string, findings: readonly Finding[]): string {
  let result = "";
  let from = 0;
  let named = "";
  for (const { rule, range, evidence } of [...findings].sort((a, b) => a.range[0] - b.range[0] || b.range[1] - a.range[1])) {
    if (range[0] >= from) {
      result += named + text.slice(from, range[0]);
      named = "";
    }
    if (rule.startsWith("secret.")) named = `[masked: ${evidence}]`;
    from = Math.max(from, range[1]);
  }
  return result + named + text.slice(from);
}
