/** Ajv for schemas from the accused: nothing is fetched, patterns are RE2's, and what it takes long for is done in another way. */
import { Ajv, type Options } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { RE2JS } from "re2js";
import type { Validate } from "./schema.ts";
import type { Schema } from "./subschemas.ts";

/** Patterns that RE2 does not know (look-around, back-references) are left out: `unusablePatterns` names them. */
const regExp = Object.assign(
  (pattern: string) => {
    const compiled = tryCompile(pattern);
    return { test: (text: string): boolean => compiled === null || compiled.matcher(text).find() };
  },
  { code: "sallyport" },
);

const OPTIONS: Options = { validateSchema: false, meta: false, addUsedSchema: false, strict: false, validateFormats: false, allErrors: false, logger: false, ownProperties: true, code: { regExp } };

export function compileWithAjv(schema: Schema): Validate {
  const draft7 = typeof schema["$schema"] === "string" && /draft-0[4-7]/.test(schema["$schema"]);
  const ajv = draft7 ? new Ajv(OPTIONS) : new Ajv2020(OPTIONS);
  ajv.removeKeyword("uniqueItems");
  ajv.addKeyword({ keyword: "uniqueItems", type: "array", schemaType: "boolean", validate: (wanted: boolean, items: unknown[]) => !wanted || new Set(items.map((item) => JSON.stringify(item))).size === items.length });
  const validate = ajv.compile(stripped(schema) as Schema);
  return (value) => {
    if (validate(value)) return null;
    const [error] = validate.errors ?? [];
    const extra = (error?.params as { additionalProperty?: string } | undefined)?.additionalProperty;
    return extra === undefined ? [error?.instancePath ?? "", error?.message ?? "it does not match"] : [`${error?.instancePath ?? ""}/${extra}`, "the schema does not know it"];
  };
}

/** Without the names by which schemas find each other: each stands alone. */
function stripped(value: unknown, depth = 0): unknown {
  if (Array.isArray(value)) return value.map((one) => stripped(one, depth + 1));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([key, one]) => !(["$id", "id", "$schema", "$async", "nullable", "discriminator"].includes(key) && typeof one !== "object")).map(([key, one]) => [key, stripped(one, depth + 1)]));
}

function tryCompile(pattern: string): RE2JS | null {
  try {
    return RE2JS.compile(RE2JS.translateRegExp(pattern));
  } catch {
    return null;
  }
}
