/** What must be settled before a server may start: who it is for, whether policies permit it, and whether its lock counts. */
import { SallyportError } from "../errors.ts";
import type { Principal } from "../policy/request.ts";
import type { Host } from "../model.ts";
import type { Permission, Policies, Subject } from "./permission.ts";
import type { PinPlace, Pins } from "./pins.ts";
import { ownPolicies, type Prepared } from "./prepare.ts";
import { userOf } from "./user.ts";

export type Told = readonly [event: string, facts: object];

/** What the session then decides by. */
export interface Authority {
  readonly policies: Policies | null;
  readonly ci: boolean;
  /** What was settled before there was a journal to write it in. */
  readonly told: readonly Told[];
  /** Name and version of the client, once it has said them. */
  client: () => string | null;
}

/** Throws `ci.*`, `policy.*`, `consent.*`. */
export async function authorize(prepared: Prepared, session: string, pins: Pins, place: PinPlace, ci: boolean, say: (line: string) => void, host: Host): Promise<Authority> {
  const workload = ci ? await (await import("./workload.ts")).workloadOf(prepared.chosen.compiled.ci, host) : null;
  const authority: Authority = { policies: null, ci, told: [], client: () => null };
  const principal = (): Principal => (workload === null ? { kind: "user", name: userOf(host), client: authority.client() } : { kind: "workload", workload });
  const hasPolicies = prepared.chosen.compiled.policies.length > 0 || ownPolicies(host) !== null;
  const policies = hasPolicies ? (await import("./policing.ts")).openPolicies(prepared, session, principal, host) : null;
  if (workload !== null) say(`this job is ${workload.subject}, says ${workload.issuer}`);
  if (ci) await approvedLock(prepared, pins, place, policies, say);
  const change = pins.renewed ? await policies?.decide({ ...ABOUT_SERVER, action: "approveChange" }) : undefined;
  if (change !== undefined && change.effect !== "allow") throw new SallyportError("policy.denied", "approveChange, for --update; sallyport lock asks who may");
  const told = await permitStart(prepared, session, policies, ci, say, host);
  return Object.assign(authority, { policies, told });
}

const ABOUT_SERVER: Omit<Subject, "action"> = { item: "", definition: "", arguments: {}, permit: null, annotations: {} };

/** In CI nothing is trusted at first sight: what was approved came with the change, or a policy names who may do without. */
async function approvedLock({ chosen }: Prepared, pins: Pins, { file }: PinPlace, policies: Policies | null, say: (line: string) => void): Promise<void> {
  const signers = chosen.compiled.ci?.signers ?? null;
  let why = "no signers are named";
  if (signers !== null) {
    try {
      say(`the lock is signed by ${await (await import("./signed-lock.ts")).signerOf(file, pins.text, signers)}`);
      return;
    } catch (error) {
      why = (error as SallyportError).detail;
    }
  }
  const permission = await policies?.decide({ ...ABOUT_SERVER, action: "approveChange" });
  if (permission?.effect === "allow" && (permission.waived || permission.forWorkload)) return;
  const items = pins.known?.items;
  const offered = items === undefined ? "nothing is approved at all" : `not approved by anybody who may: ${Object.keys(items.tools).join(", ") || "no tools"}`;
  throw new SallyportError("ci.lock", `${why}; ${offered}`);
}

/** What policies say of approving what a server offers now, by this user: true where a person must do it at a terminal. Throws `policy.*`. */
export async function changeNeedsPerson(prepared: Prepared, host: Host): Promise<boolean> {
  if (prepared.chosen.compiled.policies.length === 0 && ownPolicies(host) === null) return false;
  const policies = (await import("./policing.ts")).openPolicies(prepared, "lock", () => ({ kind: "user", name: userOf(host), client: null }), host);
  const permission = await policies.decide({ ...ABOUT_SERVER, action: "approveChange" });
  if (permission.effect === "deny") throw new SallyportError("policy.denied", `approveChange: ${permission.reason}`);
  return permission.effect === "ask";
}

async function permitStart(prepared: Prepared, session: string, policies: Policies | null, ci: boolean, say: (line: string) => void, host: Host): Promise<readonly Told[]> {
  const start: Permission | null = (await policies?.decide({ ...ABOUT_SERVER, action: "startServer" })) ?? null;
  if (start?.effect === "deny") throw new SallyportError("policy.denied", `startServer: ${start.reason}`);
  const secrets = await permitSecrets(prepared, policies);
  // A secret that is to be asked about is asked about with the start: the server has it from then on.
  const permission = start !== null && start.effect !== "ask" ? (secrets ?? start) : start;
  const { consent } = prepared.chosen.compiled;
  if (permission?.effect !== "ask" && (!consent.start || permission?.waived === true || (ci && permission?.forWorkload === true))) return [];
  if (ci) throw new SallyportError("consent.nobody", "starting the server");
  return (await import("./ask-start.ts")).askStart(prepared, session, policies, permission, say, host);
}

/** The first that a person is to be asked about; null: none. Throws `policy.denied`. */
async function permitSecrets({ chosen }: Prepared, policies: Policies | null): Promise<Permission | null> {
  let asked: Permission | null = null;
  for (const reference of policies === null ? [] : Object.values(chosen.compiled.secrets)) {
    const permission = await policies?.decide({ ...ABOUT_SERVER, action: "useSecret", item: reference });
    if (permission?.effect === "deny") throw new SallyportError("policy.denied", `useSecret ${reference}: ${permission.reason}`);
    if (permission?.effect === "ask") asked ??= permission;
  }
  return asked;
}
