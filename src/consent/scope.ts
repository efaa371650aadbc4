/** Which calls an answer covers beside the one that was asked about. */
import { hash } from "node:crypto";
import { plain } from "./plain.ts";

/** `same`: these arguments; `path`, `host`: everything that the call names lies there; `any`: whatever the arguments. */
export type Scope =
  | { readonly kind: "any" }
  | { readonly kind: "same"; readonly digest: string }
  | { readonly kind: "path"; readonly under: string }
  | { readonly kind: "host"; readonly origin: string };

/** What a call names, as its slots tell it. */
export interface Places {
  /** Directory -> whether every path of the call stays in it, however it is read. */
  readonly staysUnder: (directory: string) => boolean;
  /** Directories that hold the call's paths; empty where it has none. */
  readonly directories: readonly string[];
  /** `SCHEME://NAME:PORT`; empty where it has none. */
  readonly origins: readonly string[];
}

export interface Call {
  readonly digest: string;
  readonly places: Places;
  /** Something was found in this very call: what was allowed without looking does not cover it. */
  readonly suspicious: boolean;
}

export function covers(scope: Scope, { digest, places, suspicious }: Call): boolean {
  if (scope.kind === "same") return scope.digest === digest;
  if (suspicious) return false;
  if (scope.kind === "any") return true;
  // A call that names both must stay in both, and one scope speaks of one of them only.
  if (scope.kind === "path") return places.directories.length > 0 && places.origins.length === 0 && places.staysUnder(scope.under);
  return places.origins.length > 0 && places.directories.length === 0 && places.origins.every((origin) => origin === scope.origin);
}

/** Narrower scopes that this call can be allowed within, with their words. */
export function scopesOf({ digest, places }: Call): (readonly [Scope, string])[] {
  const same = [{ kind: "same", digest }, "these arguments"] as const;
  const [under, ...others] = places.directories;
  const [origin, ...more] = places.origins;
  if (under !== undefined && others.length === 0 && origin === undefined && under !== "/") return [same, [{ kind: "path", under }, `paths under ${plain(under)}`]];
  if (origin !== undefined && more.length === 0 && under === undefined) return [same, [{ kind: "host", origin }, `addresses at ${plain(origin)}`]];
  return [same];
}

/** @param canonical the arguments with their keys in order. */
export function argumentsDigest(canonical: string): string {
  return hash("sha256", canonical, "hex");
}
