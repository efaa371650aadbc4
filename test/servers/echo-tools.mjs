/** One tool, `note`, that appends its text to the file that `--log` names; as small as a server can be, for many at once. */
import { appendFileSync } from "node:fs";

const log = process.argv[process.argv.indexOf("--log") + 1];
const METHODS = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "notes", version: "1" } }),
  "tools/list": () => ({ tools: [{ name: "note", inputSchema: { type: "object", properties: { text: { type: "string" } } } }] }),
  "tools/call": ({ arguments: { text } }) => (appendFileSync(log, `${text}\n`), { content: [{ type: "text", text: `noted ${text}` }] }),
};
let rest = "";
process.stdin.setEncoding("utf8").on("data", (chunk) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  for (const { id, method, params } of lines.filter(Boolean).map((line) => JSON.parse(line))) if (id !== undefined) process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, result: METHODS[method]?.(params) ?? {} })}\n`);
});
