/** RFC 8785, JSON Canonicalization Scheme: one text for one value, so that a digest of it pins the value. */
import { hash } from "node:crypto";

/** Keys in the order of their UTF-16 code units, numbers and strings as ECMAScript writes them, no space. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical((value as Record<string, unknown>)[key])}`);
  return `{${members.join(",")}}`;
}

/** `sha256-…`, base64, of the canonical text. */
export function digestOf(value: unknown): string {
  return `sha256-${hash("sha256", canonical(value), "base64")}`;
}
