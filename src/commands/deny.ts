import { parseFlags, type Command } from "./command.ts";
import { deny, only } from "./approve.ts";

const HELP = `sallyport deny ID

Says no to a question that waits; this one time. sallyport approve also offers a no for good.

Example: sallyport deny k7mw2p9x
`;

export const command: Command = async (args, host) => {
  const { values, positionals } = parseFlags(args, { help: { type: "boolean", short: "h" } }, Infinity);
  if (values.help === true) {
    host.stdout.write(HELP);
    return 0;
  }
  const taken = await deny(only(positionals), host);
  host.stdout.write(taken ? "denied\n" : "the gate that asked is gone\n");
  return taken ? 0 : 1;
};
