/** Which parts of a schema speak about one place of a value, taken together whichever branch applies. */
import { lookUp } from "./schema.ts";

export type Schema = Readonly<Record<string, unknown>>;

const COMBINING = ["allOf", "anyOf", "oneOf"] as const;
const BRANCHES = ["then", "else", "if"] as const;
/** Branches that are looked at for one place; a schema with more is taken as open. */
const MAX_BRANCHES = 500;

export interface Known {
  has(key: string): boolean;
  member(key: string): readonly Schema[];
  items(index: number): readonly Schema[];
}

export function knownKeys(root: Schema, schemas: readonly Schema[]): Known {
  const all = gather(root, schemas);
  const closed = all.length < MAX_BRANCHES && all.some((one) => isSchema(one["properties"])) && !all.some(isOpen);
  const properties = (key: string): unknown[] => all.map((one) => one["properties"]).filter(isSchema).filter((one) => Object.hasOwn(one, key)).map((one) => one[key]);
  return {
    has: (key) => !closed || properties(key).length > 0,
    member: (key) => [...properties(key), ...all.flatMap((one) => [one["additionalProperties"], ...(isSchema(one["patternProperties"]) ? Object.values(one["patternProperties"]) : [])])].filter(isSchema),
    items: (index) => all.flatMap((one) => {
      const prefix = (Array.isArray(one["prefixItems"]) ? one["prefixItems"] : Array.isArray(one["items"]) ? one["items"] : []) as unknown[];
      return [prefix[index], one["items"], one["additionalItems"]];
    }).filter(isSchema),
  };
}

function isOpen(schema: Schema): boolean {
  const says = (key: string): boolean => schema[key] !== undefined && schema[key] !== false;
  return says("additionalProperties") || says("patternProperties") || says("unevaluatedProperties");
}

function gather(root: Schema, schemas: readonly Schema[]): Schema[] {
  const found = new Set<Schema>();
  const add = (one: unknown): void => {
    if (!isSchema(one) || found.has(one) || found.size >= MAX_BRANCHES) return;
    found.add(one);
    for (const key of ["$ref", "$dynamicRef"]) if (typeof one[key] === "string") add(lookUp(root, one[key]));
    for (const key of COMBINING) if (Array.isArray(one[key])) one[key].forEach(add);
    for (const key of BRANCHES) add(one[key]);
    for (const key of ["dependentSchemas", "dependencies"]) if (isSchema(one[key])) Object.values(one[key]).forEach(add);
  };
  schemas.forEach(add);
  return [...found];
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
