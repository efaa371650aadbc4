/** Cedar, as WebAssembly: loaded where there are policies. */
import { initSync, policySetTextToParts, policyToJson, preparsePolicySet, preparseSchema, statefulIsAuthorized, validate, type DetailedError, type EntityJson, type PolicyJson, type TypeAndId, type Context } from "@cedar-policy/cedar-wasm/web";
import { wasm } from "../assets.ts";
import { CEDAR_SCHEMA } from "./schema.ts";

export type { Context, EntityJson, PolicyJson, TypeAndId };

const SCHEMA = "sallyport";
let started = false;

export function startCedar(): void {
  if (started) return;
  initSync({ module: wasm("@cedar-policy/cedar-wasm/web/cedar_wasm_bg.wasm") });
  preparseSchema(SCHEMA, CEDAR_SCHEMA);
  started = true;
}

export interface Fault {
  /** UTF-16 offset in the text it came from; null: nowhere in particular. */
  readonly at: number | null;
  readonly message: string;
}

/** The policies of a text, each with where it starts. Templates are not taken: nothing links them. */
export function split(text: string): { readonly policies: readonly string[]; readonly faults: readonly Fault[] } {
  startCedar();
  const parts = policySetTextToParts(text);
  if (parts.type === "failure") return { policies: [], faults: parts.errors.map((error) => faultOf(error, text)) };
  if (parts.policy_templates.length > 0) return { policies: [], faults: [{ at: Math.max(0, text.search(/\?(?:principal|resource)/)), message: "templates are not taken; write the policy out" }] };
  return { policies: parts.policies, faults: [] };
}

export function parsed(policy: string): PolicyJson {
  const answer = policyToJson(policy);
  if (answer.type === "failure") throw new Error(answer.errors.map(({ message }) => message).join("; "));
  return answer.json;
}

/** Against the schema, strictly. */
export function faultsOf(policies: Readonly<Record<string, string>>): (readonly [id: string, fault: Fault])[] {
  const answer = validate({ schema: CEDAR_SCHEMA, policies: { staticPolicies: policies }, validationSettings: { mode: "strict" } });
  if (answer.type === "failure") return answer.errors.map((error) => ["", faultOf(error, "")] as const);
  return answer.validationErrors.map(({ policyId, error }) => [policyId, faultOf(error, policies[policyId] ?? "")] as const);
}

/** Kept by name for the life of the process: names must be few. Throws where it cannot be parsed. */
export function prepareSet(name: string, policies: Readonly<Record<string, string>>): void {
  const answer = preparsePolicySet(name, { staticPolicies: policies });
  if (answer.type === "failure") throw new Error(answer.errors.map(({ message }) => message).join("; "));
}

export interface CedarRequest {
  readonly principal: TypeAndId;
  readonly action: string;
  readonly resource: TypeAndId;
  readonly context: Context;
  readonly entities: EntityJson[];
}

export interface Decided {
  readonly allowed: boolean;
  /** Ids of the policies that decided; empty: none permits. */
  readonly policies: readonly string[];
  /** Policies that could not be evaluated. */
  readonly errors: readonly string[];
}

/** @param checked whether the request itself is held against the schema. Throws where it cannot be decided. */
export function decideBy(set: string, { principal, action, resource, context, entities }: CedarRequest, checked = false): Decided {
  const answer = statefulIsAuthorized({ principal, action: { type: "Action", id: action }, resource, context, entities, preparsedPolicySetId: set, ...(checked ? { preparsedSchemaName: SCHEMA, validateRequest: true } : {}) });
  if (answer.type === "failure") throw new Error(answer.errors.map(({ message }) => message).join("; "));
  const { decision, diagnostics } = answer.response;
  return { allowed: decision === "allow", policies: [...diagnostics.reason].sort(), errors: diagnostics.errors.map(({ policyId, error }) => `${policyId}: ${error.message}`) };
}

/** Cedar counts bytes of UTF-8. */
function faultOf({ message, help, sourceLocations }: DetailedError, text: string): Fault {
  const start = sourceLocations?.[0]?.start;
  return { at: start === undefined ? null : Buffer.from(text).subarray(0, start).toString("utf8").length, message: help === null || help === undefined ? message : `${message} (${help})` };
}
