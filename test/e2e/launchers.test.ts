/** Real servers of the registries, with nothing but `sallyport run --` in front, listed and called in every kind of cell. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gate, sallyport, type Running } from "../helpers.ts";
import { BACKENDS } from "./engines.ts";

type Call = readonly [name: string, given: object];

/** What a client's file says, a harmless call, and variables that the server wants to see. */
const SERVERS: [command: string, call: Call, env?: Record<string, string>][] = [
  ["npx -y @modelcontextprotocol/server-memory", ["read_graph", {}]],
  ["npx -y @modelcontextprotocol/server-filesystem /tmp", ["list_allowed_directories", {}]],
  ["npx -y @modelcontextprotocol/server-sequential-thinking", ["sequentialthinking", { thought: "one", nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 }]],
  ["npx -y @modelcontextprotocol/server-everything", ["echo", { message: "hi" }]],
  ["npx -y @modelcontextprotocol/server-github", ["get_issue", { owner: "o", repo: "r", issue_number: 1 }], { GITHUB_PERSONAL_ACCESS_TOKEN: "dummy" }],
  ["npx -y @modelcontextprotocol/server-postgres postgresql://u:p@127.0.0.1:5432/db", ["query", { sql: "select 1" }]],
  ["npx -y @modelcontextprotocol/server-slack", ["slack_list_channels", {}], { SLACK_BOT_TOKEN: "xoxb-dummy", SLACK_TEAM_ID: "T0000000" }],
  ["npx -y @modelcontextprotocol/server-brave-search", ["brave_web_search", { query: "x" }], { BRAVE_API_KEY: "dummy" }],
  ["npx -y @modelcontextprotocol/server-google-maps", ["maps_geocode", { address: "x" }], { GOOGLE_MAPS_API_KEY: "dummy" }],
  ["npx -y @modelcontextprotocol/server-gitlab", ["search_repositories", { search: "x" }], { GITLAB_PERSONAL_ACCESS_TOKEN: "dummy" }],
  ["npx -y @modelcontextprotocol/server-everart", ["generate_image", { prompt: "x" }], { EVERART_API_KEY: "dummy" }],
  ["npx -y @playwright/mcp --headless", ["browser_close", {}]],
  ["npx -y @upstash/context7-mcp", ["resolve-library-id", { query: "x", libraryName: "x" }]],
  ["npx -y @notionhq/notion-mcp-server", ["API-get-self", {}], { NOTION_TOKEN: "ntn_dummy" }],
  ["npx -y tavily-mcp", ["tavily_search", { query: "x" }], { TAVILY_API_KEY: "tvly-dummy" }],
  ["npx -y @antv/mcp-server-chart", ["generate_pie_chart", { data: [{ category: "a", value: 1 }] }]],
  ["npx -y exa-mcp-server", ["web_search_exa", { query: "x" }], { EXA_API_KEY: "dummy" }],
  ["npx -y mcp-sequentialthinking-tools", ["sequentialthinking_tools", { thought: "one", next_thought_needed: false, thought_number: 1, total_thoughts: 1, available_mcp_tools: ["x"] }]],
  ["npx -y mcp-server-commands@0.5.0", ["run_command", { command: "echo hi" }]],
  ["npx -y @hubspot/mcp-server", ["hubspot-generate-feedback-link", {}], { PRIVATE_APP_ACCESS_TOKEN: "pat-na1-dummy" }],
  ["pnpm dlx @itseasy21/mcp-knowledge-graph --memory-path /tmp/m.jsonl", ["read_graph", {}]],
  ["bunx @kazuph/mcp-taskmanager", ["list_requests", {}], { TASK_MANAGER_FILE_PATH: "/tmp/tasks.json" }],
  ["npm exec -y -- fast-filesystem-mcp /tmp", ["fast_list_allowed_directories", {}]],
  ["uvx mcp-server-time --local-timezone UTC", ["get_current_time", { timezone: "UTC" }]],
  ["pipx run mcp-server-time", ["get_current_time", { timezone: "UTC" }]],
  ["uvx mcp-server-fetch", ["fetch", { url: "https://example.com/" }]],
];

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "sallyport-launchers-"));
  chmodSync(home, 0o755);
});
// Tens of thousands of files.
afterAll(() => rmSync(home, { recursive: true, force: true }), 300_000);

/** Names of the tools, and whether the call was answered. */
async function use(running: Running, [name, given]: Call): Promise<{ tools: string[]; answer: string }> {
  running.send({ id: "init", method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } } });
  await running.until(() => running.stdout.includes('"id":"init"'), "an answer to initialize", 60_000);
  running.send({ method: "notifications/initialized" });
  running.send({ id: "list", method: "tools/list" });
  const { result } = (await running.answerTo("list")) as { result: { tools: { name: string }[] } };
  running.send({ id: "call", method: "tools/call", params: { name, arguments: given } });
  const answer = JSON.stringify(await running.answerTo("call"));
  running.child.kill("SIGTERM");
  await running.ended;
  return { tools: result.tools.map((tool) => tool.name), answer };
}

describe("a server of the registry", () => {
  it.each(SERVERS)("%s", { timeout: 300_000 }, async (line, call, env = {}) => {
    const command = line.split(" ");
    // Fetched once, in its own cell, for all kinds of cells.
    const { code, stderr } = await sallyport(["explain", ...Object.keys(env).flatMap((name) => ["--env", name]), "--", ...command], { home, env });
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("without a cell")]);
    const found: string[][] = [];
    for (const backend of BACKENDS) {
      const flags = ["--isolation", backend, "--quiet", "--consent", "never", ...Object.keys(env).flatMap((name) => ["--env", name])];
      const { tools, answer } = await use(gate(command, { home, env, flags }), call);
      expect(tools, `${backend}: ${answer}`).toContain(call[0]);
      expect(answer).not.toContain("sallyport refused");
      found.push(tools);
    }
    for (const tools of found) expect(tools).toEqual(found[0]);
  });
});
