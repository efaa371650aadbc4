/** A question to the person at the terminal; scripts say `--yes` instead. */
import { createInterface } from "node:readline/promises";
import { SallyportError } from "../errors.ts";
import type { Host } from "../model.ts";

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
