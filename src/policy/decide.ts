/**
 * What all policies together say of a request. Each source decides by itself, so that none can widen another: all must
 * permit, and what one asks for is asked. Where nothing permits, nothing passes (Cedar, "default deny").
 */
import { hash } from "node:crypto";
import { decideBy, prepareSet, startCedar } from "./cedar.ts";
import type { LoadedPolicy, PolicyLayer } from "./load.ts";
import { CONTEXT_ATTRIBUTES, contextOf, principalOf, resourceEntities, resourceUid, type PolicyRequest } from "./request.ts";

/** What policies say, before anybody is asked. */
export interface Said {
  readonly effect: "allow" | "deny" | "ask";
  readonly mode: "first" | "always";
  readonly reason: string;
  /** Ids of those that decided, as `ORIGIN#ID` where there is more than one source. */
  readonly policies: readonly string[];
  readonly approvers: readonly string[] | null;
  readonly quorum: number;
  /** A policy says that nobody need be asked. */
  readonly waived: boolean;
  /** A policy permits it to workloads by name. */
  readonly forWorkload: boolean;
}

/** The policies that can speak of one kind of request, prepared; whether they look at anything that changes from call to call. */
interface Slice {
  readonly name: string;
  readonly policies: ReadonlyMap<string, LoadedPolicy>;
  readonly volatile: boolean;
  /** What of the context they look at: the rest need not be made, nor handed over. */
  readonly looksAt: ReadonlySet<string>;
  readonly attributes: { readonly resource: boolean; readonly server: boolean };
}

const MAX_REMEMBERED = 4096;
let generation = 0;

export class Layer {
  readonly layer: PolicyLayer;
  readonly #slices = new Map<string, Slice>();
  readonly #bySubset = new Map<string, Slice>();
  readonly #remembered = new Map<string, Said>();
  readonly #generation: number;

  constructor(layer: PolicyLayer) {
    startCedar();
    this.layer = layer;
    this.#generation = generation += 1;
  }

  /** Throws where it cannot be decided: that is a no. */
  decide(request: PolicyRequest): Said {
    const slice = this.#sliceFor(request);
    const key = slice.volatile ? null : JSON.stringify([request.principal, request.action, request.item, request.definition]);
    const known = key === null ? undefined : this.#remembered.get(key);
    if (known !== undefined) return known;
    const said = this.#evaluate(request, slice);
    if (key !== null && this.#remembered.size < MAX_REMEMBERED) this.#remembered.set(key, said);
    return said;
  }

  #evaluate(request: PolicyRequest, slice: Slice): Said {
    if (slice.policies.size === 0) return DENIED;
    const principal = principalOf(request.principal, this.layer.source.groups);
    const { context, entity } = contextOf(request, slice.looksAt);
    const { allowed, policies, errors } = decideBy(slice.name, { principal: (principal[0] as { uid: { type: string; id: string } }).uid, action: request.action, resource: resourceUid(request), context, entities: [...principal, ...resourceEntities(request, slice.attributes), ...(entity === null ? [] : [entity])] });
    // A policy that fails may be the one that forbids.
    if (errors.length > 0) return { ...DENIED, reason: `a policy could not be evaluated: ${errors[0]}` };
    const decisive = policies.map((id) => slice.policies.get(id)).filter((policy) => policy !== undefined);
    const reason = decisive.map((policy) => policy.reason).filter(Boolean).join("; ");
    const ids = decisive.map(({ id }) => id);
    if (!allowed) return { ...DENIED, reason: reason !== "" ? reason : ids.length === 0 ? DENIED.reason : "a policy forbids it", policies: ids };
    const asking = decisive.filter(({ consent }) => consent === "ask" || consent === "always");
    const approvers = asking.map((policy) => policy.approvers).reduce(both, null);
    return {
      effect: asking.length > 0 ? "ask" : "allow",
      mode: asking.some(({ consent }) => consent === "always") ? "always" : "first",
      reason: asking.map((policy) => policy.reason).filter(Boolean).join("; "),
      policies: ids,
      approvers,
      quorum: Math.max(1, ...asking.map(({ quorum }) => quorum)),
      waived: decisive.some(({ consent }) => consent === "never"),
      forWorkload: decisive.some(({ json }) => namesWorkloads(json.principal)),
    };
  }

