/** A manifest that extends another can only narrow it: each key of its own is held against the one below. */
import { isAmong } from "../address.ts";
import { isWithin } from "../paths.ts";
import { ASKING, type AskWhen } from "./asking.ts";
import type { Loaded, Path } from "./load.ts";
import { covers, matches } from "./pattern.ts";
import type { CapabilitiesEntry, ServerEntry } from "./schema.ts";

type Fail = Loaded["fail"];

/** Throws `manifest.widens`. */
export function refuseWidening(own: ServerEntry, below: ServerEntry, path: Path, fail: Fail): void {
  const widens = (key: Path, what: string): never => fail("manifest.widens", [...path, ...key], what);
  if (own.command !== undefined && below.command !== undefined && own.command !== below.command) widens(["command"], `another program than ${below.command}`);
  if (own.args !== undefined && below.args !== undefined && JSON.stringify(own.args) !== JSON.stringify(below.args)) widens(["args"], "other arguments than those of the manifest below");
  for (const [name, value] of Object.entries(own.env ?? {})) if (below.env !== undefined && (!Object.hasOwn(below.env, name) || below.env[name] !== value)) widens(["env", name], `${name} is not passed so by the manifest below`);
  for (const [name, value] of Object.entries(own.secrets ?? {})) if (below.secrets !== undefined && (!Object.hasOwn(below.secrets, name) || below.secrets[name] !== value)) widens(["secrets", name], `${name} is not that secret of the manifest below`);
  for (const [index, name] of (own.pass ?? []).entries()) if (below.pass !== undefined && !below.pass.includes(name)) widens(["pass", index], `${name} is not passed on by the manifest below`);
  const [backend, bound] = [own.isolation?.backend, below.isolation?.backend ?? "auto"];
  if (backend === "none" && below.isolation !== undefined && bound !== "none") widens(["isolation", "backend"], "the manifest below asks for a cell");
  if (backend !== undefined && backend !== bound && bound !== "auto" && bound !== "none") widens(["isolation", "backend"], `the manifest below asks for ${bound}`);
  refuseDirectories(own, below, widens);
  if (own.network !== undefined && below.network !== undefined) refuseNetwork(own.network, below.network, (key, what) => widens(["network", ...key], what));
  for (const key of Object.keys(own.limits ?? {}) as (keyof NonNullable<ServerEntry["limits"]>)[]) if ((own.limits?.[key] ?? 0) > (below.limits?.[key] ?? Infinity)) widens(["limits", key], `more than the ${below.limits?.[key]} of the manifest below`);
  for (const [index, one] of (own.silence ?? []).entries()) if (!(below.silence ?? []).some((other) => other.rule === one.rule && (other.item ?? one.item) === one.item && other.until >= one.until)) widens(["silence", index], `${one.rule} is not silenced by the manifest below`);
  refuseLessAsking(own, below, widens);
  if (own.capabilities !== undefined && below.capabilities !== undefined) refuseCapabilities(own.capabilities, below.capabilities, (key, what) => widens(["capabilities", ...key], what));
}

function rank(word: string | undefined): number {
  return ASKING.indexOf((word ?? "never") as AskWhen);
}

/** Fewer questions are more than what the manifest below allows. */
function refuseLessAsking(own: ServerEntry, below: ServerEntry, widens: (key: Path, what: string) => never): void {
  const bound = below.consent?.ask;
  if (own.consent?.ask !== undefined && bound !== undefined && rank(own.consent.ask) < rank(bound)) widens(["consent", "ask"], `the manifest below asks ${bound}`);
  if (own.consent?.approver !== undefined && below.consent?.approver !== undefined && own.consent.approver !== below.consent.approver) widens(["consent", "approver"], `the manifest below names ${below.consent.approver}`);
  if (own.consent?.start === "never" && below.consent?.start === "first") widens(["consent", "start"], "the manifest below asks before the first start");
  for (const [name, tool] of Object.entries(own.capabilities?.tools ?? {})) {
    const said = below.capabilities?.tools !== undefined && Object.hasOwn(below.capabilities.tools, name) ? below.capabilities.tools[name]?.consent : undefined;
    if (tool.consent !== undefined && rank(tool.consent) < rank(said ?? bound)) widens(["capabilities", "tools", name, "consent"], `the manifest below asks ${said ?? bound}`);
  }
  for (const [pattern, tool] of Object.entries(own.capabilities?.toolPatterns ?? {})) if (tool.consent !== undefined && rank(tool.consent) < rank(bound)) widens(["capabilities", "toolPatterns", pattern, "consent"], `the manifest below asks ${bound}`);
  const [people, theirs] = [own.consent?.approvers, below.consent?.approvers];
  if (people !== undefined && theirs !== undefined && (people.length === 0 || people.some((name) => !theirs.includes(name)))) widens(["consent", "approvers"], "others than the approvers below");
}

type NetworkEntry = NonNullable<ServerEntry["network"]>;

