import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { replaceFile } from "../atomic.ts";
import { SallyportError, escapeControls } from "../errors.ts";
import { prepare } from "../gate/prepare.ts";
import { listServer } from "../gate/listing.ts";
import { toolsOfOthers } from "../gate/others.ts";
import { propose, type Proposal, type ProposedItem } from "../gate/propose.ts";
import type { Guess } from "../guards/arguments/guess.ts";
import { addServer } from "../manifest/edit.ts";
import { load } from "../manifest/load.ts";
import { LOCK, writeLock } from "../manifest/lock.ts";
import { policiesOf } from "../manifest/people.ts";
import { homeOf } from "../manifest/read.ts";
import { closeInherited } from "../sandbox/inherited.ts";
import type { Source } from "../clients/registry.ts";
import type { ServerEntry } from "../manifest/schema.ts";
import type { Host } from "../model.ts";
import { STORES, writeSecret } from "../secrets/store.ts";
import { MAX_LINE } from "../protocol/frame.ts";
import { changeNeedsPerson } from "../gate/authorize.ts";
import { agreed } from "./ask.ts";
import { COMMON_FLAGS, painter, parseFlags, type Command, type Paint } from "./command.ts";
import { CELL_FLAGS, CELL_HELP, cellOptions, splitCommand } from "./cell-flags.ts";

const HELP = `sallyport add NAME [OPTION…] -- COMMAND ARG…
sallyport add [NAME] --bundle FILE.mcpb [KEY=VALUE…]
sallyport add [NAME] --registry server.json [KEY=VALUE…]

Starts a server once in a closed cell, lists what it offers, and proposes an entry for the manifest: every tool with
its arguments typed, and nothing else open. Shows each description whole, with what was found in it. Written only on
confirmation, manifest and lock together; comments and order of an existing manifest stay.

${CELL_HELP}
  --bundle FILE        an .mcpb bundle; KEY=VALUE is what its user_config asks for
  --registry FILE      a server.json of the MCP registry; KEY=VALUE by the names that it gives.
                       What either calls a secret goes into a store, not into the manifest
  --secrets STORE      which one: file (default, encrypted with age) or keyring (the system's)
  --yes                write without asking; refused where a finding would hold something back
  --json               the proposal as data; nothing is written without --yes

Exit code: 0 written, 1 not written, as something was found or the answer was no.

Example: sallyport add notes -- npx -y @modelcontextprotocol/server-filesystem ~/notes
`;

export const command: Command = async (args, host) => {
  const { own, server } = splitCommand(args);
  const { values, positionals } = parseFlags(own, { ...CELL_FLAGS, ...COMMON_FLAGS, yes: { type: "boolean" }, bundle: { type: "string" }, registry: { type: "string" }, secrets: { type: "string" } }, Infinity);
  if (values.help === true) {
    host.stdout.write(HELP);
    return 0;
  }
  const store = STORES.find((one) => one === (values.secrets ?? "file"));
  if (store === undefined) throw new SallyportError("usage.option", `--secrets ${values.secrets}: one of ${STORES.join(", ")}`);
  const words = positionals.filter((word) => word.includes("="));
  const source = await sourceOf(values, words, host);
  const [given, ...rest] = source === null ? positionals : positionals.filter((word) => !words.includes(word));
  const name = given ?? source?.name.replaceAll(/[^\w.-]+/g, "-");
  if (name === undefined || !/^[\w.-]{1,64}$/.test(name)) throw new SallyportError("usage.option", "add NAME: letters, digits, dots, dashes and underscores");
  if (values.server !== undefined) throw new SallyportError("usage.option", "--server is of run; add takes the name first");
  const { manifest, bundle: _bundle, registry: _registry, secrets: _secrets, ...cell } = values;
  const file = resolve(host.cwd, manifest ?? "sallyport.yaml");
  const text = existsSync(file) ? readFileSync(file, "utf8") : null;
  if (text !== null) refuseKnown(load(file, text).value.servers ?? {}, name, file);
  if (source !== null && server.length > 0) throw new SallyportError("usage.option", "the file says the command; leave out what stands behind the dashes");
  const kept = source?.secrets ?? {};
  const options = cellOptions({ ...cell, env: [...(cell.env ?? []), ...(source?.env ?? []), ...Object.keys(kept)], read: [...(cell.read ?? []), ...(source?.read ?? [])] }, rest, source?.command ?? server, kept);
  closeInherited();
  const prepared = await prepare(options, host, (line) => void host.stderr.write(`sallyport: ${line}\n`));
  const { plan } = prepared;
  const listing = await listServer({ ...options, durability: "process", maxLine: MAX_LINE }, host);
  const proposed = propose(options, plan, listing, toolsOfOthers({ file: join(dirname(file), LOCK), name }, host));
  const proposal = { ...proposed, entry: withSecrets(proposed.entry, Object.fromEntries(Object.keys(kept).map((variable) => [variable, `${store}:${name}/${variable}`]))) };
  const written = addServer(text, name, proposal.entry, proposal.reasons);
  load(file, written);
  const held = proposal.items.filter(({ findings }) => findings.some(({ severity }) => severity === "hold"));
  if (values.json === true) host.stdout.write(`${JSON.stringify({ name, file, identity: plan.identity, ...proposal, locked: undefined }, null, 2)}\n`);
  else host.stdout.write(`${render(name, proposal, painter(host, values["no-color"]))}\n`);
  if (values.yes === true && held.length > 0) {
    host.stderr.write(`sallyport: not written: ${held.map(({ key }) => key).join(", ")} would be held back; look at the findings, and answer yourself\n`);
    return 1;
  }
  const needsPerson = await changeNeedsPerson({ ...prepared, chosen: { ...prepared.chosen, compiled: { ...prepared.chosen.compiled, policies: text === null ? [] : policiesOf(load(file, text), homeOf(host)) } } }, host);
  if (values.yes !== true && values.json === true) return 1;
  if (held.length > 0) host.stderr.write(`sallyport: look twice: something was found in ${held.map(({ key }) => key).join(", ")} (red above); yes approves that as well\n`);
  if (!(await agreed(`Write ${name} to ${file}, and approve all of this?`, values.yes === true, needsPerson, host))) return 1;
  for (const [variable, value] of Object.entries(kept)) await writeSecret(`${store}:${name}/${variable}`, value, host);
  replaceFile(file, written, { mode: 0o644 });
  writeLock(join(dirname(file), LOCK), name, proposal.locked);
  host.stderr.write(`sallyport: written; start it with: sallyport run --server ${name}${manifest === undefined ? "" : ` --manifest ${manifest}`}\n`);
  return 0;
};

