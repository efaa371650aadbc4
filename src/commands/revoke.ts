import { allGrants, revoke } from "../gate/answering.ts";
import { agreed } from "./ask.ts";
import { SallyportError } from "../errors.ts";
import { only } from "./approve.ts";
import { parseFlags, type Command } from "./command.ts";

const HELP = `sallyport revoke ID

Takes an answer back that holds for more than one call; the next call is asked about again, in gates that run already, too.
A no for good is taken back at a terminal, by a code that is shown there.

Example: sallyport revoke k7mw2p9x
`;

export const command: Command = async (args, host) => {
  const { values, positionals } = parseFlags(args, { help: { type: "boolean", short: "h" } }, Infinity);
  if (values.help === true) {
    host.stdout.write(HELP);
    return 0;
  }
  const id = only(positionals);
  const isNo = allGrants(host).some((grant) => grant.id === id && !grant.allow);
  // A no is taken back by a person, as a yes is given.
  if (isNo && !(await agreed("Take back a no for good?", false, true, host))) throw new SallyportError("consent.code");
  revoke(id, host);
  host.stdout.write("revoked\n");
  return 0;
};
