/** Whose answer is this? The requests that wait on either side, and the revision that was agreed on. */
import { SallyportError } from "../errors.ts";
import type { Side } from "../model.ts";
import type { Decoded, Id, Message } from "../protocol/decode.ts";
import type { Asked } from "../protocol/encode.ts";
import { Pending } from "./pending.ts";

/** A request that waits for its answer. */
export interface Waiting extends Asked {
  /** The tool or prompt that it names, once that is known. */
  about: string | null;
  /** The gate has asked itself; told the answer's line, which goes no further. Null: the other side is gone, or does not answer. */
  readonly own: ((answer: string | null) => void) | null;
  /** Told when who asked takes the request back. */
  onCancel: (() => void) | null;
}

export interface Exchange {
  readonly message: Message;
  readonly from: Side;
  /** What waits now, where the message is a request. */
  readonly asked: Waiting | null;
  /** The request that an answer belongs to. */
  readonly answers: Waiting | null;
}

/** The one revision with batches (2025-03-26, base protocol, "Batching"). */
const BATCHES = "2025-03-26";
const MAX_PENDING = 65_536;
const KEPT_METHOD = 64;
/** Answers to cancelled requests may still be under way; so many ids are remembered. */
const MAX_CANCELLED = 1024;

export function otherSide(side: Side): Side {
  return side === "client" ? "server" : "client";
}

export class Session {
  readonly #pending: Record<Side, Pending> = { client: new Pending(), server: new Pending() };
  readonly #cancelled: Record<Side, Map<Id, Waiting>> = { client: new Map(), server: new Map() };
  /** Requests whose answers lie in the outbox; they count as waiting until those have left. */
  #answered: Waiting[] = [];
  /** While a batch is related: how to take each of its messages back. */
  #undo: (() => void)[] | null = null;
  #version: string | null = null;
  #asked = 0;

  /** The revision that `initialize` agreed on; null before, and in the era without handshake. */
  get version(): string | null {
    return this.#version;
  }

  /** Relates each message of a line. Throws `message.*`; then none of them is remembered. */
  relate(decoded: Decoded, from: Side): Exchange[] {
    if (decoded.batch !== null && this.#version !== BATCHES) throw new SallyportError("message.batch");
    if (decoded.messages.length === 1) return [this.#relate(decoded.messages[0] as Message, from)];
    this.#undo = [];
    try {
      return decoded.messages.map((message) => this.#relate(message, from));
    } catch (error) {
      for (const undo of this.#undo.toReversed()) undo();
      throw error;
    } finally {
      this.#undo = null;
    }
  }

  /** Requests of the client that nobody has answered; cancelled ones expect no answer. */
  waiting(): Waiting[] {
    return [...this.#answered, ...this.#pending.client.values()].filter(({ own }) => own === null);
  }

  /** What was laid out has left. */
  delivered(): void {
    if (this.#answered.length > 0) this.#answered = [];
  }

  /** Never the same twice, as a late answer would be taken for one to the next question; the other side is free to use the name itself. */
  newId(side: Side): Id {
    do this.#asked += 1;
    while (this.isWaiting(side, JSON.stringify(`sallyport-${this.#asked}`)));
    return JSON.stringify(`sallyport-${this.#asked}`);
  }

  /** The gate asks a side itself; the answer is told, and goes no further. */
  ask(to: Side, id: Id, method: string, own: (answer: string | null) => void): Waiting {
    const asked: Waiting = { id, method, era: null, about: null, own, onCancel: null };
    this.#pending[otherSide(to)].set(id, asked);
    return asked;
  }

  /** A request of the gate's own is no longer needed; an answer may still be under way. False: it came already. */
  takeBack(side: Side, asked: Waiting): boolean {
    if (!this.waitsFor(side, asked)) return false;
    this.#cancel(side, asked);
    return true;
  }

  /** Requests of a side without answer. */
  count(side: Side): number {
    return this.#pending[side].size;
  }

  /** This very request, not another that has taken its id since. */
  waitsFor(side: Side, asked: Waiting): boolean {
    return this.#pending[side].get(asked.id) === asked;
  }

  isWaiting(side: Side, id: Id): boolean {
    return this.#pending[side].has(id);
  }

  /** The gate answers this request itself. */
  settle(side: Side, id: Id): Waiting | null {
    const asked = this.#pending[side].get(id) ?? null;
    if (this.#pending[side].delete(id) && side === "client" && asked !== null) this.#answered.push(asked);
    return asked;
  }

  #relate(message: Message, from: Side): Exchange {
    if (message.kind === "request") return { message, from, asked: this.#request(message, from), answers: null };
    if (message.kind !== "notification") return { message, from, asked: null, answers: this.#answer(message, from) };
    this.#notification(message, from);
    return { message, from, asked: null, answers: null };
  }

  #request(message: Message, from: Side): Waiting {
    const pending = this.#pending[from];
    const id = message.id as Id;
    if (pending.has(id)) throw new SallyportError("message.id-in-use", String(id));
    if (pending.size >= MAX_PENDING) throw new SallyportError("message.too-many-pending");
    this.#undo?.push(() => pending.delete(id));
    // A long method is no known one, and would be kept until the answer.
    const asked: Waiting = { id, method: message.method.length <= KEPT_METHOD ? message.method : "", era: message.era, about: null, own: null, onCancel: null };
    pending.set(id, asked);
    return asked;
  }

  /** Who sends `cancelled` takes its own request back; a server may also end a subscription of the client's (2026-07-28). */
  #notification(message: Message, from: Side): void {
    if (message.cancels === null) return;
    const own = this.#pending[from].get(message.cancels);
    // What the gate has asked, nobody else takes back: a server would close the window that asks about it.
    if ((own?.own ?? null) !== null) throw new SallyportError("message.unmatched", String(message.cancels));
    if (own !== undefined && own.method !== "initialize") return this.#cancel(from, own);
    const others = this.#pending[otherSide(from)].get(message.cancels);
    if (others?.method === "subscriptions/listen") this.#cancel(otherSide(from), others);
  }

  #cancel(side: Side, asked: Waiting): void {
    this.#pending[side].delete(asked.id);
    asked.onCancel?.();
    const cancelled = this.#cancelled[side];
    cancelled.set(asked.id, asked);
    if (cancelled.size > MAX_CANCELLED) cancelled.delete(cancelled.keys().next().value as Id);
  }

  #answer(message: Message, from: Side): Waiting | null {
    if (message.id === null) return null;
    const asker = otherSide(from);
    const waiting = this.#pending[asker].get(message.id);
    const asked = waiting ?? this.#cancelled[asker].get(message.id);
    if (asked === undefined) throw new SallyportError("message.unmatched", String(message.id));
    this.#undo?.push(() => void (waiting === undefined ? this.#cancelled : this.#pending)[asker].set(asked.id, asked));
    if (this.#pending[asker].delete(message.id) && asker === "client" && asked.own === null) this.#answered.push(asked);
    this.#cancelled[asker].delete(message.id);
    if (asked.method === "initialize" && from === "server" && message.kind === "response") this.#version = message.version;
    return asked;
  }
}
