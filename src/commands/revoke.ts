import { revoke } from "../gate/answering.ts";
import { only } from "./approve.ts";
import { parseFlags, type Command } from "./command.ts";

const HELP = `sallyport revoke ID

Takes an answer back that holds for more than one call; the next call is asked about again, in gates that run already, too.

Example: sallyport revoke k7mw2p9x
`;

export const command: Command = (args, host) => {
  const { values, positionals } = parseFlags(args, { help: { type: "boolean", short: "h" } });
  if (values.help === true) {
    host.stdout.write(HELP);
    return 0;
  }
  revoke(only(positionals), host);
  host.stdout.write("revoked\n");
  return 0;
};
