/** A URL reaches only allowed hosts: read by WHATWG's rules, and refused where other readers would see another host (CWE-918). */
import { notPublic } from "../../address.ts";
import type { Objection, SyncCheck, World } from "./world.ts";

const UNSEEN = /[\u0000-\u0020\u007f-\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]/;
const SCHEMES = ["http", "https"];
const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443", "ws:": "80", "wss:": "443", "ftp:": "21" };

export const checkUrl: SyncCheck = (value, slot, world) => {
  const text = value.replace(/^ +| +$/g, "");
  if (UNSEEN.test(text)) return "it holds blanks or control characters, which readers drop or keep";
  if (text.includes("\\")) return "it holds a backslash, which readers take for a slash or not";
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  const bare = scheme === undefined || (/^[^/]+\.[^/]*:\d/.test(text) && !text.includes("://"));
  const allowed = slot.schemes ?? SCHEMES;
  if (!bare && !allowed.includes(scheme)) return `the scheme ${scheme} is not allowed`;
  if (!bare && !/^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(text)) return "the host does not follow two slashes";
  const parsed = parse(bare ? `https://${text.replace(/^\/+/, "")}` : text);
  if (parsed === null) return "it is no URL";
  const authority = /^[^:]*:\/\/([^/?#]*)/.exec(bare ? `https://${text.replace(/^\/+/, "")}` : text)?.[1] ?? "";
  if (authority.includes("@") || parsed.username !== "" || parsed.password !== "") return "it holds a user name, behind which the host hides";
  if (/%/.test(authority)) return "its host is percent-encoded";
  return checkHostname(parsed.hostname, parsed.port === "" ? (DEFAULT_PORTS[parsed.protocol] ?? "") : parsed.port, slot.hosts, world);
};

export const checkHost: SyncCheck = (value, slot, world) => {
  const text = value.replace(/^ +| +$/g, "");
  if (UNSEEN.test(text) || /[\\/?#@%]/.test(text)) return "it is more than a host";
  const bare = text.includes(":") && !text.startsWith("[") && text.split(":").length > 2 ? `[${text}]` : text;
  const parsed = parse(`https://${bare}`);
  if (parsed === null || parsed.hostname === "") return "it is no host";
  return checkHostname(parsed.hostname, /:(\d+)$/.exec(bare)?.[1] ?? "", slot.hosts, world);
};

/** @param port empty where none is stated. */
function checkHostname(hostname: string, port: string, hosts: readonly string[] | undefined, world: World): Objection {
  const name = hostname.replace(/\.$/, "");
  if (hosts !== undefined) return hosts.some((host) => allows(host, name, port)) ? null : `${name} is not among the hosts allowed`;
  // Whoever gave the server a host of the inside meant it to be reached.
  return world.hosts.some((host) => allows(host, name, port)) ? null : notPublic(hostname);
}

function allows(host: string, name: string, port: string): boolean {
  const [, pattern = host, wanted] = /^(.*?)(?::(\d+|\*))?$/.exec(host.startsWith("[") ? host : host.toLowerCase()) ?? [];
  if (wanted !== undefined && wanted !== "*" && port !== "" && wanted !== port) return false;
  if (pattern.startsWith("*.")) return name.endsWith(pattern.slice(1)) && name.length > pattern.length - 1;
  return name === (parse(`https://${pattern}`)?.hostname.replace(/\.$/, "") ?? pattern);
}

function parse(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}
