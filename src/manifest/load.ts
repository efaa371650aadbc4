/** `sallyport.yaml` -> a checked value with the place of each key. Every mistake is an error with file, line, column and the nearest right key. */
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import { LineCounter, isMap, isPair, isScalar, parseDocument, type Document, type Node } from "yaml";
import { SallyportError, type Code } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { MANIFEST_SCHEMA, type ManifestFile } from "./schema.ts";

export type Path = readonly (string | number)[];

export interface Loaded {
  readonly file: string;
  readonly value: ManifestFile;
  /** Throws an error that names the place of a value. */
  readonly fail: (code: Code, path: Path, what: string) => never;
}

/** A person writes less; a file that is longer is no manifest. */
const MAX_BYTES = 4 * 1024 * 1024;

const validate = new Ajv2020({ allErrors: true, verbose: true, strict: true, strictTypes: false, keywords: ["missing", "empty"], allowUnionTypes: true }).compile<ManifestFile>(MANIFEST_SCHEMA);

/** Throws `manifest.*`. */
export function load(file: string, text: string): Loaded {
  if (Buffer.byteLength(text) > MAX_BYTES) throw new SallyportError("manifest.syntax", `${file}: longer than ${MAX_BYTES} bytes`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const [wrong] = [...document.errors, ...document.warnings];
  if (wrong !== undefined) throw new SallyportError(wrong.code === "DUPLICATE_KEY" ? "manifest.duplicate-key" : "manifest.syntax", `${place(wrong.pos[0])}: ${wrong.message}`);
  const value = plain(document, file);
  const fail = (code: Code, path: Path, what: string): never => {
    throw new SallyportError(code, `${place(offsetOf(document, path))}: ${what}`);
  };
  if (!validate(value)) report(validate.errors ?? [], value, document, fail);
  return { file, value: value, fail };
}

function plain(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new SallyportError("manifest.syntax", `${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** Where the value stands, or for a pair its key; the nearest parent where there is none. */
function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length > 0; length -= 1) {
    const parent = document.getIn(path.slice(0, length - 1), true);
    const key = path[length - 1];
    const pair = isMap(parent) ? parent.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key)) : undefined;
    const node = (pair?.key ?? document.getIn(path.slice(0, length), true)) as Node | undefined;
    if (node?.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}

/** The first mistake in the order of the file, in words. */
function report(errors: readonly ErrorObject[], value: unknown, document: Document, fail: Loaded["fail"]): never {
  const mistakes = errors.map((error) => describe(error, value)).sort((a, b) => offsetOf(document, a.path) - offsetOf(document, b.path));
  const { code, path, what } = mistakes[0] as Mistake;
  const more = new Set(mistakes.slice(1).map((mistake) => mistake.path.join("/"))).size;
  return fail(code, path, more > 0 ? `${what} (and ${more} more)` : what);
}

interface Mistake {
  readonly code: Code;
  readonly path: Path;
  readonly what: string;
}

function describe(error: ErrorObject, value: unknown): Mistake {
  const path = pointerPath(error.instancePath, value);
  const name = path.length === 0 ? "the manifest" : path.join(".");
  if (error.keyword === "additionalProperties") {
    const key = (error.params as { additionalProperty: string }).additionalProperty;
    const known = Object.keys((error.parentSchema as { properties?: object } | undefined)?.properties ?? {});
    const near = nearest(key, known);
    return { code: "manifest.unknown-key", path: [...path, key], what: `${name} has no key ${key}; ${near === null ? `it takes ${known.join(", ")}` : `did you mean ${near}?`}` };
  }
  if (error.keyword === "required") return { code: "manifest.value", path, what: `${name} lacks ${(error.params as { missingProperty: string }).missingProperty}` };
  if (error.keyword === "enum") return { code: "manifest.value", path, what: `${name} is one of ${(error.params as { allowedValues: unknown[] }).allowedValues.join(", ")}${nearText(value, path, error)}` };
  if (error.keyword === "const") return { code: "manifest.value", path, what: `${name} is ${JSON.stringify((error.params as { allowedValue: unknown }).allowedValue)}` };
  return { code: "manifest.value", path, what: `${name} ${error.message ?? "is wrong"}` };
}

function nearText(value: unknown, path: Path, error: ErrorObject): string {
  const given = path.reduce<unknown>((at, key) => (at as Record<string | number, unknown> | undefined)?.[key], value);
  const near = typeof given === "string" ? nearest(given, (error.params as { allowedValues: unknown[] }).allowedValues.map(String)) : null;
  return near === null ? "" : `; did you mean ${near}?`;
}

/** A JSON pointer's parts, numbers where they are an array's. */
function pointerPath(pointer: string, value: unknown): Path {
  let at = value;
  return pointer.split("/").slice(1).map((part) => {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    const step = Array.isArray(at) ? Number(key) : key;
    at = (at as Record<string | number, unknown> | undefined)?.[step];
    return step;
  });
}
