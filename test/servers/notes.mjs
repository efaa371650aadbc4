/**
 * Keeps notes in the file that `--log` names, so that a call that was carried out can be told from one that was not; in both
 * eras. `ask` asks the person itself before it notes, `wipe` says that it is destructive, `read` that it is not.
 */
import { appendFileSync } from "node:fs";
import { McpServer, acceptedContent, fromJsonSchema, inputRequired } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";

const log = process.argv[process.argv.indexOf("--log") + 1];
const input = fromJsonSchema({ type: "object", properties: { text: { type: "string" }, path: { type: "string" }, url: { type: "string" } }, required: ["text"], additionalProperties: false });
const done = (name, given) => (appendFileSync(log, `${name} ${JSON.stringify(given)}\n`), { content: [{ type: "text", text: `noted ${given.text}` }] });
const FORM = { type: "object", properties: { sure: { type: "boolean" } }, required: ["sure"] };

serveStdio(() => {
  const server = new McpServer({ name: "notes", version: process.argv.includes("--new") ? "2" : "1" }, { capabilities: { tools: { listChanged: true } } });
  const tool = (name, handler, more = {}) => server.registerTool(name, { description: process.argv.includes("--changed") ? `${name} a note, changed` : `${name} a note`, inputSchema: input, ...more }, handler);
  tool("note", (given) => done("note", given));
  tool("wipe", (given) => done("wipe", given), { annotations: { destructiveHint: true } });
  tool("read", (given) => done("read", given), { annotations: { readOnlyHint: true } });
  tool("ask", async (given, ctx) => {
    const perRequest = ctx.mcpReq.envelope !== undefined && Object.keys(ctx.mcpReq.envelope).length > 0;
    if (!perRequest) {
      const { action, content } = await ctx.mcpReq.elicitInput({ message: "Are you sure?", requestedSchema: FORM });
      return action === "accept" && content?.sure === true ? done("ask", given) : { content: [{ type: "text", text: "not sure" }] };
    }
    const content = acceptedContent(ctx.mcpReq.inputResponses, "sure");
    if (content?.sure === true) return done("ask", given);
    return inputRequired({ inputRequests: { sure: inputRequired.elicit({ message: "Are you sure?", requestedSchema: FORM }) }, requestState: "the server's own" });
  });
  return server;
});
