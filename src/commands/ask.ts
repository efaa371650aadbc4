/** A question to the person at the terminal; scripts say `--yes` instead. */
import { createInterface } from "node:readline/promises";
import { SallyportError } from "../errors.ts";
import type { Host } from "../model.ts";
import { newCode, openTerminal } from "./terminal.ts";

/** Throws `usage.option` where nobody can be asked, `usage.interrupted`. */
export async function confirm(question: string, host: Host): Promise<boolean> {
  const terminal = opened(host);
  try {
    return /^y(?:es)?$/i.test(await terminal.ask(`${question} [y/N] `));
  } finally {
    terminal.close();
  }
}

/** One of several words, or its first letter; the first where nothing is said. Throws `usage.option` where nobody can be asked, `usage.interrupted`. */
export async function choose(question: string, words: readonly string[], host: Host): Promise<string> {
  const terminal = opened(host);
  try {
    for (;;) {
      const said = (await terminal.ask(question)).toLowerCase();
      const chosen = said === "" ? words[0] : words.find((word) => word === said || word[0] === said);
      if (chosen !== undefined) return chosen;
      host.stderr.write(`one of ${words.join(", ")}\n`);
    }
  } finally {
    terminal.close();
  }
}

/** Ctrl-C and Ctrl-D are no answer: whatever was asked about does not happen. */
function opened(host: Host): { ask: (prompt: string) => Promise<string>; close: () => void } {
  if (!host.stdin.isTTY) throw new SallyportError("usage.nobody");
  const lines = createInterface({ input: host.stdin, output: host.stderr });
  const ask = (prompt: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const stopped = (): void => (host.stderr.write("\n"), reject(new SallyportError("usage.interrupted")));
      lines.once("SIGINT", () => lines.close()).once("close", stopped);
      void lines.question(prompt).then((said) => (lines.removeAllListeners("SIGINT").off("close", stopped), resolve(said.trim())), () => {});
    });
  return { ask, close: () => lines.close() };
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
