/**
 * A tool's own schema, applied strictly. It comes from the accused: it is measured before anything compiles it, refers to
 * nothing outside itself, and its patterns run on a linear-time engine. Plain schemas are checked by `shape.ts`; the rest
 * by Ajv, which is loaded when first needed.
 */
import { compileShape } from "./shape.ts";
import { knownKeys, type Schema } from "./subschemas.ts";

/** The first mistake as JSON pointer and words; null where there is none. */
export type Validate = (value: unknown) => readonly [at: string, what: string] | null;

/** What a schema may be at most: more is no description of arguments, but a load. */
const MAX = { bytes: 256 * 1024, depth: 48, nodes: 4000, keys: 500, paths: 20_000 };

/** Why a schema is not fit to be applied; null where it is. */
export function unfit(schema: unknown): string | null {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return typeof schema === "boolean" ? null : "it is no schema";
  const text = JSON.stringify(schema);
  if (text.length > MAX.bytes) return `it is longer than ${MAX.bytes} bytes`;
  const measured = { nodes: 0, problem: null as string | null };
  measure(schema, 0, measured);
  return measured.problem ?? (text.includes('"$ref"') || text.includes('"$dynamicRef"') ? unfitReferences(schema as Schema) : null);
}

function measure(value: unknown, depth: number, measured: { nodes: number; problem: string | null }): void {
  if (typeof value !== "object" || value === null || measured.problem !== null) return;
  measured.nodes += 1;
  if (depth > MAX.depth) measured.problem = `it is nested deeper than ${MAX.depth}`;
  if (measured.nodes > MAX.nodes) measured.problem = `it has more than ${MAX.nodes} parts`;
  if (!Array.isArray(value) && Object.keys(value).length > MAX.keys) measured.problem = `an object in it has more than ${MAX.keys} keys`;
  for (const one of Object.values(value)) measure(one, depth + 1, measured);
}

/** References stay inside, lead somewhere, and do not multiply: each way through them is counted once for every way to it. */
function unfitReferences(root: Schema): string | null {
  let paths = 0;
  const walk = (value: unknown, open: readonly unknown[]): string | null => {
    if (typeof value !== "object" || value === null) return null;
    paths += 1;
    if (paths > MAX.paths) return "its references multiply";
    const reference = (value as Schema)["$ref"] ?? (value as Schema)["$dynamicRef"];
    if (typeof reference === "string") {
      const target = lookUp(root, reference);
      if (target === undefined) return reference.startsWith("#") ? `${reference} leads nowhere` : `${reference} lies outside, and nothing is fetched`;
      // A circle through properties is recursion over the value; without progress it would never end.
      if (!open.includes(target)) {
        const inner = walk(target, [...open, target]);
        if (inner !== null) return inner;
      }
    }
    // Several ways back to the same place from one choice double with every level of the value.
    for (const choice of ["anyOf", "oneOf", "allOf"].map((key) => (value as Schema)[key])) if (Array.isArray(choice) && choice.filter((one) => typeof (one as Schema | null)?.["$ref"] === "string" && open.includes(lookUp(root, (one as Schema)["$ref"] as string))).length > 1) return "its references multiply";
    for (const [key, one] of Object.entries(value)) {
      if (key === "$defs" || key === "definitions" || key === "enum" || key === "const" || key === "default" || key === "examples") continue;
      const inner = walk(one, open);
      if (inner !== null) return inner;
    }
    return null;
  };
  return walk(root, [root]);
}

/** `#`, `#/…` and anchors of this document. */
export function lookUp(root: Schema, reference: string): unknown {
  if (!reference.startsWith("#")) return undefined;
  const fragment = decoded(reference.slice(1));
  if (fragment !== "" && !fragment.startsWith("/")) return findAnchor(root, fragment);
  return fragment.split("/").slice(1).reduce<unknown>((at, part) => {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    return typeof at === "object" && at !== null && Object.hasOwn(at, key) ? (at as Schema)[key] : undefined;
  }, root);
}

function decoded(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}

function findAnchor(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  if ((value as Schema)["$anchor"] === name || (value as Schema)["$dynamicAnchor"] === name) return value;
  for (const one of Object.values(value)) {
    const found = findAnchor(one, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** @param schema one that `unfit` has nothing against. */
export function compileSchema(schema: unknown): Validate | Promise<Validate> {
  if (typeof schema === "boolean") return () => (schema ? null : ["", "nothing passes this schema"]);
  const shape = compileShape(schema as Schema);
  if (shape !== null) return shape;
  return import("./ajv.ts").then(({ compileWithAjv }) => {
    const validate = compileWithAjv(schema as Schema);
    return (value) => validate(value) ?? unknownKey(value, schema as Schema);
  });
}

/** Unknown properties are refused unless the schema says otherwise, also where `additionalProperties` is not written. */
function unknownKey(value: unknown, root: Schema): ReturnType<Validate> {
  const walk = (at: unknown, schemas: readonly Schema[], pointer: string): ReturnType<Validate> => {
    if (typeof at !== "object" || at === null) return null;
    if (Array.isArray(at)) {
      for (const [index, item] of at.entries()) {
        const inner = walk(item, knownKeys(root, schemas).items(index), `${pointer}/${index}`);
        if (inner !== null) return inner;
      }
      return null;
    }
    const known = knownKeys(root, schemas);
    for (const [key, member] of Object.entries(at)) {
      if (!known.has(key)) return [`${pointer}/${key}`, "the schema does not know it"];
      const inner = walk(member, known.member(key), `${pointer}/${key}`);
      if (inner !== null) return inner;
    }
    return null;
  };
  return walk(value, [root], "");
}
