/**
 * settle: what nobody has permitted yet waits for a person, off the loop. Everything else crosses meanwhile; a call comes
 * back allowed, or is refused with the reason. Nothing that the agent itself can say is an answer.
 */
import { hash } from "node:crypto";
import { SallyportError, type Code } from "../errors.ts";
import { mayAnswer, type Asker, type Channel, type Outcome } from "../consent/desk.ts";
import { Grants, changedSince, grantOf } from "../consent/grants.ts";
import type { Bound, Question } from "../consent/question.ts";
import type { Store } from "../consent/store.ts";
import type { World } from "../guards/arguments/world.ts";
import { stricter, type AskWhen } from "../manifest/asking.ts";
import type { Host } from "../model.ts";
import { boundOf, consider, isExact, questionOf, type Considered } from "./asking.ts";
import type { Elicitor } from "./elicit.ts";
import { LeftCalls, type Asked } from "./left-calls.ts";
import { reachableOf } from "./may-ask.ts";
import { ALLOWED, type Ruling } from "./ruling.ts";
import type { Permission, Policies, Subject } from "./permission.ts";
import type { Prepared } from "./prepare.ts";
import type { Waiting } from "./session.ts";

export interface ConsentParts {
  readonly prepared: Prepared;
  readonly session: string;
  readonly user: string;
  readonly store: Store;
  readonly desk: Asker;
  /** Answers, and what holds for longer, are another user's: nothing that lies here counts. */
  readonly remote: boolean;
  readonly elicitor: Elicitor;
  /** Channels beside the client's own form. */
  readonly channels: readonly Channel[];
  readonly policies: Policies | null;
  readonly world: World;
  readonly host: Host;
  /** Into the journal. */
  readonly tell: (event: string, facts: object) => void;
  readonly say: (line: string) => void;
  readonly ci: boolean;
  /** What is refused with where somebody would have to be asked; null: they are. */
  readonly nobody: Code | null;
}

/** A request that may have to wait. */
export interface Petition extends Subject {
  /** Null where nobody waits for an answer. */
  readonly asked: Waiting | null;
  readonly params: Readonly<Record<string, unknown>>;
  /** The message's own JSON. */
  readonly raw: Buffer;
}

const REFUSED: Readonly<Record<Exclude<Outcome["kind"], "answered">, Code>> = { expired: "consent.expired", withdrawn: "consent.withdrawn" };

export class Consent {
  readonly #parts: ConsentParts;
  readonly #grants: Grants;
  readonly #reach: readonly string[];
  readonly #left: LeftCalls;

  constructor(parts: ConsentParts) {
    this.#parts = parts;
    this.#left = new LeftCalls(() => parts.host.now() / 1000);
    this.#grants = new Grants(parts.store);
    this.#reach = reachableOf(parts.prepared);
  }

