/**
 * The client's own form as a channel, in both eras. Until 2025-11-25 the gate asks with a request of its own while the call
 * waits. From 2026-07-28 on servers ask by their result: the call is answered with a question, and comes again with the answer.
 */
import { createHmac, hash, randomBytes, timingSafeEqual } from "node:crypto";
import { SallyportError } from "../errors.ts";
import { choiceOf, elicitation, formOf, isNobody } from "../consent/channels/elicitation.ts";
import type { Channel, Outcome } from "../consent/desk.ts";
import type { Question } from "../consent/question.ts";
import { canonical } from "../manifest/canonical.ts";
import type { Considered } from "./asking.ts";
import type { Petition } from "./consent.ts";

/** What the elicitor needs of the session. */
export interface Wire {
  /** Asks the client; tells the answer's line, or null. Returns what takes the request back. */
  readonly askClient: (method: string, params: object, answered: (line: string | null) => void) => () => void;
  readonly notifyClient: (method: string, params: object) => void;
  /** Answers by a channel of the gate's own. */
  readonly reply: (question: Question, choice: string, trace: string) => void;
  readonly now: () => number;
}

interface Round {
  readonly question: Question;
  readonly considered: Considered;
  readonly outcome: Promise<Outcome>;
  readonly params: Readonly<Record<string, unknown>>;
}

const KEY = "sallyport_consent";
const MAX_ROUNDS = 1024;
const PROGRESS = 15_000;
type Json = Readonly<Record<string, unknown>>;

export class Elicitor {
  readonly #wire: Wire;
  readonly #secret = randomBytes(32);
  readonly #rounds = new Map<string, Round>();
  /** Calls that a person has allowed and that their server has answered with a question of its own. */
  readonly #continuing = new Set<string>();
  readonly #consented = new WeakMap<object, string>();
  #client: string | null = null;
  #forms = false;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Name and version, as the client gives them. */
  get client(): string | null {
    return this.#client;
  }

  /** `initialize`: what the client is and can. */
  greet(params: Json): void {
    this.#client = nameOf(params["clientInfo"]);
    this.#forms = takesForms(params["capabilities"]);
  }

  /** Null: the client has no form; `round`: it is asked by an answer to its call. */
  channelFor({ asked, params }: Petition): Channel | "round" | null {
    if (asked?.era === "per-request") {
      const meta = (params["_meta"] ?? {}) as Json;
      this.#client = nameOf(meta["io.modelcontextprotocol/clientInfo"]) ?? this.#client;
      return takesForms(meta["io.modelcontextprotocol/clientCapabilities"]) ? "round" : null;
    }
    if (!this.#forms) return null;
    return elicitation((form, answered) => this.#wire.askClient("elicitation/create", form, (line) => {
      const { result } = (line === null ? {} : JSON.parse(line)) as { result?: unknown };
      // An error is no answer: the other channels are still there.
      if (result !== undefined) answered(result);
    }), this.#wire.now);
  }

