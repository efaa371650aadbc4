/** What an answer must look like, and how findings are told beside one. */
import { SallyportError } from "../errors.ts";
import type { Finding } from "../model.ts";
import type { Message } from "../protocol/decode.ts";

type Json = Readonly<Record<string, unknown>>;

/** Answers whose form says that they are what was asked for: the member that must be there, and what it is. */
const FORMS: Readonly<Record<string, readonly [member: string, array: boolean]>> = { "prompts/get": ["messages", true], "resources/read": ["contents", true], "completion/complete": ["completion", false] };

/** Whether the decoder saw already that `refuseForm` has nothing against an answer; false: parse it. */
export function isFormed({ kind, form }: Message, method: string): boolean {
  if (kind === "error") return true;
  if (method === "tools/call") return form === "content";
  return form !== "other" && !Object.hasOwn(FORMS, method);
}

export function refuseForm(method: string, result: unknown): void {
  if (typeof result !== "object" || result === null || Array.isArray(result)) throw new SallyportError("guard.response-shape", `${method}: the result is no object`);
  const one = result as Json;
  if (one["resultType"] !== undefined && one["resultType"] !== "complete") return;
  if (method === "tools/call" && one["content"] !== undefined && !Array.isArray(one["content"])) throw new SallyportError("guard.response-shape", "tools/call: content is no list");
  if (!Object.hasOwn(FORMS, method)) return;
  const [member, array] = FORMS[method] as (typeof FORMS)[string];
  if (array ? !Array.isArray(one[member]) : typeof one[member] !== "object") throw new SallyportError("guard.response-shape", `${method}: ${member} is missing`);
}

/** Deeper than so many levels; without recursion. */
export function deeper(value: unknown, limit: number): boolean {
  const todo: [unknown, number][] = [[value, 1]];
  for (let one = todo.pop(); one !== undefined; one = todo.pop()) {
    const [at, depth] = one;
    if (typeof at !== "object" || at === null) continue;
    if (depth > limit) return true;
    for (const member of Object.values(at)) todo.push([member, depth + 1]);
  }
  return false;
}

/** Who asked knows these by heart: another in their place would be nobody's. */
export const ENVELOPE = new Set(["/id", "/jsonrpc", "/method", "/params/progressToken", "/params/requestId", "/result/requestState"]);

const META = "dev.sallyport/findings";

/** Findings that mask nothing are told to the client beside the result, for it to show or to weigh. */
export function marked(message: Json, findings: readonly Finding[]): Json {
  const told = findings.slice(0, 50).map(({ rule, at }) => ({ rule, at }));
  const beside = (body: unknown): Json | null => (typeof body !== "object" || body === null || Array.isArray(body) ? null : { ...body, _meta: { ...((body as Json)["_meta"] as Json | undefined), [META]: told } });
  const error = message["error"] as Json | undefined;
  if (error !== undefined) {
    const data = beside(error["data"] ?? {});
    return data === null ? message : { ...message, error: { ...error, data } };
  }
  const member = message["result"] === undefined ? "params" : "result";
  const body = beside(message[member]);
  return body === null ? message : { ...message, [member]: body };
}
