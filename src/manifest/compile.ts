/**
 * Manifests -> one frozen value for each server, with a digest that every record cites. A manifest that extends another
 * adds a layer, and so does the machine's baseline: what any layer refuses is refused, so that nothing can widen another.
 */
import { dirname, resolve } from "node:path";
import { SallyportError } from "../errors.ts";
import { canonicalHost } from "../host.ts";
import type { Network, Slot, Slots } from "../model.ts";
import type { Loaded, Path } from "./load.ts";
import { ciOf, consentOf, policiesOf, type CiRules, type ConsentRules, type PolicyRules } from "./people.ts";
import { refuseWidening } from "./narrow.ts";
import type { CapabilitiesEntry, ServerEntry, ToolEntry } from "./schema.ts";
import { checkServer } from "./sense.ts";

/** Names and patterns with what holds for them; exact names win. */
export interface Rules<T> {
  readonly exact: Readonly<Record<string, T>>;
  readonly patterns: readonly (readonly [pattern: string, rule: T])[];
}

export interface ToolRule {
  readonly allow: boolean;
  readonly arguments: Slots;
  readonly rate: { readonly calls: number; readonly seconds: number } | null;
  readonly consent: "never" | "first" | "always" | null;
  readonly result: { readonly bytes: number | null; readonly depth: number | null };
}

export const FLAGS = ["completions", "logging", "roots", "tasks", "subscribe", "elicitationForm", "elicitationUrl", "sampling", "samplingTools"] as const;
export type Flag = (typeof FLAGS)[number];

/** One manifest's say; null: it says nothing, and the others decide. */
export interface Layer {
  readonly origin: string;
  readonly tools: Rules<ToolRule> | null;
  readonly resources: Rules<true> | null;
  readonly prompts: Rules<true> | null;
  readonly flags: Readonly<Partial<Record<Flag, boolean>>>;
  readonly methods: { readonly client: readonly string[]; readonly server: readonly string[] } | null;
}

export interface TrafficLimits {
  readonly inFlight: number;
  readonly callsPerMinute: number | null;
  readonly resultBytes: number;
  readonly resultDepth: number;
  readonly serverRequests: number;
  readonly serverNotifications: number;
}

export interface Silence {
  readonly rule: string;
  readonly item: string | null;
  readonly reason: string;
  readonly until: string;
}

export interface Compiled {
  readonly name: string;
  readonly command: readonly string[] | null;
  readonly env: Readonly<Record<string, string>>;
  readonly pass: readonly string[];
  /** Variable -> where its value is kept. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly isolation: {
    readonly backend: NonNullable<NonNullable<ServerEntry["isolation"]>["backend"]>;
    readonly reason: string | null;
    readonly read: readonly string[];
    readonly write: readonly string[];
    readonly limits: Readonly<Partial<Record<"processes" | "openFiles" | "fileBytes" | "memoryBytes" | "cpuSeconds", number>>>;
  };
  readonly network: Network | null;
  readonly layers: readonly Layer[];
  readonly limits: TrafficLimits;
  readonly silence: readonly Silence[];
  readonly consent: ConsentRules;
  readonly policies: readonly PolicyRules[];
  /** The machine's own where it has some; null: there are none. */
  readonly ci: CiRules | null;
}

export const NETWORK_LIMITS = { connections: 256, bytes: 10 * 1024 ** 3, idleSeconds: 900 } as const;
export const DEFAULT_LIMITS: TrafficLimits = { inFlight: 4096, callsPerMinute: null, resultBytes: 16 * 1024 * 1024, resultDepth: 100, serverRequests: 60, serverNotifications: 200 };

/**
 * @param chain the manifest first, then what it extends, in order; @param baseline of the machine, where there is one.
 * Throws `manifest.*`.
 */
export function compileServer(name: string, chain: readonly Loaded[], baseline: Loaded | null, home: string): Compiled {
  const found = chain.filter(({ value }) => value.servers !== undefined && Object.hasOwn(value.servers, name));
  const known = [...new Set(chain.flatMap(({ value }) => Object.keys(value.servers ?? {})))];
  if (found.length === 0) throw new SallyportError("manifest.server", `${name}; there are ${known.join(", ") || "none"}`);
  const path: Path = ["servers", name];
  const entries = found.map((loaded, index) => {
    const entry = rooted((loaded.value.servers as Record<string, ServerEntry>)[name] as ServerEntry, dirname(loaded.file), home);
    checkServer(entry, path, loaded.fail);
    return { entry, fail: loaded.fail, layer: layerOf(loaded.file, entry.capabilities, index === found.length - 1) };
  });
  for (const [index, { entry, fail }] of entries.entries()) for (const below of entries.slice(index + 1)) refuseWidening(entry, settled(below.entry), path, fail);
  return compileEntries(name, entries, baseline, home, chain.flatMap((loaded) => policiesOf(loaded, home)), ciOf(chain, home));
}

