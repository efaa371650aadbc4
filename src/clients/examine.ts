/** One server, started once in a closed cell: what it is, what it offers, what it seems to need. */
import { existsSync } from "node:fs";
import { dirname, isAbsolute, relative, resolve } from "node:path";
import { SallyportError } from "../errors.ts";
import { listServer } from "../gate/listing.ts";
import { reachableOf } from "../gate/may-ask.ts";
import { prepare, type ServerOptions } from "../gate/prepare.ts";
import { propose, type Proposal } from "../gate/propose.ts";
import { KINDS, pin, type LockedServer } from "../manifest/lock.ts";
import type { ServerEntry } from "../manifest/schema.ts";
import type { Host } from "../model.ts";
import { isWithin } from "../paths.ts";
import { MAX_LINE } from "../protocol/frame.ts";
import { isVisible, type Plan } from "../sandbox/plan.ts";
import { expand } from "./expand.ts";
import { bendsGate, isOfTheGate } from "./gate-words.ts";
import { maskedWords, secretsIn, type Moved } from "./secrets.ts";
import { hostsNamed, type NamedHost } from "./hosts.ts";
import type { ClientServer } from "./servers.ts";
import { homeDirectory } from "./places.ts";

export interface Examined {
  readonly server: ClientServer;
  readonly plan: Plan;
  readonly entry: ServerEntry;
  readonly proposal: Proposal;
  /** Hosts that its own files name. */
  readonly hosts: readonly NamedHost[];
  /** Where a secret stands in the client's file as it is: variables by name, arguments by number. */
  readonly secrets: readonly string[];
  /** Those of them that go into a store. */
  readonly moved: readonly Moved[];
  /** Placeholders that could not be filled in. */
  readonly unknown: readonly string[];
  /** What a call could do to the world outside, for which the gate asks; empty: it never asks. */
  readonly reach: readonly string[];
  /** Variables that name a file or directory which is not shown to it. */
  readonly unseen: readonly (readonly [name: string, path: string])[];
}

/** What a person allows beyond what the command line itself names. */
export interface Allowed {
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly hosts: readonly string[];
  readonly addresses: readonly string[];
}

/** Throws what `run` throws, and `clients.entry`. @param others names of the tools that other servers have. */
export async function examine(server: ClientServer, allowed: Allowed, others: ReadonlySet<string>, host: Host): Promise<Examined> {
  const { file } = server;
  const unknown: string[] = [];
  const fill = (text: string): string => {
    const { text: filled, unknown: left } = expand(text, file, host);
    unknown.push(...left);
    return filled;
  };
  const bent = bendsGate(server);
  if (bent !== null && (bent !== "PATH" || file.project !== null)) throw new SallyportError("clients.entry", `${server.name}: ${bent} would change the gate itself${file.project === null ? "" : ", and this file is the project's"}`);
  if (server.beside !== null) throw new SallyportError("clients.entry", `${server.name}: ${server.beside} is the client's own doing, in which the gate would run; ${/file/i.test(server.beside) ? "write its variables into env" : "take it out"}`);
  const odd = Object.keys(server.env).find((name) => !/^[A-Za-z_]\w*$/.test(name));
  if (odd !== undefined) throw new SallyportError("clients.entry", `${server.name}: ${JSON.stringify(odd)} is no name of a variable`);
  const argv = server.argv.map(fill);
  const env = Object.fromEntries(Object.entries(server.env).map(([name, value]) => [name, fill(value)]));
  const names = [...new Set([...Object.keys(env), ...server.names])].filter((name) => !isOfTheGate(name));
  const project = file.place.perProject === true ? server.path[1] : file.project;
  const cwd = resolve(project ?? homeDirectory(host), server.cwd === null ? "." : fill(server.cwd));
  const options: ServerOptions = { command: argv, isolation: "auto", reason: null, read: [...allowed.read], write: [...allowed.write], env: names, hosts: [...allowed.hosts], addresses: [...allowed.addresses], update: false, values: env, consent: "reach", server: null, manifest: null };
  const place: Host = { ...host, cwd };
  const prepared = await prepare(options, place, () => {});
  const { plan } = prepared;
  const listing = await listServer({ ...options, durability: "process", maxLine: MAX_LINE }, place);
  const proposal = propose(options, plan, listing, others);
  const { command: _, args: __, ...entry } = proposal.entry;
  return {
    server,
    plan,
    entry: file.project === null ? entry : nearby(entry, file.project),
    proposal: { ...proposal, locked: { ...heldBack(proposal), argv: maskedWords(server.argv) } },
    hosts: hostsNamed(plan).filter(({ host: name }) => !allowed.hosts.includes(name)),
    secrets: secretsIn(server),
    moved: [],
    unknown: [...new Set(unknown)],
    reach: reachableOf(prepared),
    unseen: names.flatMap((name) => (isUnseen(env[name] ?? "", plan) ? [[name, env[name] as string] as const] : [])),
  };
}

function isUnseen(path: string, { mounts, isolation }: Plan): boolean {
  return isolation !== "none" && isAbsolute(path) && existsSync(dirname(path)) && dirname(path) !== "/" && !isVisible(path, mounts);
}

/** Everything that was seen is pinned; what a finding holds back stays so until somebody approves it. */
function heldBack({ items, locked }: Proposal): LockedServer {
  const pinned = Object.fromEntries(KINDS.map((kind) => [kind, Object.fromEntries(items.filter((item) => item.kind === kind).map(({ key, value, findings }) => [key, pin(value, [...new Set(findings.filter(({ severity }) => severity === "hold").map(({ rule }) => rule))])]))])) as unknown as LockedServer["items"];
  return { ...locked, items: pinned };
}

/** A project's manifest is shared: what lies in the project is named from there. */
function nearby(entry: ServerEntry, project: string): ServerEntry {
  const near = (path: string): string => (isAbsolute(path) && isWithin(path, project) ? relative(project, path) || "." : path);
  const { isolation } = entry;
  if (isolation === undefined) return entry;
  return { ...entry, isolation: { ...isolation, ...(isolation.read === undefined ? {} : { read: isolation.read.map(near) }), ...(isolation.write === undefined ? {} : { write: isolation.write.map(near) }) } };
}

/** The same with secrets that the gate fetches, and the client no longer has. */
export function withMoved(examined: Examined, moved: readonly Moved[]): Examined {
  if (moved.length === 0) return examined;
  const { pass = [], ...entry } = examined.entry;
  const left = pass.filter((name) => !moved.some(({ variable }) => variable === name));
  return { ...examined, moved, entry: { ...(left.length > 0 ? { pass: left } : {}), secrets: Object.fromEntries(moved.map(({ variable, reference }) => [variable, reference])), ...entry } };
}
