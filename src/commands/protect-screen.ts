/** One server on one screen: what it is, offers and needs, and what changes in the client's file. */
import type { Examined } from "../clients/examine.ts";
import type { Named } from "../clients/protect.ts";
import { maskedWords } from "../clients/secrets.ts";
import { escapeControls } from "../errors.ts";
import type { Paint } from "./command.ts";

export interface Result {
  readonly client: string;
  readonly scope: string;
  readonly file: string;
  readonly server: string;
  readonly state: "protected" | "already protected" | "would be protected" | "remote" | "left" | "failed";
  /** In the manifest. */
  readonly name: string | null;
  readonly detail: string;
  readonly next: string;
  readonly code: string | null;
  readonly found: Facts | null;
}

/** What was found out about a server. */
export interface Facts {
  readonly package: Examined["plan"]["identity"];
  readonly tools: readonly string[];
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly hosts: readonly string[];
  readonly hostsNamed: Examined["hosts"];
  readonly variables: readonly string[];
  readonly secrets: readonly string[];
  readonly held: readonly { readonly item: string; readonly rules: readonly string[] }[];
}

export function factsOf({ plan, entry, proposal, hosts, secrets }: Examined): Facts {
  return {
    package: plan.identity,
    tools: proposal.items.filter(({ kind }) => kind === "tools").map(({ key }) => key),
    reads: entry.isolation?.read ?? [],
    writes: entry.isolation?.write ?? [],
    hosts: entry.network?.hosts ?? [],
    hostsNamed: hosts,
    variables: entry.pass ?? [],
    secrets,
    held: heldOf(proposal).map(({ key, findings }) => ({ item: key, rules: [...new Set(findings.map(({ rule }) => rule))] })),
  };
}

function saysChange(value: unknown): boolean {
  const { readOnlyHint, destructiveHint } = ((value as { annotations?: unknown } | null)?.annotations ?? {}) as { readOnlyHint?: unknown; destructiveHint?: unknown };
  return readOnlyHint === false || destructiveHint === true;
}

function heldOf({ items }: Examined["proposal"]): Examined["proposal"]["items"] {
  return items.filter(({ findings }) => findings.some(({ severity }) => severity === "hold"));
}

const WIDTH = 110;
/** Whole homes, and where programs keep what opens other doors. */
const DELICATE = /^(?:\/root|\/(?:home|Users)\/[^/]+|\/etc|\/home|\/Users)$|\/\.(?:ssh|gnupg|aws|azure|kube|docker|password-store|mozilla|netrc|npmrc)(?:\/|$)|\/\.config(?:\/gcloud|\/gh)?$/;

function secretWords(secrets: Examined["secrets"], moved: Examined["moved"]): string {
  const left = secrets.filter((name) => !moved.some(({ variable }) => variable === name));
  const stay = left.length === 0 ? [] : [`${left.join(", ")}: ${left.length === 1 ? "stands" : "stand"} in the file as plain text; --secrets file or --secrets keyring moves variables out of it`];
  return [...moved.map(({ variable, reference }) => `${variable} goes to ${reference}`), ...stay].join("; ");
}

