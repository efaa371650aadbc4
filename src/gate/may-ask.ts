/** Whether a session may ever have to ask: most never do, and load nothing of it. */
import { reachOf } from "../consent/reach.ts";
import type { Host } from "../model.ts";
import { ownPolicies, type Prepared } from "./prepare.ts";

/** Whether anybody may ever have to be asked. */
export function mayAsk(prepared: Prepared): boolean {
  const { compiled } = prepared.chosen;
  const { ask } = compiled.consent;
  if (ask === "first" || ask === "always") return true;
  const tools = compiled.layers.flatMap((layer) => (layer.tools === null ? [] : [...Object.values(layer.tools.exact), ...layer.tools.patterns.map(([, rule]) => rule)]));
  if (tools.some(({ consent }) => consent === "first" || consent === "always")) return true;
  return ask === "reach" && reachableOf(prepared).length > 0;
}

export function reachableOf({ plan, chosen, worthy }: Prepared): string[] {
  const { compiled } = chosen;
  return reachOf({
    isolation: plan.isolation,
    writes: plan.given.write,
    hosts: [...(compiled.network?.hosts ?? []), ...(compiled.network?.hostPatterns ?? [])],
    variables: worthy,
    sampling: compiled.layers.some(({ flags }) => flags.sampling === true),
  });
}

/** The same in single words, as policies speak of it. */
export function categoriesOf({ plan, chosen, passed }: Prepared): string[] {
  const { compiled } = chosen;
  if (plan.isolation === "none") return ["everything"];
  const found: readonly (readonly [string, boolean])[] = [["write", plan.given.write.length > 0], ["network", compiled.network !== null], ["variables", passed.length > 0], ["model", compiled.layers.some(({ flags }) => flags.sampling === true)]];
  return found.filter(([, has]) => has).map(([name]) => name);
}

/** Whether policies or people may have a say at all: most sessions load nothing of either. */
export function needsAuthority(prepared: Prepared, ci: boolean, host: Host): boolean {
  const { policies, consent } = prepared.chosen.compiled;
  return ci || consent.start || policies.length > 0 || ownPolicies(host) !== null || mayAsk(prepared);
}
