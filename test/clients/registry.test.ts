/** `add --registry` and `add --bundle`: what a file of somebody else's says becomes a narrow entry, and its secrets never stand in it. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { SERVERS, Running, sallyport, scratch, type Ended } from "../helpers.ts";

const SECRET = `ghp_${"a1B2c3D4e5".repeat(3)}f6G7h8`;

const FILESYSTEM = {
  $schema: "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
  name: "io.github.example/files",
  version: "1.0.0",
  packages: [
    { registryType: "npm", identifier: "x", version: "1.0.0", transport: { type: "streamable-http" } },
    {
      registryType: "npm",
      identifier: "@modelcontextprotocol/server-filesystem",
      version: "2026.8.31",
      runtimeHint: "npx",
      runtimeArguments: [{ type: "named", name: "-y" }],
      packageArguments: [{ type: "positional", valueHint: "directory", format: "filepath", isRequired: true, isRepeated: true, description: "Directory to serve" }],
      environmentVariables: [{ name: "API_TOKEN", isSecret: true }, { name: "LEVEL", choices: ["low", "high"], default: "low" }, { name: "PLACE", value: "{region}.example", variables: { region: { isRequired: true } } }],
      transport: { type: "stdio" },
    },
  ],
};

function add(home: string, ...args: string[]): Promise<Ended> {
  return sallyport(["add", ...args], { home, cwd: home });
}

describe("server.json of the registry", () => {
  it("becomes an entry: exact version, its paths read-only, its secret in a store", { timeout: 120_000 }, async () => {
    const home = scratch();
    mkdirSync(join(home, "docs"));
    const file = join(home, "server.json");
    writeFileSync(file, JSON.stringify(FILESYSTEM));
    const { code, stderr } = await add(home, "--registry", file, `directory=${join(home, "docs")}`, `API_TOKEN=${SECRET}`, "region=eu", "--yes");
    expect(stderr).toContain("sallyport run --server files");
    expect(code).toBe(0);
    const manifest = readFileSync(join(home, "sallyport.yaml"), "utf8");
    expect(manifest).toContain("@modelcontextprotocol/server-filesystem@2026.8.31");
    expect(manifest).toMatch(/API_TOKEN: file:files\/API_TOKEN/);
    expect(manifest).toMatch(/LEVEL: low/);
    expect(manifest).toMatch(/PLACE: eu\.example/);
    expect(manifest).toMatch(/read:\n\s+- .*docs/);
    expect(manifest + readFileSync(join(home, "sallyport.lock"), "utf8")).not.toContain(SECRET);
    const running = new Running([process.execPath, join(SERVERS, "../../dist/main.js"), "run", "--server", "files"], { home, cwd: home });
    running.send({ id: 1, method: "tools/list" });
    expect(JSON.stringify(await running.answerTo(1))).toContain("read_text_file");
  });

  it.each([
    ["a required word that is missing", FILESYSTEM, ["API_TOKEN=x", "region=eu"], "directory"],
    ["a word that it does not have", FILESYSTEM, ["directory=/tmp", "region=eu", "other=1"], "other"],
    ["a choice that is none", FILESYSTEM, ["directory=/tmp", "region=eu", "LEVEL=max"], "low, high"],
    ["a value that looks like an option", FILESYSTEM, ["directory=--eval=x", "region=eu"], "option"],
    ["no exact version", { packages: [{ registryType: "npm", identifier: "x", version: "latest" }] }, [], "exact version"],
    ["an option in place of a name", { packages: [{ registryType: "npm", identifier: "--call=x", version: "1.0.0" }] }, [], "identifier"],
    ["nothing over STDIO", { packages: [{ registryType: "npm", identifier: "x", version: "1.0.0", transport: { type: "sse" } }] }, [], "STDIO"],
    ["a secret in a command line", { packages: [{ registryType: "npm", identifier: "x", version: "1.0.0", packageArguments: [{ type: "named", name: "--token", isSecret: true }] }] }, ["token=x"], "pass it as a variable"],
  ])("is refused with %s", async (_, file, words, text) => {
    const home = scratch();
    writeFileSync(join(home, "server.json"), JSON.stringify(file));
    const { code, stderr } = await add(home, "n", "--registry", "server.json", ...words, "--yes");
    expect([code, stderr]).toEqual([2, expect.stringContaining(text)]);
    expect(existsSync(join(home, "sallyport.yaml"))).toBe(false);
  });
});

describe("an .mcpb bundle", () => {
  it("becomes an entry, with its sensitive settings in a store", async () => {
    const home = scratch();
    const manifest = { manifest_version: "0.3", name: "note keeper", version: "1.2.3", description: "d", author: { name: "a" }, server: { type: "node", entry_point: "server.mjs", mcp_config: { command: "node", args: ["${__dirname}/server.mjs", "--log", "${user_config.log}", "--env", "TOKEN"], env: { TOKEN: "${user_config.token}" } } }, user_config: { token: { type: "string", title: "Token", required: true, sensitive: true }, log: { type: "string", default: "/tmp/none" } } };
    writeFileSync(join(home, "b.mcpb"), zipSync({ "manifest.json": Buffer.from(JSON.stringify(manifest)), "server.mjs": readFileSync(join(SERVERS, "echo-tools.mjs")) }));
    const { code, stderr } = await add(home, "--bundle", "b.mcpb", `token=${SECRET}`, "--yes");
    expect([code, stderr]).toEqual([0, expect.stringContaining("--server note-keeper")]);
    const text = readFileSync(join(home, "sallyport.yaml"), "utf8");
    expect(text).toContain("USER_CONFIG_TOKEN: file:note-keeper/USER_CONFIG_TOKEN");
    expect(text + readFileSync(join(home, "sallyport.lock"), "utf8")).not.toContain(SECRET);
    const running = new Running([process.execPath, join(SERVERS, "../../dist/main.js"), "run", "--server", "note-keeper"], { home, cwd: home });
    running.send({ id: 1, method: "tools/list" });
    expect(JSON.stringify(await running.answerTo(1))).toContain('"note"');
    expect((await add(home, "other", "--bundle", "b.mcpb", "--yes")).stderr).toContain("token=");
    expect((await add(home, "other", "--bundle", "missing.mcpb", "--yes")).stderr).toContain("launch.bundle");
  });
});
