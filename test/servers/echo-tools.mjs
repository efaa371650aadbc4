/** One tool, `note`, that appends its text to the file that `--log` names; as small as a server can be, for many at once. With `--env NAME` it says the SHA-256 of that variable. */
import { createHash } from "node:crypto";
import { appendFileSync } from "node:fs";

const log = process.argv[process.argv.indexOf("--log") + 1];
const variable = process.argv.includes("--env") ? process.argv[process.argv.indexOf("--env") + 1] : null;
const METHODS = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "notes", version: "1" } }),
  "tools/list": () => ({ tools: [{ name: "note", inputSchema: { type: "object", properties: { text: { type: "string" } } } }] }),
  "tools/call": ({ arguments: { text } }) => ({ content: [{ type: "text", text: variable === null ? (appendFileSync(log, `${text}\n`), `noted ${text}`) : createHash("sha256").update(process.env[variable] ?? "").digest("hex") }] }),
};
let rest = "";
process.stdin.setEncoding("utf8").on("data", (chunk) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  for (const { id, method, params } of lines.filter(Boolean).map((line) => JSON.parse(line))) if (id !== undefined) process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, result: METHODS[method]?.(params) ?? {} })}\n`);
});