async function sourceOf({ bundle, registry }: { bundle?: string; registry?: string }, words: readonly string[], host: Host): Promise<Source | null> {
  if (bundle === undefined && registry === undefined) return null;
  if (bundle !== undefined && registry !== undefined) throw new SallyportError("usage.option", "--bundle or --registry, one of the two");
  const { sourceOfBundle, sourceOfRegistry } = await import("../clients/registry.ts");
  return bundle === undefined ? sourceOfRegistry(registry as string, words, host) : sourceOfBundle(bundle, words, host);
}

function withSecrets({ pass = [], ...entry }: ServerEntry, secrets: Readonly<Record<string, string>>): ServerEntry {
  const left = pass.filter((name) => !Object.hasOwn(secrets, name));
  return { ...entry, ...(left.length > 0 ? { pass: left } : {}), ...(Object.keys(secrets).length > 0 ? { secrets } : {}) };
}

function refuseKnown(servers: object, name: string, file: string): void {
  if (Object.hasOwn(servers, name)) throw new SallyportError("manifest.value", `${file} has a server ${name} already; remove it, or take another name`);
}

function render(name: string, { items, entry }: Proposal, paint: Paint): string {
  const count = (kind: ProposedItem["kind"]): number => items.filter((item) => item.kind === kind).length;
  const isolation = entry.isolation ?? {};
  const needs = (what: "write" | "addresses", test: (guess: Guess) => boolean): string => {
    const tools = items.filter(({ guesses }) => guesses.some(test)).map(({ key }) => escapeControls(key));
    if (tools.length === 0 || (what === "write" && isolation.write !== undefined)) return "";
    return paint("dim", ` (${tools.join(", ")} ${what === "write" ? "would write: give a directory with --write" : "take addresses: name the hosts under network.hosts"})`);
  };
  const head = [
    `${paint("bold", name)}: ${count("tools")} tools, ${count("prompts")} prompts, ${count("templates")} resource templates`,
    `  reads   ${isolation.read?.join(", ") ?? "nothing but its own files"}`,
    `  writes  ${isolation.write?.join(", ") ?? "nothing"}${needs("write", ({ slot }) => slot.access === "write")}`,
    `  network none${needs("addresses", ({ slot }) => slot.type === "url" || slot.type === "host")}`,
  ];
  return [...head, ...items.flatMap((item) => renderItem(item, paint))].join("\n");
}

export function renderItem({ kind, key, value, guesses, findings }: ProposedItem, paint: Paint): string[] {
  const description = typeof value === "string" ? value : (value as { description?: unknown } | null)?.description;
  const lines = typeof description === "string" ? description.split("\n").map((line) => `    ${escapeControls(line)}`) : [];
  return [
    "",
    `  ${paint("bold", (kind === "instructions" ? "instructions" : `${kind.slice(0, -1)} ${escapeControls(key)}`))}`,
    ...lines,
    ...guesses.map(({ pointer, slot, reason }) => `    ${escapeControls(pointer)}: ${slot.type}${slot.access === "write" ? " for writing" : ""}${slot.dialect === undefined ? "" : ` (${slot.dialect})`} ${paint("dim", `(${reason})`)}`),
    ...findings.map(({ rule, severity, at, evidence }) => `    ${paint(severity === "hold" ? "red" : "yellow", `${severity}: ${rule}`)} at ${escapeControls(at)}: ${evidence}`),
  ];
}
