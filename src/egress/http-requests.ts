/**
 * Follows the requests of a plain HTTP/1 connection (RFC 9112): each names the host that is allowed, and is framed in the
 * one way that every server reads alike, so that no second request hides in the first (CWE-444).
 */
import type { Target } from "../host.ts";

const MAX_HEAD = 64 * 1024;
/** Of a host that is refused. */
const SHOWN = 300;
const RETURN = 0x0d;
const NEWLINE = 0x0a;
const NOTHING = Buffer.alloc(0);
const LINE_END = Buffer.from("\r\n");
const HEAD_END = Buffer.from("\r\n\r\n");
const SWITCHING = "HTTP/1.1 101 ";
/** Method, target and minor version; the bytes 85 and A0 are blanks to servers that read Latin-1. */
const FIRST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\u0021-\u007e\u0080-\u0084\u0086-\u009f\u00a1-\u00ff]+) HTTP\/1\.([01])$/;
const HEADERS = /^(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\u0020-\u007e\u0080-\u00ff]*)*$/;
/** What says for whom a request is, and where it ends. */
const DECIDING = /\r\n(host|content-length|transfer-encoding|upgrade):([^\r]*)/gi;
const BARE_END = /(?:^|[^\r])\n/;

/** What is read; with how many bytes are left of a body, or of a chunk with the line end behind it. */
interface State {
  readonly reads: "head" | "body" | "chunk" | "chunk-data" | "trailers" | "switching" | "anything";
  readonly left: number;
}

const HEAD: State = { reads: "head", left: 0 };
const CHUNK: State = { reads: "chunk", left: 0 };
const TRAILERS: State = { reads: "trailers", left: 0 };
const SWITCHES: State = { reads: "switching", left: 0 };
const ANYTHING: State = { reads: "anything", left: 0 };

/** Headers with the line ends around them, and what follows a request that has them. */
interface Headers {
  readonly bytes: Buffer;
  readonly next: State;
}

/** The values of the headers that decide. */
type Said = Readonly<Record<"host" | "content-length" | "transfer-encoding" | "upgrade", string[]>>;

export class BadRequest extends Error {
  /** Whether it is the host that is wrong, rather than the form. */
  readonly host: boolean;

  constructor(text: string, host = false) {
    super(text);
    this.host = host;
  }
}

export class HttpRequests {
  readonly #target: Target;
  #state: State = HEAD;
  #last: Headers = { bytes: NOTHING, next: HEAD };
  #held: Buffer = NOTHING;
  #heads = 0;
  #answer = "";
  /** How much of what is held has been looked through for an end. */
  #scanned = 0;

  constructor(target: Target) {
    this.#target = target;
  }

  /** What may be passed on of what has come so far. Throws BadRequest. */
  push(chunk: Buffer): Buffer {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    let passed = 0;
    for (let taken = -1; taken !== 0 && passed < bytes.length; passed += taken) taken = this.#take(passed === 0 ? bytes : bytes.subarray(passed));
    // A copy: the chunk's memory is not kept for the sake of its end.
    this.#held = passed === bytes.length ? NOTHING : Buffer.from(bytes.subarray(passed));
    if (this.#held.length > MAX_HEAD) throw new BadRequest("a request's head has no end");
    return passed === bytes.length ? bytes : bytes.subarray(0, passed);
  }

  /** The server's first bytes after a request to switch protocols; what was held back may pass now. */
  switched(answer: Buffer): Buffer {
    if (this.#state.reads !== "switching") return NOTHING;
    this.#answer += answer.toString("latin1", 0, SWITCHING.length);
    if (this.#answer.length < SWITCHING.length && SWITCHING.startsWith(this.#answer)) return NOTHING;
    if (!this.#answer.startsWith(SWITCHING)) {
      // Without the switch the connection goes on as it was.
      this.#state = HEAD;
      return this.push(NOTHING);
    }
    this.#state = ANYTHING;
    const held = this.#held;
    this.#held = NOTHING;
    return held;
  }

  get switching(): boolean {
    return this.#state.reads === "switching";
  }

  /** How many of these bytes belong to what is read at the moment; 0 where more are needed. */
  #take(bytes: Buffer): number {
    const state = this.#state;
    switch (state.reads) {
      case "anything":
        return bytes.length;
      case "switching":
        return 0;
      case "head":
        return this.#takeHead(bytes);
      case "trailers":
        return bytes.length >= 2 && bytes.toString("latin1", 0, 2) === "\r\n" ? this.#takeLines(bytes, LINE_END, () => void (this.#state = HEAD)) : this.#takeLines(bytes, HEAD_END, (text) => this.#trailers(text));
      case "chunk":
        return this.#takeLines(bytes, LINE_END, (text) => this.#chunk(text));
      case "body":
      case "chunk-data":
        return this.#takeBody(bytes, state);
    }
  }

  #takeBody(bytes: Buffer, { reads, left }: State): number {
    const taken = Math.min(bytes.length, left);
    if (reads === "chunk-data") {
      // The last two bytes are the line end.
      for (let at = Math.max(0, left - 2); at < taken; at += 1) if (bytes[at] !== (at === left - 2 ? RETURN : NEWLINE)) throw new BadRequest("a chunk is longer than it says");
    }
    if (taken < left) this.#state = { reads, left: left - taken };
    else this.#state = reads === "body" ? HEAD : CHUNK;
    return taken;
  }

  /** Programs send the same headers again and again: those that equal the last ones byte for byte are not read again. */
  #takeHead(bytes: Buffer): number {
    const line = bytes.indexOf(RETURN);
    const { bytes: last, next } = this.#last;
    const end = line + last.length;
    if (line !== -1 && last.length > 0 && end <= bytes.length && bytes.compare(last, 0, last.length, line, end) === 0) {
      this.#begin(this.#requestLine(bytes.toString("latin1", 0, line)), next);
      this.#scanned = 0;
      return end;
    }
    const taken = this.#takeLines(bytes, HEAD_END, (text) => this.#head(text));
    // Which answer a switch of protocols is agreed to in depends on more.
    if (taken > 0 && !this.switching) this.#last = { bytes: Buffer.from(bytes.subarray(line, taken)), next: this.#state };
    return taken;
  }

