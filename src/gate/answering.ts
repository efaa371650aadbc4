/** A person's answer at a terminal: who may give it, what they are shown, and whether the gate has taken it. */
import type { Host } from "../model.ts";
import { SallyportError, type Code } from "../errors.ts";
import { forbiddenAbove, isAlive, traceOf } from "../consent/ancestry.ts";
import { mayAnswer } from "../consent/desk.ts";
import { questionDigest, type Answer, type Choice, type Question } from "../consent/question.ts";
import { grantOf, type Grant } from "../consent/grants.ts";
import type { Store } from "../consent/store.ts";
import { openStore } from "./consenting.ts";
import { userOf } from "./user.ts";

/** Questions whose gates are alive; those of dead ones are cleared away. */
export function openQuestions(host: Host): Question[] {
  const store = openStore(host);
  for (const [id, { question }] of store.notices()) if (store.question(question) === null) store.dropNotice(id);
  return store.questions().filter((question) => {
    if (question.standing ? Date.parse(question.until) > host.now() / 1000 : isAlive(question.gate)) return true;
    store.forget(question.id);
    return false;
  });
}

export function allGrants(host: Host): Grant[] {
  return openStore(host).grants();
}

/** Throws `consent.grant`. */
export function revoke(id: string, host: Host): void {
  if (!openStore(host).revoke(id)) throw new SallyportError("consent.grant", id);
}

const PATIENCE = 3000;

/** Throws `consent.unknown`, `consent.self`, `consent.approver`, `consent.choice`; what is not allowed is told to the gate, which records it. */
export async function answer(id: string, choose: (question: Question) => Promise<Choice>, host: Host): Promise<{ readonly question: Question; readonly choice: Choice; readonly taken: boolean }> {
  const store = openStore(host);
  const question = store.question(id);
  if (question === null || !(question.standing || isAlive(question.gate)) || !(Date.parse(question.until) > host.now() / 1000)) throw new SallyportError("consent.unknown", id);
  const user = userOf(host);
  const choice = await attempt(store, question, host, async () => {
    refuse(question, user, host);
    return choose(question);
  });
  // What stands above a process can change while a person reads.
  await attempt(store, question, host, async () => refuse(question, user, host));
  const taken = store.take(id);
  if (taken === null) throw new SallyportError("consent.unknown", id);
  const given: Answer = { question: id, digest: questionDigest(taken), choice: choice.key, channel: "terminal", user, trace: traceOf(host.pid), at: new Date(host.now() / 1000).toISOString() };
  if (question.standing) {
    const votes = [...question.votes, { user, channel: "terminal" }];
    const grant = choice.allow && votes.length < question.quorum ? null : grantOf(question, choice, given);
    if (grant !== null) store.addGrant(grant);
    store.forget(id);
    if (choice.allow && grant === null) store.ask({ ...question, votes });
    return { question, choice, taken: true };
  }
  store.answer(given);
  return { question, choice, taken: await isGone(store, id) };
}

function refuse(question: Question, user: string, host: Host): void {
  if (!question.channels.includes("terminal")) throw new SallyportError("consent.terminal", "the manifest takes no answers from terminals");
  const above = forbiddenAbove(host.pid, [question.gate, ...question.clients]);
  if (above.length > 0) throw new SallyportError("consent.self", above.join(", "));
  if (question.votes.some((vote) => vote.user === user)) throw new SallyportError("consent.approver", `${user} has answered already; ${question.quorum} must`);
  if (!mayAnswer(question, user)) throw new SallyportError("consent.approver", `${user}; ${question.approvers.join(", ")} may`);
}

const RECORDED: readonly Code[] = ["consent.self", "consent.terminal", "consent.approver", "consent.code"];

async function attempt<T>(store: Store, question: Question, host: Host, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof SallyportError && RECORDED.includes(error.code)) store.notice({ question: question.id, code: error.code, trace: traceOf(host.pid) });
    throw error;
  }
}

/** The gate clears an answer away when it has read it. */
async function isGone(store: Store, id: string): Promise<boolean> {
  for (const until = performance.now() + PATIENCE; performance.now() < until; ) {
    if (!store.hasAnswer(id)) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  store.forget(id);
  return false;
}
