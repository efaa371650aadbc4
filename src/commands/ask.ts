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

/** One of several letters; the first where nothing is said. Throws `usage.option` where nobody can be asked. */
export async function choose(question: string, letters: string, host: Host): Promise<string> {
  if (!host.stdin.isTTY) throw new SallyportError("usage.option", "nobody can be asked here: add --yes where the answer is yes");
  const asking = createInterface({ input: host.stdin, output: host.stderr });
  try {
    const [letter = ""] = (await asking.question(question)).trim().toLowerCase();
    return letters.includes(letter) && letter !== "" ? letter : (letters[0] as string);
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
