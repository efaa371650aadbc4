/** Makes the question of a call: who asks, what for, what it can reach, what is odd about it, and what may be answered. */
import { hash } from "node:crypto";
import { canonical } from "../manifest/canonical.ts";
import type { Host } from "../model.ts";
import { clientsOf } from "../consent/ancestry.ts";
import { processEntry } from "../processes.ts";
import { choicesOf, differenceOf, startChoices, type Bound, type Last, type Question } from "../consent/question.ts";
import { argumentsDigest, scopesOf, type Call } from "../consent/scope.ts";
import { newId } from "../consent/store.ts";
import { inspectValue } from "../guards/text/inspect.ts";
import { masked } from "../guards/text/mask.ts";
import type { World } from "../guards/arguments/world.ts";
import type { Permission, Policies, Subject } from "./permission.ts";
import type { Prepared } from "./prepare.ts";
import { NOWHERE, placesOf } from "./places.ts";

/** What an answer is bound to. */
export function boundOf({ plan, chosen, lent }: Prepared, user: string, policies: Policies | null, permission: Permission | null, { action, item, definition }: Pick<Subject, "action" | "item" | "definition">): Bound {
  const { name, version, integrity } = plan.identity;
  return {
    user, definition, action, item,
    server: chosen.compiled.name,
    identity: [name, version ?? "", integrity].filter(Boolean).join(" "),
    argv: hash("sha256", JSON.stringify(plan.command), "hex"),
    manifest: chosen.digest,
    policy: policies === null ? "" : hash("sha256", JSON.stringify([policies.revision, permission?.policies ?? []]), "hex"),
    reach: hash("sha256", JSON.stringify(lent), "hex"),
  };
}

export interface Considered {
  readonly call: Call;
  readonly findings: readonly string[];
  readonly rules: readonly string[];
  /** Secrets masked. */
  readonly shown: unknown;
}

export function consider({ arguments: given, permit }: Subject, world: World): Considered {
  const found = inspectValue(given ?? {}).filter(({ severity }) => severity !== "note");
  const places = permit === null ? NOWHERE : placesOf(given ?? {}, permit.slots, world);
  return {
    call: { digest: argumentsDigest(canonical(given ?? {})), places, suspicious: found.length > 0 },
    rules: [...new Set(found.map(({ rule }) => rule))],
    findings: [...new Set(found.map(({ rule, at, evidence }) => `${rule} at ${at}: ${evidence}`))],
    shown: masked(given ?? {}, found.filter(({ rule }) => rule.startsWith("secret.")).map((finding) => ({ ...finding, severity: "mask" as const }))),
  };
}

export interface Circumstances {
  readonly session: string;
  readonly client: string | null;
  readonly reach: readonly string[];
  readonly why: readonly string[];
  readonly last: Last | null;
  readonly seconds: number;
  readonly approvers: readonly string[];
  readonly channels: readonly string[];
  readonly quorum: number;
  /** Whether an answer may hold for more than this call. */
  readonly remember: boolean;
}

/** A start is asked about before there is a client to ask, and its answer is kept for the next one. */
export function startQuestion(bound: Bound, command: readonly string[], around: Pick<Question, "session" | "reach" | "why" | "approvers" | "channels" | "quorum"> & { readonly seconds: number; readonly remember: boolean }, host: Host): Question {
  const plain: Considered = { call: { digest: "", places: NOWHERE, suspicious: false }, findings: [], rules: [], shown: { command } };
  const subject: Subject = { action: "startServer", item: "", definition: "", arguments: {}, permit: null, annotations: {} };
  return { ...questionOf(subject, plain, bound, command, { ...around, client: null, last: null }, host), standing: true, choices: startChoices(around.remember) };
}

export function questionOf(subject: Subject, { call, findings, shown }: Considered, bound: Bound, command: readonly string[], { last, seconds, remember, ...rest }: Circumstances, host: Host): Question {
  const now = host.now() / 1000;
  const destructive = subject.annotations["destructiveHint"] === true;
  return {
    ...rest,
    id: newId(),
    asked: new Date(now).toISOString(),
    until: new Date(now + seconds * 1000).toISOString(),
    gate: { pid: host.pid, start: processEntry(host.pid)?.start ?? "" },
    clients: clientsOf(host.pid),
    bound,
    command,
    arguments: shown,
    findings,
    difference: last === null ? null : differenceOf(last, { arguments: shown, digest: call.digest }),
    choices: choicesOf(scopesOf(call), { remember, broad: !destructive, wide: findings.length === 0 }),
    votes: [],
    standing: false,
  };
}

/** Outside of texts, a number of so many digits is another one for most readers. */
const LONG_NUMBER = /"(?:[^"\\]|\\.)*"|(-?\d[\d.]*(?:[eE][+-]?\d+)?)/g;
const EXACT_DIGITS = 15;

/** Whether every number of a message is, for a person and for the server, the one that was sent. */
export function isExact(text: string): boolean {
  for (const [, number] of text.matchAll(LONG_NUMBER)) if (number !== undefined && number.replace(/[eE].*$/, "").replace(/\D/g, "").replace(/^0+/, "").length > EXACT_DIGITS) return false;
  return true;
}
