/** Everything about a server that can be decided before it exists: its manifest, its command, its cell. `explain` prints it. */
import { hash } from "node:crypto";
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { isSetting } from "../consent/reach.ts";
import { LOCK, makeLock } from "../manifest/lock.ts";
import { isWithin } from "../paths.ts";
import { SallyportError } from "../errors.ts";
import { GATE_ADDRESS, PROXY_PORT } from "../egress/place.ts";
import type { Compiled } from "../manifest/compile.ts";
import type { AskWhen } from "../manifest/asking.ts";
import { chooseServer, defaultProfile, findManifest, type Chosen } from "../manifest/read.ts";
import { OPEN_LAYER } from "../manifest/permit.ts";
import { RULES } from "../guards/text/rules.ts";
import type { Host } from "../model.ts";
import { nearest } from "../nearest.ts";
import { resolveLaunch } from "../sandbox/packages/resolve.ts";
import { backendOf, chooseBackend, type Wanted } from "../sandbox/backend.ts";
import { makePlan, type Plan, type Reachable } from "../sandbox/plan.ts";
import { chooseUser, survey } from "../sandbox/survey.ts";
import { makeWish, namedDirectories, refuseRootOwned, type WishOptions } from "../sandbox/wish.ts";
import { Pins, type PinPlace } from "./pins.ts";

/** What the command line asks for; with a manifest's server, the manifest says the rest. */
export interface ServerOptions {
  readonly command: readonly string[];
  readonly isolation: Wanted;
  /** Why isolation is switched off. */
  readonly reason: string | null;
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly env: readonly string[];
  /** `NAME:PORT`. */
  readonly hosts: readonly string[];
  /** Ranges that those may resolve to although they are not public. */
  readonly addresses: readonly string[];
  readonly update: boolean;
  /** Values of variables that `env` names, where they are not the caller's own: for the server, and for nothing that starts it. */
  readonly values?: Readonly<Record<string, string>>;
  /** When a call needs a person. */
  readonly consent: AskWhen;
  /** Everything may be listed, whatever the manifest allows. */
  readonly listing?: boolean;
  /** Null: the default profile. */
  readonly server: string | null;
  readonly manifest: string | null;
}

export interface Prepared {
  readonly chosen: Chosen;
  readonly plan: Plan;
  readonly reason: string | null;
  /** Variables whose values are the caller's own, and those of them that are more than settings. */
  readonly passed: readonly string[];
  readonly worthy: readonly string[];
  /** Everything that the command line lends: a question is about it as well. */
  readonly lent: readonly string[];
}

/**
 * @param starts whether a server will be started by it: then a lock that the server could make is there before it.
 * Throws `manifest.*`, `launch.*`, `cell.*`, `pin.write`.
 */
export async function prepare(options: ServerOptions, host: Host, tell: (line: string) => void, starts = false): Promise<Prepared> {
  const found = options.server === null ? await defaultProfile(options, host) : await chooseServer(findManifest(options.manifest ?? undefined, host), options.server, host);
  const chosen = options.listing === true ? { ...found, compiled: { ...found.compiled, layers: [OPEN_LAYER] } } : found;
  refuseNoRule(chosen, host, tell);
  const values = { ...options.values, ...(await keptElsewhere(chosen.compiled.secrets, starts, host)) };
  const { command, isolation: wanted, ...wished } = options.server === null ? { ...options, named: true, limits: {}, network: reachable(chosen.compiled) } : fromManifest(chosen.compiled, options);
  const resolved = await resolveLaunch(command, {
    host: { ...host, env: { ...host.env, ...settingsOnly(values) } },
    update: options.update,
    named: options.server !== null && chosen.compiled.command !== null,
    say: tell,
    fetch: async (fetching) => (await import("./fetch.ts")).fetchInCell(fetching, host, tell),
  });
  const isolation = await chooseBackend(wanted, resolved, host, tell);
  const launch = isolation === "none" ? resolved : await backendOf(isolation).ready(resolved, host, tell);
  const guarded = rulesBelow(wished.write, chosen, starts, host);
  const wish = makeWish({ ...wished, read: [...wished.read, ...guarded], isolation, loaders: options.server !== null }, launch, { ...host, env: { ...host.env, ...values } });
  // A client's file may have been edited since the manifest was written.
  if (starts && options.server !== null && isolation !== "none") for (const named of namedDirectories(options.command, host)) if (![...wish.read, ...wish.write].some((shown) => isWithin(named, shown))) tell(`${named} is named in the arguments and not shown to the server; to show it, add it under isolation.read of ${options.server} in ${chosen.file}`);
  const user = isolation === "none" ? { uid: host.uid, gid: host.gid } : chooseUser(host, wish.write);
  if (isolation !== "none") refuseRootOwned(wish.write, user);
  const reason = options.server === null ? options.reason : chosen.compiled.isolation.reason;
  const lent = options.server === null ? [...options.env, ...options.write, ...options.hosts, ...options.addresses] : [];
  const own = options.server === null ? options.env.filter((one) => !one.includes("=")) : chosen.compiled.pass;
  const given: Readonly<Record<string, string | undefined>> = { ...host.env, ...values };
  for (const name of starts ? own : []) if (given[name] === undefined) tell(`${name} is to be passed on, and is not set here: the server starts without it`);
  const secrets = Object.keys(chosen.compiled.secrets);
  // What is not set here may be set where the server is started from.
  const worthy = own.filter((name) => (given[name] === undefined ? !starts : !isSetting(name, given[name])));
  return { chosen, plan: makePlan(launch, wish, survey(host, user)), reason, lent, passed: [...own, ...secrets], worthy: [...worthy, ...secrets] };
}