/** What a manifest leaves out has a meaning, which another that extends it cannot widen either. */
function settled(entry: ServerEntry): ServerEntry {
  return { ...(entry.command === undefined ? {} : { args: [], env: {}, pass: [], secrets: {} }), isolation: {}, network: {}, ...entry };
}

/** The layers that are known, below the machine's bounds. Throws `manifest.baseline` where those do not allow what is asked. */
export function compileEntries(name: string, entries: readonly { readonly entry: ServerEntry; readonly layer: Layer }[], baseline: Loaded | null, home: string, policies: readonly PolicyRules[] = [], ci: CiRules | null = null): Compiled {
  const rules = [...policies, ...(baseline === null ? [] : policiesOf(baseline, home))];
  const jobs = (baseline === null ? null : ciOf([baseline], home)) ?? ci;
  const own = entries.map(({ entry }) => entry);
  const layers = entries.map(({ layer }) => layer);
  if (baseline?.value.baseline === undefined) return assemble(name, own, layers, own, rules, jobs);
  const bounds = rooted(baseline.value.baseline, dirname(baseline.file), home);
  checkServer(bounds, ["baseline"], baseline.fail);
  refuseBeyond(own, bounds);
  return assemble(name, own, [...layers, layerOf(baseline.file, bounds.capabilities, false)], [...own, bounds], rules, jobs);
}

function assemble(name: string, own: readonly ServerEntry[], layers: readonly Layer[], limiting: readonly ServerEntry[], policies: readonly PolicyRules[], ci: CiRules | null): Compiled {
  const silence = own[0]?.silence?.map((one) => ({ rule: one.rule, item: one.item ?? null, reason: one.reason, until: one.until })) ?? [];
  return frozen({ name, ...processOf(own, limiting), layers, limits: limitsOf(limiting), silence, consent: consentOf(own, limiting), policies, ci });
}

/** The first that says it, from the manifest to the last that it extends. */
export function first<T>(own: readonly ServerEntry[], pick: (entry: ServerEntry) => T | undefined): T | undefined {
  return own.map(pick).find((value) => value !== undefined);
}

function processOf(own: readonly ServerEntry[], limiting: readonly ServerEntry[]): Pick<Compiled, "command" | "env" | "pass" | "secrets" | "isolation" | "network"> {
  const command = first(own, (entry) => entry.command);
  return {
    command: command === undefined ? null : [command, ...(first(own, (entry) => entry.args) ?? [])],
    env: first(own, (entry) => entry.env) ?? {},
    pass: first(own, (entry) => entry.pass) ?? [],
    secrets: first(own, (entry) => entry.secrets) ?? {},
    isolation: {
      backend: first(own, (entry) => entry.isolation?.backend) ?? "auto",
      reason: first(own, (entry) => entry.isolation?.reason) ?? null,
      read: first(own, (entry) => entry.isolation?.read) ?? [],
      write: first(own, (entry) => entry.isolation?.write) ?? [],
      limits: first(own, (entry) => entry.isolation?.limits) ?? {},
    },
    network: networkOf(own, limiting),
  };
}

/** Null where nothing may be reached. */
function networkOf(own: readonly ServerEntry[], limiting: readonly ServerEntry[]): Network | null {
  const [hosts = [], hostPatterns = [], addresses = []] = [first(own, (entry) => entry.network?.hosts), first(own, (entry) => entry.network?.hostPatterns), first(own, (entry) => entry.network?.addresses)];
  const limit = (key: keyof typeof NETWORK_LIMITS): number => least(limiting.map((entry) => entry.network?.limits?.[key]), NETWORK_LIMITS[key]);
  if (hosts.length + hostPatterns.length === 0) return null;
  return { hosts: hosts.map(canonicalHost), hostPatterns: hostPatterns.map((pattern) => `*.${canonicalHost(pattern.slice(2))}`), addresses, limits: { connections: limit("connections"), bytes: limit("bytes"), idleSeconds: limit("idleSeconds") } };
}

/** A baseline bounds programs, variables, directories and hosts as well. */
function refuseBeyond(own: readonly ServerEntry[], bounds: ServerEntry): void {
  const { command, env, pass, secrets, isolation, network } = processOf(own, own);
  const asked: ServerEntry = {
    env,
    pass: [...pass],
    secrets,
    isolation: { backend: isolation.backend, read: [...isolation.read], write: [...isolation.write], limits: isolation.limits },
    network: network === null ? {} : { hosts: [...network.hosts], hostPatterns: [...network.hostPatterns], addresses: [...network.addresses], limits: first(own, (entry) => entry.network?.limits) ?? {} },
    ...(command === null ? {} : { command: command[0] as string }),
  };
  refuseWidening(asked, { ...bounds, capabilities: {}, limits: {} }, [], (_code, path, what) => {
    throw new SallyportError("manifest.baseline", `${path.join(".")}: ${what.replace("of the manifest below", "of the baseline").replace("the manifest below", "the baseline")}`);
  });
}

