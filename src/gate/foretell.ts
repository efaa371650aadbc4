/** What policies and people would have to say, before anything runs: for `explain`. Nobody is asked, and nothing is kept. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { SallyportError } from "../errors.ts";
import { Layer, together, type Said } from "../policy/decide.ts";
import { loadLayer } from "../policy/load.ts";
import type { PolicyRequest, Principal } from "../policy/request.ts";
import type { Host } from "../model.ts";
import { openConsent } from "./consenting.ts";
import { permitTool } from "../manifest/permit.ts";
import type { Judge } from "./judge.ts";
import { worldOf } from "./judging.ts";
import { seenOf } from "./places.ts";
import { rulesOf, openPolicies, serverFacts } from "./policing.ts";
import { categoriesOf, needsAuthority } from "./may-ask.ts";
import type { Prepared } from "./prepare.ts";
import { userOf } from "./user.ts";

export interface Foretold {
  /** Ids of the policies that decided last. */
  policies: readonly string[];
}

/** Makes a judge say what it would ask about, instead of asking. */
export function foretell(judge: Judge, prepared: Prepared, host: Host): Foretold {
  const told: Foretold = { policies: [] };
  if (!needsAuthority(prepared, false, host)) return told;
  const hasRules = rulesOf(prepared, host).length > 0;
  const principal = (): Principal => ({ kind: "user", name: userOf(host), client: null });
  const policies = hasRules ? openPolicies(prepared, "explain", principal, host) : null;
  const tell = (event: string, facts: object): void => {
    if (event === "policy.decided") told.policies = (facts as { policies: readonly string[] }).policies;
  };
  const { consent } = openConsent({ prepared, session: "explain", authority: { policies, ci: false, told: [], client: () => null }, tell, say: () => {}, wire: { askClient: () => () => {}, notifyClient: () => {} }, nobody: "consent.asked" }, host);
  judge.consent = consent;
  return told;
}

/** One line of a file of tests: a request, and what the policies must say of it. */
interface Case {
  readonly name: string;
  readonly expect: Said["effect"];
  readonly user?: string;
  readonly client?: string;
  readonly workload?: Readonly<Record<string, string>>;
  readonly action: PolicyRequest["action"];
  readonly item?: string;
  readonly definition?: string;
  readonly annotations?: Readonly<Record<string, unknown>>;
  readonly arguments?: unknown;
  readonly paths?: readonly string[];
  readonly hosts?: readonly string[];
  readonly findings?: readonly string[];
  /** ISO 8601; without an offset of the machine's time zone. */
  readonly time?: string;
}

export interface Tried {
  readonly name: string;
  readonly expected: string;
  readonly said: string;
  readonly policies: readonly string[];
  readonly reason: string;
}

const KEYS = ["name", "expect", "user", "client", "workload", "action", "item", "definition", "annotations", "arguments", "paths", "hosts", "findings", "time"];
const ACTIONS = ["startServer", "callTool", "callMethod", "readResource", "getPrompt", "sample", "elicit", "connectHost", "useSecret", "approveChange"];

/** Runs a file of tests against the policies of a server. Throws `policy.*`. */
export function tryPolicies(file: string, prepared: Prepared, host: Host): Tried[] {
  const layers = rulesOf(prepared, host).filter(({ files }) => files.length > 0).map((source) => new Layer(loadLayer(source, null)));
  if (layers.length === 0) throw new SallyportError("policy.missing", "the manifest names no policies");
  return casesOf(file).map((one, index) => {
    const { effect, policies, reason } = together(layers.map((layer) => layer.decide(requestOf(one, prepared, host))));
    return { name: one.name ?? `${index + 1}`, expected: one.expect, said: effect, policies, reason };
  });
}

function casesOf(file: string): readonly Case[] {
  let value: unknown;
  try {
    value = parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new SallyportError("policy.test", `${file}: ${(error as Error).message}`, { cause: error });
  }
  if (!Array.isArray(value)) throw new SallyportError("policy.test", `${file} is no list`);
  for (const [index, one] of value.entries()) {
    const fail = (what: string): never => {
      throw new SallyportError("policy.test", `${file}, test ${index + 1}: ${what}`);
    };
    if (typeof one !== "object" || one === null) fail("it is no mapping");
    const { action, expect, time, workload } = one as Readonly<Record<string, unknown>>;
    const unknown = Object.keys(one as object).find((key) => !KEYS.includes(key));
    if (unknown !== undefined) fail(`${unknown} means nothing; there are ${KEYS.join(", ")}`);
    if (!ACTIONS.includes(action as string)) fail(`action: one of ${ACTIONS.join(", ")}`);
    if (!["allow", "deny", "ask"].includes(expect as string)) fail("expect: allow, deny or ask");
    if (time !== undefined && (typeof time !== "string" || Number.isNaN(Date.parse(time)))) fail("time: ISO 8601, such as 2026-11-21T10:00:00");
    if (workload !== undefined && (typeof workload !== "object" || workload === null || !("issuer" in workload && "subject" in workload))) fail("workload: issuer and subject at least");
  }
  return value as Case[];
}

function requestOf(one: Case, prepared: Prepared, host: Host): PolicyRequest {
  const absent = { repository: null, ref: null, workflow: null, environment: null, actor: null };
  const principal: Principal = one.workload === undefined ? { kind: "user", name: one.user ?? userOf(host), client: one.client ?? null } : { kind: "workload", workload: { ...absent, ...(one.workload as unknown as { issuer: string; subject: string }) } };
  const permit = one.action === "callTool" ? permitTool(prepared.chosen.compiled, one.item ?? "") : null;
  const seen = seenOf(one.arguments ?? {}, permit?.slots ?? [], worldOf(prepared, host));
  return { principal, action: one.action, server: serverFacts(prepared), item: one.item ?? "", definition: one.definition ?? "", annotations: one.annotations ?? {}, arguments: one.arguments ?? {}, placed: seen.paths, paths: one.paths ?? seen.directories ?? [], hosts: one.hosts ?? seen.hosts ?? [], reach: categoriesOf(prepared), findings: one.findings ?? [], now: one.time === undefined ? host.now() / 1000 : Date.parse(one.time), session: "test" };
}
