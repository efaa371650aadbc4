import { doctor, type Check } from "../sandbox/doctor.ts";
import { closeInherited } from "../sandbox/inherited.ts";
import { COMMON_FLAGS, painter, parseFlags, table, type Command } from "./command.ts";

const HELP = `sallyport doctor

Tries on this machine what a cell needs, one by one, and starts a real one. Names what is missing and the command
that mends it.

  --json     one document

Exit code: 0 every promise can be kept, 3 one cannot.

Example: sallyport doctor
`;

export const command: Command = async (args, host) => {
  const { values } = parseFlags(args, COMMON_FLAGS);
  if (values.help === true) {
    host.stdout.write(HELP);
    return 0;
  }
  closeInherited();
  const checks = await doctor(host);
  const failed = checks.some(({ state }) => state === "fails");
  if (values.json === true) host.stdout.write(`${JSON.stringify({ ok: !failed, checks }, null, 2)}\n`);
  else {
    const paint = painter(host, values["no-color"]);
    const colour = { holds: "green", weaker: "yellow", fails: "red" } as const;
    const dress = (cell: string, column: number, index: number): string => (column === 0 ? paint(colour[(checks[index] as Check).state], cell) : cell);
    host.stdout.write(`${table(checks.map(({ state, what, detail, mend }) => [state, what, mend === null ? detail : `${detail}; mend it: ${mend}`]), dress)}\n`);
  }
  return failed ? 3 : 0;
};
