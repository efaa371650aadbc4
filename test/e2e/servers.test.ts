/** Real servers, honestly used: added without a question, every tool listed as without a gate, a harmless call passes, nothing cries wolf. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Running, gate, sallyport, scratch } from "../helpers.ts";
import { chmodSync, chownSync, mkdirSync } from "node:fs";
import { isRoot } from "../helpers.ts";

const MODULES = join(import.meta.dirname, "node_modules");

interface Server {
  readonly file: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A harmless call; what needs the network ends with the server's own error, which passes. */
  readonly call: readonly [name: string, given: object];
}

const DATA = "$DATA";
const SERVERS: Readonly<Record<string, Server>> = {
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

/** Names of the tools, and the answer to the call. */
async function use(running: Running, [name, given]: readonly [string, object]): Promise<{ tools: string[]; answer: string }> {
  running.send({ id: "init", method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } } });
  await running.until(() => running.stdout.includes('"id":"init"'), "an answer to initialize", 30_000);
  running.send({ method: "notifications/initialized" });
  const tools: string[] = [];
  for (let page = 0, cursor: unknown; page === 0 || typeof cursor === "string"; page += 1) {
    running.send({ id: `list${page}`, method: "tools/list", params: cursor === undefined ? {} : { cursor } });
    const { result } = (await running.answerTo(`list${page}`)) as { result: { tools: { name: string }[]; nextCursor?: unknown } };
    tools.push(...result.tools.map((tool) => tool.name));
    cursor = result.nextCursor;
  }
  running.send({ id: "call", method: "tools/call", params: { name, arguments: given } });
  const answer = JSON.stringify(await running.answerTo("call"));
  running.child.kill("SIGTERM");
  await running.ended;
  return { tools, answer };
}

describe("a real server", () => {
  it.each(Object.entries(SERVERS))("%s", { timeout: 120_000 }, async (name, { file, args = [], env = {}, call }) => {
    const home = scratch();
    chmodSync(home, 0o755);
    const data = join(home, "data");
    mkdirSync(data);
    chmodSync(data, 0o777);
    writeFileSync(join(data, "hello.txt"), "hello\n");
    if (isRoot) chownSync(data, 65534, 65534);
    const put = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll(DATA, data)) as T;
    const command = ["node", join(MODULES, file), ...put([...args])];
    const variables = put(env);
    const direct = await use(new Running(command, { home, env: variables }), put(call));
    const flags = ["--consent", "never", "--write", data, ...Object.keys(variables).flatMap((one) => ["--env", one])];
    const added = await sallyport(["add", name, "--yes", ...flags, "--", ...command], { home, env: variables });
    expect([added.code, added.stderr], added.stdout.slice(-3000)).toEqual([0, expect.stringContaining("written")]);
    const gated = await use(gate([], { home, env: variables, flags: ["--server", name] }), put(call));
    expect(gated.tools).toEqual(direct.tools);
    expect(gated.answer).not.toContain("sallyport refused");
    expect(gated.answer).not.toContain("[masked");
    expect(gated.answer).not.toContain("dev.sallyport/findings");
    if (!["server-github", "server-postgres", "server-slack", "playwright", "notion", "cloudflare"].includes(name)) expect(gated.answer.includes('"isError":true')).toBe(false);
  });
});
