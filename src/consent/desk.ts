/**
 * Where calls wait for a person: one question, many channels, the first answer counts. It is withdrawn at its deadline, with
 * the call, and with the session; whatever is not a plain yes in time is a no.
 */
import { watch, type FSWatcher } from "node:fs";
import { join } from "node:path";
import { asSallyportError } from "../errors.ts";
import { questionDigest, type Answer, type Choice, type Question, type Vote } from "./question.ts";
import type { Store } from "./store.ts";

/** How a question came to its end. */
export type Outcome =
  | { readonly kind: "answered"; readonly choice: Choice; readonly answer: Answer; readonly votes: readonly Vote[] }
  | { readonly kind: "expired" | "withdrawn" };

/** What a channel may do with a question: answer it by a choice's key, as somebody. */
export type Reply = (choice: string, user: string, trace: string) => void;

export interface Channel {
  readonly name: string;
  /** Shows the question; returns what takes it back. May throw: the others go on. */
  readonly ask: (question: Question, reply: Reply) => () => void;
}

/** Who gets questions answered. */
export interface Asker {
  readonly ask: (question: Question, channels: readonly Channel[]) => Promise<Outcome>;
  readonly withdraw: (id: string) => void;
  readonly close: () => void;
}

interface Open {
  question: Question;
  readonly withdraw: (() => void)[];
  readonly settle: (outcome: Outcome) => void;
  readonly timer: NodeJS.Timeout;
  /** Somebody has taken it at its deadline and is writing the answer. */
  late: boolean;
}

const POLL = 250;
/** Between taking a question and writing its answer there is one step; who dies there has not answered. */
const GRACE = 1000;

export class Desk implements Asker {
  readonly #store: Store;
  /** Milliseconds since the epoch. */
  readonly #now: () => number;
  readonly #tell: (event: string, facts: object) => void;
  readonly #open = new Map<string, Open>();
  #watcher: FSWatcher | null = null;
  #poll: NodeJS.Timeout | undefined;

  constructor(store: Store, now: () => number, tell: (event: string, facts: object) => void) {
    this.#store = store;
    this.#now = now;
    this.#tell = tell;
  }

  /** Throws `consent.store` where the question cannot be laid out. */
  ask(question: Question, channels: readonly Channel[]): Promise<Outcome> {
    this.#store.ask(question);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#expire(question.id), Math.max(0, Date.parse(question.until) - this.#now()));
      const open: Open = { question, withdraw: [], settle: resolve, timer, late: false };
      this.#open.set(question.id, open);
      this.#watch();
      for (const channel of channels) {
        try {
          open.withdraw.push(channel.ask(question, (choice, user, trace) => this.reply(question, choice, channel.name, user, trace)));
        } catch (error) {
          this.#tell("consent.channel", { question: question.id, channel: channel.name, error: asSallyportError(error).message });
        }
      }
    });
  }

  /** The call was taken back, or the session ends. */
  withdraw(id: string): void {
    if (!this.#open.has(id)) return;
    this.#store.take(id);
    this.#end(id, { kind: "withdrawn" });
  }

  close(): void {
    for (const id of this.#open.keys()) this.withdraw(id);
    this.#unwatch();
  }

  /** A channel of this gate's own: it answers by the same door as everybody. */
  reply(question: Question, choice: string, channel: string, user: string, trace: string): void {
    const taken = this.#store.take(question.id);
    if (taken === null) return;
    this.#store.answer({ question: question.id, digest: questionDigest(taken), choice, channel, user, trace, at: new Date(this.#now()).toISOString() });
    this.look(question.id);
  }

  /** An answer may have come. */
  look(id: string): void {
    const open = this.#open.get(id);
    if (open === undefined || !this.#store.hasAnswer(id)) return;
    const answer = this.#store.answered(id);
    const choice = open.question.choices.find(({ key }) => key === answer?.choice);
    if (answer === null || choice === undefined || answer.digest !== questionDigest(open.question) || !open.question.channels.includes(answer.channel)) {
      this.#tell("consent.forged", { question: id });
      return this.#end(id, { kind: "withdrawn" });
    }
    const votes = [...open.question.votes, { user: answer.user, channel: answer.channel }];
    if (!mayAnswer(open.question, answer.user)) return this.#again(open, "consent.refused", answer);
    if (choice.allow && new Set(votes.map(({ user }) => user)).size < open.question.quorum) {
      open.question = { ...open.question, votes };
      return this.#again(open, "consent.vote", answer);
    }
    this.#end(id, { kind: "answered", choice, answer, votes });
  }

  /** Laid out anew: another has still to answer. */
  #again(open: Open, event: string, { user, channel, choice }: Answer): void {
    const { id } = open.question;
    this.#tell(event, { question: id, user, channel, choice });
    this.#store.forget(id);
    if (open.late) return this.#end(id, { kind: "expired" });
    try {
      this.#store.ask(open.question);
    } catch {
      this.#end(id, { kind: "withdrawn" });
    }
  }

  #expire(id: string): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    if (this.#store.take(id) !== null) return this.#end(id, { kind: "expired" });
    open.late = true;
    setTimeout(() => {
      this.look(id);
      this.#end(id, { kind: "expired" });
    }, GRACE).unref();
  }

  #end(id: string, outcome: Outcome): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#open.delete(id);
    clearTimeout(open.timer);
    this.#store.forget(id);
    for (const withdraw of open.withdraw) withdraw();
    if (this.#open.size === 0) this.#unwatch();
    open.settle(outcome);
  }

  /** The kernel's word where it can be had, and a look now and then where it cannot. */
  #watch(): void {
    if (this.#poll !== undefined) return;
    const lookAll = (): void => {
      for (const id of [...this.#open.keys()]) this.look(id);
      for (const [id, { question, ...facts }] of this.#store.notices()) {
        if (!this.#open.has(question)) continue;
        this.#store.dropNotice(id);
        this.#tell("consent.attempt", { question, ...facts });
      }
    };
    // Whatever lies in the folders by now, a timer must not end the gate.
    const safely = (): void => {
      try {
        lookAll();
      } catch (error) {
        this.#tell("consent.channel", { channel: "terminal", error: asSallyportError(error).message });
      }
    };
    this.#poll = setInterval(safely, POLL);
    try {
      this.#watcher = watch(join(this.#store.folder, "answers"), safely);
      this.#watcher.on("error", () => {});
    } catch {
      this.#watcher = null;
    }
  }

  #unwatch(): void {
    clearInterval(this.#poll);
    this.#poll = undefined;
    this.#watcher?.close();
    this.#watcher = null;
  }
}

/** Nobody counts twice, and where people are named, nobody else counts. */
export function mayAnswer({ approvers, votes }: Question, user: string): boolean {
  if (votes.some((vote) => vote.user === user)) return false;
  return approvers.includes(user);
}
