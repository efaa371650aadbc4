/** The first look may call nothing clean that the second would find, whatever stands around it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Heads, headOf } from "../../src/guards/text/heads.ts";
import { CLOSE, HEADS, WHOLE, looksClean } from "../../src/guards/text/quick.ts";
import { sampler } from "./sample.ts";

const flipped = (text: string, bits: number): string => [...text].map((one, index) => ((bits >> (index % 30)) & 1 ? one.toUpperCase() : one.toLowerCase())).join("");

const piece = fc.oneof(
  fc.tuple(fc.constantFrom(...CLOSE), fc.array(fc.nat(), { minLength: 40, maxLength: 40 })).map(([source, seeds]) => {
    let at = 0;
    return sampler(source)((below) => (seeds[(at += 1) % 40] as number) % below);
  }),
  fc.string({ unit: fc.constantFrom(..."abcdefABCDEF0123456789 :,"), minLength: 20, maxLength: 60 }),
  fc.string({ unit: fc.constantFrom(..."MNOxyz0189_-./+"), minLength: 20, maxLength: 60 }),
  fc.constantFrom(" ".repeat(40), "\\n".repeat(8), "\u007f", "é", "%41%42%43%44", "a b c d e f ", "the weather is fine"),
);

describe("the first look", () => {
  it("sees the beginning of everything that the second finds", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ maxLength: 6 }), piece, fc.nat()), { maxLength: 3 }), (parts) => {
        const text = parts.map(([before, what, bits]) => before + flipped(what, bits)).join("");
        if (WHOLE.test(text)) expect(HEADS.find(Buffer.from(text)), text).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  it("sees each of them alone, also behind an escaped line end", () => {
    for (const source of CLOSE) {
      const text = sampler(source)((below) => 3 % below);
      for (const one of [text, `\\n${text}`, `x${text} x`]) {
        expect([source, one, WHOLE.test(one)]).toEqual([source, one, true]);
        expect([source, one, HEADS.find(Buffer.from(one))]).toEqual([source, one, true]);
      }
    }
  });

  it("lets ordinary answers pass at once", () => {
    for (const text of ["the same answer every time", "42", "Berlin, 11 degrees, light rain", "Done: 3 files changed, 12 insertions", "2026-11-21T09:16:34.123456Z"]) {
      const raw = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 12, result: { content: [{ type: "text", text }] } }));
      expect([text, HEADS.find(raw), looksClean(raw)]).toEqual([text, false, true]);
    }
  });

  it("takes no expression that could begin anywhere", () => {
    for (const source of ["[a-z]+x", "a?bc", "(?:ab)", "\\bword", "x"]) expect(() => headOf(source), source).toThrow(RangeError);
    expect(headOf("don.t ")).toEqual(["d", "o", "n", ".", "t", " "]);
    expect(headOf("gh[pousr]_x{3}")).toEqual(["g", "h", "[pousr]", "_"]);
    expect(headOf("ab\\bcd")).toEqual(["a", "b"]);
  });

  it("finds overlapping beginnings, and stays small whatever comes", () => {
    const heads = new Heads(["abab", "babc", "a[0-9]b"], [{ of: "z", length: 3 }, { of: "[xy]", length: 4 }]);
    const found = (text: string): boolean => heads.find(Buffer.from(text));
    expect(["aababb", "bababc", "xa7b", "azzz", "xyxy", "BABC"].map(found)).toEqual([true, true, true, true, true, true]);
    expect(["aba", "zz", "xyx", "a7", ""].map(found)).toEqual([false, false, false, false, false]);
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(..."ab07"), maxLength: 30 }), (text) => {
      expect(found(text)).toBe(/abab|babc|a[0-9]b/.test(text));
    }));
  });
});
