/** The command as people use it: real clients read what it writes, and a home full of real servers is protected, used and given back. */
import { spawnSync } from "node:child_process";
import { hash } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { MAIN, Running, sallyport, scratch, server } from "../helpers.ts";
import { serversOf } from "../../src/clients/servers.ts";
import { CLIENTS } from "../../src/clients/table.ts";
import { DATA, MODULES, SERVERS } from "./real-servers.ts";
import { CLAUDE, execute } from "./peers.ts";

const BIN = join(MODULES, ".bin");

function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

describe.each([
  ["Claude Code", "claude-code", ".claude.json", [CLAUDE, "mcp", "list"], { DISABLE_AUTOUPDATER: "1", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1" }, /memory: .*Connected/],
  ["Codex", "codex", ".codex/config.toml", [join(BIN, "codex"), "mcp", "list", "--json"], {}, /"name": "memory"/],
  ["Gemini CLI", "gemini-cli", ".gemini/settings.json", [join(BIN, "gemini"), "mcp", "list"], { GEMINI_API_KEY: "x", GEMINI_CLI_TRUST_WORKSPACE: "true" }, /memory.*Connected/],
] as const)("%s", { timeout: 180_000 }, (_, id, file, list, more, shows) => {
  it("reads what is written, and finds its servers as before", async () => {
    const home = scratch();
    const env = { HOME: home, SALLYPORT_HOME: join(home, "sallyport"), ...more };
    const memory = join(MODULES, "@modelcontextprotocol/server-memory/dist/index.js");
    if (id === "codex") put(join(home, file), `# mine\n[mcp_servers.memory] # notes\ncommand = 'node'\nargs = [\n  "${memory}", # the file\n]\nenv = { SALLYPORT_HOME = "${env.SALLYPORT_HOME}", API_TOKEN = "abcdefgh12345" }\nstartup_timeout_sec = 20\n`);
    else put(join(home, file), `{\n\t"mcpServers": { "memory": { "command": "node", "args": ["${memory}"], "env": { "SALLYPORT_HOME": "${env.SALLYPORT_HOME}" } } },\n\t"other": 1\n}\n`);
    const said = async (): Promise<string> => execute(list, env).then(({ stdout, stderr }) => stdout + stderr);
    // The clients write their own settings into the same file when they first start.
    await said();
    const before = readFileSync(join(home, file));
    expect(await said()).toMatch(shows);
    const done = await sallyport(["protect", "--yes", "--client", id], { home });
    expect(done.stdout).toMatch(/protected\s+memory/);
    const listed = await said();
    expect(listed).toMatch(shows);
    expect(listed).toContain("--server");
    expect((await sallyport(["protect", "--check"], { home })).code).toBe(0);
    await sallyport(["unprotect"], { home });
    const [plain, back] = [before, readFileSync(join(home, file))].map((text) => text.toString().replaceAll(/"[^"]*(?:startup|Startup|At|Time|cache)[^"]*": ?[^,\n}]+/gi, ""));
    expect(back).toBe(plain);
    expect(await said()).toMatch(shows);
  });
});

/** Every file below, links by where they lead. */
function digest(folder: string, below = folder): string {
  const lines = readdirSync(below).sort().map((name) => {
    const path = join(below, name);
    const { mode } = lstatSync(path);
    return lstatSync(path).isDirectory() ? digest(folder, path) : `${relative(folder, path)} ${mode} ${hash("sha256", readFileSync(path), "hex")}`;
  });
  return hash("sha256", lines.join("\n"), "hex");
}

describe("a home with eight clients and 25 servers", () => {
  it("is protected with one command, used through its clients' entries, and given back", { timeout: 300_000 }, async () => {
    const home = scratch();
    const data = join(home, "data");
    mkdirSync(data);
    chmodSync(data, 0o777);
    const real = Object.entries(SERVERS).map(([name, { file, args = [], env = {} }]) => [name, { command: "node", args: [join(MODULES, file), ...args.map((one) => one.replace(DATA, data))], env: Object.fromEntries(Object.entries(env).map(([key, value]) => [key, value.replace(DATA, data)])) }] as const);
    const [memory] = real.filter(([name]) => name === "server-memory");
    const [files] = real.filter(([name]) => name === "server-filesystem");
    const shares = [real.slice(0, 6), real.slice(6, 11), real.slice(11), [files, ["memory", memory?.[1]]], [files, ["crashes", { command: "node", args: [join(MODULES, "no-such/file.js")] }]], [["memory", { ...memory?.[1], env: {} }], ["remote", { url: "https://mcp.example.com/mcp" }]], [["missing", { command: "no-such-program-here" }], ["everything", real.find(([name]) => name === "server-everything")?.[1]]], [files]] as (readonly [string, object])[][];
    const ids = ["claude-desktop", "cursor", "windsurf", "kiro", "gemini-cli", "lm-studio", "junie", "kimi"];
    const paths = [".config/Claude/claude_desktop_config.json", ".cursor/mcp.json", ".codeium/windsurf/mcp_config.json", ".kiro/settings/mcp.json", ".gemini/settings.json", ".lmstudio/mcp.json", ".junie/mcp/mcp.json", ".kimi-code/mcp.json"];
    for (const [index, path] of paths.entries()) put(join(home, path), `// ${ids[index]}\n${JSON.stringify({ mcpServers: Object.fromEntries(shares[index] ?? []) }, null, index % 2 === 0 ? 2 : "\t")}\n`);
    expect(shares.flat().length).toBeGreaterThanOrEqual(25);
    const env = { SALLYPORT_HOME: join(dirname(home), `${home.slice(dirname(home).length + 1)}-own`) };
    const place = { home, cwd: home, env };
    const before = digest(home);
    const started = Date.now();
    const { stdout, stderr } = await sallyport(["protect", "--yes", "--json"], place);
    expect(Date.now() - started).toBeLessThan(300_000);
    const rows = JSON.parse(stdout) as { client: string; server: string; state: string; code: string | null; next: string; found: { tools: string[] } | null }[];
    expect(stderr === "" || stderr.includes("[1/")).toBe(true);
    expect(rows.filter(({ state }) => state !== "protected").map((row) => [row.server, row.code ?? row.state]).sort(([a = ""], [b = ""]) => (a < b ? -1 : 1))).toEqual([["crashes", "launch.file"], ["missing", "launch.not-found"], ["remote", "remote"]]);
    expect(rows.every(({ state, next }) => state === "protected" || next !== "")).toBe(true);
    // What each of them offers through its client's entry is what it offers without a gate.
    for (const [index, path] of paths.entries()) {
      const client = CLIENTS.find(({ id }) => id === ids[index]);
      if (client === undefined) throw new Error("no such client");
      const file = { client, place: client.places[0] as (typeof client.places)[number], scope: "user" as const, path, project: null };
      for (const { name, argv, env: own } of serversOf(file, readFileSync(join(home, path), "utf8")).servers) {
        const row = rows.find((one) => one.client === client.id && one.server === name);
        if (row?.state !== "protected") continue;
        const through = await tools([...argv], { home, cwd: home, env: { ...own, ...env } });
        const direct = await tools([...argv.slice(argv.indexOf("--") + 1)], { home, cwd: home, env: { ...own } });
        expect(through, `${client.id} ${name}`).toEqual(direct);
        // Some offer more to clients that can do more, as the one that lists can.
        for (const tool of through) expect(row.found?.tools).toContain(tool);
      }
    }
    const undone = await sallyport(["unprotect"], place);
    expect(undone.code, undone.stdout).toBe(0);
    expect(digest(home)).toBe(before);
    spawnSync("rm", ["-r", "-f", env.SALLYPORT_HOME]);
  });
});

async function tools(argv: string[], options: ConstructorParameters<typeof Running>[1]): Promise<string[]> {
  const running = new Running(argv, options);
  running.send({ id: "init", method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } } });
  await running.answerTo("init");
  running.send({ method: "notifications/initialized" });
  running.send({ id: "list", method: "tools/list" });
  const { result } = (await running.answerTo("list")) as { result: { tools: { name: string }[] } };
  running.child.kill("SIGTERM");
  await running.ended;
  return result.tools.map(({ name }) => name).sort();
}

