import { SallyportError } from "../errors.ts";
import { run } from "../gate/run.ts";
import { MAX_LINE } from "../protocol/frame.ts";
import { closeInherited } from "../sandbox/inherited.ts";
import { parseFlags, type Command } from "./command.ts";
import { CELL_FLAGS, CELL_HELP, cellOptions, splitCommand } from "./cell-flags.ts";

const HELP = `sallyport run [OPTION…] -- COMMAND ARG…

Runs an MCP server in a cell, and passes on what the gate lets through.

${CELL_HELP}
  --durability LEVEL   process (default): the journal survives the gate's death; disk: the machine's, too
  --max-line BYTES     longest line that is passed on (default ${MAX_LINE})
  --ci                 a job, not a person: who it is, its OIDC token tells; nobody is asked, and only what policies permit
                       to workloads passes; the lock must be signed, or its change permitted
  --quiet              say only what went wrong

Exit code: the server's own when it ended by itself; 2 wrong usage, 3 the machine cannot, 4 the server did not start.

Example: sallyport run --write ~/notes -- npx -y @modelcontextprotocol/server-filesystem ~/notes
`;

const FLAGS = { ...CELL_FLAGS, durability: { type: "string" }, "max-line": { type: "string" }, ci: { type: "boolean" }, quiet: { type: "boolean" }, help: { type: "boolean", short: "h" } } as const;

export const command: Command = (args, host) => {
  const { own, server } = splitCommand(args);
  const { values, positionals } = parseFlags(own, FLAGS, Infinity);
  if (values.help === true) {
    host.stdout.write(HELP);
    return 0;
  }
  const options = cellOptions(values, positionals, server);
  const durability = values.durability ?? "process";
  if (durability !== "process" && durability !== "disk") throw new SallyportError("usage.option", `--durability ${durability}: process or disk`);
  const maxLine = Number(values["max-line"] ?? MAX_LINE);
  if (!Number.isSafeInteger(maxLine) || maxLine < 1024) throw new SallyportError("usage.option", `--max-line ${values["max-line"]}: a number of bytes from 1024`);
  closeInherited();
  return run({ ...options, durability, maxLine, quiet: values.quiet === true, ci: values.ci === true, pins: null }, host);
};
