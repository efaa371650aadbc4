/**
 * Bytes -> Messages, strictly (MCP base protocol; JSON-RPC 2.0). What is returned was proved to read the same in every
 * conforming parser; everything else throws a `SallyportError` of side `peer`, whose code says which proof failed.
 */
import { isUtf8 } from "node:buffer";
import { SallyportError, type Code } from "../errors.ts";
import { SLOT } from "./keys.ts";
import { Scanner } from "./scan.ts";

export type MessageKind = "request" | "notification" | "response" | "error";

/** The era of one message: revisions up to 2025-11-25 shake hands, later ones carry their version in every request. */
export type Era = "handshake" | "per-request";

export interface Message {
  readonly kind: MessageKind;
  /** Key of the id, `1` or `"a"`: numbers and strings are separate spaces. Null only in an error answer without id. */
  readonly id: string | null;
  /** Empty in answers. */
  readonly method: string;
  /** What a request concerns: `params.name` (tool, prompt) or `params.uri` (resource). */
  readonly target: string | null;
  /** In `notifications/cancelled`: key of the id it takes back. */
  readonly cancels: string | null;
  /** `params._meta["io.modelcontextprotocol/protocolVersion"]`, or `result.protocolVersion` of an answer. */
  readonly version: string | null;
  readonly era: Era | null;
}

export interface Decoded {
  readonly messages: readonly Message[];
  readonly batch: boolean;
}

const MAX_SAFE_DIGITS = 16;

export class Decoder {
  readonly #scanner = new Scanner();

  /** @param wire a line that ends in 0x0A. */
  decode(wire: Buffer): Decoded {
    const end = wire.length - 1;
    if (!isUtf8(wire)) throw new SallyportError("json.utf8");
    if (wire[0] === 0xef) throw new SallyportError("json.bom");
    if (isBlank(wire, end)) throw new SallyportError("frame.blank");
    if (wire[0] === 0x43 && /^Content-Length:/i.test(wire.toString("latin1", 0, 20))) throw new SallyportError("json.content-length");
    const messages: Message[] = [];
    const shape = this.#scanner.scan(wire, end, () => messages.push(this.#message(wire)));
    return { messages, batch: shape === "batch" };
  }

  #message(wire: Buffer): Message {
    const spans = this.#scanner.spans;
    if (this.#scalar(wire, SLOT.jsonrpc) !== "2.0") refuse("message.shape", 'jsonrpc is not "2.0"');
    const hasResult = has(spans, SLOT.result);
    const hasError = has(spans, SLOT.error);
    if (!has(spans, SLOT.method)) return this.#answer(wire, hasResult, hasError);
    if (hasResult || hasError) refuse("message.shape", "method and result or error");
    const method = this.#scalar(wire, SLOT.method);
    if (typeof method !== "string") refuse("message.shape", "method is not a string");
    if (has(spans, SLOT.params) && wire[spans[SLOT.params * 2] as number] !== 0x7b) refuse("message.params");
    const version = this.#text(wire, SLOT.version);
    return {
      kind: has(spans, SLOT.id) ? "request" : "notification",
      id: has(spans, SLOT.id) ? this.#id(wire, SLOT.id) : null,
      method: method as string,
      target: this.#text(wire, SLOT.name) ?? this.#text(wire, SLOT.uri),
      cancels: method === "notifications/cancelled" && has(spans, SLOT.requestId) ? this.#id(wire, SLOT.requestId) : null,
      version,
      era: version === null ? "handshake" : "per-request",
    };
  }

  #answer(wire: Buffer, hasResult: boolean, hasError: boolean): Message {
    const spans = this.#scanner.spans;
    if (hasResult === hasError) refuse("message.shape", hasResult ? "result and error" : "neither method, result nor error");
    if (hasError && wire[spans[SLOT.error * 2] as number] !== 0x7b) refuse("message.shape", "error is not an object");
    const absent = !has(spans, SLOT.id) || this.#scalar(wire, SLOT.id) === null;
    if (absent && hasResult) refuse("message.id", "a result without id");
    return {
      kind: hasResult ? "response" : "error",
      id: absent ? null : this.#id(wire, SLOT.id),
      method: "",
      target: null,
      cancels: null,
      version: this.#text(wire, SLOT.resultVersion),
      era: null,
    };
  }

  /** Numbers must be whole, written in one way, and exact in a double; `1.0`, `1e0` and 2^53 are read differently. */
  #id(wire: Buffer, slot: number): string {
    const spans = this.#scanner.spans;
    const text = wire.toString("utf8", spans[slot * 2], spans[slot * 2 + 1]);
    if (text.charCodeAt(0) === 0x22) return text.includes("\\") ? JSON.stringify(JSON.parse(text)) : text;
    if (text.length <= MAX_SAFE_DIGITS + 1 && /^(?:0|-?[1-9][0-9]*)$/.test(text) && Number.isSafeInteger(Number(text))) return text;
    return refuse("message.id", text.slice(0, 40));
  }

  #text(wire: Buffer, slot: number): string | null {
    const start = this.#scanner.spans[slot * 2] as number;
    if (start < 0 || wire[start] !== 0x22) return null;
    return this.#scalar(wire, slot) as string;
  }

  #scalar(wire: Buffer, slot: number): unknown {
    const start = this.#scanner.spans[slot * 2] as number;
    const end = this.#scanner.spans[slot * 2 + 1] as number;
    if (start < 0) return undefined;
    const byte = wire[start];
    if (byte === 0x7b || byte === 0x5b) return undefined;
    const text = wire.toString("utf8", start, end);
    return byte === 0x22 && !text.includes("\\") ? text.slice(1, -1) : (JSON.parse(text) as unknown);
  }
}

function has(spans: Int32Array, slot: number): boolean {
  return (spans[slot * 2] as number) >= 0;
}

function isBlank(wire: Buffer, end: number): boolean {
  for (let at = 0; at < end; at += 1) {
    const byte = wire[at];
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  }
  return true;
}

function refuse(code: Code, detail = ""): never {
  throw new SallyportError(code, detail);
}
