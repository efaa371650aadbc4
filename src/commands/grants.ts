import type { Grant } from "../consent/grants.ts";
import { allGrants } from "../gate/answering.ts";
import { COMMON_FLAGS, painter, parseFlags, table, type Command } from "./command.ts";

const HELP = `sallyport grants [--json]

Lists the answers that hold for more than one call: what they allow or forbid, for whom, and until when. Each is bound to the
server's program, the tool's definition, what the server may reach, and the policies; a change of any of them ends it.

Example: sallyport grants
`;

export const command: Command = (args, host) => {
  const { values } = parseFlags(args, COMMON_FLAGS);
  if (values.help === true) {
    host.stdout.write(HELP);
    return 0;
  }
  const grants = allGrants(host).toSorted((a, b) => (a.made < b.made ? -1 : 1));
  const paint = painter(host, values["no-color"]);
  if (values.json === true) host.stdout.write(`${JSON.stringify(grants, null, 2)}\n`);
  else if (grants.length === 0) host.stdout.write("no answer holds for more than one call\n");
  else host.stdout.write(`${table([["ID", "SERVER", "FOR", "ANSWER", "UNTIL", "BY"], ...grants.map((grant) => row(grant, host.now() / 1000))], (cell, column, index) => (index === 0 ? paint("bold", cell) : column === 3 && grants[index - 1]?.allow === false ? paint("red", cell) : cell))}\n\ntake one back with: sallyport revoke ID\n`);
  return 0;
};

function row({ id, bound, words, session, until, by }: Grant, now: number): string[] {
  const end = session !== null ? "the session ends" : until === null ? "something changes" : Date.parse(until) < now ? "over" : until.slice(0, 16).replace("T", " ");
  return [id, bound.server === "" ? (bound.identity.split(" ")[0] ?? "") : bound.server, bound.item === "" ? "a start" : bound.item, words, end, by];
}