/** A rule that does not exist silences nothing, and a day that is over no longer: neither is what was meant. */
function refuseNoRule({ compiled, file }: Chosen, host: Host, tell: (line: string) => void): void {
  const today = new Date(host.now() / 1000).toISOString().slice(0, 10);
  for (const { rule, until } of compiled.silence) {
    const near = nearest(rule, Object.keys(RULES));
    if (!Object.hasOwn(RULES, rule)) throw new SallyportError("manifest.value", `${file}: there is no rule ${rule} to silence${near === null ? "" : `; did you mean ${near}?`}`);
    if (until < today) tell(`${rule} is silenced in ${file} until ${until}, which is over`);
  }
}

/** What a bundle's command line is filled with. */
function settingsOnly(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => name.startsWith("USER_CONFIG_")));
}

/** Values out of a store; who only looks does not get to see them. Throws `secret.*`. */
async function keptElsewhere(secrets: Compiled["secrets"], starts: boolean, host: Host): Promise<Record<string, string>> {
  const names = Object.keys(secrets);
  if (names.length === 0) return {};
  const { readSecret } = await import("../secrets/store.ts");
  const values = await Promise.all(names.map(async (name) => [name, starts ? await readSecret(secrets[name] as string, host) : `(${secrets[name]})`] as const));
  return Object.fromEntries(values);
}

/**
 * A server that may write where its own rules stand must not write them. Shown read-only is what lies directly in the directory
 * for writing: deeper, it could be moved away with the folder that holds it.
 */
function rulesBelow(writable: readonly string[], { file, files, compiled }: Chosen, starts: boolean, host: Host): string[] {
  const lock = file === null ? [] : [join(dirname(file), LOCK)];
  const rules = [...files, ...lock, ...compiled.policies.flatMap(({ files: its, point }) => [...its, point?.token]), compiled.ci?.signers, compiled.consent.webhook?.secret].filter((path) => typeof path === "string").map(realOf);
  const roots = writable.map((directory) => resolve(host.cwd, directory)).filter((directory) => existsSync(directory)).map(realOf);
  const found = roots.flatMap((root) => {
    const below = rules.filter((rule) => isWithin(rule, root) && rule !== root);
    // What is not there yet could be made by the server.
    if (starts) for (const rule of below) if (basename(rule) === LOCK && !existsSync(rule)) makeLock(rule);
    return below.map((rule) => join(root, relative(root, rule).split("/")[0] as string)).filter((top) => existsSync(top));
  });
  return [...new Set(found)];
}

/** Also of what is not there yet. */
function realOf(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  return existsSync(dirname(path)) ? join(realpathSync(dirname(path)), basename(path)) : path;
}

function fromManifest(compiled: Compiled, options: ServerOptions): Omit<WishOptions, "isolation" | "loaders"> & { command: readonly string[]; isolation: Wanted } {
  const { name, command, env, pass, secrets, isolation } = compiled;
  const given = options.command.length > 0 ? options.command : null;
  if (given !== null && command !== null && JSON.stringify(given) !== JSON.stringify(command)) throw new SallyportError("usage.option", `the manifest starts ${name} with ${command.join(" ")}; leave the command out`);
  const chosen = command ?? given;
  if (chosen === null) throw new SallyportError("usage.no-command", `the manifest names no command for ${name}`);
  return { command: chosen, isolation: isolation.backend, read: isolation.read, write: isolation.write, env: [...Object.entries(env).map(([key, value]) => `${key}=${value}`), ...pass, ...Object.keys(secrets)], named: false, limits: isolation.limits, network: reachable(compiled) };
}

function reachable({ network }: Compiled): Reachable | null {
  return network === null ? null : { ...network, resolver: GATE_ADDRESS, proxy: `${GATE_ADDRESS}:${PROXY_PORT}` };
}

/** Folder with the policies of this user, for every server; null where there are none. */
export function ownPolicies(host: Host): string | null {
  const folder = join(host.dirs.config, "policies");
  return existsSync(folder) && readdirSync(folder).some((name) => name.endsWith(".cedar")) ? folder : null;
}

/** Where this server's pins stand: beside its manifest, or in a file of its own for the exact launch. */
export function pinPlace({ chosen, plan }: Prepared, host: Host): PinPlace {
  if (chosen.file !== null) return { file: join(dirname(chosen.file), LOCK), name: chosen.compiled.name };
  const { kind, name } = plan.identity;
  const key = hash("sha256", JSON.stringify([kind, name, plan.command.slice(1).filter((word) => !isOwnFile(word, host))]), "hex").slice(0, 32);
  return { file: join(host.dirs.config, "locks", `${key}.lock`), name };
}

/** A package's own files lie in the cache under names that change with each fetch. */
function isOwnFile(word: string, host: Host): boolean {
  return word.startsWith(`${host.dirs.cache}/`);
}

/** Throws `pin.lock`, `pin.identity`. */
export function openPins(prepared: Prepared, place: PinPlace, update: boolean): Pins {
  const { identity } = prepared.plan;
  const pins = new Pins({ place, identity, argv: prepared.plan.command });
  const known = pins.known?.identity;
  if (known === undefined || known.integrity === identity.integrity) return pins;
  // Files of one's own change with every edit: without a manifest that is recorded, and what they offer is compared all the same.
  if (prepared.chosen.file === null && identity.kind !== "npm") return pins;
  if (!update) throw new SallyportError("pin.identity", `${known.name} ${known.version ?? ""} ${known.integrity}; it is now ${identity.name} ${identity.version ?? ""} ${identity.integrity}`);
  pins.renew();
  return pins;
}