function refuseNetwork(own: NetworkEntry, below: NetworkEntry, widens: (key: Path, what: string) => never): void {
  const { hosts = [], hostPatterns = [], addresses = [], limits } = below;
  for (const [index, host] of (own.hosts ?? []).entries()) if (!hosts.includes(host) && !hostPatterns.some((one) => covers(one, host))) widens(["hosts", index], `${host} is not among the hosts below`);
  for (const [index, pattern] of (own.hostPatterns ?? []).entries()) if (!hostPatterns.some((one) => covers(one, pattern))) widens(["hostPatterns", index], `no pattern of the manifest below covers ${pattern}`);
  for (const [index, range] of (own.addresses ?? []).entries()) if (!addresses.includes(range) && (range.includes("/") || !isAmong(range, addresses))) widens(["addresses", index], `${range} is not among the addresses below`);
  for (const [key, value] of Object.entries(own.limits ?? {})) {
    const bound = limits?.[key as keyof typeof limits];
    if (bound !== undefined && value > bound) widens(["limits", key], `more than the ${bound} of the manifest below`);
  }
}

function refuseDirectories(own: ServerEntry, below: ServerEntry, widens: (key: Path, what: string) => never): void {
  if (below.isolation === undefined) return;
  const { read = [], write = [] } = below.isolation;
  for (const [index, at] of (own.isolation?.read ?? []).entries()) if (![...read, ...write].some((root) => isWithin(at, root))) widens(["isolation", "read", index], `${at} lies in no directory of the manifest below`);
  for (const [index, at] of (own.isolation?.write ?? []).entries()) if (!write.some((root) => isWithin(at, root))) widens(["isolation", "write", index], `${at} lies in no writable directory of the manifest below`);
  for (const [key, value] of Object.entries(own.isolation?.limits ?? {})) {
    const bound = (below.isolation.limits as Record<string, number | undefined> | undefined)?.[key];
    if (bound !== undefined && value > bound) widens(["isolation", "limits", key], `more than the ${bound} of the manifest below`);
  }
}

const SAMPLING = ["refused", "text", "tools"];

function refuseCapabilities(own: CapabilitiesEntry, below: CapabilitiesEntry, widens: (key: Path, what: string) => never): void {
  for (const key of ["completions", "logging", "roots", "tasks"] as const) if (own[key] === true && below[key] === false) widens([key], "the manifest below refuses it");
  if (own.sampling !== undefined && below.sampling !== undefined && SAMPLING.indexOf(own.sampling) > SAMPLING.indexOf(below.sampling)) widens(["sampling"], `more than ${below.sampling} of the manifest below`);
  for (const key of ["form", "url"] as const) if (own.elicitation?.[key] === true && below.elicitation !== undefined && below.elicitation[key] !== true) widens(["elicitation", key], "the manifest below refuses it");
  if (below.tools !== undefined || below.toolPatterns !== undefined) {
    for (const [name, tool] of Object.entries(own.tools ?? {})) if (tool.allow !== false && !allowsTool(below, name)) widens(["tools", name], "the manifest below does not allow it");
    for (const [pattern, tool] of Object.entries(own.toolPatterns ?? {})) if (tool.allow !== false && !Object.entries(below.toolPatterns ?? {}).some(([other, rule]) => rule.allow !== false && covers(other, pattern))) widens(["toolPatterns", pattern], "no pattern of the manifest below covers it");
  }
  refuseNames("resources", own.resources?.uris, own.resources?.patterns, below.resources && [below.resources.uris, below.resources.patterns], "/", widens);
  refuseNames("prompts", own.prompts?.names, own.prompts?.patterns, below.prompts && [below.prompts.names, below.prompts.patterns], "", widens);
  for (const side of ["client", "server"] as const) for (const [index, method] of (own.methods?.[side] ?? []).entries()) if (below.methods !== undefined && !(below.methods[side] ?? []).includes(method)) widens(["methods", side, index], "the manifest below does not list it");
}

function allowsTool(below: CapabilitiesEntry, name: string): boolean {
  if (below.tools !== undefined && Object.hasOwn(below.tools, name)) return below.tools[name]?.allow !== false;
  const pattern = Object.keys(below.toolPatterns ?? {}).find((one) => matches(one, name));
  return pattern !== undefined && below.toolPatterns?.[pattern]?.allow !== false;
}

function refuseNames(key: string, exact: readonly string[] = [], patterns: readonly string[] = [], below: readonly (readonly string[] | undefined)[] | undefined, separator: string, widens: (key: Path, what: string) => never): void {
  if (below === undefined) return;
  const [names = [], globs = []] = below;
  for (const [index, name] of exact.entries()) if (!names.includes(name) && !globs.some((one) => matches(one, name, separator))) widens([key, key === "resources" ? "uris" : "names", index], "the manifest below does not allow it");
  for (const [index, pattern] of patterns.entries()) if (!globs.some((one) => covers(one, pattern, separator))) widens([key, "patterns", index], "no pattern of the manifest below covers it");
}
