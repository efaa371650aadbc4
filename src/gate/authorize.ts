/** What must be settled before a server may start: who it is for, whether policies permit it, and whether its lock counts. */
import { existsSync } from "node:fs";
import { SallyportError } from "../errors.ts";
import { Grants } from "../consent/grants.ts";
import type { Principal } from "../policy/request.ts";
import type { Host } from "../model.ts";
import { boundOf, startQuestion } from "./asking.ts";
import { openStore, userOf } from "./consenting.ts";
import { reachableOf } from "./may-ask.ts";
import type { Permission, Policies, Subject } from "./permission.ts";
import type { PinPlace } from "./pins.ts";
import { ownPolicies, type Prepared } from "./prepare.ts";

/** What the session then decides by. */
export interface Authority {
  readonly policies: Policies | null;
  readonly ci: boolean;
  /** Name and version of the client, once it has said them. */
  client: () => string | null;
}

/** Throws `ci.*`, `policy.*`, `consent.*`. */
export async function authorize(prepared: Prepared, session: string, place: PinPlace, ci: boolean, say: (line: string) => void, host: Host): Promise<Authority> {
  const workload = ci ? await (await import("./workload.ts")).workloadOf(prepared.chosen.compiled.ci, host) : null;
  const authority: Authority = { policies: null, ci, client: () => null };
  const principal = (): Principal => (workload === null ? { kind: "user", name: userOf(host), client: authority.client() } : { kind: "workload", workload });
  const hasPolicies = prepared.chosen.compiled.policies.length > 0 || existsSync(ownPolicies(host));
  const policies = hasPolicies ? (await import("./policing.ts")).openPolicies(prepared, session, principal, host) : null;
  if (workload !== null) say(`this job is ${workload.subject}, says ${workload.issuer}`);
  if (ci) await approvedLock(prepared, place, policies, say);
  await permitStart(prepared, session, policies, ci, say, host);
  return Object.assign(authority, { policies });
}

const ABOUT_SERVER: Omit<Subject, "action"> = { item: "", definition: "", arguments: {}, permit: null, annotations: {} };

/** In CI nothing is trusted at first sight: what was approved came with the change, or a policy names who may do without. */
async function approvedLock({ chosen }: Prepared, { file, name }: PinPlace, policies: Policies | null, say: (line: string) => void): Promise<void> {
  const signers = chosen.compiled.ci?.signers ?? null;
  let why = "no signers are named";
  if (signers !== null) {
    try {
      say(`the lock is signed by ${await (await import("./signed-lock.ts")).signerOf(file, signers)}`);
      return;
    } catch (error) {
      why = (error as SallyportError).detail;
    }
  }
  const permission = await policies?.decide({ ...ABOUT_SERVER, action: "approveChange" });
  if (permission?.effect === "allow" && (permission.waived || permission.forWorkload)) return;
  const { readLock } = await import("../manifest/lock.ts");
  const items = readLock(file)?.servers[name]?.items;
  const offered = items === undefined ? "nothing is approved at all" : `not approved by anybody who may: ${Object.keys(items.tools).join(", ") || "no tools"}`;
  throw new SallyportError("ci.lock", `${why}; ${offered}`);
}

/** What policies say of approving what a server offers now, by this user: true where a person must do it at a terminal. Throws `policy.*`. */
export async function changeNeedsPerson(prepared: Prepared, host: Host): Promise<boolean> {
  if (prepared.chosen.compiled.policies.length === 0 && !existsSync(ownPolicies(host))) return false;
  const policies = (await import("./policing.ts")).openPolicies(prepared, "lock", () => ({ kind: "user", name: userOf(host), client: null }), host);
  const permission = await policies.decide({ ...ABOUT_SERVER, action: "approveChange" });
  if (permission.effect === "deny") throw new SallyportError("policy.denied", `approveChange: ${permission.reason}`);
  return permission.effect === "ask";
}

/** Another user answers: there is nothing to keep here, so the gate waits for that answer, and only for it. */
async function startByOther(prepared: Prepared, session: string, policies: Policies | null, permission: Permission | null, say: (line: string) => void, host: Host): Promise<void> {
  const { otherUser } = await import("../consent/channels/other-user.ts");
  const { consent } = prepared.chosen.compiled;
  const bound = boundOf(prepared, userOf(host), policies?.revision ?? "", { action: "startServer", item: "", definition: "" });
  const question = startQuestion(bound, prepared.plan.command, { session, reach: reachableOf(prepared), why: [permission?.reason || "a person must allow the start"], approvers: [], channels: ["terminal"], seconds: consent.seconds }, host);
  say("another user must allow this server to start");
  const outcome = await otherUser(consent.approver as string, host.uid, () => {}).ask({ ...question, choices: [...question.choices, { key: "once", text: "Allow once", allow: true, span: "once", scope: null }] }, []);
  if (outcome.kind !== "answered") throw new SallyportError("consent.expired", "starting the server");
  if (!outcome.choice.allow) throw new SallyportError("consent.denied", "starting the server");
}

/** Seconds for which a question about a start stays, beyond the gate that asked. */
const STANDING = 3600;
const LOOK = 250;

async function permitStart(prepared: Prepared, session: string, policies: Policies | null, ci: boolean, say: (line: string) => void, host: Host): Promise<void> {
  const permission: Permission | null = (await policies?.decide({ ...ABOUT_SERVER, action: "startServer" })) ?? null;
  if (permission?.effect === "deny") throw new SallyportError("policy.denied", `startServer: ${permission.reason}`);
  const { consent } = prepared.chosen.compiled;
  if (permission?.effect !== "ask" && (!consent.start || permission?.waived === true || (ci && permission?.forWorkload === true))) return;
  if (ci) throw new SallyportError("consent.nobody", "starting the server");
  if (consent.approver !== null) return startByOther(prepared, session, policies, permission, say, host);
  const store = openStore(host);
  const user = userOf(host);
  const bound = boundOf(prepared, user, policies?.revision ?? "", { action: "startServer", item: "", definition: "" });
  const grants = new Grants(store);
  const permitted = (): boolean => {
    const grant = grants.find(bound, { digest: "", places: { directories: [], hosts: [], staysUnder: () => false }, suspicious: false }, session, host.now() / 1000);
    if (grant?.allow === false) throw new SallyportError("consent.never", grant.words);
    return grant !== null;
  };
  if (permitted()) return;
  const why = [permission === null || permission.reason === "" ? "it has not been started like this before" : permission.reason, ...[grants.ended(bound)].filter((one) => one !== null)];
  const known = store.questions().find((question) => question.standing && JSON.stringify(question.bound) === JSON.stringify(bound));
  const question = known ?? startQuestion(bound, prepared.plan.command, { session, reach: reachableOf(prepared), why, approvers: permission?.approvers ?? (consent.approvers.length > 0 ? consent.approvers : [user]), channels: ["terminal"], seconds: STANDING }, host);
  if (known === undefined) store.ask(question);
  say(`a person must allow this server to start, in a terminal of their own: sallyport approve ${question.id}`);
  for (const until = performance.now() + consent.seconds * 1000; performance.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, LOOK));
    if (permitted()) return;
    if (store.question(question.id) === null && !permitted()) throw new SallyportError("consent.denied", "starting the server");
  }
  throw new SallyportError("consent.expired", "starting the server");
}
