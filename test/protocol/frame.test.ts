import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameSplitter } from "../../src/protocol/frame.ts";

interface Seen {
  readonly frames: string[];
  readonly long: string[];
}

function split(chunks: readonly Buffer[], limit?: number): Seen {
  const frames: string[] = [];
  const long: string[] = [];
  let parts = "";
  const splitter = new FrameSplitter(
    {
      frame: ({ bytes, chunk, start, end }) => {
        expect(chunk[end]).toBe(0x0a);
        expect(chunk.subarray(start, end).equals(bytes)).toBe(true);
        frames.push(bytes.toString("latin1"));
      },
      fragment: ({ bytes, last }) => {
        parts += bytes.toString("latin1");
        if (last) long.push(parts);
        if (last) parts = "";
      },
    },
    limit,
  );
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return { frames, long };
}

describe("frames", () => {
  it("are the lines, wherever the chunks end", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom("a", "\n", "\r", "\u2028", "é", "{"), maxLength: 12 }), { maxLength: 12 }), (pieces) => {
        const chunks = pieces.map((piece) => Buffer.from(piece));
        const whole = Buffer.concat(chunks).toString("latin1");
        const lines = whole.split("\n");
        if (lines.at(-1) === "") lines.pop();
        expect(split(chunks)).toEqual({ frames: lines, long: [] });
      }),
    );
  });

  it("beyond the limit come whole, in fragments, between their neighbours", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 12 }), fc.integer({ min: 1, max: 17 }), (lengths, step) => {
        const lines = lengths.map((length, index) => String.fromCharCode(97 + index).repeat(length));
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
        const chunks = Array.from({ length: Math.ceil(bytes.length / step) }, (_, index) => bytes.subarray(index * step, (index + 1) * step));
        expect(split(chunks, 20)).toEqual({ frames: lines.filter(({ length }) => length <= 20), long: lines.filter(({ length }) => length > 20) });
      }),
    );
  });

  it("of many single bytes cost little time", () => {
    const byte = Buffer.from("x");
    const from = performance.now();
    expect(split(Array.from({ length: 1_000_000 }, () => byte)).frames[0]?.length).toBe(1_000_000);
    expect(performance.now() - from).toBeLessThan(3000);
  });
});
