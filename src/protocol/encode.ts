/** The few messages that the gate says itself: refusals, in the form that who asked understands. */
import { ERRORS, type Code } from "../errors.ts";
import type { Era, Id } from "./decode.ts";

/** JSON-RPC error code of every refusal: outside -32768..-32000, which the specifications keep for themselves. */
export const REFUSED = -31001;

export interface Asked {
  readonly id: Id;
  readonly method: string;
  readonly era: Era | null;
}

/** A tool that is not there is an error of the protocol (tools, "Error Handling"), whoever knows that it is not. */
const UNKNOWN: readonly Code[] = ["pin.new", "pin.unlisted"];

/**
 * Answers a request that was not passed on. A tool call gets a tool result, which a model can read and react to
 * (tools, "Error Handling"); everything else a JSON-RPC error. `detail` must already be fit for a person's eyes.
 */
export function refusal(asked: Asked, code: Code, detail = ""): string {
  const { text, hint } = ERRORS[code];
  const message = `${/^(?:server|session)\./.test(code) ? "sallyport has no answer to this" : "sallyport refused this"} (${code}): ${text}${detail === "" ? "" : ` (${detail})`}. Next step: ${hint}.`;
  if (asked.method !== "tools/call" || UNKNOWN.includes(code)) return errorAnswer(asked.id, code, message);
  const era = asked.era === "per-request" ? `"resultType":"complete",` : "";
  return `{"jsonrpc":"2.0","id":${asked.id},"result":{${era}"content":[{"type":"text","text":${JSON.stringify(message)}}],"isError":true}}`;
}

/** An error in place of an answer that was not passed on, or for a line whose request is unknown (id `null`). */
export function errorAnswer(id: Id | null, code: Code, message: string = ERRORS[code].text): string {
  return `{"jsonrpc":"2.0","id":${id},"error":{"code":${REFUSED},"message":${JSON.stringify(message)},"data":{"code":"${code}","hint":${JSON.stringify(ERRORS[code].hint)}}}}`;
}
