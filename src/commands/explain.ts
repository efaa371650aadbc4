import { resolve } from "node:path";
import { reachableOf } from "../gate/may-ask.ts";
import { ownPolicies, prepare, type Prepared, type ServerOptions } from "../gate/prepare.ts";
import { backendOf } from "../sandbox/backend.ts";
import type { Compiled } from "../manifest/compile.ts";
import type { Host } from "../model.ts";
import { planDigest, type Mount, type Plan } from "../sandbox/plan.ts";
import { closeInherited } from "../sandbox/inherited.ts";
import { COMMON_FLAGS, painter, parseFlags, table, type Command, type Paint } from "./command.ts";
import { explainMessages, renderMessages } from "./explain-messages.ts";
import { CELL_FLAGS, CELL_HELP, cellOptions, splitCommand } from "./cell-flags.ts";

const HELP = `sallyport explain [OPTION…] [-- COMMAND ARG…]
       sallyport explain [--server NAME] FILE|-
       sallyport explain --server NAME --test FILE

Shows the cell that a server would get: what it sees, may write, and is limited to; with --server also what it may be
asked, and what each argument is; a server that protect put in needs no command here. Nothing of the server runs; a package
that is not in the cache yet is fetched. Ends with an error where policies or secrets would keep it from starting.
With a file of messages, one a line (- for stdin), shows what the gate would say of each, which policies decided, and each
finding with its range. With --test, a file of requests and what the policies must say of them (docs/policies.md).

${CELL_HELP}
  --json               the plan as data, with the argument vector that would be executed

Example: sallyport explain -- npx -y @modelcontextprotocol/server-filesystem ~/docs
`;

export const command: Command = async (args, host) => {
  const { own, server } = splitCommand(args);
  const { values, positionals } = parseFlags(own, { ...CELL_FLAGS, ...COMMON_FLAGS, test: { type: "string" } }, server.length > 0 ? Infinity : own.some((word) => /^--test(?:=|$)/.test(word)) ? 0 : 1);
  if (values.help === true) {
    host.stdout.write(HELP);
    return 0;
  }
  if (values.test !== undefined) return testPolicies(values.test, values, host);
  const [file] = positionals;
  if (file !== undefined && server.length === 0) {
    const [options, around] = values.server === undefined ? [null, host] : await optionsOf(values, [], host);
    const explained = await explainMessages(file === "-" ? file : resolve(host.cwd, file), options, around);
    const bad = explained.some(({ verdict }) => verdict === "deny");
    host.stdout.write(values.json === true ? `${JSON.stringify(explained, null, 2)}\n` : `${renderMessages(explained, painter(host, values["no-color"]))}\n`);
    return bad ? 1 : 0;
  }
  closeInherited();
  const [options, around] = positionals.length > 0 ? [cellOptions(values, positionals, server), host] : await optionsOf(values, server, host);
  const prepared = await prepare(options, around, (line) => void host.stderr.write(`sallyport: ${line}\n`));
  const { plan, chosen } = prepared;
  const shown = plan.isolation === "none" ? { argv: plan.command, options: [] } : await backendOf(plan.isolation).show(plan, host);
  const text = values.json === true ? JSON.stringify({ digest: planDigest(plan), plan, ...shown, manifest: chosen }, null, 2) : `${render(plan, asksOf(prepared), painter(host, values["no-color"]))}${renderCapabilities(chosen.compiled, painter(host, values["no-color"]))}`;
  host.stdout.write(`${text}\n`);
  await refuseUnstartable(prepared, host);
  return 0;
};

/** What a start would stumble over that the plan does not show. A keyring might ask its owner, and is left alone. Throws `policy.*`, `secret.*`. */
async function refuseUnstartable(prepared: Prepared, host: Host): Promise<void> {
  const { policies, secrets } = prepared.chosen.compiled;
  if (policies.length > 0 || ownPolicies(host) !== null) (await import("../gate/policing.ts")).openPolicies(prepared, "explain", () => ({ kind: "user", name: "explain", client: null }), host);
  for (const reference of Object.values(secrets).filter((one) => one.startsWith("file:"))) await (await import("../secrets/store.ts")).readSecret(reference, host);
}

/** A server of a manifest without its command: as its client would start it. */
async function optionsOf(values: CellValues, server: readonly string[], host: Host): Promise<readonly [ServerOptions, Host]> {
  if (values.server === undefined || server.length > 0) return [cellOptions(values, [], server), host];
  const [started] = (await import("./protected.ts")).startedServers(values, host);
  return started as NonNullable<typeof started>;
}