  /** The first round's answer: a result that asks (2026-07-28, multi round-trip requests). */
  openRound({ asked, params }: Petition, question: Question, considered: Considered, outcome: Promise<Outcome>): string {
    this.#rounds.set(question.id, { question, considered, outcome, params });
    if (this.#rounds.size > MAX_ROUNDS) this.#rounds.delete(this.#rounds.keys().next().value as string);
    void outcome.catch(() => {});
    const inputRequests = { [KEY]: { method: "elicitation/create", params: { mode: "form", ...formOf(question) } } };
    return `{"jsonrpc":"2.0","id":${asked?.id},"result":${JSON.stringify({ resultType: "input_required", inputRequests, requestState: this.#seal(question.id) })}}`;
  }

  /**
   * The second round: gives the first one's call under its new id. Throws `consent.replayed` where that is not open, or not
   * the same call.
   */
  roundOf({ asked, params, action, item, arguments: given }: Petition): (Round & { readonly original: string }) | null {
    const responses = params["inputResponses"] as Json | undefined;
    const state = params["requestState"];
    const ours = typeof responses === "object" && responses !== null && Object.hasOwn(responses, KEY);
    if (!ours && !(typeof state === "string" && state.startsWith("sallyport."))) return null;
    const id = this.#open(state);
    const round = id === null ? undefined : this.#rounds.get(id);
    if (round === undefined || asked === null || round.question.bound.action !== action || round.question.bound.item !== item || canonical(round.params["arguments"] ?? {}) !== canonical(given ?? {})) throw new SallyportError("consent.replayed");
    this.#rounds.delete(round.question.id);
    const answer = responses?.[KEY];
    if (!isNobody(answer, this.#wire.now() - Date.parse(round.question.asked))) this.#wire.reply(round.question, choiceOf(round.question, answer), "the client's form");
    const method = METHODS[action] as string;
    const original = JSON.stringify({ jsonrpc: "2.0", id: "ID", method, params: { ...round.params, ...(params["_meta"] === undefined ? {} : { _meta: params["_meta"] }) } });
    return { ...round, original: original.replace('"id":"ID"', `"id":${asked.id}`) };
  }

  consented({ asked }: Petition, digest: string): void {
    if (asked !== null) this.#consented.set(asked, digest);
  }

  /** A call that was allowed is answered with a question of the server's: its next round is the same call. */
  asksBack(asked: object, result: Json): void {
    const digest = this.#consented.get(asked);
    if (digest !== undefined && this.#continuing.size < MAX_ROUNDS) this.#continuing.add(continuation(digest, result["requestState"]));
  }

  continues({ params }: Petition, digest: string): boolean {
    if (params["inputResponses"] === undefined && params["requestState"] === undefined) return false;
    const key = continuation(digest, params["requestState"]);
    return this.#continuing.delete(key);
  }

  /** Clients that wait a minute only wait on while they hear of progress; only those are told who have asked for it. */
  keepWaiting({ params }: Petition): () => void {
    const token = ((params["_meta"] ?? {}) as Json)["progressToken"];
    if (typeof token !== "string" && typeof token !== "number") return () => {};
    let times = 0;
    const timer = setInterval(() => {
      times += 1;
      // The server's own progress goes on from where it likes: these stay below anything.
      this.#wire.notifyClient("notifications/progress", { progressToken: token, progress: times * 1e-6, message: "waiting for a person's decision" });
    }, PROGRESS);
    return () => clearInterval(timer);
  }

  #seal(id: string): string {
    return `sallyport.${id}.${createHmac("sha256", this.#secret).update(id).digest("hex")}`;
  }

  #open(state: unknown): string | null {
    const [, id = "", mac = ""] = typeof state === "string" ? state.split(".") : [];
    const right = createHmac("sha256", this.#secret).update(id).digest();
    const given = Buffer.from(mac, "hex");
    return given.length === right.length && timingSafeEqual(given, right) ? id : null;
  }
}

const METHODS: Readonly<Record<string, string>> = { callTool: "tools/call", readResource: "resources/read", getPrompt: "prompts/get" };

function continuation(digest: string, state: unknown): string {
  return `${digest} ${hash("sha256", JSON.stringify(state ?? null), "hex")}`;
}

/** `{}` means forms, as it did when there was nothing else. */
function takesForms(capabilities: unknown): boolean {
  const { elicitation: given } = (typeof capabilities === "object" && capabilities !== null ? capabilities : {}) as { elicitation?: unknown };
  if (typeof given !== "object" || given === null) return false;
  return Object.hasOwn(given, "form") || !Object.hasOwn(given, "url");
}

function nameOf(info: unknown): string | null {
  const { name, version } = (typeof info === "object" && info !== null ? info : {}) as { name?: unknown; version?: unknown };
  return typeof name === "string" ? [name, typeof version === "string" ? version : ""].join(" ").trim().slice(0, 200) : null;
}
