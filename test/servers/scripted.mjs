/** Says what `--script FILE` holds: `{ tools, instructions, results: { TOOL: result }, answers: { METHOD: result }, batched: { TOOL: JSON }, onCall: { TOOL: [message, …] } }`; echoes any other call. */
import { readFileSync } from "node:fs";

const script = JSON.parse(readFileSync(process.argv[process.argv.indexOf("--script") + 1], "utf8"));
const write = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const METHODS = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: script.capabilities ?? { tools: {} }, serverInfo: { name: "scripted", version: "1" }, ...(script.instructions === undefined ? {} : { instructions: script.instructions }) }),
  "tools/list": () => ({ tools: script.tools ?? [] }),
  "tools/call": ({ name, arguments: given }) => {
    for (const message of script.onCall?.[name] ?? []) write(message);
    return script.results?.[name] ?? { content: [{ type: "text", text: `called ${name} ${JSON.stringify(given)}` }] };
  },
};

let heldId = null;
let rest = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  for (const line of lines.filter(Boolean)) {
    const { id, method, params = {} } = JSON.parse(line);
    if (id === undefined || method === undefined) continue;
    const result = script.answers?.[method] ?? METHODS[method]?.(params) ?? script.results?.[method] ?? { method };
    // With batchLists, an answer to x/held waits for the next list, and both leave in one batch.
    if (script.batched?.[params.name] !== undefined) process.stdout.write(`[{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${script.batched[params.name]}}]\n`);
    else if (script.batchLists && method === "x/held") heldId = id;
    else if (script.batchLists && method === "tools/list" && heldId !== null) process.stdout.write(`${JSON.stringify([{ jsonrpc: "2.0", id, result }, { jsonrpc: "2.0", id: heldId, result: { held: true } }])}\n`);
    else if (result !== "silent") write({ id, result });
  }
});