/** The least that anybody has said. */
export function least<T>(said: readonly (number | undefined)[], missing: T): number | T {
  const stated = said.filter((value) => value !== undefined);
  return stated.length === 0 ? missing : Math.min(...stated);
}

function limitsOf(entries: readonly ServerEntry[]): TrafficLimits {
  const of = <T>(key: keyof TrafficLimits, missing: T): number | T => least(entries.map((entry) => entry.limits?.[key]), missing);
  const limit = (key: Exclude<keyof TrafficLimits, "callsPerMinute">): number => of(key, DEFAULT_LIMITS[key]);
  return { inFlight: limit("inFlight"), callsPerMinute: of("callsPerMinute", null), resultBytes: limit("resultBytes"), resultDepth: limit("resultDepth"), serverRequests: limit("serverRequests"), serverNotifications: limit("serverNotifications") };
}

/** @param last nothing below decides any more: what is missing is refused. */
function layerOf(origin: string, entry: CapabilitiesEntry | undefined, last: boolean): Layer {
  const none = last ? { exact: {}, patterns: [] } : null;
  const flag = (value: boolean | undefined): boolean | undefined => value ?? (last ? false : undefined);
  const said: [Flag, boolean | undefined][] = [
    ["completions", entry?.completions],
    ["logging", entry?.logging],
    ["roots", entry?.roots],
    ["tasks", entry?.tasks],
    ["subscribe", entry?.resources?.subscribe],
    ["elicitationForm", entry?.elicitation === undefined ? undefined : (entry.elicitation.form ?? false)],
    ["elicitationUrl", entry?.elicitation === undefined ? undefined : (entry.elicitation.url ?? false)],
    ["sampling", entry?.sampling === undefined ? undefined : entry.sampling !== "refused"],
    ["samplingTools", entry?.sampling === undefined ? undefined : entry.sampling === "tools"],
  ];
  return {
    origin,
    tools: entry?.tools === undefined && entry?.toolPatterns === undefined ? none : { exact: mapValues(entry.tools ?? {}, toolRule), patterns: Object.entries(entry.toolPatterns ?? {}).map(([pattern, tool]) => [pattern, toolRule(tool)] as const) },
    resources: entry?.resources === undefined ? none : names(entry.resources.uris, entry.resources.patterns),
    prompts: entry?.prompts === undefined ? none : names(entry.prompts.names, entry.prompts.patterns),
    flags: Object.fromEntries(said.map(([name, value]) => [name, flag(value)] as const).filter(([, value]) => value !== undefined)),
    methods: entry?.methods === undefined ? (last ? { client: [], server: [] } : null) : { client: entry.methods.client ?? [], server: entry.methods.server ?? [] },
  };
}

const SECONDS = { second: 1, minute: 60, hour: 3600 } as const;

function toolRule(entry: ToolEntry): ToolRule {
  return {
    allow: entry.allow ?? true,
    arguments: (entry.arguments ?? {}),
    rate: entry.rate === undefined ? null : { calls: entry.rate.calls, seconds: SECONDS[entry.rate.per] },
    consent: entry.consent ?? null,
    result: { bytes: entry.result?.bytes ?? null, depth: entry.result?.depth ?? null },
  };
}

function names(exact: readonly string[] = [], patterns: readonly string[] = []): Rules<true> {
  return { exact: Object.fromEntries(exact.map((name) => [name, true] as const)), patterns: patterns.map((pattern) => [pattern, true] as const) };
}

function mapValues<A, B>(values: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)] as const));
}

/** Paths of a manifest are taken from its own folder, and `~/` from the home. */
function rooted(entry: ServerEntry, folder: string, home: string): ServerEntry {
  const at = (path: string): string => (path === "~" || path.startsWith("~/") ? resolve(home, path.slice(2)) : resolve(folder, path));
  const slot = (one: Slot): Slot => (one.roots === undefined ? one : { ...one, roots: one.roots.map(at) });
  const tool = (one: ToolEntry): ToolEntry => (one.arguments === undefined ? one : { ...one, arguments: mapValues(one.arguments as Slots, slot) as NonNullable<ToolEntry["arguments"]> });
  const { isolation, capabilities } = entry;
  return {
    ...entry,
    ...(isolation === undefined ? {} : { isolation: { ...isolation, ...(isolation.read === undefined ? {} : { read: isolation.read.map(at) }), ...(isolation.write === undefined ? {} : { write: isolation.write.map(at) }) } }),
    ...(entry.consent?.webhook === undefined ? {} : { consent: { ...entry.consent, webhook: { ...entry.consent.webhook, secret: at(entry.consent.webhook.secret) } } }),
    ...(capabilities === undefined ? {} : { capabilities: { ...capabilities, ...(capabilities.tools === undefined ? {} : { tools: mapValues(capabilities.tools, tool) }), ...(capabilities.toolPatterns === undefined ? {} : { toolPatterns: mapValues(capabilities.toolPatterns, tool) }) } }),
  };
}

function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}
