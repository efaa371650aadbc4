/** Real clients, driven by a scripted model on loopback: the call that it makes waits for a person, and is carried out on their word only. */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { MAIN, eventually, server } from "../helpers.ts";
import { atTerminal, events, makeHome, waiting, type Home } from "../consent/scene.ts";
import { CLAUDE } from "./peers.ts";

const BIN = join(import.meta.dirname, "node_modules/.bin");

/** A model that calls `note` once. */
async function model(): Promise<{ port: number; results: () => string[] }> {
  const child = spawn(process.execPath, [server("model.mjs"), "note", '{"text":"hello"}'], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill());
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await eventually(() => said.includes("port "), "the model");
  return { port: Number(/port (\d+)/.exec(said)?.[1]), results: () => said.split("\n").filter((line) => line.startsWith("result ")) };
}

interface Start {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const gateOf = (place: Home): { command: string; args: string[]; env: Record<string, string> } => ({ command: process.execPath, args: [MAIN, "run", "--write", place.notes, "--", "node", server("notes.mjs"), "--log", place.log], env: { SALLYPORT_HOME: join(place.home, "sallyport") } });

/** How each is started without a person at it, with everything of its own allowed. */
const CLIENTS: Readonly<Record<string, (place: Home, port: number) => Start>> = {
  "Claude Code": (place, port) => {
    const config = join(place.home, "mcp.json");
    writeFileSync(config, JSON.stringify({ mcpServers: { notes: gateOf(place) } }));
    return { argv: [CLAUDE, "-p", "note hello", "--mcp-config", config, "--allowedTools", "mcp__notes__note"], env: { ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}`, ANTHROPIC_API_KEY: "sk-ant-test", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", DISABLE_TELEMETRY: "1" } };
  },
  Codex: (place, port) => {
    const { command, args, env } = gateOf(place);
    writeFileSync(join(place.home, "config.toml"), `model = "scripted"\nmodel_provider = "scripted"\n[model_providers.scripted]\nname = "scripted"\nbase_url = "http://127.0.0.1:${port}/v1"\nwire_api = "responses"\nenv_key = "KEY"\n[mcp_servers.notes]\ncommand = ${JSON.stringify(command)}\nargs = ${JSON.stringify(args)}\nenv = { SALLYPORT_HOME = ${JSON.stringify(env["SALLYPORT_HOME"])} }\n`);
    return { argv: [join(BIN, "codex"), "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "note hello"], env: { CODEX_HOME: place.home, KEY: "x" } };
  },
  "Gemini CLI": (place, port) => {
    mkdirSync(join(place.home, ".gemini"));
    writeFileSync(join(place.home, ".gemini/settings.json"), JSON.stringify({ security: { auth: { selectedType: "gemini-api-key" } }, general: { disableAutoUpdate: true }, privacy: { usageStatisticsEnabled: false }, mcpServers: { notes: { ...gateOf(place), trust: true } } }));
    return { argv: [join(BIN, "gemini"), "-m", "gemini-2.5-flash", "--yolo", "-p", "note hello"], env: { GEMINI_API_KEY: "x", GOOGLE_GEMINI_BASE_URL: `http://127.0.0.1:${port}`, GEMINI_CLI_TRUST_WORKSPACE: "true" } };
  },
};

describe.each(Object.keys(CLIENTS))("%s", { timeout: 150_000 }, (name) => {
  it.each([["Allow once", "noted hello", 1], ["Deny", "consent.denied", 0]] as const)("does what a person allows, and is told when they do not: %s", async (words, told, noted) => {
    const place = makeHome();
    const { port, results } = await model();
    const { argv, env } = (CLIENTS[name] as (place: Home, port: number) => Start)(place, port);
    const work = join(place.home, "work");
    mkdirSync(work);
    const client = spawn(argv[0] as string, argv.slice(1), { cwd: work, env: { PATH: process.env["PATH"] ?? "", HOME: place.home, ...env }, stdio: ["ignore", "ignore", "ignore"] });
    onTestFinished(() => void client.kill("SIGKILL"));
    const ended = new Promise((done) => client.on("close", done));
    await eventually(() => events(place).some(({ event }) => event === "consent.asked"), "the question", 100_000);
    const [id = ""] = await waiting(place);
    // Whoever has no person at it turns the form down at once; that is nobody's word.
    await new Promise((done) => setTimeout(done, 300));
    expect(place.noted()).toEqual([]);
    expect(results()).toEqual([]);
    await atTerminal(place, words, "approve", id);
    await eventually(() => results().length > 0, "the model's result", 20_000);
    expect(results()[0]).toContain(told);
    expect(place.noted()).toHaveLength(noted);
    client.kill("SIGTERM");
    await ended;
  });
});
