import { rmSync } from "node:fs";
import { resolve } from "node:path";
import { SallyportError } from "../errors.ts";
import { renderQuestion, type Question } from "../consent/question.ts";
import { openQuestions } from "../gate/answering.ts";
import { answerOthers } from "../gate/consenting.ts";
import type { Host } from "../model.ts";
import { COMMON_FLAGS, painter, parseFlags, table, type Command } from "./command.ts";

const HELP = `sallyport approvals [ID] [--json]
       sallyport approvals --serve SOCKET

Lists the calls that wait for a person, oldest first; with an ID, one of them whole: every argument, and the answers it takes.
With --serve, answers for other users' gates, whose manifests name the socket under consent.approver: their questions then wait
here, at this user's terminals, and what holds for longer is kept here.

Example: sallyport approvals
`;

export const command: Command = (args, host) => {
  const { values, positionals } = parseFlags(args, { ...COMMON_FLAGS, serve: { type: "string" } }, 1);
  if (values.help === true) {
    host.stdout.write(HELP);
    return 0;
  }
  if (values.serve !== undefined) return serve(resolve(host.cwd, values.serve), host);
  const [id] = positionals;
  const questions = openQuestions(host).toSorted((a, b) => (a.asked < b.asked ? -1 : 1));
  const paint = painter(host, values["no-color"]);
  if (id !== undefined) {
    const question = questions.find((one) => one.id === id);
    if (question === undefined) throw new SallyportError("consent.unknown", id);
    host.stdout.write(values.json === true ? `${JSON.stringify(question, null, 2)}\n` : `${renderQuestion(question, { whole: true }).join("\n")}\n\n${table(question.choices.map(({ key, text }) => [`  ${key}`, text]))}\n`);
    return 0;
  }
  if (values.json === true) host.stdout.write(`${JSON.stringify(questions, null, 2)}\n`);
  else if (questions.length === 0) host.stdout.write("nothing waits\n");
  else host.stdout.write(`${table([["ID", "SERVER", "ASKS FOR", "CAN REACH", "LEFT"], ...questions.map((question) => row(question, host.now() / 1000))], (cell, _, index) => (index === 0 ? paint("bold", cell) : cell))}\n\nanswer with: sallyport approve ID, sallyport deny ID\n`);
  return 0;
};

async function serve(path: string, host: Host): Promise<number> {
  await answerOthers(path, host, (line) => void host.stderr.write(`sallyport: ${line}\n`));
  host.stderr.write(`sallyport: waiting for questions at ${path}\n`);
  return new Promise((resolveCode) => {
    host.onSignal(() => {
      rmSync(path, { force: true });
      resolveCode(0);
    });
  });
}

function row({ id, bound, reach, until }: Question, now: number): string[] {
  return [id, bound.server === "" ? (bound.identity.split(" ")[0] ?? "") : bound.server, bound.item === "" ? "a start" : bound.item, reach.join(", ") || "nothing outside", `${Math.max(0, Math.round((Date.parse(until) - now) / 1000))} s`];
}
