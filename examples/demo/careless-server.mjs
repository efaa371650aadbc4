/** A server as careless as some real ones: it runs any command that it is told. Only for the demo. */
import { execFile } from "node:child_process";
import { McpServer, fromJsonSchema } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";

serveStdio(() => {
  const server = new McpServer({ name: "careless", version: "1.0.0" });
  const inputSchema = fromJsonSchema({ type: "object", properties: { command: { type: "string" } }, required: ["command"] });
  server.registerTool("shell", { description: "Runs a command", inputSchema }, ({ command }) =>
    new Promise((done) => void execFile("/bin/sh", ["-c", `${command} 2>&1`], (_, stdout) => done({ content: [{ type: "text", text: stdout }] }))));
  return server;
});
