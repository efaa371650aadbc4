/** A question to the person at the terminal; scripts say `--yes` instead. */
import { createInterface } from "node:readline/promises";
import { SallyportError } from "../errors.ts";
import type { Host } from "../model.ts";
import { newCode, openTerminal } from "./terminal.ts";

/** Throws `usage.option` where nobody can be asked. */
export async function confirm(question: string, host: Host): Promise<boolean> {
  if (!host.stdin.isTTY) throw new SallyportError("usage.option", "nobody can be asked here: add --yes where the answer is yes");
  const asking = createInterface({ input: host.stdin, output: host.stderr });
  try {
    return /^y(?:es)?$/i.test((await asking.question(`${question} [y/N] `)).trim());
  } finally {
    asking.close();
  }
}

/** One of several words, or its first letter; the first where nothing is said. Throws `usage.option` where nobody can be asked. */
export async function choose(question: string, words: readonly string[], host: Host): Promise<string> {
  if (!host.stdin.isTTY) throw new SallyportError("usage.option", "nobody can be asked here: add --yes where the answer is yes");
  const asking = createInterface({ input: host.stdin, output: host.stderr });
  try {
    for (;;) {
      const said = (await asking.question(question)).trim().toLowerCase();
      const chosen = said === "" ? words[0] : words.find((word) => word === said || word[0] === said);
      if (chosen !== undefined) return chosen;
      host.stderr.write(`one of ${words.join(", ")}\n`);
    }
  } finally {
    asking.close();
  }
}

/** Where a policy asks for a person, "yes" is a code that only a terminal shows. */
export async function agreed(question: string, yes: boolean, needsPerson: boolean, host: Host): Promise<boolean> {
  if (!needsPerson) return yes || confirm(question, host);
  const terminal = openTerminal();
  try {
    const code = newCode();
    return (await terminal.ask(`${question} It takes a person: type ${code} for yes: `)) === code;
  } finally {
    terminal.close();
  }
}
