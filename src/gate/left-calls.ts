/**
 * Calls that a person has not decided about by the time their client gives up: they are answered before that, their question
 * stays open, and the same call, tried again, has its answer. One answer still lets one call pass.
 */
import type { Bound, Question } from "../consent/question.ts";
import { SallyportError } from "../errors.ts";

/** Milliseconds; most clients give up after a minute in which they have heard of no progress. */
const PATIENCE = 50_000;
/** Milliseconds for which an answer waits for its call. */
const KEPT = 600_000;

export interface Asked {
  readonly question: Question;
  /** Of the arguments. */
  readonly digest: string;
  /** Whether a grant holds the answer, which can be taken back. Rejects with the refusal. */
  readonly settled: Promise<boolean>;
}

interface Left extends Asked {
  until: number;
}

export class LeftCalls {
  /** Milliseconds since the epoch. */
  readonly #now: () => number;
  readonly #left = new Map<string, Left>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Rejects with the refusal, or with `consent.asked` and `what` the client can be told when it has waited long enough. */
  wait(asked: Asked, what: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#leave(asked);
        reject(new SallyportError("consent.asked", what));
      }, PATIENCE);
      void asked.settled.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  /** What such a call was already asked about, once. */
  take(bound: Bound, digest: string): Asked | null {
    const key = keyOf(bound, digest);
    const left = this.#left.get(key);
    this.#left.delete(key);
    return left === undefined || left.until < this.#now() ? null : left;
  }

  #leave(asked: Asked): void {
    const key = keyOf(asked.question.bound, asked.digest);
    const left: Left = { ...asked, until: Infinity };
    this.#left.set(key, left);
    const end = (keeps: boolean): void => {
      left.until = this.#now() + KEPT;
      if (!keeps && this.#left.get(key) === left) this.#left.delete(key);
    };
    asked.settled.then((granted) => end(!granted), (error: unknown) => end(error instanceof SallyportError && error.code === "consent.denied"));
  }
}

function keyOf(bound: Bound, digest: string): string {
  return JSON.stringify([bound, digest]);
}
