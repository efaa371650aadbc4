/** From what a server offers to a manifest entry: only that, each argument typed, nothing else open; with the reason for each guess. */
import { guessSlots, type Guess } from "../guards/arguments/guess.ts";
import { inspectItem } from "../guards/text/inspect.ts";
import { KINDS, pin, type Kind, type LockedServer } from "../manifest/lock.ts";
import type { Reasons } from "../manifest/edit.ts";
import type { ServerEntry, ToolEntry } from "../manifest/schema.ts";
import type { Finding } from "../model.ts";
import type { Plan } from "../sandbox/plan.ts";
import type { Listing } from "./listing.ts";
import type { ServerOptions } from "./prepare.ts";

export interface ProposedItem {
  readonly kind: Kind;
  readonly key: string;
  readonly value: unknown;
  readonly guesses: readonly Guess[];
  readonly findings: readonly Finding[];
}

export interface Proposal {
  readonly entry: ServerEntry;
  readonly reasons: Reasons;
  readonly items: readonly ProposedItem[];
  /** Everything approved. */
  readonly locked: LockedServer;
}

export function propose(options: ServerOptions, plan: Plan, listing: Listing, others: ReadonlySet<string>): Proposal {
  const about = `${plan.identity.name} ${plan.command.join(" ")}`;
  const items = KINDS.flatMap((kind) => Object.entries(listing.server.items[kind]).map(([key, { value }]): ProposedItem => ({
    kind,
    key,
    value,
    guesses: kind === "tools" ? guessSlots(value as { name: string }, about) : [],
    findings: inspectItem(key, value, { others, own: new Set(Object.keys(listing.server.items.tools)) }),
  })));
  const [command, ...args] = options.command;
  const entry: ServerEntry = {
    ...(command === undefined ? {} : { command }),
    ...(args.length > 0 ? { args } : {}),
    ...variables(options.env),
    ...isolation(options, plan),
    ...network(options),
    ...(options.consent === "reach" ? {} : { consent: { ask: options.consent } }),
    capabilities: capabilities(items, listing),
  };
  return { entry, reasons: reasons(items, plan), items, locked: approved(listing.server) };
}

export function approved(server: LockedServer): LockedServer {
  const items = Object.fromEntries(KINDS.map((kind) => [kind, Object.fromEntries(Object.entries(server.items[kind]).map(([key, { value }]) => [key, pin(value, [])]))])) as unknown as LockedServer["items"];
  return { ...server, complete: [...KINDS], items };
}

function variables(given: readonly string[]): Pick<ServerEntry, "env" | "pass"> {
  const literal = given.filter((text) => text.includes("="));
  const passed = given.filter((text) => !text.includes("="));
  return {
    ...(literal.length > 0 ? { env: Object.fromEntries(literal.map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)])) } : {}),
    ...(passed.length > 0 ? { pass: passed } : {}),
  };
}

function isolation({ isolation: backend, reason }: ServerOptions, plan: Plan): Pick<ServerEntry, "isolation"> {
  const { read, write } = plan.given;
  if (backend === "auto" && read.length + write.length === 0) return {};
  return { isolation: { ...(backend === "none" ? { backend, reason: reason ?? "" } : backend === "auto" ? {} : { backend }), ...(read.length > 0 ? { read: [...read] } : {}), ...(write.length > 0 ? { write: [...write] } : {}) } };
}

function network({ hosts, addresses }: ServerOptions): Pick<ServerEntry, "network"> {
  if (hosts.length === 0) return {};
  return { network: { hosts: [...hosts], ...(addresses.length > 0 ? { addresses: [...addresses] } : {}) } };
}

function capabilities(items: readonly ProposedItem[], { capabilities: offered, asked, resources }: Listing): NonNullable<ServerEntry["capabilities"]> {
  const of = (kind: Kind): readonly ProposedItem[] => items.filter((item) => item.kind === kind);
  const tools = Object.fromEntries(of("tools").map(({ key, guesses }): [string, ToolEntry] => {
    const typed = guesses.filter(({ slot }) => slot.type !== "text");
    return [key, typed.length === 0 ? {} : { arguments: Object.fromEntries(typed.map(({ pointer, slot }) => [pointer, slot])) as NonNullable<ToolEntry["arguments"]> }];
  }));
  const patterns = [...new Set(of("templates").map(({ key }) => key.replaceAll(/\{[+/#][^}]*\}/g, "**").replaceAll(/\{[^}]*\}/g, "*")))];
  const uris = resources.filter((uri) => uri !== "");
  return {
    ...(offered.includes("tools") ? { tools } : {}),
    ...(offered.includes("prompts") ? { prompts: { names: of("prompts").map(({ key }) => key) } } : {}),
    ...(offered.includes("resources") ? { resources: { ...(uris.length > 0 ? { uris: [...new Set(uris)] } : {}), ...(patterns.length > 0 ? { patterns } : {}) } } : {}),
    ...(offered.includes("completions") ? { completions: true } : {}),
    ...(offered.includes("logging") ? { logging: true } : {}),
    ...(asked.includes("roots/list") ? { roots: true } : {}),
  };
}

function reasons(items: readonly ProposedItem[], plan: Plan): Reasons {
  const slots = items.flatMap(({ key, guesses }) => guesses.filter(({ slot }) => slot.type !== "text").map(({ pointer, reason }) => [["capabilities", "tools", key, "arguments", pointer], reason] as const));
  const read = plan.given.read.map((_, index) => [["isolation", "read", String(index)], "named in its arguments, or by --read"] as const);
  return [...slots, ...read];
}
