/**
 * Bytes -> Messages, strictly (MCP base protocol; JSON-RPC 2.0). What is returned was proved to read the same in every
 * conforming parser; everything else throws a `SallyportError` of side `peer`, whose code says which proof failed.
 */
import { isUtf8 } from "node:buffer";
import { SallyportError, type Code } from "../errors.ts";
import type { Frame } from "./frame.ts";
import { SLOT } from "./keys.ts";
import { Scanner } from "./scan.ts";

export type MessageKind = "request" | "notification" | "response" | "error";

/** The era of one message: revisions up to 2025-11-25 shake hands, later ones carry their version in every request. */
export type Era = "handshake" | "per-request";

/** A number, or the JSON text of a string, quotes included: so that 1 and "1" stay apart, and `String(id)` is the JSON. */
export type Id = number | string;

/** What a result is by its top level: a finished object with a list `content`, one without `content`, or anything else. */
export type ResultForm = "content" | "plain" | "other";

export interface Message {
  readonly kind: MessageKind;
  /** Null in notifications, and in an error answer without id. */
  readonly id: Id | null;
  /** Empty in answers. */
  readonly method: string;
  /** In `tools/call`: `params.name`, where it is a string, and the JSON of `params.arguments`. */
  readonly tool: string | null;
  readonly given: Buffer | null;
  /** In `notifications/cancelled`: the id it takes back. */
  readonly cancels: Id | null;
  /** `params._meta["io.modelcontextprotocol/protocolVersion"]`, or `result.protocolVersion` of an answer. */
  readonly version: string | null;
  readonly era: Era | null;
  /** Null where there is no result. */
  readonly form: ResultForm | null;
}

export interface Decoded {
  readonly messages: readonly Message[];
  /** Each message's own bytes; null where the line is one message. */
  readonly batch: readonly Buffer[] | null;
}

const MAX_SAFE_DIGITS = 16;
/** Methods and names of tools whose text is kept, so that it need not be made for every message; not those of a sender that makes up long ones. */
const KEPT_WORDS = 64;
const KEPT_WORD_BYTES = 128;
/** Ids are kept until they are answered; honest ones are counters or UUIDs. */
const MAX_ID_CHARACTERS = 1024;

export class Decoder {
  readonly #scanner = new Scanner();
  readonly #words = new Map<number, { readonly bytes: Buffer; readonly text: string }>();

