/**
 * The client's own form (MCP 2025-06-18 and later, "Elicitation"). Some clients answer without a person: an empty `accept`,
 * defaults of a schema, a hook. So there is one required choice without default, and only its exact words are a yes.
 */
import type { Channel } from "../desk.ts";
import { renderQuestion, type Question } from "../question.ts";

export interface Form {
  readonly message: string;
  readonly requestedSchema: object;
}

export function formOf(question: Question): Form {
  return {
    message: renderQuestion(question, { whole: false }).join("\n"),
    requestedSchema: { type: "object", properties: { decision: { type: "string", title: "Decision", enum: question.choices.map(({ text }) => text) } }, required: ["decision"] },
  };
}

/** @param result of the client's answer. What is not the exact words of a choice is a no. */
export function choiceOf(question: Question, result: unknown): string {
  const { action, content } = (typeof result === "object" && result !== null ? result : {}) as { action?: unknown; content?: unknown };
  const decision = typeof content === "object" && content !== null && Object.hasOwn(content, "decision") ? (content as { decision: unknown }).decision : undefined;
  if (action !== "accept") return "deny";
  return question.choices.find(({ text }) => text === decision)?.key ?? "deny";
}

/** @param send asks the client, and tells the result; null where the client is gone or answers with an error. Returns what takes it back. */
export function elicitation(send: (form: Form, answered: (result: unknown) => void) => () => void, now: () => number): Channel {
  return {
    name: "elicitation",
    ask: (question, reply) => {
      const from = now();
      return send(formOf(question), (result) => {
        if (isNobody(result, now() - from)) return;
        reply(choiceOf(question, result), question.bound.user, "the client's form");
      });
    },
  };
}

/** Milliseconds in which nobody has read a question. */
const UNREAD = 1000;

/** Clients without a person at them turn every form down at once: that is nobody's no, and the other channels are still open. */
export function isNobody(result: unknown, milliseconds: number): boolean {
  const { action } = (result ?? {}) as { action?: unknown };
  return (action === "decline" || action === "cancel") && milliseconds < UNREAD;
}
