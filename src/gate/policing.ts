/** The policies of a session: read, valid, and read again when a file changes. Loaded only where there are any. */
import { hash } from "node:crypto";
import { join } from "node:path";
import { Layer, together, type Said } from "../policy/decide.ts";
import { loadLayer, stampOf, type PolicySource } from "../policy/load.ts";
import { askPoint } from "../policy/points.ts";
import type { PolicyRequest, Principal, ServerFacts } from "../policy/request.ts";
import type { PolicyRules } from "../manifest/people.ts";
import type { Host } from "../model.ts";
import { SallyportError } from "../errors.ts";
import type { World } from "../guards/arguments/world.ts";
import { consider, type Considered } from "./asking.ts";
import { seenOf, type Seen } from "./places.ts";
import { worldOf } from "./judging.ts";
import { categoriesOf } from "./may-ask.ts";
import type { Policies, Subject } from "./permission.ts";
import { ownPolicies, type Prepared } from "./prepare.ts";

export function rulesOf({ chosen }: Prepared, host: Host): PolicyRules[] {
  const own = ownPolicies(host);
  return [...chosen.compiled.policies, ...(own !== null ? [{ origin: own, files: [own], groups: {}, point: null }] : [])];
}

/** Throws `policy.*`: a gate does not start with policies that mean nothing. @param principal asked each time, as clients say who they are later. */
export function openPolicies(prepared: Prepared, session: string, principal: () => Principal, host: Host): Policies {
  const rules = rulesOf(prepared, host);
  const sources: PolicySource[] = rules.filter(({ files }) => files.length > 0);
  const points = rules.flatMap(({ point }) => point ?? []);
  const cache = join(host.dirs.cache, "policies");
  let stamp = stampOf(sources);
  let layers = sources.map((source) => new Layer(loadLayer(source, cache)));
  const current = (): readonly Layer[] => {
    const now = stampOf(sources);
    if (now !== stamp) [layers, stamp] = [sources.map((source) => new Layer(loadLayer(source, cache))), now];
    return layers;
  };
  const server = serverFacts(prepared);
  const reach = categoriesOf(prepared);
  const world = worldOf(prepared, host);
  return {
    get revision() {
      return hash("sha256", JSON.stringify([points, ...current().map(({ layer }) => layer.digest)]), "hex");
    },
    decide: (subject) => {
      const request = requestOf(subject, { principal: principal(), server, reach, session, now: host.now() / 1000 }, world);
      const said = current().map((layer) => layer.decide(request));
      if (points.length === 0 || said.some(({ effect }) => effect === "deny")) return together(said);
      return Promise.all(points.map((point) => askPoint(point, request))).then((answers: readonly Said[]) => together([...said, ...answers]));
    },
  };
}

export function serverFacts({ plan, chosen }: Prepared): ServerFacts {
  const { identity, isolation, given, network } = plan;
  const { name } = chosen.compiled;
  return { name: name === "" ? identity.name : name, kind: identity.kind, package: identity.name, version: identity.version ?? null, identity: identity.integrity, isolation, writes: given.write, hosts: [...(network?.hosts ?? []), ...(network?.hostPatterns ?? [])] };
}

/** A policy that is shown less than there is would permit too much. */
function certain(found: readonly string[] | null, what: string): readonly string[] {
  if (found === null) throw new SallyportError("policy.denied", `a policy looks at the ${what} of the call, and one of them cannot be told`);
  return found;
}

type Around = Pick<PolicyRequest, "principal" | "server" | "reach" | "session" | "now">;

/** What is only needed where a policy looks at the call itself is made then. */
function requestOf(subject: Subject, around: Around, world: World): PolicyRequest {
  const { action, item, definition, annotations, arguments: given, permit } = subject;
  let [looked, placed]: [Considered | null, Seen | null] = [null, null];
  const found = (): Considered => (looked ??= consider(subject, world));
  const seen = (): Seen => (placed ??= seenOf(given ?? {}, permit?.slots ?? [], world));
  return {
    ...around,
    action,
    item,
    definition,
    annotations,
    arguments: given,
    get placed() {
      return seen().paths;
    },
    get paths() {
      return certain(seen().directories, "paths");
    },
    get hosts() {
      return certain(seen().hosts, "hosts");
    },
    get findings() {
      return found().rules;
    },
  };
}
