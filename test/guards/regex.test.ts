/** Expressions that are let through end in time in the engine that has no bound of its own: V8's. */
import vm from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkRegex } from "../../src/guards/arguments/regex.ts";
import type { World } from "../../src/guards/arguments/world.ts";

const LENGTH = 120;
const PATIENCE = 3000;
const refused = (value: string): boolean => checkRegex(value, { type: "regex" }, {} as World) !== null;

const { expression } = fc.letrec<{ expression: string; piece: string }>((tie) => ({
  expression: fc.tuple(fc.constantFrom("", "", "^"), fc.array(tie("piece"), { minLength: 1, maxLength: 3 }), fc.constantFrom("", "$", "x")).map(([before, pieces, after]) => `${before}${pieces.join("")}${after}`),
  piece: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.tuple(fc.constantFrom("a", "b", "\\.", "[ab]", "[^a]", ".", "\\w", "\\b", "\\s", "\\1", "ab", "(a)", "(?=a)", "(?:a|b)"), fc.constantFrom("", "", "*", "+", "?", "{2}", "{0,1}", "{2,}", "*?")).map(([one, count]) => (count === "" || one === "\\b" ? one : one.length > 1 && !/^[[(\\]/.test(one) ? `(?:${one})${count}` : `${one}${count}`)),
    fc.tuple(fc.constantFrom("(?:", "("), fc.array(tie("piece"), { minLength: 1, maxLength: 3 }), fc.option(tie("piece"), { freq: 3 }), fc.constantFrom("", "", "*", "+", "?", "{3}", "{2,}")).map(([open, pieces, other, count]) => `${open}${pieces.join("")}${other === null ? "" : `|${other}`})${count}`),
  ),
}));

function ends(source: string, text: string): boolean {
  try {
    vm.runInNewContext("expression.test(text)", { expression: new RegExp(source), text }, { timeout: PATIENCE });
    return true;
  } catch {
    return false;
  }
}

describe("an expression that is let through", () => {
  it("ends in time", () => {
    let taken = 0;
    fc.assert(
      fc.property(expression, fc.constantFrom("a", "b", "ab", "aab", "abb", ".", "a.", "ba.", "a b"), fc.constantFrom("", "!"), (source, pump, tail) => {
        if (refused(source)) return;
        taken += 1;
        expect(ends(source, pump.repeat(LENGTH).slice(0, LENGTH) + tail), source).toBe(true);
      }),
      { numRuns: 4000, seed: 1 },
    );
    expect(taken).toBeGreaterThan(1000);
  });

  it("is told in time from those that are not", () => {
    for (const source of [`(?:${"ab|".repeat(250)}c)*`, `(?:[a]|${Array.from({ length: 505 }, (_, index) => String.fromCharCode(0x400 + index)).join("|")})*`, "[a-z]*".repeat(160), `(?:${"\\w".repeat(300)})*\\w*`, "((((((((a?){9}){9}){9}){9}){9}){9}){9}){9}"]) {
      const from = performance.now();
      refused(source);
      expect(performance.now() - from, source.slice(0, 30)).toBeLessThan(2000);
    }
  });
});
