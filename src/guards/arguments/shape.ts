/**
 * The schemas that nearly all tools have: objects, arrays and scalars with bounds. Compiled to closures, so that the gate
 * loads no validator for them. Anything else is null, and Ajv's; a test compares the two.
 */
import type { Validate } from "./schema.ts";
import type { Schema } from "./subschemas.ts";

type Fault = ReturnType<Validate>;
type Test = (value: unknown, at: string) => Fault;

const SILENT = ["$schema", "$comment", "title", "description", "default", "examples", "format", "deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType"];
const KEYS: Readonly<Record<string, readonly string[]>> = {
  object: ["properties", "required", "additionalProperties"],
  array: ["items", "minItems", "maxItems"],
  string: ["minLength", "maxLength"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  integer: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  boolean: [],
  null: [],
};
const ALL = new Set([...SILENT, ...Object.values(KEYS).flat(), "type", "enum", "const"]);

export function compileShape(schema: Schema): Validate | null {
  const test = compile(schema);
  return test === null ? null : (value) => test(value, "");
}

function compile(schema: unknown): Test | null {
  if (schema === true) return () => null;
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return null;
  const one = schema as Schema;
  if (!Object.keys(one).every((key) => ALL.has(key) || key.startsWith("x-"))) return null;
  const types = one["type"] === undefined ? null : [one["type"]].flat();
  if (types !== null && !types.every((type) => typeof type === "string" && Object.hasOwn(KEYS, type))) return null;
  const tests = [typeTest(types as string[] | null), choices(one), bounds(one), object(one), array(one)];
  if (tests.includes(null)) return null;
  return all(tests.filter((test): test is Test => test !== null && test !== PASS));
}

const PASS: Test = () => null;

function all(tests: readonly Test[]): Test {
  if (tests.length === 1) return tests[0] as Test;
  return (value, at) => {
    for (const test of tests) {
      const fault = test(value, at);
      if (fault !== null) return fault;
    }
    return null;
  };
}

function typeOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

function typeTest(types: readonly string[] | null): Test {
  if (types === null) return PASS;
  return (value, at) => {
    const type = typeOf(value);
    return types.includes(type) || (type === "number" && types.includes("integer") && Number.isInteger(value)) ? null : [at, `must be ${types.join(" or ")}`];
  };
}

function isScalar(value: unknown): boolean {
  return typeof value !== "object" || value === null;
}

function choices(one: Schema): Test | null {
  const list = one["const"] === undefined ? one["enum"] : [one["const"]];
  if (list === undefined) return PASS;
  if (!Array.isArray(list) || !list.every(isScalar) || (one["const"] !== undefined && one["enum"] !== undefined)) return null;
  return (value, at) => (list.includes(value) ? null : [at, `must be one of ${list.slice(0, 20).join(", ")}`]);
}

function bounds(one: Schema): Test | null {
  const bound = (key: string): number | undefined | null => (one[key] === undefined ? undefined : typeof one[key] === "number" ? one[key] : null);
  const [least, most, above, below, shortest, longest] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"].map(bound);
  if ([least, most, above, below, shortest, longest].includes(null)) return null;
  if ([least, most, above, below, shortest, longest].every((value) => value === undefined)) return PASS;
  return (value, at) => {
    if (typeof value === "number" && (value < (least ?? -Infinity) || value > (most ?? Infinity) || value <= (above ?? -Infinity) || value >= (below ?? Infinity))) return [at, "is out of its bounds"];
    if (typeof value === "string" && (shortest ?? longest ?? null) !== null) {
      const length = value.length > 2 * (longest ?? Infinity) ? Infinity : [...value].length;
      if (length < (shortest ?? 0) || length > (longest ?? Infinity)) return [at, "is too short or too long"];
    }
    return null;
  };
}

function object(one: Schema): Test | null {
  const { properties, required = [], additionalProperties } = one as { properties?: unknown; required?: unknown; additionalProperties?: unknown };
  if (!Array.isArray(required) || !required.every((key) => typeof key === "string") || !(properties === undefined || (typeof properties === "object" && properties !== null && !Array.isArray(properties)))) return null;
  const members = new Map<string, Test>();
  for (const [key, schema] of Object.entries(properties ?? {})) {
    const test = compile(schema);
    if (test === null) return null;
    members.set(key, test);
  }
  // Missing means closed where the schema names any property, and open where it names none.
  const rest = additionalProperties === false || (additionalProperties === undefined && properties !== undefined) ? null : compile(additionalProperties ?? true);
  if (rest === null && typeof additionalProperties === "object") return null;
  if (properties === undefined && required.length === 0 && additionalProperties === undefined) return PASS;
  return (value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
    for (const key of required) if (!Object.hasOwn(value, key)) return [at, `must have required property '${key}'`];
    for (const key of Object.keys(value)) {
      const test = members.get(key) ?? rest;
      if (test === null) return [`${at}/${key}`, "the schema does not know it"];
      const fault = test((value as Schema)[key], `${at}/${key}`);
      if (fault !== null) return fault;
    }
    return null;
  };
}

function array(one: Schema): Test | null {
  const { items, minItems, maxItems } = one as { items?: unknown; minItems?: unknown; maxItems?: unknown };
  if (![minItems, maxItems].every((value) => value === undefined || typeof value === "number")) return null;
  if (items === undefined && minItems === undefined && maxItems === undefined) return PASS;
  const test = items === undefined ? PASS : compile(items);
  if (test === null) return null;
  return (value, at) => {
    if (!Array.isArray(value)) return null;
    if (value.length < ((minItems as number | undefined) ?? 0) || value.length > ((maxItems as number | undefined) ?? Infinity)) return [at, "has too few or too many items"];
    for (let index = 0; index < value.length; index += 1) {
      const fault = test(value[index], `${at}/${index}`);
      if (fault !== null) return fault;
    }
    return null;
  };
}
