/** Which part of the network a host name or address means (RFC 6890 and the registries behind it). */
import ipaddr from "ipaddr.js";
import { domainToUnicode } from "node:url";

/** Names that mean the machine itself or its own network, whatever a resolver says (RFC 6761, RFC 6762, RFC 8375, RFC 9476). */
const PRIVATE_NAME = /(?:^|\.)(?:localhost|localdomain|local|internal|intranet|corp|lan|home|private|home\.arpa|test|invalid|onion|alt|svc|consul|cluster|ip6-localhost|ip6-loopback)$/;
/** Services whose names state the address that they resolve to. */
const STATED = /(?:^|\.)(?:nip\.io|sslip\.io|xip\.io|xip\.name|traefik\.me|localtest\.me|lvh\.me|vcap\.me|lacolhost\.com|fbi\.com|readme\.localtest\.me|1u\.ms|rbndr\.us|localho\.st|yoogle\.com|domaincontrol\.com|bugbounty\.dod\.network|spoofed\.burpcollaborator\.net)$/;
const DOTTED = /(?:^|[.-])(\d{1,3})[.-](\d{1,3})[.-](\d{1,3})[.-](\d{1,3})(?=[.-]|$)/g;

/**
 * Why a host is none of the public network's; null where it is.
 * @param host as WHATWG's parser gives it: lower case, IDN in Punycode, IPv4 in four decimal numbers, IPv6 in brackets.
 */
export function notPublic(host: string): string | null {
  const bare = host.startsWith("[") ? host.slice(1, -1) : host;
  if (ipaddr.isValid(bare)) return notPublicAddress(ipaddr.parse(bare));
  const name = host.replace(/\.+$/, "");
  if (name === "") return "the host is empty";
  if (PRIVATE_NAME.test(name)) return `${name} is a name of the machine or its own network`;
  if (STATED.test(name)) return `${name} states an address instead of a name`;
  if (!name.includes(".")) return `${name} is a name of the local network`;
  for (const [, ...parts] of name.matchAll(DOTTED)) {
    const stated = parts.join(".");
    if (ipaddr.IPv4.isValid(stated) && notPublicAddress(ipaddr.parse(stated)) !== null) return `${name} states the address ${stated}`;
  }
  return mixedScript(name);
}

/** Services of cloud platforms that answer on an address of the public range. */
const PLATFORM = ["168.63.129.16", "192.0.0.192", "100.100.100.200"];

/** Why an address that a name resolved to is none of the public network's. @param text as a resolver gives it. */
export function notPublicIp(text: string): string | null {
  return ipaddr.isValid(text) ? notPublicAddress(ipaddr.parse(text)) : `${text} is no address`;
}

/** One spelling for each address; an IPv4 address that IPv6 wraps is itself. */
export function plainIp(text: string): string {
  return ipaddr.isValid(text) ? ipaddr.process(text).toString() : text;
}

/** Whether an address lies in one of the ranges: `ADDRESS` or `ADDRESS/BITS`; an IPv4 address that IPv6 wraps counts as itself. */
export function isAmong(text: string, ranges: readonly string[]): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  return ranges.some((range) => {
    const [base, bits] = ipaddr.parseCIDR(range.includes("/") ? range : `${range}/${ipaddr.parse(range).kind() === "ipv4" ? 32 : 128}`);
    return base.kind() === address.kind() && address.match(base, bits);
  });
}

/** What is wrong with a range of addresses; null where it is one. */
export function notRange(text: string): string | null {
  const range = /^[0-9a-f.:]+(?:\/\d{1,3})?$/i.test(text) ? text : "";
  if (!ipaddr.isValidCIDR(range) && !ipaddr.isValid(range)) return "no address, and no range of addresses";
  const [bits, least] = [Number(range.split("/")[1] ?? 128), range.includes(":") ? 16 : 8];
  return bits < least ? `too wide: at least /${least}` : null;
}

function notPublicAddress(address: ipaddr.IPv4 | ipaddr.IPv6): string | null {
  const range = address.range();
  if (PLATFORM.includes(address.toString())) return `${address.toString()} is the cloud platform's own`;
  if (address instanceof ipaddr.IPv6) {
    const inner = embedded(address, range);
    if (inner !== null) return notPublicAddress(inner) ?? (range === "ipv4Mapped" ? null : `${address.toString()} wraps another address`);
  }
  if (address instanceof ipaddr.IPv6 && ((address.toByteArray()[0] as number) & 0xe0) !== 0x20) return `${address.toString()} is not of the public network`;
  return range === "unicast" ? null : `${address.toString()} is ${words(range)}`;
}

/** The IPv4 address that an IPv6 one carries: mapped, NAT64, 6to4, and the old compatible form. */
function embedded(address: ipaddr.IPv6, range: string): ipaddr.IPv4 | null {
  const bytes = address.toByteArray();
  if (range === "ipv4Mapped") return address.toIPv4Address();
  if (range === "rfc6052" || range === "rfc6145") return new ipaddr.IPv4(bytes.slice(12));
  if (bytes[10] === 0x5e && bytes[11] === 0xfe) return new ipaddr.IPv4(bytes.slice(12));
  if (range === "6to4") return new ipaddr.IPv4(bytes.slice(2, 6));
  if (bytes.slice(0, 12).every((byte) => byte === 0)) return new ipaddr.IPv4(bytes.slice(12));
  return null;
}

function words(range: string): string {
  return range.replaceAll(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`).replace("unique local", "private").replace("carrier grade nat", "shared");
}

/** A label in letters of two scripts that look alike is there to be mistaken (UTS 39, section 5). */
function mixedScript(name: string): string | null {
  const text = domainToUnicode(name);
  const confused = text.split(".").find((label) => /\p{Script=Latin}/u.test(label) && /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}]/u.test(label));
  return confused === undefined ? null : `${name} mixes letters of scripts that look alike`;
}