  decode({ bytes, chunk, start, end }: Frame): Decoded {
    if (!isUtf8(bytes)) throw new SallyportError("json.utf8");
    if (bytes[0] !== 0x7b) refuseOther(bytes);
    const messages: Message[] = [];
    let parts: Buffer[] | null = null;
    const shape = this.#scanner.scan(chunk, start, end, (from, to) => {
      messages.push(this.#message(chunk));
      if (bytes[0] !== 0x7b) (parts ??= []).push(chunk.subarray(from, to));
    });
    return { messages, batch: shape === "batch" ? parts : null };
  }

  #message(chunk: Buffer): Message {
    const spans = this.#scanner.spans;
    if (!this.#isVersion2(chunk)) refuse("message.shape", 'jsonrpc is not "2.0"');
    const hasResult = has(spans, SLOT.result);
    const hasError = has(spans, SLOT.error);
    if (!has(spans, SLOT.method)) return this.#answer(chunk, hasResult, hasError);
    if (hasResult || hasError) refuse("message.shape", "method and result or error");
    const method = this.#word(chunk, SLOT.method) ?? refuse("message.shape", "method is not a string");
    if (has(spans, SLOT.params) && chunk[spans[SLOT.params * 2] as number] !== 0x7b) refuse("message.params");
    const version = this.#text(chunk, SLOT.version);
    return {
      kind: has(spans, SLOT.id) ? "request" : "notification",
      id: has(spans, SLOT.id) ? this.#id(chunk, SLOT.id) : null,
      method,
      tool: method === "tools/call" ? this.#word(chunk, SLOT.name) : null,
      given: method === "tools/call" && has(spans, SLOT.arguments) ? chunk.subarray(spans[SLOT.arguments * 2], spans[SLOT.arguments * 2 + 1]) : null,
      cancels: method === "notifications/cancelled" && has(spans, SLOT.requestId) ? this.#id(chunk, SLOT.requestId) : null,
      version,
      era: version === null ? "handshake" : "per-request",
      form: null,
    };
  }

  /** The usual spelling byte by byte; any other through the parser. */
  #isVersion2(chunk: Buffer): boolean {
    const at = this.#scanner.spans[SLOT.jsonrpc * 2] as number;
    if (at >= 0 && chunk[at] === 0x22 && chunk[at + 1] === 0x32 && chunk[at + 2] === 0x2e && chunk[at + 3] === 0x30 && chunk[at + 4] === 0x22) return true;
    return this.#scalar(chunk, SLOT.jsonrpc) === "2.0";
  }

  #answer(chunk: Buffer, hasResult: boolean, hasError: boolean): Message {
    const spans = this.#scanner.spans;
    if (hasResult === hasError) refuse("message.shape", hasResult ? "result and error" : "neither method, result nor error");
    if (hasError && chunk[spans[SLOT.error * 2] as number] !== 0x7b) refuse("message.shape", "error is not an object");
    const absent = !has(spans, SLOT.id) || this.#scalar(chunk, SLOT.id) === null;
    if (absent && hasResult) refuse("message.id", "a result without id");
    return {
      kind: hasResult ? "response" : "error",
      id: absent ? null : this.#id(chunk, SLOT.id),
      method: "",
      tool: null,
      given: null,
      cancels: null,
      version: this.#text(chunk, SLOT.resultVersion),
      era: null,
      form: hasResult ? this.#form(chunk) : null,
    };
  }

  #form(chunk: Buffer): ResultForm {
    const spans = this.#scanner.spans;
    if (chunk[spans[SLOT.result * 2] as number] !== 0x7b) return "other";
    if (has(spans, SLOT.resultType) && this.#scalar(chunk, SLOT.resultType) !== "complete") return "other";
    if (!has(spans, SLOT.content)) return "plain";
    return chunk[spans[SLOT.content * 2] as number] === 0x5b ? "content" : "other";
  }

  /** Numbers must be whole, written in one way, and exact in a double; `1.0`, `1e0` and 2^53 are read differently. */
  #id(chunk: Buffer, slot: number): Id {
    const start = this.#scanner.spans[slot * 2] as number;
    const end = this.#scanner.spans[slot * 2 + 1] as number;
    const small = end - start < MAX_SAFE_DIGITS ? digits(chunk, start, end) : -1;
    if (small >= 0) return small;
    if (end - start > MAX_ID_CHARACTERS) return refuse("message.id", `${end - start} bytes`);
    const text = chunk.toString("utf8", start, end);
    if (text.charCodeAt(0) === 0x22) return text.includes("\\") ? JSON.stringify(JSON.parse(text)) : text;
    if (text.length <= MAX_SAFE_DIGITS + 1 && /^(?:0|-?[1-9][0-9]*)$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
    return refuse("message.id", text.slice(0, 40));
  }

  /** A string that seldom changes; null where there is none. */
  #word(chunk: Buffer, slot: number): string | null {
    const start = this.#scanner.spans[slot * 2] as number;
    const end = this.#scanner.spans[slot * 2 + 1] as number;
    if (start < 0 || chunk[start] !== 0x22) return null;
    let hash = 0;
    for (let at = start; at < end; at += 1) hash = (Math.imul(hash, 31) + (chunk[at] as number)) | 0;
    const kept = this.#words.get(hash);
    if (kept !== undefined && sameBytes(kept.bytes, chunk, start, end)) return kept.text;
    const text = this.#scalar(chunk, slot) as string;
    if (this.#words.size < KEPT_WORDS && end - start <= KEPT_WORD_BYTES) this.#words.set(hash, { bytes: Buffer.from(chunk.subarray(start, end)), text });
    return text;
  }

  #text(chunk: Buffer, slot: number): string | null {
    const start = this.#scanner.spans[slot * 2] as number;
    if (start < 0 || chunk[start] !== 0x22) return null;
    return this.#scalar(chunk, slot) as string;
  }

  #scalar(chunk: Buffer, slot: number): unknown {
    const start = this.#scanner.spans[slot * 2] as number;
    const end = this.#scanner.spans[slot * 2 + 1] as number;
    if (start < 0) return undefined;
    const byte = chunk[start];
    if (byte === 0x7b || byte === 0x5b) return undefined;
    const text = chunk.toString("utf8", start, end);
    return byte === 0x22 && !text.includes("\\") ? text.slice(1, -1) : (JSON.parse(text) as unknown);
  }
}

/** The value of a whole number in its one spelling, or -1. */
function digits(chunk: Buffer, start: number, end: number): number {
  if (chunk[start] === 0x30 && end - start > 1) return -1;
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const digit = (chunk[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function sameBytes(kept: Buffer, chunk: Buffer, start: number, end: number): boolean {
  if (kept.length !== end - start) return false;
  for (let i = 0; i < kept.length; i += 1) if (kept[i] !== chunk[start + i]) return false;
  return true;
}

function has(spans: Int32Array, slot: number): boolean {
  return (spans[slot * 2] as number) >= 0;
}

/** What lines that are no messages most often are. */
function refuseOther(bytes: Buffer): void {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) throw new SallyportError("json.bom");
  if (bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d)) throw new SallyportError("frame.blank");
  if (/^Content-Length:/i.test(bytes.toString("latin1", 0, 20))) throw new SallyportError("json.content-length");
}

function refuse(code: Code, detail = ""): never {
  throw new SallyportError(code, detail);
}
