/** Real servers, honestly used: added without a question, every tool listed as without a gate, a harmless call passes, nothing cries wolf. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Running, gate, sallyport, scratch } from "../helpers.ts";
import { DATA, MODULES, SERVERS } from "./real-servers.ts";
import { chmodSync, chownSync, mkdirSync } from "node:fs";
import { isRoot } from "../helpers.ts";

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
