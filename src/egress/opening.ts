/** What a program says first on a connection decides what can be checked of it: a TLS server name, the hosts of plain HTTP, or nothing more. */
import { isIP } from "node:net";
import { SallyportError } from "../errors.ts";
import type { Target } from "../host.ts";
import { serverNameOf } from "./client-hello.ts";
import { BadRequest, HttpRequests } from "./http-requests.ts";

const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR = 3;
const MAX_LINE = 64 * 1024;
const MAX_BLANKS = 1024;
const HTTP_PORT = 80;
/** What servers are known to overlook in front of a request. */
const BLANKS = [0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x85, 0xa0];
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]/;
const WITHOUT_VERSION = /^[A-Za-z]+[\t ]+(?:\/|[a-z]+:\/\/)\S*\s*$/i;
/** Servers that take PROXY's header, in either of its forms, read a request behind it. */
const PROXIED = ["PROXY ", "\r\n\r\n\0"];

export type Opening = { readonly kind: "more" } | { readonly kind: "tls" | "other" } | { readonly kind: "http"; readonly requests: HttpRequests };

/** @param bytes all that has come so far, at least one. Throws `egress.server-name`, `egress.request`. */
export function openingOf(bytes: Buffer, target: Target): Opening {
  if (bytes[0] === TLS_HANDSHAKE) return bytes.length < 2 ? { kind: "more" } : bytes[1] === TLS_MAJOR ? tls(bytes, target) : { kind: "other" };
  const text = bytes.toString("latin1", 0, MAX_LINE);
  const first = bytes.findIndex((byte) => !BLANKS.includes(byte));
  const blanks = first === -1 ? bytes.length : first;
  if (blanks > MAX_BLANKS) throw new SallyportError("egress.request", `${target.name}:${target.port}: blanks without end`);
  if (first === -1) return { kind: "more" };
  if (PROXIED.some((header) => text.startsWith(header))) throw new SallyportError("egress.request", `${target.name}:${target.port}: a proxy's header`);
  // No method starts like this, so no server takes it for a request.
  if (!METHOD.test(text.slice(blanks))) return { kind: "other" };
  const end = text.indexOf("\n", blanks);
  if (end === -1 && bytes.length >= MAX_LINE) throw new SallyportError("egress.request", `${target.name}:${target.port}: a first line without end`);
  return end === -1 ? { kind: "more" } : firstLine(text.slice(blanks, end), target);
}

function firstLine(line: string, target: Target): Opening {
  // Hosts are named in compressed headers then; where many share a port, that is port 80.
  if (line === "PRI * HTTP/2.0\r" && target.port !== HTTP_PORT) return { kind: "other" };
  if (/http\/\d/i.test(line)) return { kind: "http", requests: new HttpRequests(target) };
  if (WITHOUT_VERSION.test(line) || isOldest(line)) throw new SallyportError("egress.request", `${target.name}:${target.port}: a request without a version`);
  return { kind: "other" };
}

/** HTTP/0.9 as servers read it that part words at any blank; in other protocols the word is small. */
function isOldest(line: string): boolean {
  return line.startsWith("GET") && BLANKS.includes(line.charCodeAt(3));
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
  const agrees = isIP(name) !== 0 || said?.replace(/\.$/, "") === name;
  if (!agrees) throw new SallyportError("egress.server-name", `${name}:${port}: the client asks for ${said ?? "no name"}`);
  return { kind: "tls" };
}

/** A refusal of HTTP in the table's words. */
export function asRefusal(thrown: unknown, { name, port }: Target): SallyportError {
  if (thrown instanceof SallyportError) return thrown;
  if (thrown instanceof BadRequest) return new SallyportError(thrown.host ? "egress.http-host" : "egress.request", `${name}:${port}: ${thrown.message}`);
  return new SallyportError("egress.request", `${name}:${port}: ${(thrown as Error).message}`);
}
