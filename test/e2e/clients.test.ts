/** Real clients: the Inspector's command line prints the same bytes, and Claude Code says that the server is connected. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MAIN, ROOT, records, scratch } from "../helpers.ts";
import { CLAUDE, INSPECTOR, execute } from "./peers.ts";

const EVERYTHING = join(ROOT, "node_modules/@modelcontextprotocol/server-everything/dist/index.js");

describe("the Inspector", () => {
  const { bin } = JSON.parse(readFileSync(join(INSPECTOR, "package.json"), "utf8")) as { bin: Record<string, string> };
  const program = join(INSPECTOR, bin["mcp-inspector"] as string);

  it.each([
    ["tools/list", []],
    ["resources/list", []],
    ["prompts/list", []],
    ["resources/templates/list", []],
    ["tools/call", ["--tool-name", "echo", "--tool-arg", "message=hello"]],
  ])("prints identical bytes for %s", async (method, more) => {
    const home = scratch();
    const env = { HOME: home, SALLYPORT_HOME: join(home, "sallyport") };
    const config = join(home, "servers.json");
    const [node, ...gate] = [process.execPath, MAIN, "run", "--quiet", "--", "node", EVERYTHING, "stdio"];
    const mcpServers = { direct: { command: "node", args: [EVERYTHING, "stdio"] }, gated: { command: node, args: gate, env: { SALLYPORT_HOME: env.SALLYPORT_HOME } } };
    writeFileSync(config, JSON.stringify({ mcpServers }));
    const ask = (name: string): ReturnType<typeof execute> => execute([process.execPath, program, "--cli", "--config", config, "--server", name, "--method", method, ...more], env);
    const direct = await ask("direct");
    const gated = await ask("gated");
    expect(direct.code).toBe(0);
    expect(direct.stdout.length).toBeGreaterThan(20);
    expect([gated.code, gated.stdout]).toEqual([direct.code, direct.stdout]);
    expect(records(home).some(({ stream, verdict }) => stream === "server" && verdict === "allow")).toBe(true);
  });
});

describe("Claude Code", () => {
  it("shows a server behind the gate as connected", { timeout: 120_000 }, async () => {
    const home = scratch();
    const env = { HOME: home, SALLYPORT_HOME: join(home, "sallyport"), DISABLE_AUTOUPDATER: "1", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1" };
    expect(existsSync(CLAUDE)).toBe(true);
    const added = await execute([CLAUDE, "mcp", "add", "--scope", "user", "everything", "--", process.execPath, MAIN, "run", "--", "node", EVERYTHING, "stdio"], env);
    expect(added.code).toBe(0);
    const listed = await execute([CLAUDE, "mcp", "list"], env);
    expect(listed.stdout).toMatch(/everything: .*Connected/);
    expect(records(home).some(({ message }) => message?.["method"] === "initialize")).toBe(true);
  });
});
