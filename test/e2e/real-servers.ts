/** Real servers from npm, and one harmless call of each. */
import { join } from "node:path";

export const MODULES = join(import.meta.dirname, "node_modules");

export interface RealServer {
  readonly file: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A harmless call; what needs the network ends with the server's own error, which passes. */
  readonly call: readonly [name: string, given: object];
}

/** Stands for a directory that the test has made. */
export const DATA = "$DATA";
export const SERVERS: Readonly<Record<string, RealServer>> = {
  "server-memory": { file: "@modelcontextprotocol/server-memory/dist/index.js", env: { MEMORY_FILE_PATH: `${DATA}/memory.jsonl` }, call: ["read_graph", {}] },
  "server-filesystem": { file: "@modelcontextprotocol/server-filesystem/dist/index.js", args: [DATA], call: ["read_text_file", { path: `${DATA}/hello.txt` }] },
  "server-sequential-thinking": { file: "@modelcontextprotocol/server-sequential-thinking/dist/index.js", call: ["sequentialthinking", { thought: "one", nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 }] },
  "server-everything": { file: "@modelcontextprotocol/server-everything/dist/index.js", args: ["stdio"], call: ["echo", { message: "hi" }] },
  "server-github": { file: "@modelcontextprotocol/server-github/dist/index.js", env: { GITHUB_PERSONAL_ACCESS_TOKEN: "dummy" }, call: ["get_issue", { owner: "o", repo: "r", issue_number: 1 }] },
  "server-postgres": { file: "@modelcontextprotocol/server-postgres/dist/index.js", args: ["postgresql://u:p@127.0.0.1:5432/db"], call: ["query", { sql: "select a, count(*) from t where b = 'x; y' group by a" }] },
  "server-slack": { file: "@modelcontextprotocol/server-slack/dist/index.js", env: { SLACK_BOT_TOKEN: "xoxb-dummy", SLACK_TEAM_ID: "T0000000" }, call: ["slack_list_channels", {}] },
  playwright: { file: "@playwright/mcp/cli.js", args: ["--headless"], call: ["browser_close", {}] },
  notion: { file: "@notionhq/notion-mcp-server/bin/cli.mjs", env: { NOTION_TOKEN: "ntn_dummy" }, call: ["API-get-self", {}] },
  commands: { file: "mcp-server-commands/build/index.js", call: ["run_command", { command: "echo hi" }] },
  cloudflare: { file: "@cloudflare/mcp-server-cloudflare/dist/index.js", args: ["run", "0123456789abcdef0123456789abcdef"], env: { CLOUDFLARE_API_TOKEN: "dummy" }, call: ["worker_list", {}] },
  hubspot: { file: "@hubspot/mcp-server/dist/index.js", env: { PRIVATE_APP_ACCESS_TOKEN: "pat-na1-dummy" }, call: ["hubspot-generate-feedback-link", {}] },
  "knowledge-graph": { file: "@itseasy21/mcp-knowledge-graph/dist/index.js", args: ["--memory-path", `${DATA}/m.jsonl`], call: ["read_graph", {}] },
  "sequentialthinking-tools": { file: "mcp-sequentialthinking-tools/dist/index.js", call: ["sequentialthinking_tools", { thought: "one", next_thought_needed: false, thought_number: 1, total_thoughts: 1, available_mcp_tools: ["x"] }] },
  taskmanager: { file: "@kazuph/mcp-taskmanager/dist/index.js", env: { TASK_MANAGER_FILE_PATH: `${DATA}/tasks.json` }, call: ["list_requests", {}] },
  "fast-filesystem": { file: "fast-filesystem-mcp/dist/index.js", args: [DATA], call: ["fast_read_file", { path: `${DATA}/hello.txt` }] },
};