  #takeLines(bytes: Buffer, end: Buffer, use: (text: string) => void): number {
    const scanned = this.#scanned;
    const at = bytes.indexOf(end, Math.max(0, scanned - end.length));
    this.#scanned = at === -1 ? bytes.length : 0;
    if (at === -1) {
      if (bytes.length > MAX_HEAD) throw new BadRequest("a request's head has no end");
      // Line ends that only some servers take for ones would let the head end earlier for them.
      refuseBareEnds(bytes, scanned);
      return 0;
    }
    const text = bytes.toString("latin1", 0, at);
    if (BARE_END.test(text)) throw new BadRequest("a line ends without carriage return");
    use(text);
    return at + end.length;
  }

  #chunk(text: string): void {
    const [, digits] = /^([0-9a-f]{1,12})$/i.exec(text) ?? [];
    if (digits === undefined) throw new BadRequest("a chunk's size is not a plain number");
    const size = Number.parseInt(digits, 16);
    this.#state = size === 0 ? TRAILERS : { reads: "chunk-data", left: size + 2 };
  }

  /** Some servers take trailers for the next request's head (CVE-2023-41419, CVE-2025-58068): none of it may pass for one. */
  #trailers(text: string): void {
    const lines = `\r\n${text}`;
    if (!HEADERS.test(lines) || lines.search(DECIDING) !== -1) throw new BadRequest("a trailer is not one");
    this.#state = HEAD;
  }

  #head(text: string): void {
    const line = text.indexOf("\r\n");
    const minor = this.#requestLine(line === -1 ? text : text.slice(0, line));
    const headers = line === -1 ? "" : text.slice(line);
    if (!HEADERS.test(headers)) throw new BadRequest("a header is not one");
    const said: Said = { host: [], "content-length": [], "transfer-encoding": [], upgrade: [] };
    for (const [, name = "", value = ""] of headers.matchAll(DECIDING)) said[name.toLowerCase() as keyof Said].push(trimmed(value));
    const [host = "", ...others] = said.host;
    if (others.length > 0 || !this.#isTarget(host)) throw new BadRequest(`the host is ${said.host.join(", ").slice(0, SHOWN) || "not named"}`, true);
    this.#begin(minor, this.#bodyOf(said));
  }

  /** Its minor version. */
  #requestLine(line: string): string {
    const [, method, target = "", minor = ""] = FIRST_LINE.exec(line) ?? [];
    if (method === undefined) throw new BadRequest("the request's first line is not one");
    if (method === "CONNECT") throw new BadRequest("CONNECT is for proxies");
    if (!target.startsWith("/") && target !== "*") this.#absolute(target);
    return minor;
  }

  #begin(minor: string, next: State): void {
    // Servers of HTTP/1.0 know no chunks, and would take them for requests (RFC 9112 section 6.1).
    if (minor === "0" && next.reads === "chunk") throw new BadRequest("HTTP/1.0 has no chunks");
    this.#state = next;
    this.#heads += 1;
  }

  #bodyOf({ "content-length": lengths, "transfer-encoding": codings, upgrade }: Said): State {
    if (lengths.length + codings.length > 1) throw new BadRequest("the body's length is stated twice");
    if (upgrade.some((protocol) => /\bwebsocket\b/i.test(protocol))) {
      // The answer that agrees to it could be another request's.
      if (this.#heads > 0 || lengths.length + codings.length > 0) throw new BadRequest("websocket is not the first request of its connection");
      return SWITCHES;
    }
    if (codings.length === 1) {
      if (codings[0]?.toLowerCase() !== "chunked") throw new BadRequest("the body's coding is not chunked");
      return CHUNK;
    }
    if (lengths.length === 0 || lengths[0] === "0") return HEAD;
    if (!/^\d{1,15}$/.test(lengths[0] as string)) throw new BadRequest("the body's length is not a number");
    const left = Number(lengths[0]);
    return left === 0 ? HEAD : { reads: "body", left };
  }

  #absolute(target: string): void {
    const url = URL.canParse(target) ? new URL(target) : null;
    const authority = /^http:\/\/([^/?#@\\]+)(?:[/?#]|$)/i.exec(target)?.[1];
    if (url === null || authority === undefined || !this.#isTarget(authority)) throw new BadRequest("the request's target names another host", true);
  }

  #isTarget(host: string): boolean {
    const { name, port } = this.#target;
    const bare = name.includes(":") ? `[${name}]` : name;
    const said = host.toLowerCase().replace(/\.(?=:|$)/, "");
    const names = name === "localhost" ? [bare, "127.0.0.1", "[::1]"] : [bare];
    return names.some((one) => said === one || said === `${one}:${port}`);
  }
}

/** Without the blanks of HTTP around it. */
function trimmed(value: string): string {
  let [from, to] = [0, value.length];
  while (value[from] === " " || value[from] === "\t") from += 1;
  while (to > from && (value[to - 1] === " " || value[to - 1] === "\t")) to -= 1;
  return value.slice(from, to);
}

function refuseBareEnds(bytes: Buffer, from: number): void {
  for (let at = bytes.indexOf(NEWLINE, from); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) if (at === 0 || bytes[at - 1] !== RETURN) throw new BadRequest("a line ends without carriage return");
}