describe("the system's keyring", () => {
  it("keeps a secret that stood in a client's file, and gives it back", { timeout: 60_000 }, async () => {
    const home = scratch();
    const file = join(home, ".gemini/settings.json");
    put(file, JSON.stringify({ mcpServers: { a: { command: "node", args: [server("echo-tools.mjs"), "--log", join(home, "log")], env: { API_TOKEN: "a secret of ü 123456" } } } }));
    // A client that passes on the address of the session's bus; elsewhere it has its usual place.
    const before = readFileSync(file, "utf8");
    const look = `secret-tool lookup service sallyport name "$name"`;
    const script = `printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; sleep 0.5
${process.execPath} ${MAIN} protect --yes --secrets keyring >/dev/null 2>&1; echo "protect $?"; name=$(grep -o 'keyring:[^ ]*' ${home}/sallyport/config/sallyport.yaml | cut -d: -f2); echo "kept: $(${look})"; cp ${file} ${home}/guarded
${process.execPath} ${MAIN} doctor --json | grep -A2 '"gemini-cli/a"'
${process.execPath} ${MAIN} unprotect >/dev/null; echo "unprotect $?"; ${look} || echo gone`;
    const { stdout } = await execute(["dbus-run-session", "--", "bash", "-c", script], { HOME: home, SALLYPORT_HOME: join(home, "sallyport") });
    expect(stdout).toContain("protect 0\nkept: a secret of ü 123456\n");
    expect(stdout).toContain("starts from its client's environment");
    expect(stdout).toContain("unprotect 0\ngone");
    expect(readFileSync(join(home, "guarded"), "utf8")).toContain("kept by sallyport");
    expect(readFileSync(file, "utf8")).toBe(before);
  });
});
