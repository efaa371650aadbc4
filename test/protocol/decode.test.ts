import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SallyportError } from "../../src/errors.ts";
import { Decoder } from "../../src/protocol/decode.ts";
import { frameOf } from "../../src/protocol/frame.ts";
import { parseJson } from "./second-parser.ts";

interface Vector {
  readonly name: string;
  readonly line?: string;
  readonly hex?: string;
  readonly accept: boolean;
  readonly kinds?: string[];
  readonly batch?: boolean;
  readonly code?: string;
}

const vectors = JSON.parse(readFileSync(new URL("../vectors/decode.json", import.meta.url), "utf8")) as Vector[];

function bytesOf({ line, hex }: Vector): Buffer {
  return hex === undefined ? Buffer.from(line ?? "", "utf8") : Buffer.from(hex, "hex");
}

/** The line somewhere in a chunk, with neighbours that must not matter. */
function decode(bytes: Buffer, decoder = new Decoder()): ReturnType<Decoder["decode"]> {
  const before = '{"jsonrpc":"2.0"\n';
  const chunk = Buffer.concat([Buffer.from(before), bytes, Buffer.from('\n","id":9}\n')]);
  return decoder.decode(frameOf(chunk, before.length, before.length + bytes.length));
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof SallyportError) return error.code;
    throw error;
  }
  return "accepted";
}

describe("vectors", () => {
  it("are at least 150, each with a name of its own", () => {
    expect(vectors.length).toBeGreaterThanOrEqual(150);
    expect(new Set(vectors.map(({ name }) => name)).size).toBe(vectors.length);
  });

  for (const vector of vectors) {
    it(`${vector.accept ? "accepts" : "refuses"} ${vector.name}`, () => {
      if (!vector.accept) return expect(codeOf(() => decode(bytesOf(vector)))).toBe(vector.code);
      const { messages, batch } = decode(bytesOf(vector));
      expect(messages.map(({ kind }) => kind)).toEqual(vector.kinds);
      expect(batch !== null).toBe(vector.batch);
      // Each message's own bytes, and nothing beside them.
      if (batch !== null) expect(batch.map((one) => JSON.parse(one.toString("utf8")) as unknown)).toEqual(JSON.parse(bytesOf(vector).toString("utf8")));
    });
  }

  it("that are accepted read the same in JSON.parse and in the second parser", () => {
    for (const vector of vectors.filter(({ accept }) => accept)) {
      const text = bytesOf(vector).toString("utf8");
      expect(parseJson(text), vector.name).toEqual(JSON.parse(text));
    }
  });
});

/** JSON texts, honest and broken: built as text, so that duplicates, odd escapes, odd numbers and cut ends occur. */
const jsonText = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("null", "true", "false", "0", "-0", "1.5", "1e400", "01", "12345678901234567890", '"\\ud83d"', '"\\ud83d\\ude00"', '"\\u0061"', "'a'", "NaN", '"\u2028"'),
    fc.double().map((number) => JSON.stringify(number)),
    fc.string({ unit: "binary", maxLength: 8 }).map((text) => JSON.stringify(text)),
    fc.array(tie("value"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
    fc.array(fc.tuple(fc.constantFrom('"a"', '"A"', '"\\u0061"', '"b"', '""', '"__proto__"', '"name"', '"Name"'), tie("value")), { maxLength: 5 }).map((members) => `{${members.map(([key, value]) => `${key}:${value}`).join(",")}}`),
  ),
})).value;

const line = fc.tuple(jsonText, fc.constantFrom("params", "result", "error", "Params", "x"), fc.constantFrom("", " ", "}", ",", "\r")).map(([value, key, end]) =>
  key === "params" ? `{"jsonrpc":"2.0","id":1,"method":"m","params":${value}}${end}` : `{"jsonrpc":"2.0","id":1,"${key}":${value}}${end}`,
);

describe("property", () => {
  it("what is accepted reads the same in JSON.parse and in the second parser", () => {
    let accepted = 0;
    fc.assert(
      fc.property(line, (text) => {
        if (codeOf(() => decode(Buffer.from(text))) !== "accepted") return;
        accepted += 1;
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 20_000 },
    );
    expect(accepted).toBeGreaterThan(500);
  });

  it("a call's name and arguments are those that JSON.parse finds", () => {
    const key = fc.constantFrom('"name"', '"n\\u0061me"', '"arguments"', '"\\u0061rguments"', '"_meta"', '"x"', '"y\\n"');
    const value = fc.oneof(fc.constantFrom('"echo"', '"\\u0065cho"', '"é"', "{}", '{"a":"b"}'), jsonText);
    const params = fc.array(fc.tuple(key, value, fc.constantFrom("", " ", "\t")), { maxLength: 4 }).map((members) => `{${members.map(([name, is, space]) => `${space}${name}${space}:${space}${is}${space}`).join(",")}}`);
    const calls = fc.array(params, { minLength: 1, maxLength: 3 });
    const decoder = new Decoder();
    let accepted = 0;
    fc.assert(
      fc.property(calls, fc.boolean(), (all, batch) => {
        const texts = (batch ? all : all.slice(0, 1)).map((one, index) => `{"jsonrpc":"2.0","id":${index},"method":"tools/call","params":${one}}`);
        const text = batch ? `[${texts.join(",")}]` : (texts[0] as string);
        const read = codeOf(() => decode(Buffer.from(text), decoder));
        if (read !== "accepted") return;
        accepted += 1;
        const { messages } = decode(Buffer.from(text), decoder);
        const parsed = texts.map((one) => (JSON.parse(one) as { params: Record<string, unknown> }).params);
        expect(messages.map(({ tool }) => tool)).toEqual(parsed.map(({ name }) => (typeof name === "string" ? name : null)));
        expect(messages.map(({ given }) => (given === null ? undefined : JSON.parse(given.toString("utf8"))))).toEqual(parsed.map((one) => one["arguments"]));
      }),
      { numRuns: 10_000 },
    );
    expect(accepted).toBeGreaterThan(500);
  });

  it("what either parser cannot read is refused", () => {
    fc.assert(
      fc.property(line, fc.nat(), fc.nat(255), (text, at, byte) => {
        const bytes = Buffer.from(text);
        bytes[at % bytes.length] = byte === 10 ? 32 : byte;
        const read = codeOf(() => decode(bytes));
        if (read !== "accepted") return;
        const decoded = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
        expect(parseJson(decoded)).toEqual(JSON.parse(decoded));
      }),
      { numRuns: 20_000 },
    );
  });
});