export function screen({ examined, name, known }: Named, change: readonly string[], paint: Paint): string {
  const { server, plan, entry, proposal, hosts, secrets, moved, unknown, reach, unseen } = examined;
  const { file } = server;
  const { identity } = plan;
  const tools = proposal.items.filter(({ kind }) => kind === "tools");
  const changers = tools.filter(({ value }) => saysChange(value)).map(({ key }) => key);
  const writers = tools.filter(({ guesses }) => guesses.some(({ slot }) => slot.access === "write")).map(({ key }) => key);
  const rows: (readonly [string, string])[] = [
    ["command", maskedWords(server.argv).join(" ")],
    ["package", `${identity.name} ${identity.version ?? ""} (${identity.kind}, ${identity.integrity.slice(0, 24)}…)`],
    ["tools", tools.length === 0 ? "none" : `${tools.length}: ${tools.map(({ key }) => key).join(", ")}`],
    ["reads", `${entry.isolation?.read?.join(", ") ?? "nothing but its own files"}${entry.isolation?.read?.some((path) => DELICATE.test(path)) === true ? "; LOOK TWICE: keys and passwords lie there" : ""}`],
    ["writes", `${entry.isolation?.write?.join(", ") ?? "nothing"}${writers.length > 0 && entry.isolation?.write === undefined ? `; ${writers.join(", ")} would: --write DIR` : ""}${writers.length === 0 && changers.length > 0 && entry.isolation?.write === undefined ? `; ${changers.join(", ")} ${changers.length === 1 ? "says that it changes" : "say that they change"} something: where it keeps data of its own, give it a directory (--write DIR) and tell it which` : ""}`],
    ["network", `${entry.network?.hosts?.join(", ") ?? "none"}${hosts.length > 0 ? `; its files name ${hosts.map(({ host, file: where }) => `${host} (${where})`).join(", ")}: --host NAME:PORT` : ""}`],
    ["variables", `${entry.pass?.join(", ") ?? "none of the client's"}${unseen.map(([variable, path]) => `; ${variable} names ${path}, which it WILL NOT SEE: --read or --write`).join("")}`],
    ["asks you", reach.length === 0 ? "never: it can write, reach and use nothing of yours" : `before each call, until an answer of yours holds for longer: it can ${reach.join(", ")}`],
    ...(secrets.length > 0 ? [["secrets", secretWords(secrets, moved)] as const] : []),
    ...(unknown.length > 0 ? [["unknown", `${unknown.join(", ")}: the client fills that in; tried with something else in its place`] as const] : []),
    ["manifest", known === "edited" ? `${name}, as you have changed it` : name],
  ];
  const head = `\n${paint("bold", escapeControls(server.name))}  ${escapeControls(file.client.title)}, ${file.scope}${server.disabled ? ", switched off" : ""}  ${paint("dim", escapeControls(file.path))}`;
  const found = heldOf(proposal).map(({ key, findings }) => `  ${paint("red", "held back")} ${escapeControls(key)}: ${[...new Set(findings.filter(({ severity }) => severity === "hold").map(({ rule, evidence }) => `${rule}: ${evidence}`))].join("; ")}`);
  return [head, ...rows.map(([title, text]) => `  ${title.padEnd(10)}${folded(escapeControls(text), 12)}`), ...found, ...change.map((line) => `  ${line}`)].join("\n");
}

/** Long lines go on below their start. */
function folded(text: string, indent: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + word.length + 1 > WIDTH - indent) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${" ".repeat(indent)}`);
}

/** The lines that differ; everything around them is the same. */
export function changeOf(before: string, after: string, paint: Paint, mask: (line: string) => string = (line) => line): string[] {
  const [a, b] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const [gone, come] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  // What stands between two changes is nobody's business here; of a long line, only what changes.
  const [less, more] = [gone.filter((line) => !come.includes(line)).map(mask), come.filter((line) => !gone.includes(line)).map(mask)];
  const [cutLess, cutMore] = less.length === 1 && more.length === 1 ? cut(less[0] as string, more[0] as string) : [less.map((line) => clipped(line)), more.map((line) => clipped(line))];
  return [...cutLess.map((line) => paint("red", `- ${shown(line)}`)), ...cutMore.map((line) => paint("green", `+ ${shown(line)}`))];
}

const LONG = 400;
const AROUND = 24;

function clipped(line: string): string {
  return line.length > LONG ? `${line.slice(0, LONG)}…` : line;
}

function cut(a: string, b: string): [string[], string[]] {
  if (a.length <= LONG && b.length <= LONG) return [[a], [b]];
  let start = 0;
  while (start < a.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const piece = (line: string): string => `…${line.slice(Math.max(0, start - AROUND), Math.min(line.length, line.length - end + AROUND))}…`;
  return [[piece(a)], [piece(b)]];
}

function shown(line: string): string {
  return escapeControls(line.replace(/\r$/, "").replaceAll("\t", "  "));
}
