/** A manifest's own expression for a value, on a linear-time engine. */
import { RE2JS } from "re2js";
import type { Objection } from "./world.ts";

const compiled = new Map<string, RE2JS>();

export function checkPattern(value: string, pattern: string): Objection {
  const expression = compiled.get(pattern) ?? RE2JS.compile(pattern);
  compiled.set(pattern, expression);
  return expression.matcher(value).matches() ? null : `it does not match ${pattern}`;
}
