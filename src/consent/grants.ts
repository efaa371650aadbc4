/** Answers that hold for more than one call: bound to everything that was shown, and to a time. */
import { covers, type Call, type Scope } from "./scope.ts";
import type { Answer, Bound, Choice, Question } from "./question.ts";
import { newId, type Store } from "./store.ts";

export interface Grant {
  readonly id: string;
  readonly allow: boolean;
  readonly bound: Bound;
  readonly scope: Scope;
  /** Null: not bound to one session. */
  readonly session: string | null;
  /** Used up by the first start. */
  readonly once: boolean;
  /** UTC, ISO 8601; null: until something that it is bound to changes. */
  readonly until: string | null;
  readonly made: string;
  /** The words that were chosen, by whom and how. */
  readonly words: string;
  readonly user: string;
  readonly by: string;
}

const DAY = 24 * 60 * 60 * 1000;

/** Null: the answer was for one call. */
export function grantOf(question: Question, choice: Choice, { channel, user, at }: Answer): Grant | null {
  if (choice.scope === null) return null;
  const hours = choice.span === "hours" ? DAY : choice.span === "start" ? DAY / 24 : null;
  const until = hours === null ? null : new Date(Date.parse(at) + hours).toISOString();
  const once = choice.span === "start";
  return { id: newId(), allow: choice.allow, bound: question.bound, scope: choice.scope, session: choice.span === "session" ? question.session : null, once, until, made: at, words: choice.text, user, by: `${user}, ${channel}` };
}

/** What was answered before, read again only when a grant has come or gone. */
export class Grants {
  readonly #store: Store;
  #revision = "";
  #all: readonly Grant[] = [];

  constructor(store: Store) {
    this.#store = store;
  }

  /** A refusal counts before any permission, and a permission only of who may answer now. @param now milliseconds since the epoch. */
  find(bound: Bound, call: Call, session: string, now: number, approvers: readonly string[] | null = null): Grant | null {
    this.#read(now);
    const held = this.#all.filter((grant) => holds(grant, bound, session, now));
    return held.find(({ allow }) => !allow) ?? held.find(({ scope, user }) => covers(scope, call) && (approvers === null || approvers.includes(user))) ?? null;
  }

  /** What is over is cleared away, so that what is read stays little. */
  #read(now: number): void {
    const revision = this.#store.grantsRevision();
    if (revision === this.#revision) return;
    const found = this.#store.grants();
    for (const { id, until } of found) if (until !== null && Date.parse(until) <= now) this.#store.revoke(id);
    [this.#all, this.#revision] = [found, this.#store.grantsRevision()];
  }

  /** The session is over, and so are its answers. */
  endSession(session: string): void {
    for (const grant of this.#store.grants()) if (grant.session === session) this.#store.revoke(grant.id);
  }

  /** Earlier answers about the same item that no longer hold, and why: what the question then says. */
  ended(bound: Bound): string | null {
    const about = this.#all.filter((grant) => grant.bound.item === bound.item && grant.bound.action === bound.action && grant.bound.server === bound.server);
    return changedSince(about.map((grant) => grant.bound), bound);
  }
}

/** Null: nothing has. */
export function changedSince(before: readonly Bound[], now: Bound): string | null {
  const changed = before.flatMap((bound) => (Object.keys(now) as (keyof Bound)[]).filter((key) => bound[key] !== now[key]));
  return changed.length === 0 ? null : `changed since it was last allowed: ${[...new Set(changed)].map((key) => CHANGED[key]).join(", ")}`;
}

const CHANGED: Readonly<Record<keyof Bound, string>> = { user: "the user", server: "the server", identity: "the server's program", argv: "its command line", definition: "the tool's definition", action: "what is asked", item: "its name", manifest: "what it may reach", policy: "the policies", reach: "what it is lent" };

export function holds(grant: Grant, bound: Bound, session: string, now: number): boolean {
  if (grant.session !== null && grant.session !== session) return false;
  if (grant.until !== null && !(Date.parse(grant.until) > now)) return false;
  return (Object.keys(bound) as (keyof Bound)[]).every((key) => grant.bound[key] === bound[key]);
}