  /** Throws the refusal. At once where no policy has to be loaded and nobody asked. */
  rule(petition: Petition): Ruling | Promise<Ruling> {
    const { policies, elicitor } = this.#parts;
    const round = elicitor.roundOf(petition);
    if (round !== null) {
      if (petition.asked !== null) petition.asked.onCancel = () => this.#parts.desk.withdraw(round.question.id);
      return round.settled.then(() => this.#allowed(petition, round.question, round.digest, round.original));
    }
    if (policies === null) return this.#weigh(petition, null);
    const permission = policies.decide(petition);
    return permission instanceof Promise ? permission.then((known) => this.#weigh(petition, known)) : this.#weigh(petition, permission);
  }

  get hasPolicies(): boolean {
    return this.#parts.policies !== null;
  }

  /** The client has said who it is. */
  greet(params: Readonly<Record<string, unknown>>): void {
    this.#parts.elicitor.greet(params);
  }

  /** A connection of the server's to a host that its manifest names. Rejects where policies do not permit it. */
  async permitHost(item: string): Promise<void> {
    await this.rule({ action: "connectHost", item, definition: "", arguments: {}, permit: null, annotations: {}, asked: null, params: {}, raw: Buffer.from("{}") });
  }

  /** The second of two rounds is the same call. */
  isRound(params: Readonly<Record<string, unknown>>): boolean {
    return this.#parts.elicitor.isRound(params);
  }

  /** The session ends: what waits is taken back, and its answers are over. */
  close(): void {
    this.#parts.desk.close();
    this.#grants.endSession(this.#parts.session);
  }

  #weigh(petition: Petition, permission: Permission | null): Ruling | Promise<Ruling> {
    if (permission !== null) this.#parts.tell("policy.decided", { action: petition.action, item: petition.item, effect: permission.effect, policies: permission.policies });
    if (permission?.effect === "deny") throw new SallyportError("policy.denied", permission.reason);
    const own = this.#modeOf(petition);
    const mode = permission?.effect === "ask" ? stricter(permission.mode, own) : own;
    if (mode === "never" || (permission !== null && mode === "reach" && this.#isWaived(permission))) return ALLOWED;
    const why = this.#why(petition, permission, mode);
    if (mode === "reach" && why.length === 0) return ALLOWED;
    return this.#ask(petition, permission, mode, why);
  }

  /** The manifest's word on the tool, else on the server. What no tool is, policies speak of. */
  #modeOf({ action, permit }: Petition): AskWhen {
    if (action !== "callTool") return "never";
    const { ask, floor } = this.#parts.prepared.chosen.compiled.consent;
    return permit === null || permit.consent === null ? ask : stricter<AskWhen>(permit.consent, floor);
  }

  /** A policy says that nobody need be asked; where nobody is there, permitting it to workloads by name says so, too. */
  #isWaived({ effect, waived, forWorkload }: Permission): boolean {
    return effect === "allow" && (waived || (this.#parts.ci && forWorkload));
  }

  #why({ annotations }: Petition, permission: Permission | null, mode: AskWhen): string[] {
    const said = permission?.effect === "ask" ? [permission.reason === "" ? "a policy asks for it" : permission.reason] : mode === "reach" ? [] : ["its rules ask for it"];
    if (this.#reach.length === 0) return said;
    return [...said, "it reaches beyond the conversation", ...(annotations["destructiveHint"] === true ? ["the server calls it destructive"] : [])];
  }

  #ask(petition: Petition, permission: Permission | null, mode: AskWhen, why: readonly string[]): Ruling | Promise<Ruling> {
    const { prepared, session, user, store, policies, world, host, tell, elicitor, nobody, remote } = this.#parts;
    const { consent } = prepared.chosen.compiled;
    const bound = boundOf(prepared, user, policies, permission, petition);
    // What is shown must be what is sent; a number that most readers round is another one.
    if (!isExact(petition.raw.toString("utf8"))) throw new SallyportError("consent.number");
    const considered = consider(petition, world);
    if (elicitor.continues(petition, bound, considered.call.digest)) {
      tell("consent.continued", { action: bound.action, item: bound.item, arguments: considered.call.digest });
      return ALLOWED;
    }
    // Whatever decides about this call, its answer is used up.
    const left = this.#left.take(bound, considered.call.digest);
    const quorum = permission?.quorum ?? 1;
    const remember = mode !== "always" && quorum === 1;
    const approvers = permission?.approvers ?? (consent.approvers.length > 0 ? consent.approvers : [user]);
    const grant = remote ? null : this.#grants.find(bound, considered.call, session, host.now() / 1000, approvers);
    if (grant?.allow === false) throw new SallyportError("consent.never", grant.words);
    if (grant !== null && remember) {
      tell("consent.granted", { grant: grant.id, action: bound.action, item: bound.item, arguments: considered.call.digest });
      return ALLOWED;
    }
    if (nobody !== null) throw new SallyportError(nobody, why.join("; "));
    if (left !== null) return this.#wait(petition, left);
    const last = store.last(lastKey(bound));
    const ended = this.#grants.ended(bound) ?? (last === null ? null : changedSince([last.bound], bound));
    const question = questionOf(petition, considered, bound, prepared.plan.command, {
      session, client: elicitor.client, reach: this.#reach, last, remember, approvers, quorum, channels: consent.channels, seconds: consent.seconds,
      why: [...why, ...(ended === null ? last === null ? ["it is the first time"] : [] : [ended])],
    }, host);
    return this.#open(petition, considered, question);
  }

  #open(petition: Petition, considered: Considered, question: Question): Promise<Ruling> | Ruling {
    const { desk, elicitor, channels, prepared, tell, say, remote, user } = this.#parts;
    const allowed = prepared.chosen.compiled.consent.channels;
    const form = !remote && allowed.includes("elicitation") && mayAnswer(question, user) ? elicitor.channelFor(petition) : null;
    const used = [...(form === null || form === "round" ? [] : [form]), ...channels.filter(({ name }) => allowed.some((one) => one === name))];
    tell("consent.asked", { question: question.id, action: question.bound.action, item: question.bound.item, arguments: considered.call.digest, reach: question.reach, why: question.why, until: question.until, channels: remote ? ["other-user"] : [...(form === "round" ? ["elicitation"] : []), ...used.map(({ name }) => name), ...allowed.filter((name) => name === "terminal")] });
    // Whether or not the client comes back for it, what a person has said is kept.
    const settled = desk.ask(question, used).then((outcome) => this.#settle(question, considered, outcome));
    say(["a person must decide about " + question.bound.item, this.#whereToAnswer(question.id)].filter(Boolean).join(": "));
    void settled.catch(() => {});
    if (form === "round") return { ...ALLOWED, verdict: { decision: "ask", reasons: ["consent.asked"] }, answered: elicitor.openRound(petition, question, settled) };
    return this.#wait(petition, { question, digest: considered.call.digest, settled });
  }

  /** For as long as the client waits. */
  #wait(petition: Petition, asked: Asked): Promise<Ruling> {
    const { desk, elicitor } = this.#parts;
    const { id } = asked.question;
    if (petition.asked !== null) petition.asked.onCancel = () => desk.withdraw(id);
    const stop = elicitor.keepWaiting(petition);
    const settled = stop === null ? this.#left.wait(asked, this.#whereToAnswer(id)) : asked.settled.finally(stop);
    return settled.then(() => this.#allowed(petition, asked.question, asked.digest, null));
  }

  #whereToAnswer(id: string): string {
    const { prepared, remote } = this.#parts;
    return remote || !prepared.chosen.compiled.consent.channels.includes("terminal") ? "" : `sallyport approve ${id}`;
  }

  /** What came of a question: once, whoever waits for it. Whether a grant holds it from now on. */
  #settle(question: Question, { call }: Considered, outcome: Outcome): boolean {
    const { store, tell, remote } = this.#parts;
    if (outcome.kind !== "answered") {
      tell(`consent.${outcome.kind}`, { question: question.id });
      throw new SallyportError(REFUSED[outcome.kind]);
    }
    const { choice, answer, votes } = outcome;
    tell("consent.answered", { question: question.id, choice: choice.key, words: choice.text, votes, trace: answer.trace });
    const grant = remote ? null : grantOf(question, choice, answer);
    if (grant !== null) store.addGrant(grant);
    if (!choice.allow) throw new SallyportError(choice.span === "always" ? "consent.never" : "consent.denied");
    store.keepLast(lastKey(question.bound), { arguments: question.arguments, digest: call.digest, bound: question.bound });
    return grant !== null;
  }

  /** A person may take longer than the policies hold by which they were asked. @param original in the second of two rounds, the first one's call. */
  async #allowed(petition: Petition, question: Question, digest: string, original: string | null): Promise<Ruling> {
    const { prepared, user, policies, elicitor } = this.#parts;
    const permission = (await policies?.decide(petition)) ?? null;
    if (permission?.effect === "deny") throw new SallyportError("policy.denied", permission.reason);
    if (boundOf(prepared, user, policies, permission, petition).policy !== question.bound.policy) throw new SallyportError("consent.withdrawn", "the policies have changed meanwhile");
    elicitor.consented(petition, question.bound, digest);
    return original === null ? ALLOWED : { ...ALLOWED, verdict: { decision: "rewrite", reasons: ["consent.asked"] }, rewritten: original };
  }
}

function lastKey({ user, server, identity, action, item }: Bound): string {
  return hash("sha256", JSON.stringify([user, server, identity, action, item]), "hex");
}
