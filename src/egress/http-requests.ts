/**
 * Follows the requests of a plain HTTP/1 connection (RFC 9112): each names the host that is allowed, and is framed in the
 * one way that every server reads alike, so that no second request hides in the first (CWE-444).
 */
import type { Target } from "../host.ts";

const MAX_HEAD = 64 * 1024;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const NEWLINE = 0x0a;
const SWITCHING = "HTTP/1.1 101 ";
const CONTROL = /[^\t\u0020-\u007e\u0080-\u00ff]/;

type State =
  | { readonly reads: "head" | "chunk" | "trailers" }
  /** `left` bytes of a body; of a chunk, with the line end behind it. */
  | { readonly reads: "body" | "chunk-data"; left: number }
  | { readonly reads: "switching" | "anything" };

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
  #state: State = { reads: "head" };
  #held: Buffer = Buffer.alloc(0);
  #heads = 0;
  #answer = "";

  constructor(target: Target) {
    this.#target = target;
  }

  /** What may be passed on of what has come so far. Throws BadRequest. */
  push(chunk: Buffer): Buffer {
    let bytes: Buffer = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const passed: Buffer[] = [];
    for (let more = true; more && bytes.length > 0; ) {
      const taken = this.#take(bytes);
      passed.push(bytes.subarray(0, taken));
      bytes = bytes.subarray(taken);
      more = taken > 0;
    }
    this.#held = Buffer.from(bytes);
    if (this.#held.length > MAX_HEAD) throw new BadRequest("a request's head has no end");
    return passed.length === 1 ? (passed[0] as Buffer) : Buffer.concat(passed);
  }

  /** The server's first bytes after a request to switch protocols; what was held back may pass now. */
  switched(answer: Buffer): Buffer {
    if (this.#state.reads !== "switching") return Buffer.alloc(0);
    this.#answer += answer.toString("latin1", 0, SWITCHING.length);
    if (this.#answer.length < SWITCHING.length && SWITCHING.startsWith(this.#answer)) return Buffer.alloc(0);
    if (!this.#answer.startsWith(SWITCHING)) {
      // Without the switch the connection goes on as it was.
      this.#state = { reads: "head" };
      return this.push(Buffer.alloc(0));
    }
    this.#state = { reads: "anything" };
    const held = this.#held;
    this.#held = Buffer.alloc(0);
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
        return this.#takeLines(bytes, Buffer.from("\r\n\r\n"), (text) => this.#head(text));
      case "trailers":
        return bytes.length >= 2 && bytes.toString("latin1", 0, 2) === "\r\n" ? ((this.#state = { reads: "head" }), 2) : this.#takeLines(bytes, Buffer.from("\r\n\r\n"), () => void (this.#state = { reads: "head" }));
      case "chunk":
        return this.#takeLines(bytes, Buffer.from("\r\n"), (text) => this.#chunk(text));
      case "body":
      case "chunk-data":
        return this.#takeBody(bytes, state);
    }
  }

  #takeBody(bytes: Buffer, state: { readonly reads: "body" | "chunk-data"; left: number }): number {
    const taken = Math.min(bytes.length, state.left);
    if (state.reads === "chunk-data") {
      // The last two bytes are the line end.
      for (let at = Math.max(0, state.left - 2); at < taken; at += 1) if (bytes[at] !== (at === state.left - 2 ? 0x0d : NEWLINE)) throw new BadRequest("a chunk is longer than it says");
    }
    state.left -= taken;
    if (state.left === 0) this.#state = { reads: state.reads === "body" ? "head" : "chunk" };
    return taken;
  }

  #takeLines(bytes: Buffer, end: Buffer, use: (text: string) => void): number {
    const at = bytes.indexOf(end);
    if (at === -1) {
      if (bytes.length > MAX_HEAD) throw new BadRequest("a request's head has no end");
      // Line ends that only some servers take for ones would let the head end earlier for them.
      refuseBareEnds(bytes);
      return 0;
    }
    const text = bytes.toString("latin1", 0, at);
    refuseBareEnds(bytes.subarray(0, at + end.length));
    use(text);
    return at + end.length;
  }

  #chunk(text: string): void {
    const [, digits] = /^([0-9a-f]{1,12})$/i.exec(text) ?? [];
    if (digits === undefined) throw new BadRequest("a chunk's size is not a plain number");
    const size = Number.parseInt(digits, 16);
    this.#state = size === 0 ? { reads: "trailers" } : { reads: "chunk-data", left: size + 2 };
  }

  #head(text: string): void {
    const [line = "", ...fields] = text.split("\r\n");
    const [, method = "", target = ""] = /^(\S+) (\S+) HTTP\/1\.[01]$/.exec(line) ?? [];
    if (!TOKEN.test(method)) throw new BadRequest("the request's first line is not one");
    const headers = fields.map((field) => /^([^:\s]+):[ \t]*(.*?)[ \t]*$/.exec(field)).map((match) => [match?.[1]?.toLowerCase() ?? "", match?.[2] ?? ""] as const);
    if (headers.some(([name, value]) => !TOKEN.test(name) || CONTROL.test(value))) throw new BadRequest("a header is not one");
    const all = (name: string): string[] => headers.filter(([one]) => one === name).map(([, value]) => value);
    if (method === "CONNECT") throw new BadRequest("CONNECT is for proxies");
    const hosts = all("host");
    if (hosts.length !== 1 || !this.#isTarget(hosts[0] as string)) throw new BadRequest(`the host is ${hosts.join(", ") || "not named"}`, true);
    if (!target.startsWith("/") && target !== "*") this.#absolute(target);
    this.#state = this.#bodyOf(all);
    this.#heads += 1;
  }

  #bodyOf(all: (name: string) => string[]): State {
    const lengths = all("content-length");
    const codings = all("transfer-encoding");
    if (lengths.length + codings.length > 1) throw new BadRequest("the body's length is stated twice");
    if (all("upgrade").some((protocol) => /\bwebsocket\b/i.test(protocol))) {
      // The answer that agrees to it could be another request's.
      if (this.#heads > 0 || lengths.length + codings.length > 0) throw new BadRequest("websocket is not the first request of its connection");
      return { reads: "switching" };
    }
    if (codings.length === 1) {
      if (codings[0]?.toLowerCase() !== "chunked") throw new BadRequest("the body's coding is not chunked");
      return { reads: "chunk" };
    }
    if (lengths.length === 0 || lengths[0] === "0") return { reads: "head" };
    if (!/^\d{1,15}$/.test(lengths[0] as string)) throw new BadRequest("the body's length is not a number");
    const left = Number(lengths[0]);
    return left === 0 ? { reads: "head" } : { reads: "body", left };
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

function refuseBareEnds(bytes: Buffer): void {
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) if (at === 0 || bytes[at - 1] !== 0x0d) throw new BadRequest("a line ends without carriage return");
}
