/** Decision points elsewhere: OPA's REST interface, AuthZEN 1.0, Amazon Verified Permissions. Who cannot be asked permits nothing. */
import { readFileSync, statSync } from "node:fs";
import { SallyportError } from "../errors.ts";
import type { PolicyPoint } from "../model.ts";
import type { EntityJson } from "./cedar.ts";
import type { Said } from "./decide.ts";
import { contextOf, principalOf, resourceEntities, type PolicyRequest } from "./request.ts";

/** Throws `policy.point`. */
export async function askPoint(point: PolicyPoint, request: PolicyRequest): Promise<Said> {
  try {
    return await POINTS[point.kind](point, request);
  } catch (error) {
    throw error instanceof SallyportError ? error : new SallyportError("policy.point", (error as Error).message, { cause: error });
  }
}

type Asker = (point: PolicyPoint, request: PolicyRequest) => Promise<Said>;

const POINTS: Readonly<Record<PolicyPoint["kind"], Asker>> = {
  /** OpenID AuthZEN Authorization API 1.0, "Access Evaluation API". */
  authzen: async (point, request) => {
    const { subject, resource, context } = plain(request);
    const { decision, context: said = {} } = (await post(point, { subject: { type: subject.type, id: subject.id, properties: subject.attributes }, action: { name: request.action }, resource: { type: resource.type, id: resource.id, properties: resource.attributes }, context })) as { decision?: unknown; context?: unknown };
    return answered(decision, said);
  },
  /** The rule's value: true, or an object with `allow` and what policies would say by annotations. */
  opa: async (point, request) => {
    const { subject, resource, context } = plain(request);
    const { result } = (await post(point, { input: { principal: subject, action: request.action, resource, context } })) as { result?: unknown };
    if (typeof result === "boolean") return answered(result, {});
    return answered((result as { allow?: unknown } | undefined)?.allow, result);
  },
  "verified-permissions": async (point, request) => (await import("./verified-permissions.ts")).askVerifiedPermissions(point, request, answered),
};

const MAX_ANSWER = 64 * 1024;

/** Throws where there is no answer of JSON in time. Redirects are not followed: the token is for this host. */
async function post(point: PolicyPoint, body: object): Promise<unknown> {
  if (point.url === null) throw new Error("policies.point.url is missing");
  const headers = { "content-type": "application/json", accept: "application/json", ...(point.token === null ? {} : { authorization: `Bearer ${secretOf(point.token)}` }) };
  const response = await fetch(point.url, { method: "POST", headers, body: JSON.stringify(body), redirect: "error", signal: AbortSignal.timeout(point.seconds * 1000) });
  if (!response.ok) throw new Error(`it answers ${response.status}`);
  const text = await response.text();
  if (text.length > MAX_ANSWER) throw new Error("its answer is too long");
  return JSON.parse(text) as unknown;
}

function secretOf(file: string): string {
  if ((statSync(file).mode & 0o077) !== 0) throw new Error(`others may read ${file}: chmod 600`);
  return readFileSync(file, "utf8").trim();
}

/** Anything but a plain yes is a no. @param said may ask for a person: `consent`, `reason`, `approvers`, `quorum`. */
export function answered(decision: unknown, said: unknown): Said {
  const { consent, reason, approvers, quorum } = (typeof said === "object" && said !== null ? said : {}) as Readonly<Record<string, unknown>>;
  const asks = consent === "ask" || consent === "always";
  const allowed = decision === true;
  const words = typeof reason === "string" ? reason : "";
  return {
    effect: !allowed ? "deny" : asks ? "ask" : "allow",
    mode: consent === "always" ? "always" : "first",
    reason: allowed || words !== "" ? words : "the decision point does not permit it",
    policies: [],
    approvers: Array.isArray(approvers) && approvers.every((one) => typeof one === "string") ? approvers : null,
    quorum: typeof quorum === "number" && Number.isInteger(quorum) && quorum >= 1 ? quorum : 1,
    waived: allowed && consent === "never",
    forWorkload: allowed,
  };
}

/** Without Cedar's own wrappings. */
function plain(request: PolicyRequest): { subject: Uid; resource: Uid; context: object } {
  const [principal] = principalOf(request.principal, {}) as [EntityJson];
  const entities = resourceEntities(request);
  const { context } = contextOf(request);
  return {
    subject: uidOf(principal),
    resource: uidOf(entities.at(-1) as EntityJson, entities[0]),
    context: { ...context, now: new Date(request.now).toISOString(), arguments: request.arguments ?? {} },
  };
}

interface Uid {
  readonly type: string;
  readonly id: string;
  readonly attributes: object;
}

function uidOf({ uid, attrs }: EntityJson, server?: EntityJson): Uid {
  const { type, id } = uid as { type: string; id: string };
  return { type, id, attributes: server === undefined || type === "Server" ? attrs : { ...attrs, server: { name: (server.uid as { id: string }).id, ...server.attrs } } };
}
