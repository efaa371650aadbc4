/** The policies of a session: read, valid, and read again when a file changes. Loaded only where there are any. */
import { hash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Layer, together, type Said } from "../policy/decide.ts";
import { loadLayer, stampOf, type PolicySource } from "../policy/load.ts";
import { askPoint } from "../policy/points.ts";
import type { PolicyRequest, Principal, ServerFacts } from "../policy/request.ts";
import type { PolicyRules } from "../manifest/people.ts";
import type { Host } from "../model.ts";
import { consider } from "./asking.ts";
import { worldOf } from "./judging.ts";
import { categoriesOf } from "./may-ask.ts";
import type { Policies, Subject } from "./permission.ts";
import { ownPolicies, type Prepared } from "./prepare.ts";

export function rulesOf({ chosen }: Prepared, host: Host): PolicyRules[] {
  const own = ownPolicies(host);
  return [...chosen.compiled.policies, ...(existsSync(own) ? [{ origin: own, files: [own], groups: {}, point: null }] : [])];
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
      const request = requestOf(subject, { principal: principal(), server, reach, session, now: host.now() / 1000 }, () => consider(subject, world));
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

type Around = Pick<PolicyRequest, "principal" | "server" | "reach" | "session" | "now">;

/** What is only needed where a policy looks at the call itself is made then. */
function requestOf({ action, item, definition, annotations, arguments: given }: Subject, around: Around, look: () => ReturnType<typeof consider>): PolicyRequest {
  let looked: ReturnType<typeof consider> | null = null;
  const found = (): ReturnType<typeof consider> => (looked ??= look());
  return {
    ...around,
    action,
    item,
    definition,
    annotations,
    arguments: given,
    get paths() {
      return found().call.places.directories;
    },
    get hosts() {
      return found().call.places.hosts;
    },
    get findings() {
      return found().rules;
    },
  };
}