  #sliceFor(request: PolicyRequest): Slice {
    const resource = resourceUid(request);
    const key = `${request.action} ${resource.type} ${resource.id}`;
    const known = this.#slices.get(key);
    if (known !== undefined) return known;
    const chosen = this.layer.policies.filter(({ json }) => speaksOfAction(json.action, request.action) && speaksOfResource(json.resource, resource, request.server.name));
    const subset = hash("sha256", JSON.stringify(chosen.map(({ id }) => id)), "hex");
    const slice = this.#bySubset.get(subset) ?? this.#prepare(`${this.#generation}/${subset}`, chosen);
    this.#bySubset.set(subset, slice);
    if (this.#slices.size < MAX_REMEMBERED) this.#slices.set(key, slice);
    return slice;
  }

  #prepare(name: string, chosen: readonly LoadedPolicy[]): Slice {
    if (chosen.length > 0) prepareSet(name, Object.fromEntries(chosen.map(({ id, text }) => [id, text])));
    const conditions = chosen.map(({ json }) => JSON.stringify(json.conditions)).join("");
    return { name, policies: new Map(chosen.map((policy) => [policy.id, policy])), volatile: conditions.includes(CONTEXT), looksAt: attributesOf(conditions), attributes: { resource: conditions.includes('{"Var":"resource"}') || conditions.includes(LITERAL), server: conditions.includes('"attr":"server"') || conditions.includes(LITERAL) } };
  }
}

/** An entity by its name, whose attributes may be looked at. */
const LITERAL = '"__entity"';
const CONTEXT = '{"Var":"context"}';

/** All of it where they look at it as a whole. */
function attributesOf(conditions: string): ReadonlySet<string> {
  const named = [...conditions.matchAll(/\{"left":\{"Var":"context"\},"attr":"(\w+)"\}/g)].map(([, name]) => name as string);
  return named.length === conditions.split(CONTEXT).length - 1 ? new Set(named) : new Set(CONTEXT_ATTRIBUTES);
}

const DENIED: Said = { effect: "deny", mode: "first", reason: "no policy permits it", policies: [], approvers: null, quorum: 1, waived: false, forWorkload: false };

/** Every source must permit; the strictest question is asked. */
export function together(said: readonly Said[]): Said {
  const denied = said.find(({ effect }) => effect === "deny");
  if (denied !== undefined) return denied;
  const asking = said.filter(({ effect }) => effect === "ask");
  return {
    effect: asking.length > 0 ? "ask" : "allow",
    mode: asking.some(({ mode }) => mode === "always") ? "always" : "first",
    reason: asking.map(({ reason }) => reason).filter(Boolean).join("; "),
    policies: said.flatMap(({ policies }) => policies),
    approvers: asking.map(({ approvers }) => approvers).reduce(both, null),
    quorum: Math.max(1, ...asking.map(({ quorum }) => quorum)),
    waived: said.every(({ waived }) => waived),
    forWorkload: said.every(({ forWorkload }) => forWorkload),
  };
}

/** Who is named by both; null names nobody in particular. */
function both(one: readonly string[] | null, other: readonly string[] | null): readonly string[] | null {
  if (one === null || other === null) return one ?? other;
  return one.filter((name) => other.includes(name));
}

type Constraint = LoadedPolicy["json"];

function speaksOfAction(constraint: Constraint["action"], action: string): boolean {
  if (constraint.op === "All") return true;
  const uids = "entities" in constraint ? constraint.entities : "entity" in constraint ? [constraint.entity] : [];
  return uids.some((uid) => idOf(uid).id === action);
}

function speaksOfResource(constraint: Constraint["resource"], resource: { readonly type: string; readonly id: string }, server: string): boolean {
  const isIt = (uid: { readonly type: string; readonly id: string }): boolean => uid.type === resource.type && uid.id === resource.id;
  const holds = (uid: { readonly type: string; readonly id: string }): boolean => isIt(uid) || (uid.type === "Server" && uid.id === server);
  if (constraint.op === "==") return "entity" in constraint && isIt(idOf(constraint.entity));
  if (constraint.op === "in") return "entity" in constraint && holds(idOf(constraint.entity));
  if (constraint.op === "is") return constraint.entity_type === resource.type && (constraint.in === undefined || ("entity" in constraint.in && holds(idOf(constraint.in.entity))));
  return true;
}

function namesWorkloads(constraint: Constraint["principal"]): boolean {
  if (constraint.op === "==") return "entity" in constraint && idOf(constraint.entity).type === "Workload";
  return constraint.op === "is" ? constraint.entity_type === "Workload" : constraint.op === "in";
}

function idOf(uid: { readonly type: string; readonly id: string } | { readonly __entity: { readonly type: string; readonly id: string } }): { readonly type: string; readonly id: string } {
  return "__entity" in uid ? uid.__entity : uid;
}
