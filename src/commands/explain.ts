import { prepare } from "../gate/prepare.ts";
import { invocation } from "../sandbox/backends/bubblewrap.ts";
import { planDigest, type Mount, type Plan } from "../sandbox/plan.ts";
import { findTools } from "../sandbox/survey.ts";
import { COMMON_FLAGS, painter, parseFlags, table, type Command, type Paint } from "./command.ts";
import { CELL_FLAGS, CELL_HELP, cellOptions, splitCommand } from "./cell-flags.ts";

const HELP = `sallyport explain [OPTION…] -- COMMAND ARG…

Shows the cell that a server would get: what it sees, may write, and is limited to. Nothing of the server runs;
a package that is not in the cache yet is fetched.

${CELL_HELP}
  --json               the plan as data, with the argument vector that would be executed

Example: sallyport explain -- npx -y @modelcontextprotocol/server-filesystem ~/docs
`;

export const command: Command = async (args, host) => {
  const { own, server } = splitCommand(args);
  const { values, positionals } = parseFlags(own, { ...CELL_FLAGS, ...COMMON_FLAGS });
  if (values.help === true) {
    host.stdout.write(HELP);
    return 0;
  }
  const { plan, chosen } = await prepare(cellOptions(values, positionals, server), host, (line) => void host.stderr.write(`sallyport: ${line}\n`));
  const { argv, options } = plan.isolation === "none" ? { argv: plan.command, options: [] } : invocation(plan, findTools(host), "TOKEN", false);
  const text = values.json === true ? JSON.stringify({ digest: planDigest(plan), plan, argv, options, manifest: chosen }, null, 2) : render(plan, painter(host, values["no-color"]));
  host.stdout.write(`${text}\n`);
  return 0;
};

function render(plan: Plan, paint: Paint): string {
  const { identity, limits } = plan;
  const facts = [
    ["server", [identity.name, identity.version].filter(Boolean).join(" ")],
    ["identity", identity.integrity],
    ["command", plan.command.join(" ")],
    ["directory", plan.cwd],
    ["runs as", plan.isolation === "none" ? "you" : `uid ${plan.user.uid}, gid ${plan.user.gid} on this machine, without any capability`],
    ["network", plan.isolation === "none" ? "yours" : "none"],
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
