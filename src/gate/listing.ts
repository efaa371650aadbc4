/**
 * What a server offers, asked once through a gate of its own: in a closed cell, recorded like every session, with pins of its own
 * that nobody else reads. The client's side is this file.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { SallyportError } from "../errors.ts";
import { LOCK, readLock, type LockedServer } from "../manifest/lock.ts";
import type { Host } from "../model.ts";
import { lastWords } from "./last-words.ts";
import { run, type RunOptions } from "./run.ts";

const PATIENCE = 30_000;
const SHORT_PATIENCE = 5000;
const MAX_PAGES = 200;
const LEGACY = "2025-11-25";
const MODERN = "2026-07-28";
/** All of them, as some servers offer more tools to clients that can do more; what they then ask is declined. */
const CAPABILITIES = { roots: {}, sampling: {}, elicitation: {} };
const CLIENT = { name: "sallyport", version: "1" };

interface Answer {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message?: string };
}

export interface Listing {
  readonly server: LockedServer;
  /** Names of the capabilities that it declares. */
  readonly capabilities: readonly string[];
  /** Methods that it sent meanwhile. */
  readonly asked: readonly string[];
  readonly resources: readonly string[];
}

/** Throws `server.ended` where it did not answer in time, `usage.interrupted`, and whatever `run` throws. */
export async function listServer(options: Omit<RunOptions, "pins" | "quiet" | "ci">, host: Host): Promise<Listing> {
  mkdirSync(host.dirs.state, { recursive: true, mode: 0o700 });
  const folder = mkdtempSync(join(host.dirs.state, "listing-"));
  const pins = { file: join(folder, LOCK), name: "it" };
  const client = new Client();
  const stderr = new PassThrough();
  let said = "";
  stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)));
  const streams = { stdin: client.out, stdout: client.in, stderr } as unknown as Pick<Host, "stdin" | "stdout" | "stderr">;
  let stopped = false;
  const onSignal: Host["onSignal"] = (listener) => host.onSignal((signal) => ((stopped = true), listener(signal)));
  try {
    const code = run({ ...options, listing: true, quiet: false, ci: false, pins }, { ...host, ...streams, onSignal });
    const asked = client.ask().finally(() => client.out.end());
    const ended = await Promise.race([asked.then(() => null), code]);
    if (stopped) throw new SallyportError("usage.interrupted");
    if (ended !== null) throw new SallyportError("server.ended", `it ended with ${ended} before it had listed what it offers; it said: ${lastWords(said)}`);
    await code;
    const server = readLock(pins.file)?.servers["it"];
    if (server === undefined) throw new SallyportError("server.ended", "it listed nothing");
    return { server, capabilities: client.capabilities, asked: client.asked, resources: client.resources };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

class Client {
  readonly out = new PassThrough();
  readonly in = new PassThrough();
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #id = 0;
  #rest = "";
  #meta: object | null = null;
  capabilities: string[] = [];
  readonly asked: string[] = [];
  readonly resources: string[] = [];

  constructor() {
    this.in.setEncoding("utf8");
    this.in.on("data", (text: string) => {
      const lines = (this.#rest + text).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.#take(JSON.parse(line) as Answer);
    });
  }

  async ask(): Promise<void> {
    const hello = await this.#request("initialize", { protocolVersion: LEGACY, capabilities: CAPABILITIES, clientInfo: CLIENT });
    let capabilities = hello.result?.["capabilities"];
    if (hello.result === undefined) {
      this.#meta = { "io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": CAPABILITIES, "io.modelcontextprotocol/clientInfo": CLIENT };
      const found = await this.#request("server/discover", {});
      if (found.result === undefined) throw new SallyportError("server.ended", `it refused the handshake: ${hello.error?.message ?? "no reason given"}`);
      capabilities = found.result["capabilities"];
    } else this.#send({ method: "notifications/initialized" });
    this.capabilities = Object.keys((capabilities ?? {}));
    const offers = new Set(this.capabilities);
    if (offers.has("tools")) await this.#list("tools/list");
    if (offers.has("prompts")) await this.#list("prompts/list");
    if (offers.has("resources")) await this.#list("resources/templates/list");
    if (offers.has("resources")) await this.#list("resources/list");
  }

  async #list(method: string): Promise<void> {
    let cursor: unknown;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const asked = this.#request(method, cursor === undefined ? {} : { cursor }, method === "tools/list" ? PATIENCE : SHORT_PATIENCE);
      // Some say that they have prompts or resources, and are silent when asked for them.
      const { result } = await (method === "tools/list" ? asked : asked.catch((): Answer => ({})));
      for (const { uri } of (result?.["resources"] ?? []) as { uri: string }[]) if (this.resources.length < 100) this.resources.push(uri);
      cursor = result?.["nextCursor"];
      if (typeof cursor !== "string") return;
    }
    throw new SallyportError("server.ended", `${method} has more than ${MAX_PAGES} pages`);
  }

  #request(method: string, params: object, patience = PATIENCE): Promise<Answer> {
    const id = (this.#id += 1);
    this.#send({ id, method, params: this.#meta === null ? params : { ...params, _meta: this.#meta } });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new SallyportError("server.ended", `it did not answer ${method} within ${patience / 1000} s`)), patience);
      this.#waiting.set(id, (answer) => (clearTimeout(timer), resolve(answer)));
    });
  }

  #send(message: object): void {
    this.out.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  #take(message: Answer): void {
    if (typeof message.method === "string" && message.id !== undefined) this.asked.push(message.method);
    if (message.method !== undefined && message.id !== undefined) return this.#send({ id: message.id, error: { code: -32601, message: "only lists are asked for" } });
    this.#waiting.get(message.id as number)?.(message);
  }
}
