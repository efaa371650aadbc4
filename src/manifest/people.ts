/** What a manifest says of people, policies and jobs, compiled. */
import { dirname, resolve } from "node:path";
import { CONSENT_CHANNELS, stricter, type AskWhen, type ConsentChannel } from "./asking.ts";
import { first, least } from "./compile.ts";
import type { Loaded } from "./load.ts";
import type { PolicyPoint } from "../model.ts";
import type { ServerEntry } from "./schema.ts";

export interface ConsentRules {
  /** When a call needs a person, where nothing is said of its tool. */
  readonly ask: AskWhen;
  /** What others than the manifest itself have said: no tool is asked about less. */
  readonly floor: AskWhen;
  readonly start: boolean;
  readonly channels: readonly ConsentChannel[];
  readonly seconds: number;
  /** Socket of another user's, who alone may answer; null: this user may. */
  readonly approver: string | null;
  /** User names; empty: the caller's own. */
  readonly approvers: readonly string[];
  readonly webhook: { readonly url: string; readonly secret: string; readonly listen: string; readonly base: string | null } | null;
}

/** Of one file: each decides by itself, and all must permit. */
export interface PolicyRules {
  readonly origin: string;
  readonly files: readonly string[];
  readonly groups: Readonly<Record<string, readonly string[]>>;
  readonly point: PolicyPoint | null;
}

/** Who a job in CI may be. */
export interface CiRules {
  readonly issuers: readonly string[];
  readonly audience: string;
  readonly require: Readonly<Record<string, readonly string[]>>;
  readonly claims: Readonly<Partial<Record<"repository" | "ref" | "workflow" | "environment" | "actor", string>>>;
  readonly signers: string | null;
}

export function policiesOf({ file, value: { policies } }: Loaded, home: string): PolicyRules[] {
  if (policies === undefined) return [];
  const at = (path: string): string => (path === "~" || path.startsWith("~/") ? resolve(home, path.slice(2)) : resolve(dirname(file), path));
  const { point } = policies;
  return [{
    origin: file,
    files: (policies.files ?? []).map(at),
    groups: policies.groups ?? {},
    point: point === undefined ? null : { kind: point.kind, url: point.url ?? null, store: point.store ?? null, region: point.region ?? null, token: point.token === undefined ? null : at(point.token), seconds: point.seconds ?? 5 },
  }];
}

export function ciOf(chain: readonly Loaded[], home: string): CiRules | null {
  const found = chain.find(({ value }) => value.ci !== undefined);
  const ci = found?.value.ci;
  if (found === undefined || ci === undefined) return null;
  const signers = ci.signers === undefined ? null : ci.signers.startsWith("~/") ? resolve(home, ci.signers.slice(2)) : resolve(dirname(found.file), ci.signers);
  return { issuers: ci.issuers, audience: ci.audience, require: ci.require ?? {}, claims: ci.claims ?? {}, signers };
}

export function consentOf(own: readonly ServerEntry[], limiting: readonly ServerEntry[]): ConsentRules {
  const asks = limiting.flatMap((entry) => entry.consent?.ask ?? []);
  const below = limiting.slice(1).flatMap((entry) => entry.consent?.ask ?? []);
  const channels = CONSENT_CHANNELS.filter((channel) => limiting.every((entry) => entry.consent?.channels?.includes(channel) ?? true));
  const webhook = first(own, (entry) => entry.consent?.webhook);
  return {
    floor: below.reduce<AskWhen>(stricter, "never"),
    start: limiting.some((entry) => entry.consent?.start === "first"),
    ask: asks.length === 0 ? "reach" : asks.reduce(stricter),
    channels,
    seconds: least(limiting.map((entry) => entry.consent?.seconds), 120),
    approver: limiting.findLast((entry) => entry.consent?.approver !== undefined)?.consent?.approver ?? null,
    approvers: limiting.findLast((entry) => entry.consent?.approvers !== undefined)?.consent?.approvers ?? [],
    webhook: webhook === undefined ? null : { url: webhook.url, secret: webhook.secret, listen: webhook.listen ?? "127.0.0.1:0", base: webhook.base ?? null },
  };
}