type CellValues = Parameters<typeof cellOptions>[0];

async function testPolicies(file: string, values: CellValues & { json?: boolean; "no-color"?: boolean }, host: Host): Promise<number> {
  const [options, around] = await optionsOf(values, [], host);
  const prepared = await prepare(options, around, (line) => void host.stderr.write(`sallyport: ${line}\n`));
  const tried = (await import("../gate/foretell.ts")).tryPolicies(resolve(host.cwd, file), prepared, host);
  const failed = tried.filter(({ expected, said }) => expected !== said).length;
  const paint = painter(host, values["no-color"]);
  const rows = tried.map(({ name, expected, said, policies, reason }) => [expected === said ? "ok" : "FAILED", name, expected === said ? said : `${said}, not ${expected}`, [policies.join(", "), reason].filter(Boolean).join(": ")]);
  host.stdout.write(values.json === true ? `${JSON.stringify(tried, null, 2)}\n` : `${table(rows, (cell, column) => (column === 0 ? paint(cell.startsWith("ok") ? "green" : "red", cell) : cell))}\n${tried.length - failed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

/** When a person is asked, where no tool says otherwise. */
function asksOf(prepared: Prepared): string {
  const { ask } = prepared.chosen.compiled.consent;
  if (ask === "never") return "never";
  const reach = reachableOf(prepared).join(", ");
  if (ask === "reach") return reach === "" ? "never, as nothing outside the conversation can be reached" : `yes, as it can ${reach}`;
  return ask === "first" ? "until an answer holds for longer" : "for every call";
}

function render(plan: Plan, asks: string, paint: Paint): string {
  const { identity, limits } = plan;
  const facts = [
    ["server", [identity.name, identity.version].filter(Boolean).join(" ")],
    ["identity", identity.integrity],
    ["command", plan.command.join(" ")],
    ["directory", plan.cwd],
    ["runs as", plan.isolation === "none" ? "you" : `uid ${plan.user.uid}, gid ${plan.user.gid} ${plan.isolation === "gvisor" ? "behind gVisor, which is root's" : "on this machine"}, without any capability`],
    ["isolation", plan.image === null ? plan.isolation : `${plan.isolation}, image ${plan.image.name} ${plan.image.id.slice(0, 19)}`],
    ["network", plan.isolation === "none" ? "yours" : plan.network === null ? "none" : [...plan.network.hosts, ...plan.network.hostPatterns].join(" ")],
    ["asks you", asks],
    ["variables", Object.keys(plan.environment).sort().join(" ")],
    ["limits", `${limits.processes} processes, ${limits.openFiles} open files, ${mebibytes(limits.fileBytes)} a file, ${mebibytes(limits.memoryBytes)} memory, ${limits.cpuSeconds} s processor`],
    ["digest", planDigest(plan)],
  ];
  const mounts = plan.mounts.filter((mount) => mount.kind !== "device").map((mount) => [label(mount), mount.at, detail(mount)]);
  const dress = (cell: string, column: number): string => (column === 0 && cell.startsWith("write") ? paint("yellow", cell) : cell);
  return [table(facts), "", paint("bold", "what the server sees"), table(mounts, dress), "", paint("dim", "everything else of this machine does not exist for it; --json has the argument vector")].join("\n");
}

function label(mount: Mount): string {
  return mount.kind === "tmpfs" ? (mount.writable ? "scratch" : "hidden") : mount.kind;
}

function detail(mount: Mount): string {
  if (mount.kind === "link") return `-> ${mount.target}`;
  if (mount.kind === "tmpfs" && mount.writable) return `${mebibytes(mount.bytes)} in memory, gone with the session`;
  return mount.kind === "text" ? "made up" : "";
}

function mebibytes(bytes: number): string {
  return `${bytes / 1024 ** 2} MiB`;
}

/** What the manifest says of each tool; every layer must allow it. */
function renderCapabilities({ name, layers }: Compiled, paint: Paint): string {
  if (name === "") return "";
  const rows = layers.flatMap(({ origin, tools }) => (tools === null ? [] : [...Object.entries(tools.exact), ...tools.patterns]).map(([tool, rule]) => {
    const slots = Object.entries(rule.arguments).map(([pointer, slot]) => `${pointer}: ${slot.type}${slot.access === "write" ? " for writing" : ""}`);
    return [rule.allow ? tool : `${tool} (hidden)`, [...slots, "the rest: text"].join(", "), origin];
  }));
  return `\n\n${paint("bold", "what it may be asked")}\n${table(rows)}`;
}
