/** What a program says first on a connection decides what can be checked of it: a TLS server name, the hosts of plain HTTP, or nothing more. */
import { serverNameOf } from "./client-hello.ts";
import { BadRequest, HttpRequests } from "./http-requests.ts";
import type { Target } from "../host.ts";
import { SallyportError } from "../errors.ts";

const TLS_HANDSHAKE = 0x16;
const MAX_LINE = 8192;
const HTTP2 = "PRI * HTTP/2.0\r\n";

export type Opening = { readonly kind: "more" } | { readonly kind: "tls" | "other" } | { readonly kind: "http"; readonly requests: HttpRequests };

/** @param bytes all that has come so far, at least one. Throws `egress.server-name`, `egress.request`. */
export function openingOf(bytes: Buffer, target: Target): Opening {
  if (bytes[0] === TLS_HANDSHAKE) return tls(bytes, target);
  // Servers overlook line ends before a request.
  const text = bytes.toString("latin1", 0, MAX_LINE).replace(/^[\r\n]+/, "");
  if (/^[^\x20-\x7e]/.test(text)) return { kind: "other" };
  if (text.startsWith(HTTP2)) return { kind: "other" };
  const end = text.search(/[\r\n]/);
  if (end === -1 && bytes.length < MAX_LINE && (/^[\x20-\x7e]*$/.test(text))) return { kind: "more" };
  if (HTTP2.startsWith(text)) return { kind: "more" };
  return /http\/\d/i.test(end === -1 ? text : text.slice(0, end)) ? { kind: "http", requests: new HttpRequests(target) } : { kind: "other" };
}

function tls(bytes: Buffer, { name, port }: Target): Opening {
  let said: string | null | undefined;
  try {
    said = serverNameOf(bytes);
  } catch (error) {
    throw new SallyportError("egress.server-name", `${name}:${port}: ${(error as Error).message}`);
  }
  if (said === undefined) return { kind: "more" };
  // An address has no name to state (RFC 6066: literal addresses are not permitted in it).
  const isAddress = /^[\d.]+$|:/.test(name);
  if (said === null ? !isAddress : said.replace(/\.$/, "") !== name && !isAddress) throw new SallyportError("egress.server-name", `${name}:${port}: the client asks for ${said ?? "no name"}`);
  return { kind: "tls" };
}

/** A refusal of HTTP in the table's words. */
export function asRefusal(thrown: unknown, { name, port }: Target): SallyportError {
  if (thrown instanceof SallyportError) return thrown;
  if (thrown instanceof BadRequest) return new SallyportError(thrown.host ? "egress.http-host" : "egress.request", `${name}:${port}: ${thrown.message}`);
  return new SallyportError("egress.request", `${name}:${port}: ${(thrown as Error).message}`);
}
