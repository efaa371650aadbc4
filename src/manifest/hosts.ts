/** Hosts as a manifest names them: `NAME:PORT`, and `*.NAME:PORT` for all below a name that belongs to one owner. */
import { getPublicSuffix } from "tldts";
import { parseHost } from "../host.ts";

/** Why a text is no `NAME:PORT`; null where it is one. */
export function notHost(text: string): string | null {
  if (text.startsWith("*.")) return "patterns stand under hostPatterns";
  return parseHost(text) === null ? "not NAME:PORT" : null;
}

/** Why a text is no `*.NAME:PORT`. Below a public suffix (publicsuffix.org, private part included) anybody may register. */
export function notHostPattern(text: string): string | null {
  const below = text.startsWith("*.") ? parseHost(text.slice(2)) : null;
  if (below === null) return "not *.NAME:PORT";
  if (!below.name.includes(".") || getPublicSuffix(below.name, { allowPrivateDomains: true }) === below.name) return `anybody may register names below ${below.name}`;
  return /^[\d.]+$|:/.test(below.name) ? "an address has no names below it" : null;
}
