import { clientChecks, type ClientCheck } from "../clients/doctor.ts";
import { doctor, type Check } from "../gate/doctor.ts";
import { BACKENDS } from "../sandbox/plan.ts";
import { closeInherited } from "../sandbox/inherited.ts";
import { COMMON_FLAGS, painter, parseFlags, table, type Command } from "./command.ts";

const HELP = `sallyport doctor

Tries on this machine what cells need, and starts a real one of each kind. Says which promise each can keep, what is missing,
and the command that mends it; tidies up what killed gates have left. Then the clients of this machine: which of their servers
are protected, and whether each command that stands in their files starts from exactly the environment that its client gives it.

  --json     one document

Exit code: 0 at least one kind of cell keeps every promise, 3 none does.

Example: sallyport doctor
`;

export const command: Command = async (args, host) => {
  const { values } = parseFlags(args, COMMON_FLAGS);
  if (values.help === true) {
    host.stdout.write(HELP);
    return 0;
  }
  closeInherited();
  const cells = await doctor(host);
  const checks: readonly (Check | (ClientCheck & { readonly backend: null }))[] = [...cells, ...(await clientChecks(host)).map((one) => ({ backend: null, ...one }))];
  const good = BACKENDS.filter((name) => checks.some(({ backend }) => backend === name) && !checks.some(({ backend, state }) => backend === name && (state === "fails" || state === "absent")));
  const failed = good.length === 0;
  if (values.json === true) host.stdout.write(`${JSON.stringify({ ok: !failed, backends: good, checks }, null, 2)}\n`);
  else {
    const paint = painter(host, values["no-color"]);
    const colour = { holds: "green", weaker: "yellow", fails: "red", absent: "dim" } as const;
    const dress = (cell: string, column: number, index: number): string => (column === 0 ? paint(colour[(checks[index] as (typeof checks)[number]).state], cell) : cell);
    host.stdout.write(`${table(checks.map(({ state, backend, what, detail, mend }) => [state, backend ?? "", what, mend === null ? detail : `${detail}; mend it: ${mend}`]), dress)}\n`);
  }
  return failed ? 3 : 0;
};
