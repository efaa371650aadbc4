/**
 * A scripted model on loopback: `model.mjs TOOL ARGUMENTS` prints its port, and then calls the tool whose name ends with TOOL
 * once, in the words of whoever asks (Anthropic Messages, OpenAI Responses, Gemini). Prints each result that it is given.
 */
import { createServer } from "node:http";

const [tool, given] = [process.argv[2], JSON.parse(process.argv[3])];
const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2 };
const named = (tools) => tools.find((name) => name?.endsWith(tool));
const say = (line) => process.stdout.write(`${line}\n`);

/** Each: whether a request is its own, and what it is answered with: lines of events. */
const APIS = [
  {
    path: /^\/v1\/messages(?:\?|$)/,
    answer: ({ messages = [], tools = [], model, stream }) => {
      const last = JSON.stringify(messages.at(-1));
      const name = last.includes("tool_result") ? undefined : named(tools.map((one) => one.name));
      if (last.includes("tool_result")) say(`result ${last}`);
      const message = { id: "msg_1", type: "message", role: "assistant", model, content: [], stop_reason: null, usage };
      if (stream !== true) return { ...message, content: [{ type: "text", text: "ok" }], stop_reason: "end_turn" };
      const block = name === undefined ? { type: "text", text: "" } : { type: "tool_use", id: "toolu_1", name, input: {} };
      const delta = name === undefined ? { type: "text_delta", text: "done" } : { type: "input_json_delta", partial_json: JSON.stringify(given) };
      return [{ type: "message_start", message }, { type: "content_block_start", index: 0, content_block: block }, { type: "content_block_delta", index: 0, delta }, { type: "content_block_stop", index: 0 }, { type: "message_delta", delta: { stop_reason: name === undefined ? "end_turn" : "tool_use" }, usage }, { type: "message_stop" }];
    },
  },
  {
    path: /\/responses(?:\?|$)/,
    answer: ({ input = [], tools = [] }) => {
      const last = input.findLast((one) => one.type === "function_call_output");
      if (last !== undefined) say(`result ${JSON.stringify(last)}`);
      // Tools of one server may stand together below its name.
      const all = tools.flatMap((one) => (one.tools ?? [one]).map(({ name }) => ({ name, namespace: one.tools === undefined ? undefined : one.name })));
      const found = last === undefined ? all.find(({ name, namespace }) => `${namespace ?? ""}__${name}`.endsWith(tool)) : undefined;
      const item = found === undefined ? { type: "message", role: "assistant", id: "m", content: [{ type: "output_text", text: "done" }] } : { type: "function_call", id: "f", call_id: "call_1", ...found, arguments: JSON.stringify(given) };
      return [{ type: "response.created", response: { id: "r" } }, { type: "response.output_item.done", output_index: 0, item }, { type: "response.completed", response: { id: "r", usage: { ...usage, input_tokens_details: null, output_tokens_details: null }, output: [item] } }];
    },
  },
  {
    path: /:(?:streamG|g)enerateContent/,
    answer: ({ contents = [], tools = [] }) => {
      const last = JSON.stringify(contents.at(-1));
      const name = last.includes("functionResponse") ? undefined : named(tools.flatMap((one) => (one.functionDeclarations ?? []).map((declared) => declared.name)));
      if (last.includes("functionResponse")) say(`result ${last}`);
      const parts = [name === undefined ? { text: "done" } : { functionCall: { name, args: given } }];
      return [{ candidates: [{ content: { role: "model", parts }, finishReason: "STOP", index: 0 }], usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 } }];
    },
  },
];

const server = createServer((request, response) => {
  let text = "";
  request.on("data", (chunk) => (text += chunk)).on("end", () => {
    const api = APIS.find(({ path }) => path.test(request.url));
    if (process.argv.includes("--verbose")) say(`${request.method} ${request.url} ${api === undefined ? "?" : ""} ${text.length}`);
    const said = api?.answer(text === "" ? {} : JSON.parse(text)) ?? { data: [], models: [] };
    const stream = Array.isArray(said) && !/:generateContent/.test(request.url);
    response.writeHead(200, { "content-type": stream ? "text/event-stream" : "application/json" });
    response.end(stream ? said.map((event) => `${event.type === undefined ? "" : `event: ${event.type}\n`}data: ${JSON.stringify(event)}\n\n`).join("") : JSON.stringify(Array.isArray(said) ? said[0] : said));
  });
});
server.listen(0, "127.0.0.1", () => say(`port ${server.address().port}`));
