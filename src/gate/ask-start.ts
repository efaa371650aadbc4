/** A person is asked whether a server may start; loaded only then. */
import { SallyportError } from "../errors.ts";
import { Grants, type Grant } from "../consent/grants.ts";
import type { Bound } from "../consent/question.ts";
import type { Host } from "../model.ts";
import { boundOf, startQuestion } from "./asking.ts";
import type { Told } from "./authorize.ts";
import { openStore } from "./consenting.ts";
import { reachableOf } from "./may-ask.ts";
import { NOWHERE } from "./places.ts";
import type { Permission, Policies } from "./permission.ts";
import type { Prepared } from "./prepare.ts";
import { userOf } from "./user.ts";

/** Seconds for which a question about a start stays, beyond the gate that asked. */
const STANDING = 3600;
const LOOK = 250;

/** @param permission what policies say of it; null: nothing. Throws `consent.*`. */
export async function askStart(prepared: Prepared, session: string, policies: Policies | null, permission: Permission | null, say: (line: string) => void, host: Host): Promise<readonly Told[]> {
  const { consent } = prepared.chosen.compiled;
  const user = userOf(host);
  const bound = boundOf(prepared, user, policies, permission, { action: "startServer", item: "", definition: "" });
  const approvers = permission?.approvers ?? (consent.approvers.length > 0 ? consent.approvers : [user]);
  const reason = permission?.reason ?? "";
  const around = { session, reach: reachableOf(prepared), why: [reason === "" ? "it has not been started like this before" : reason], approvers, quorum: permission?.quorum ?? 1, remember: permission?.effect !== "ask" || permission.mode !== "always", channels: ["terminal"] };
  return consent.approver === null ? startByGrant(prepared, bound, { ...around, seconds: STANDING }, say, host) : startByOther(prepared, bound, { ...around, seconds: consent.seconds }, say, host);
}

type Asked = Parameters<typeof startQuestion>[2];

/** The question stays when this gate has given up: its answer is for the next start. */
async function startByGrant({ plan, chosen }: Prepared, bound: Bound, around: Asked, say: (line: string) => void, host: Host): Promise<Told[]> {
  const store = openStore(host);
  const grants = new Grants(store);
  const call = { digest: "", places: NOWHERE, suspicious: false };
  const permitted = (): Grant | null => {
    const grant = grants.find(bound, call, around.session, host.now() / 1000, around.approvers);
    if (grant?.allow === false) throw new SallyportError("consent.never", grant.words);
    // Two gates that find the same one: only who takes it away may use it.
    return grant === null || (grant.once && !store.revoke(grant.id)) ? null : grant;
  };
  const told = ({ id, by, words }: Grant): Told[] => [["consent.granted", { grant: id, action: bound.action, by, words }]];
  const known = permitted();
  if (known !== null) return told(known);
  const open = store.questions().find((one) => one.standing && JSON.stringify(one.bound) === JSON.stringify(bound) && Date.parse(one.until) > host.now() / 1000);
  const ended = grants.ended(bound);
  const question = open ?? startQuestion(bound, plan.command, { ...around, why: [...around.why, ...(ended === null ? [] : [ended])] }, host);
  if (open === undefined) store.ask(question);
  say(`a person must allow this server to start, in a terminal of their own: sallyport approve ${question.id}`);
  let gone = 0;
  const parent = host.parent();
  for (const until = performance.now() + chosen.compiled.consent.seconds * 1000; performance.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, LOOK));
    if (host.parent() !== parent) throw new SallyportError("consent.withdrawn", "the client has ended");
    const grant = permitted();
    if (grant !== null) return [...store.takeNotices(question.id).map((notice): Told => ["consent.attempt", notice]), ...told(grant)];
    // It is away for a moment while it is answered.
    gone = store.question(question.id) === null && !store.isBeingAnswered(question.id) ? gone + 1 : 0;
    if (gone > 1) throw new SallyportError("consent.denied", "starting the server");
  }
  throw new SallyportError("consent.expired", "starting the server");
}

/** Another user answers: there is nothing to keep here, so the gate waits for that answer, and only for it. */
async function startByOther({ plan, chosen }: Prepared, bound: Bound, around: Asked, say: (line: string) => void, host: Host): Promise<Told[]> {
  const { otherUser } = await import("../consent/channels/other-user.ts");
  say("another user must allow this server to start");
  const question = startQuestion(bound, plan.command, around, host);
  const once = { key: "once", text: "Allow once", allow: true, span: "once", scope: null } as const;
  const outcome = await otherUser(chosen.compiled.consent.approver as string, host.uid, () => {}).ask({ ...question, choices: [...question.choices, once] }, []);
  if (outcome.kind !== "answered") throw new SallyportError("consent.expired", "starting the server");
  if (!outcome.choice.allow) throw new SallyportError("consent.denied", "starting the server");
  return [["consent.answered", { question: question.id, action: bound.action, choice: outcome.choice.key, votes: outcome.votes }]];
}
