/**
 * The client's own form as a channel, in both eras. Until 2025-11-25 the gate asks with a request of its own while the call
 * waits. From 2026-07-28 on servers ask by their result: the call is answered with a question, and comes again with the answer.
 */
import { createHmac, hash, randomBytes, timingSafeEqual } from "node:crypto";
import { SallyportError } from "../errors.ts";
import { choiceOf, elicitation, formOf, isNobody } from "../consent/channels/elicitation.ts";
import type { Channel } from "../consent/desk.ts";
import type { Bound, Question } from "../consent/question.ts";
import { argumentsDigest } from "../consent/scope.ts";
import { canonical } from "../manifest/canonical.ts";
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

type Json = Readonly<Record<string, unknown>>;

interface Round {
  readonly question: Question;
  readonly digest: string;
  /** Rejects with the refusal. */
  readonly settled: Promise<unknown>;
  /** The first round's message. */
  readonly message: Json;
}

const KEY = "sallyport_consent";
const MAX_ROUNDS = 1024;
const PREFIX = "sallyport.";
/** Stands for an id until the text is made. */
const PLACE = "sallyport's place for the id";
/** Milliseconds in which a client comes back with what a server has asked for. */
const CONTINUED = 600_000;
const PROGRESS = 15_000;

export class Elicitor {
  readonly #wire: Wire;
  readonly #secret = randomBytes(32);
  readonly #rounds = new Map<string, Round>();
  /** Calls that a person has allowed and that their server has answered with a question of its own -> until when. */
  readonly #continuing = new Map<string, number>();
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
  openRound({ asked, raw, arguments: given }: Petition, question: Question, settled: Promise<unknown>): string {
    this.#rounds.set(question.id, { question, digest: argumentsDigest(canonical(given ?? {})), settled, message: JSON.parse(raw.toString("utf8")) as Json });
    if (this.#rounds.size > MAX_ROUNDS) this.#rounds.delete(this.#rounds.keys().next().value as string);
    const inputRequests = { [KEY]: { method: "elicitation/create", params: { mode: "form", ...formOf(question) } } };
    return `{"jsonrpc":"2.0","id":${asked?.id},"result":${JSON.stringify({ resultType: "input_required", inputRequests, requestState: this.#seal(question.id) })}}`;
  }

  isRound(params: Json): boolean {
    const [responses, state] = [params["inputResponses"], params["requestState"]];
    return (typeof responses === "object" && responses !== null && Object.hasOwn(responses, KEY)) || (typeof state === "string" && state.startsWith(PREFIX));
  }

  /**
   * The second round: gives the first one's call under its new id. Throws `consent.replayed` where that is not open, or not
   * the same call.
   */
  roundOf({ asked, params, action, item, definition, arguments: given }: Petition): (Round & { readonly original: string }) | null {
    if (!this.isRound(params)) return null;
    const id = this.#open(params["requestState"]);
    const round = id === null ? undefined : this.#rounds.get(id);
    const same = round !== undefined && round.question.bound.action === action && round.question.bound.item === item && round.question.bound.definition === definition && round.digest === argumentsDigest(canonical(given ?? {}));
    if (!same || asked === null) throw new SallyportError("consent.replayed");
    this.#rounds.delete(round.question.id);
    const answer = (params["inputResponses"] as Json | undefined)?.[KEY];
    if (!isNobody(answer, this.#wire.now() - Date.parse(round.question.asked))) this.#wire.reply(round.question, choiceOf(round.question, answer), "the client's form");
    const { params: before, ...envelope } = round.message as { params: Json };
    const message = { ...envelope, id: PLACE, params: { ...before, ...(params["_meta"] === undefined ? {} : { _meta: params["_meta"] }) } };
    return { ...round, original: JSON.stringify(message).replace(JSON.stringify(PLACE), () => String(asked.id)) };
  }

  /** @param digest of its arguments. */
  consented({ asked }: Petition, bound: Bound, digest: string): void {
    if (asked !== null) this.#consented.set(asked, JSON.stringify([bound, digest]));
  }

  /** A call that was allowed is answered with a question of the server's: its next round is the same call. */
  asksBack(asked: object, result: Json): void {
    const call = this.#consented.get(asked);
    const state = result["requestState"];
    if (call === undefined || typeof state !== "string" || this.#continuing.size >= MAX_ROUNDS) return;
    this.#continuing.set(continuation(call, state), this.#wire.now() + CONTINUED);
  }

  /** Counts once, for the very call that was allowed, and not for ever. */
  continues(petition: Petition, bound: Bound, digest: string): boolean {
    const state = petition.params["requestState"];
    if (typeof state !== "string") return false;
    const key = continuation(JSON.stringify([bound, digest]), state);
    const until = this.#continuing.get(key) ?? 0;
    this.#continuing.delete(key);
    if (until < this.#wire.now()) return false;
    this.consented(petition, bound, digest);
    return true;
  }

  /** Clients that wait a minute only wait on while they hear of progress; only those are told who have asked for it. Null where this one has not. */
  keepWaiting({ params }: Petition): (() => void) | null {
    const token = ((params["_meta"] ?? {}) as Json)["progressToken"];
    if (typeof token !== "string" && typeof token !== "number") return null;
    let times = 0;
    const timer = setInterval(() => {
      times += 1;
      // The server's own progress goes on from where it likes: these stay below anything.
      this.#wire.notifyClient("notifications/progress", { progressToken: token, progress: times * 1e-6, message: "waiting for a person's decision" });
    }, PROGRESS);
    return () => clearInterval(timer);
  }

  #seal(id: string): string {
    return `${PREFIX}${id}.${createHmac("sha256", this.#secret).update(id).digest("hex")}`;
  }

  #open(state: unknown): string | null {
    const [, id = "", mac = ""] = typeof state === "string" ? state.split(".") : [];
    const right = createHmac("sha256", this.#secret).update(id).digest();
    const given = Buffer.from(mac, "hex");
    return given.length === right.length && timingSafeEqual(given, right) ? id : null;
  }
}

function continuation(call: string, state: string): string {
  return hash("sha256", JSON.stringify([call, state]), "hex");
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
