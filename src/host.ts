/** `NAME:PORT` as manifests, the command line and proxies write it. */
import { isIP } from "node:net";
import { domainToASCII } from "node:url";

export interface Target {
  /** Lower case, IDN in Punycode, without a trailing dot; or an address. */
  readonly name: string;
  readonly port: number;
}

/** Null where it is none. IPv6 addresses stand in brackets. */
export function parseHost(text: string): Target | null {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-f:.]+)\]|([^\s/:@[\]]+)):(\d{1,5})$/i.exec(text) ?? [];
  const port = Number(digits);
  const name = bracketed ?? asciiName(plain ?? "");
  if (!Number.isInteger(port) || port < 1 || port > 65535 || name === null || (bracketed !== undefined && isIP(bracketed) !== 6)) return null;
  return { name: bracketed === undefined ? name : new URL(`http://[${bracketed}]`).hostname.slice(1, -1), port };
}

export function writeHost({ name, port }: Target): string {
  return `${name.includes(":") ? `[${name}]` : name}:${port}`;
}

/** RFC 1123 labels, with the underscore that service names use; null where it is no name. */
export function asciiName(text: string): string | null {
  if (isIP(text) === 4) return text;
  const name = domainToASCII(text.replace(/\.$/, "")).toLowerCase();
  // What WHATWG's parser takes for a number is an address in disguise: 2130706433, 0x7f.1, 0177.0.0.1.
  if (isIP(name) !== 0 || /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(name)) return null;
  return name.length <= 253 && /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/.test(name) ? name : null;
}

/** As it is compared: lower case, IDN in Punycode. */
export function canonicalHost(text: string): string {
  const target = parseHost(text);
  return target === null ? text : writeHost(target);
}
