import { SallyportError } from "../errors.ts";
import { renderQuestion, type Choice, type Question } from "../consent/question.ts";
import { answer } from "../gate/answering.ts";
import type { Host } from "../model.ts";
import { parseFlags, type Command } from "./command.ts";
import { newCode, openTerminal, type Terminal } from "./terminal.ts";

const HELP = `sallyport approve ID [--answer NAME]

Shows a question that waits, and takes your answer: a number, and a code that is shown on this terminal only. Counts only at a
terminal with a person at it, and never from below the client or the gate that ask.

  --answer NAME        the answer by its name, which sallyport approvals ID lists: once, session:same, day:any, never, …;
                       the code must still be typed

Example: sallyport approve k7mw2p9x
`;

export const command: Command = async (args, host) => {
  const { values, positionals } = parseFlags(args, { answer: { type: "string" }, help: { type: "boolean", short: "h" } }, Infinity);
  if (values.help === true) {
    host.stdout.write(HELP);
    return 0;
  }
  const id = only(positionals);
  let terminal: Terminal | null = null;
  try {
    const { choice, taken } = await answer(id, async (question) => {
      terminal = openTerminal();
      return choose(question, values.answer, terminal);
    }, host);
    host.stdout.write(taken ? `${choice.text}: done\n` : "the gate that asked has not taken the answer: the call is gone\n");
    return taken ? 0 : 1;
  } finally {
    (terminal as Terminal | null)?.close();
  }
};

/** Throws `usage.option`. */
export function only(positionals: readonly string[]): string {
  const [id, ...more] = positionals;
  if (id === undefined || more.length > 0) throw new SallyportError("usage.option", "one ID: sallyport approvals lists them");
  return id;
}

async function choose(question: Question, named: string | undefined, terminal: Terminal): Promise<Choice> {
  terminal.show(`${renderQuestion(question, { whole: true }).join("\n")}\n\n`);
  const choice = named === undefined ? await byNumber(question, terminal) : question.choices.find(({ key }) => key === named);
  if (choice === undefined) throw new SallyportError("consent.choice", named);
  const code = newCode();
  const typed = await terminal.ask(`${choice.text}. Type ${code} to answer so: `);
  if (typed !== code) throw new SallyportError("consent.code");
  return choice;
}

async function byNumber(question: Question, terminal: Terminal): Promise<Choice> {
  terminal.show(`${question.choices.map(({ text }, index) => `  ${index + 1}  ${text}`).join("\n")}\n`);
  const typed = await terminal.ask("Answer: ");
  const choice = /^\d+$/.test(typed) ? question.choices[Number(typed) - 1] : undefined;
  if (choice === undefined) throw new SallyportError("consent.choice", typed);
  return choice;
}

export async function deny(id: string, host: Host): Promise<boolean> {
  const { taken } = await answer(id, async (question) => question.choices.find(({ key }) => key === "deny") as Choice, host);
  return taken;
}
