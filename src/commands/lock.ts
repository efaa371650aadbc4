import { basename } from "node:path";
import { SallyportError, escapeControls } from "../errors.ts";
import { listServer } from "../gate/listing.ts";
import { changeNeedsPerson } from "../gate/authorize.ts";
import { pinPlace, prepare, type ServerOptions } from "../gate/prepare.ts";
import { toolsOfOthers } from "../gate/others.ts";
import { approved } from "../gate/propose.ts";
import type { PinPlace } from "../gate/pins.ts";
import { inspectItem } from "../guards/text/inspect.ts";
import { KINDS, LOCK, readLock, writeLock, type LockedServer } from "../manifest/lock.ts";
import type { Host } from "../model.ts";
import { MAX_LINE } from "../protocol/frame.ts";
import { closeInherited } from "../sandbox/inherited.ts";
import { agreed } from "./ask.ts";
import { COMMON_FLAGS, painter, parseFlags, type Command, type Paint } from "./command.ts";
import { CELL_FLAGS, CELL_HELP, cellOptions, splitCommand } from "./cell-flags.ts";
import { difference } from "./difference.ts";

const HELP = `sallyport lock [--check] [OPTION…] [-- COMMAND ARG…]

Starts each server of the manifest once in a closed cell, and compares what it offers with what was approved: the
package, every tool, prompt and resource template, the instructions. Shows the difference word by word, with what was
found in it, and asks before it approves. With a command, the server that run starts without a manifest.

  --check              approve nothing; exit code 1 where anything differs (for CI)
  --yes                approve without asking; refused where a finding would hold something back
${CELL_HELP}
  --json               the differences as data

Example: sallyport lock --check
`;

interface Difference {
  readonly what: "identity" | "new" | "changed" | "gone" | "held";
  readonly kind: string;
  readonly key: string;
  readonly lines: readonly string[];
  readonly findings: readonly string[];
  readonly high: boolean;
}

export const command: Command = async (args, host) => {
  const { own, server } = splitCommand(args);
  const { values, positionals } = parseFlags(own, { ...CELL_FLAGS, ...COMMON_FLAGS, check: { type: "boolean" }, yes: { type: "boolean" } }, Infinity);
  if (values.help === true) {
    host.stdout.write(HELP);
    return 0;
  }
  if (positionals.length > 0) throw new SallyportError("usage.option", `${positionals[0]}: name a server with --server`);
  closeInherited();
  const paint = painter(host, values["no-color"]);
  const all: { server: string; differences: Difference[] }[] = [];
  let open = false;
  for (const [options, inside] of await targets(values, server, host)) {
    const { place, before, now, needsPerson } = await compare(options, inside);
    const differences = differencesOf(before, now, toolsOfOthers(place, host), paint);
    all.push({ server: place.name, differences });
    if (values.json !== true) host.stdout.write(render(place, differences, paint));
    if (differences.length === 0) continue;
    const held = values.yes === true && differences.some(({ high }) => high);
    if (values.check === true || held || !(await agreed(`Approve this of ${place.name}?`, values.yes === true, needsPerson, host))) open = true;
    else writeLock(place.file, place.name, approved(now));
  }
  if (values.json === true) host.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
  return open ? 1 : 0;
};

/** Each server with the surroundings that it is started from. */
async function targets(values: Parameters<typeof cellOptions>[0], server: readonly string[], host: Host): Promise<(readonly [ServerOptions, Host])[]> {
  if (server.length > 0) return [[cellOptions(values, [], server), host]];
  return (await import("./protected.ts")).startedServers(values, host);
}

async function compare(options: ServerOptions, host: Host): Promise<{ place: PinPlace; before: LockedServer | null; now: LockedServer; needsPerson: boolean }> {
  const prepared = await prepare(options, host, (line) => void host.stderr.write(`sallyport: ${line}\n`));
  const place = pinPlace(prepared, host);
  const servers = readLock(place.file)?.servers ?? {};
  const { server } = await listServer({ ...options, durability: "process", maxLine: MAX_LINE }, host);
  return { place, before: Object.hasOwn(servers, place.name) ? (servers[place.name] as LockedServer) : null, now: server, needsPerson: await changeNeedsPerson(prepared, host) };
}

function differencesOf(before: LockedServer | null, now: LockedServer, others: ReadonlySet<string>, paint: Paint): Difference[] {
  const found: Difference[] = [];
  const add = (what: Difference["what"], kind: string, key: string, lines: readonly string[], value: unknown): void => {
    const findings = value === undefined ? [] : inspectItem(key, value, { others, own: new Set(Object.keys(now.items.tools)) });
    found.push({ what, kind, key, lines, findings: findings.map(({ rule, severity, at, evidence }) => `${severity}: ${rule} at ${at}: ${evidence}`), high: findings.some(({ severity }) => severity === "hold") });
  };
  const identity = before === null ? [] : difference(before.identity, now.identity, paint);
  if (identity.length > 0) add("identity", "program", now.identity.name, identity, undefined);
  for (const kind of KINDS) {
    for (const [key, { value, digest }] of Object.entries(now.items[kind])) {
      const known = before !== null && Object.hasOwn(before.items[kind], key) ? before.items[kind][key] : undefined;
      // A list that was never seen is pinned at first sight, like the first one of all.
      if (known === undefined && before !== null && !before.complete.includes(kind)) continue;
      if (known === undefined) add("new", kind, key, difference({}, value, paint), value);
      else if (known.digest !== digest) add("changed", kind, key, difference(known.value, value, paint), value);
      else if ((known.held?.length ?? 0) > 0) add("held", kind, key, difference({}, value, paint), value);
    }
    for (const key of Object.keys(before?.items[kind] ?? {})) if (!Object.hasOwn(now.items[kind], key)) add("gone", kind, key, [], undefined);
  }
  return found;
}

function render({ name, file }: PinPlace, differences: readonly Difference[], paint: Paint): string {
  if (differences.length === 0) return `${paint("green", "same")}  ${escapeControls(name)}\n`;
  const blocks = differences.map(({ what, kind, key, lines, findings }) => [`  ${paint("yellow", what)} ${kind} ${escapeControls(key)}`, ...lines.map((line) => `    ${line.replaceAll("\n", "\n      | ")}`), ...findings.map((line) => `    ${paint("red", line)}`)].join("\n"));
  return `${paint("bold", escapeControls(name))} (${basename(file) === LOCK ? LOCK : file})\n${blocks.join("\n")}\n`;
}
