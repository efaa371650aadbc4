/** One request for permission, in the words of the schema; Cedar, OPA and AuthZEN each get it in their own form. */
import type { Context, EntityJson, TypeAndId } from "./cedar.ts";

export type ActionName = "startServer" | "callTool" | "callMethod" | "readResource" | "getPrompt" | "sample" | "elicit" | "connectHost" | "useSecret" | "approveChange";

export interface Workload {
  readonly issuer: string;
  readonly subject: string;
  readonly repository: string | null;
  readonly ref: string | null;
  readonly workflow: string | null;
  readonly environment: string | null;
  readonly actor: string | null;
}

export type Principal = { readonly kind: "user"; readonly name: string; readonly client: string | null } | { readonly kind: "workload"; readonly workload: Workload };

export interface ServerFacts {
  /** In the manifest; without one the package's. */
  readonly name: string;
  readonly kind: string;
  readonly package: string;
  readonly version: string | null;
  readonly identity: string;
  readonly isolation: string;
  readonly writes: readonly string[];
  readonly hosts: readonly string[];
}

export interface PolicyRequest {
  readonly principal: Principal;
  readonly action: ActionName;
  readonly server: ServerFacts;
  /** Name of the tool or prompt, URI of the resource, `NAME:PORT` of the host; empty for the server itself. */
  readonly item: string;
  readonly definition: string;
  readonly annotations: Readonly<Record<string, unknown>>;
  readonly arguments: unknown;
  /** Pointer -> what stands there in place of the call's own text: paths, as the kernel would find them. */
  readonly placed: Readonly<Record<string, string>>;
  readonly paths: readonly string[];
  readonly hosts: readonly string[];
  readonly reach: readonly string[];
  readonly findings: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly session: string;
}

export function isSaid(annotations: Readonly<Record<string, unknown>>, name: string): boolean {
  return annotations[name] === true;
}

/** @param groups name -> users. */
export function principalOf(principal: Principal, groups: Readonly<Record<string, readonly string[]>>): EntityJson[] {
  const id = principal.kind === "user" ? principal.name : `${principal.workload.issuer} ${principal.workload.subject}`;
  const memberships = Object.entries(groups).filter(([, members]) => members.includes(id)).map(([name]) => ({ type: "Group", id: name }));
  if (principal.kind === "user") return [{ uid: { type: "User", id }, attrs: {}, parents: [...memberships, ...(principal.client === null ? [] : [{ type: "Client", id: principal.client }])] }];
  return [{ uid: { type: "Workload", id }, attrs: present({ ...principal.workload }), parents: memberships }];
}

const RESOURCES: Readonly<Record<ActionName, string>> = { startServer: "Server", callTool: "Tool", callMethod: "Method", readResource: "Resource", getPrompt: "Prompt", sample: "Server", elicit: "Server", connectHost: "Host", useSecret: "Secret", approveChange: "Tool" };

/** A tool's name in policies: `SERVER/TOOL`, as two servers may have a tool of one name. */
export function resourceUid({ action, server, item }: Pick<PolicyRequest, "action" | "server" | "item">): TypeAndId {
  const type = action === "approveChange" && item === "" ? "Server" : RESOURCES[action];
  return type === "Server" ? { type, id: server.name } : { type, id: `${server.name}/${item}` };
}

/** @param looksAt whether policies look at attributes of the resource, and of its server. */
export function resourceEntities(request: PolicyRequest, looksAt: { readonly resource: boolean; readonly server: boolean } = { resource: true, server: true }): EntityJson[] {
  const { server, item, definition, annotations } = request;
  const uid = resourceUid(request);
  const own = { type: "Server", id: server.name };
  const needed = looksAt.server || (looksAt.resource && uid.type === "Server");
  const { kind, package: its, identity, isolation, writes, hosts, version } = server;
  const entity: EntityJson = { uid: own, attrs: needed ? present({ kind, package: its, identity, isolation, writes: [...writes], hosts: [...hosts], version }) : {}, parents: [] };
  const at = item.lastIndexOf(":");
  const attrs: Readonly<Record<string, EntityJson["attrs"]>> = {
    Tool: { name: item, definition, saysReadOnly: isSaid(annotations, "readOnlyHint"), saysDestructive: isSaid(annotations, "destructiveHint") },
    Resource: { uri: item },
    Prompt: { name: item },
    Method: { name: item },
    Host: { name: item.slice(0, at), port: Number(item.slice(at + 1)) },
    Secret: { name: item },
  };
  return uid.type === "Server" ? [entity] : [entity, { uid, attrs: looksAt.resource ? { server: { __entity: own }, ...attrs[uid.type] } : {}, parents: [own] }];
}

/** Numbers beyond Cedar's are texts here anyway. */
const MAX_TAGS = 1000;
const ARGUMENTS = { type: "Arguments", id: "call" };

export function argumentTags(given: unknown, placed: Readonly<Record<string, string>> = {}): Record<string, string> {
  const tags: Record<string, string> = {};
  let count = 0;
  const visit = (value: unknown, at: string): void => {
    if (typeof value === "object" && value !== null) {
      for (const [key, member] of Object.entries(value)) visit(member, `${at}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`);
      return;
    }
    if (value === null || value === undefined) return;
    // A policy that looks for what it is not shown would permit too much.
    if ((count += 1) > MAX_TAGS) throw new Error(`more than ${MAX_TAGS} values in one call`);
    tags[at === "" ? "/" : at] = placed[at] ?? (typeof value === "string" ? value : JSON.stringify(value));
  };
  visit(given, "");
  return tags;
}

/** Of the machine's time zone: offices keep its hours. */
function timeOf(now: number): Record<string, number> {
  const date = new Date(now);
  return { hour: date.getHours(), minute: date.getMinutes(), weekday: date.getDay() === 0 ? 7 : date.getDay() };
}

/** Each made only where it is looked at. */
const ATTRIBUTES: Readonly<Record<string, (request: PolicyRequest) => unknown>> = {
  arguments: () => ({ __entity: ARGUMENTS }),
  paths: ({ paths }) => [...paths],
  hosts: ({ hosts }) => [...hosts],
  reach: ({ reach }) => [...reach],
  findings: ({ findings }) => [...findings],
  now: ({ now }) => ({ __extn: { fn: "datetime", arg: new Date(now).toISOString() } }),
  time: ({ now }) => timeOf(now),
  ci: ({ principal }) => principal.kind === "workload",
  session: ({ session }) => session,
  repository: ({ principal }) => (principal.kind === "workload" ? principal.workload.repository : null),
  ref: ({ principal }) => (principal.kind === "workload" ? principal.workload.ref : null),
};
export const CONTEXT_ATTRIBUTES = Object.keys(ATTRIBUTES);

/** @param looksAt what of it is needed. The entity holds the arguments, where they are. */
export function contextOf(request: PolicyRequest, looksAt: ReadonlySet<string> = new Set(CONTEXT_ATTRIBUTES)): { readonly context: Context; readonly entity: EntityJson | null } {
  const context = present(Object.fromEntries(Object.entries(ATTRIBUTES).filter(([name]) => looksAt.has(name)).map(([name, make]) => [name, make(request)])));
  const tags = looksAt.has("arguments") ? argumentTags(request.arguments, request.placed) : null;
  return { context, entity: tags === null ? null : { uid: ARGUMENTS, attrs: {}, parents: [], tags } };
}

function present(record: Readonly<Record<string, unknown>>): Context {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null && value !== undefined)) as Context;
}
