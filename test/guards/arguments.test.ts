/** What each slot takes and refuses, in a tree of real files; and that the two readers of schemas agree. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { ArgumentGuard } from "../../src/guards/arguments/check.ts";
import { compileSchema, unfit, type Validate } from "../../src/guards/arguments/schema.ts";
import { compileShape } from "../../src/guards/arguments/shape.ts";
import type { World } from "../../src/guards/arguments/world.ts";
import { HOST_FILES } from "../../src/gate/files.ts";
import type { Slot } from "../../src/model.ts";
import { ROOT, scratch } from "../helpers.ts";

interface Vector {
  readonly slot: Slot;
  readonly accept: readonly unknown[];
  readonly refuse: readonly unknown[];
}

const VECTORS = JSON.parse(readFileSync(join(ROOT, "test/vectors/arguments.json"), "utf8")) as Vector[];
function world(): World {
  const base = scratch();
  const root = join(base, "root");
  for (const folder of [root, `${root}_secret`, join(root, "sub/deep"), join(root, "w")]) mkdirSync(folder, { recursive: true });
  for (const file of ["a.txt", "sub/deep/x"]) writeFileSync(join(root, file), "x");
  writeFileSync(join(`${root}_secret`, "key"), "k");
  for (const [name, target] of [["inner", "sub"], ["out", "/etc"], ["file-out", join(`${root}_secret`, "key")], ["w/up", ".."]] as const) symlinkSync(target, join(root, name));
  return { cwd: root, homes: ["/root", "/tmp/home"], readable: [root], writable: [join(root, "w")], scratch: [], hosts: [], files: HOST_FILES };
}

describe.each(VECTORS.map((vector) => [JSON.stringify(vector.slot), vector] as const))("a slot %s", (_, { slot, accept, refuse }) => {
  const run = async (value: unknown): Promise<boolean> => {
    const here = world();
    const placed = typeof value === "string" ? value.replaceAll("ROOT", here.readable[0] as string) : value;
    return (await new ArgumentGuard({}, [["/v", slot]], here).check({ v: placed })) === null;
  };
  it.each(accept.map((value) => [JSON.stringify(value), value] as const))("takes %s", async (_name, value) => expect(await run(value)).toBe(true));
  it.each(refuse.map((value) => [JSON.stringify(value), value] as const))("refuses %s", async (_name, value) => expect(await run(value)).toBe(false));
});

describe("slots", () => {
  it("reach nested values, arrays and the values of objects", async () => {
    const guard = new ArgumentGuard({}, [["/edits/*/path", { type: "path" }], ["/map/*", { type: "argument" }], ["/paths", { type: "path" }]], world());
    expect(await guard.check({ edits: [{ path: "a.txt" }, { path: "sub" }], map: { x: "y" }, paths: ["a.txt", ["sub"]] })).toBeNull();
    expect(await guard.check({ edits: [{ path: "a.txt" }, { path: "../x" }] })).toMatchObject({ code: "argument.path", at: "/edits/1/path" });
    expect(await guard.check({ map: { x: "-y" } })).toMatchObject({ at: "/map/x" });
    expect(await guard.check({ paths: ["a.txt", ["../../x"]] })).toMatchObject({ at: "/paths/1/0" });
    expect(await guard.check({ paths: { a: "b" } })).toMatchObject({ code: "argument.value" });
    expect(await guard.check({ edits: [{ path: 5 }] })).toMatchObject({ code: "argument.path" });
  });
});

describe("an argument", () => {
  it("is judged alike by the first look at all of it and by the rules behind", () => {
    const guard = new ArgumentGuard({}, [["/value", { type: "argument" }]], world());
    // A letter of another script is never plain, and no rule is about it; the rule for what ends in a backslash sees another end.
    const piece = fc.oneof(fc.constantFrom(..."-'\" !$`;|&<>*({~^#=/\\aZ09_.,:@%+[]})\t\n\u007f"), fc.constantFrom("--all", "-x", "a b", "$(", "**", " !", "\\ "));
    const value = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join("")).filter((text) => !/\\\s*$/.test(text));
    let refused = 0;
    fc.assert(
      fc.property(value, (text) => {
        const [quick, close] = [text, `${text}é`].map((one) => guard.check({ value: one }) !== null);
        if (quick === true) refused += 1;
        expect(quick).toBe(close);
      }),
      { numRuns: 20_000 },
    );
    expect(refused).toBeGreaterThan(1000);
  });
});

describe("hosts that the server is given", () => {
  it("pass where a slot names none, by name and port", async () => {
    const here = { ...world(), hosts: ["localhost:8080", "10.1.2.3:443"] };
    const passes = async (type: "url" | "host", value: string, hosts?: readonly string[]): Promise<boolean> => (await new ArgumentGuard({}, [["/x", { type, ...(hosts === undefined ? {} : { hosts }) }]], here).check({ x: value })) === null;
    for (const value of ["http://localhost:8080/a", "https://10.1.2.3/", "https://example.com/"]) expect(await passes("url", value), value).toBe(true);
    for (const value of ["http://localhost/", "http://localhost:8081/", "http://10.1.2.3/", "http://10.1.2.4/", "http://127.0.0.1:8080/", "http://localhost.evil.internal:8080/", "http://localhost:8080@10.1.2.4/"]) expect(await passes("url", value), value).toBe(false);
    expect(await passes("url", "http://localhost:8080/", ["example.com"])).toBe(false);
    expect(await passes("host", "localhost:8080")).toBe(true);
    expect(await passes("host", "10.1.2.4")).toBe(false);
  });
});

describe("schemas", () => {
  const checked = async (schema: unknown, value: unknown): Promise<string | null> => {
    const answer = await new ArgumentGuard(schema, [], world()).check(value);
    return answer === null ? null : answer.code;
  };

  it("refuse what they do not name, unless they say otherwise, also where branches are combined", async () => {
    const named = { type: "object", properties: { a: { type: "string" } } };
    expect(await checked(named, { a: "x", b: 1 })).toBe("argument.schema");
    expect(await checked({ ...named, additionalProperties: true }, { a: "x", b: 1 })).toBeNull();
    expect(await checked({ type: "object" }, { b: 1 })).toBeNull();
    const combined = { type: "object", properties: { a: {} }, allOf: [{ properties: { b: {} } }], if: { required: ["b"] }, then: { properties: { c: {} } } };
    expect(await checked(combined, { a: 1, b: 2, c: 3 })).toBeNull();
    expect(await checked(combined, { a: 1, d: 3 })).toBe("argument.schema");
    expect(await checked({ $defs: { x: { properties: { q: {} } } }, properties: { n: { $ref: "#/$defs/x" } } }, { n: { q: 1, r: 2 } })).toBe("argument.schema");
    expect(await checked(named, JSON.parse('{"__proto__":1}'))).toBe("argument.schema");
    expect(await checked(named, { constructor: 1 })).toBe("argument.schema");
  });

  it.each([
    ["patterns without end", { properties: { a: { type: "string", pattern: "^(a+)+$" } } }, { a: `${"a".repeat(40)}!` }],
    ["patterns of names without end", { patternProperties: { "^(a+)+$": {} } }, { [`${"a".repeat(40)}!`]: 1 }],
    ["circles", { $ref: "#" }, {}],
    ["circles between two", { $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } }, $ref: "#/$defs/a" }, {}],
    ["unique items", { properties: { a: { uniqueItems: true } } }, { a: Array.from({ length: 20_000 }, (_, index) => ({ index })) }],
  ])("with %s end in time", async (_name, schema, value) => {
    const from = performance.now();
    await checked(schema, value);
    expect(performance.now() - from).toBeLessThan(1500);
  });

  it("that are loads or reach outside are not applied, and the tool is not called", async () => {
    const deep = Array.from({ length: 100 }).reduce<object>((inner) => ({ properties: { a: inner } }), {});
    const doubling = { $defs: Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`d${index}`, { allOf: [{ $ref: `#/$defs/d${index + 1}` }, { $ref: `#/$defs/d${index + 1}` }] }])), $ref: "#/$defs/d0" };
    for (const schema of [deep, doubling, { $ref: "https://example.com/x" }, { $ref: "file:///etc/passwd" }, { $ref: "#/nowhere" }, { properties: Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`p${index}`, {}])) }, { description: "x".repeat(300_000) }, [], "x", null]) {
      expect(unfit(schema), JSON.stringify(schema).slice(0, 60)).not.toBeNull();
      expect(await checked(schema, {})).toBe("argument.schema-unfit");
    }
  });

  it("are read alike by the small reader and by Ajv", () => {
    const scalar = fc.oneof(fc.constant({ type: "string" }), fc.constant({ type: "integer", minimum: 1 }), fc.constant({ type: ["number", "null"], exclusiveMaximum: 3 }), fc.constant({ type: "boolean" }), fc.record({ enum: fc.array(fc.oneof(fc.string(), fc.integer()), { minLength: 1 }) }), fc.constant({ type: "string", minLength: 1, maxLength: 3 }), fc.constant({ const: 1 }), fc.constant({}));
    const { schema } = fc.letrec<{ schema: object }>((tie) => ({
      schema: fc.oneof({ maxDepth: 3 }, scalar, fc.record({ type: fc.constant("object"), properties: fc.dictionary(fc.constantFrom("a", "b", "c", "constructor"), tie("schema")), required: fc.array(fc.constantFrom("a", "b")), additionalProperties: fc.oneof(fc.boolean(), tie("schema")) }), fc.record({ type: fc.constant("array"), items: tie("schema"), minItems: fc.constantFrom(0, 1), maxItems: fc.constantFrom(1, 5) })),
    }));
    const value = fc.letrec<{ value: unknown }>((tie) => ({ value: fc.oneof({ maxDepth: 3 }, fc.string(), fc.integer({ min: -1, max: 4 }), fc.constantFrom(null, true, 1.5, "🙂🙂"), fc.array(tie("value"), { maxLength: 3 }), fc.dictionary(fc.constantFrom("a", "b", "c", "d", "constructor"), tie("value"))) })).value;
    const ajv = new Ajv2020({ strict: false, ownProperties: true, validateSchema: false });
    fc.assert(fc.property(schema, value, (one, given) => {
      const shape = compileShape(one as Record<string, unknown>);
      expect(shape).not.toBeNull();
      expect((shape as Validate)(given) === null).toBe(ajv.compile(one)(given));
    }), { numRuns: 500 });
  });

  it("of draft 7 are applied as such", async () => {
    const schema = { $schema: "http://json-schema.org/draft-07/schema#", type: "object", properties: { a: { type: "array", items: [{ type: "string" }, { type: "number" }], additionalItems: false } }, dependencies: { a: ["b"] }, additionalProperties: true };
    expect(await checked(schema, { a: ["x", 1], b: 1 })).toBeNull();
    expect(await checked(schema, { a: ["x", 1, 2], b: 1 })).toBe("argument.schema");
    expect(await checked(schema, { a: ["x"] })).toBe("argument.schema");
    expect(await compileSchema({ type: "object", unevaluatedProperties: false, allOf: [{ properties: { a: {} } }] })).toBeTypeOf("function");
  });
});
