/** The command line as a person meets it: questions that are broken off, paths as they are typed, files that are not there. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { difference } from "../src/commands/difference.ts";
import { MAIN, Running, eventually, gate, sallyport, scratch, server, sessionFiles } from "./helpers.ts";

const ECHO = ["node", server("echo-tools.mjs")];

/** Says where it stands, and what it sees of what its argument names. */
const WHERE = `import { existsSync, readdirSync } from "node:fs";
process.stdin.on("data", (chunk) => { for (const line of String(chunk).split("\\n").filter(Boolean)) { const { id } = JSON.parse(line); const [, , at] = process.argv; console.log(JSON.stringify({ jsonrpc: "2.0", id, result: { cwd: process.cwd(), seen: existsSync(at) ? readdirSync(at) : null } })); } });
`;

/** Runs a command at a terminal, waits for a question, and presses keys. */
function typed(home: string, args: readonly string[], question: RegExp, keys: string): Promise<{ code: number | null; shown: string }> {
  const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["-qfec", command, "/dev/null"], { cwd: home, env: { PATH: process.env["PATH"] ?? "", HOME: home, SALLYPORT_HOME: join(home, "sallyport"), TERM: "dumb" } });
  let shown = "";
  let asked = false;
  child.stdout.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
    if (asked || !question.test(shown)) return;
    asked = true;
    child.stdin.write(keys);
  });
  return new Promise((done) => child.on("close", (code) => done({ code, shown })));
}

describe("a question", () => {
  it.each([["Ctrl-C", "\u0003"], ["Ctrl-D", "\u0004"]])("that is broken off by %s is no answer, and ends with 130", async (_, keys) => {
    const home = scratch();
    const { code, shown } = await typed(home, ["add", "echo", "--", ...ECHO], /\[y\/N\] $/, keys);
    expect(shown).toContain("usage.interrupted");
    expect(shown).not.toContain("internal.bug");
    expect(code).toBe(130);
    expect(() => readFileSync(join(home, "sallyport.yaml"))).toThrow("ENOENT");
  });

  it("of protect that is broken off stops all of it", async () => {
    const home = scratch();
    const entry = { command: ECHO[0], args: ECHO.slice(1) };
    const text = JSON.stringify({ mcpServers: { a: entry, b: entry } });
    writeFileSync(join(home, ".claude.json"), text);
    const { code, shown } = await typed(home, ["protect", "--client", "claude-code"], /\[q\]uit: $/, "\u0003");
    expect(code).toBe(130);
    expect(shown.match(/\[q\]uit: /g)).toHaveLength(1);
    expect(readFileSync(join(home, ".claude.json"), "utf8")).toBe(text);
  });
});

describe("a server that says nothing", () => {
  it.each([["add", "quiet"], ["lock"]])("can be interrupted while %s waits for it", async (...words) => {
    const home = scratch();
    const script = join(home, "quiet.mjs");
    writeFileSync(script, "process.stdin.resume();\n");
    const running = new Running([process.execPath, MAIN, ...words, "--", "node", script], { home, cwd: home });
    await eventually(() => startedAs(script), "the server's start");
    running.child.kill("SIGINT");
    expect((await running.ended).code).toBe(130);
    expect(running.stderr).toContain("usage.interrupted");
  });
});

/** Whether a process runs such a script, and nothing else. */
function startedAs(script: string): boolean {
  return readdirSync("/proc").some((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").indexOf(script) === 1;
    } catch {
      return false;
    }
  });
}

describe("a relative argument", () => {
  it.each(["docs", "./docs", "--root=docs"])("%s means the same inside the cell", async (argument) => {
    const home = scratch();
    mkdirSync(join(home, "docs"));
    writeFileSync(join(home, "docs/a.txt"), "a");
    writeFileSync(join(home, "where.mjs"), WHERE.replace("[, , at] = process.argv", '[, , given] = process.argv, at = given.replace("--root=", "")'));
    const running = gate(["node", "where.mjs", argument], { home, flags: ["--consent", "never"] });
    running.send({ id: 1, method: "ping" });
    expect((await running.answerTo(1))["result"]).toEqual({ cwd: home, seen: ["a.txt"] });
  });

  it("that names nothing leaves the server in its scratch directory", async () => {
    const home = scratch();
    writeFileSync(join(home, "where.mjs"), WHERE);
    const running = gate(["node", "where.mjs", "docs"], { home });
    running.send({ id: 1, method: "ping" });
    expect((await running.answerTo(1))["result"]).toEqual({ cwd: expect.stringMatching(/\/home$/) as string, seen: null });
  });
});

describe("files", () => {
  it("that cannot be used are the machine's fault, with what to do", async () => {
    const home = scratch();
    const { code, stderr } = await sallyport(["add", "echo", "--yes", "--manifest", join(home, "none/sallyport.yaml"), "--", ...ECHO], { home });
    expect(stderr).toContain("file.access");
    expect(stderr).not.toContain("report it");
    expect(code).toBe(3);
  });

  it("that are full lose nothing in silence", async () => {
    const home = scratch();
    const full = spawn("sh", ["-c", 'exec "$@" > /dev/full', "sh", process.execPath, MAIN, "--help"], { cwd: home, env: { PATH: process.env["PATH"] ?? "", HOME: home } });
    let stderr = "";
    full.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    expect(await new Promise((done) => full.on("close", done))).toBe(3);
    expect(stderr).toContain("ENOSPC");
  });

  it("of a cache behind a link are where the cell shows them", async () => {
    const home = scratch();
    mkdirSync(join(home, "real"));
    symlinkSync(join(home, "real"), join(home, "linked"));
    const { code, stdout, stderr } = await sallyport(["explain", "--json", "--", "npx", "-y", "@modelcontextprotocol/server-memory"], { home, env: { SALLYPORT_HOME: join(home, "linked") } });
    expect(code, stderr).toBe(0);
    const { plan } = JSON.parse(stdout) as { plan: { command: string[]; mounts: { at: string }[] } };
    const script = plan.command.find((word) => word.endsWith(".js")) ?? "";
    expect(plan.mounts.some(({ at }) => script.startsWith(`${at}/`)), script).toBe(true);
  });
});

describe("names", () => {
  it("of sessions may be what tail shows of them", async () => {
    const home = scratch();
    const running = gate(ECHO, { home });
    running.send({ id: 1, method: "ping" });
    await running.answerTo(1);
    running.child.stdin.end();
    await running.ended;
    const [file = ""] = sessionFiles(home);
    const end = (await sallyport(["journal", "tail", "-n", "1"], { home })).stdout.slice(0, 6);
    expect(file).toContain(`${end}.jsonl`);
    expect((await sallyport(["journal", "show", end], { home })).stdout).toContain("session.begin");
  });

  it("of commands are helped with, and words that no command takes are refused", async () => {
    const home = scratch();
    expect((await sallyport(["help", "run"], { home })).stdout).toContain("sallyport run [OPTION");
    expect((await sallyport(["help", "rum"], { home })).stderr).toContain("did you mean run?");
    for (const args of [["help", "run", "doctor"], ["help", "--nonsense"], ["explain", "--server", "x", "--test", "a.yaml", "more"], ["doctor", "foo. bar"], ["doctor", "foo"], ["grants", "list"], ["explain", "a.jsonl", "b.jsonl"], ["approvals", "one", "two"]]) {
      const { code, stderr } = await sallyport(args, { home });
      expect(stderr, args.join(" ")).toContain("one word too many");
      expect(code).toBe(2);
    }
  });

  it("of protected servers are enough for lock and explain, as their command stays in the client's file", async () => {
    const home = scratch();
    writeFileSync(join(home, ".claude.json"), JSON.stringify({ mcpServers: { echo: { command: ECHO[0], args: ECHO.slice(1) } } }));
    expect((await sallyport(["protect", "--yes"], { home })).code).toBe(0);
    const manifest = join(home, "sallyport/config/sallyport.yaml");
    expect(readFileSync(manifest, "utf8")).not.toContain("command:");
    for (const args of [["--server", "echo"], []]) {
      const { code, stdout, stderr } = await sallyport(["lock", "--check", ...args], { home });
      expect(stdout, stderr).toContain("same");
      expect(code).toBe(0);
    }
    const explained = await sallyport(["explain", "--server", "echo"], { home });
    expect(explained.stdout, explained.stderr).toContain(ECHO[1]);
    writeFileSync(join(home, "calls.jsonl"), '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"none","arguments":{}}}\n');
    expect((await sallyport(["explain", "--server", "echo", "calls.jsonl"], { home })).stdout).toContain("capability.tool");
    expect((await sallyport(["unprotect"], { home })).code).toBe(0);
  });
});

describe("a lock", () => {
  it("shows texts of several lines as such, and no line of theirs as one of its own", async () => {
    const home = scratch();
    const serve = (description: string): void => writeFileSync(join(home, "serve.mjs"), `process.stdin.on("data", (chunk) => { for (const line of String(chunk).split("\\n").filter(Boolean)) { const { id, method, params } = JSON.parse(line); if (id === undefined) continue; console.log(JSON.stringify({ jsonrpc: "2.0", id, result: method === "initialize" ? { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "n", version: "1" } } : { tools: [{ name: "note", description: ${JSON.stringify(description)}, inputSchema: { type: "object" } }] } })); } });\n`);
    serve("Writes a note.\nKept.");
    expect((await sallyport(["add", "n", "--yes", "--", "node", "serve.mjs"], { home })).code).toBe(0);
    serve("Writes a note.\nsame  n\u001b[2J\r\n  approved tools note\nKept.");
    const { stdout } = await sallyport(["lock", "--check"], { home });
    expect(stdout).toContain("    /description: Writes a note.\n      | {+same  n\\u001b[2J\\u000d\n      |   approved tools note\n      | +}Kept.\n");
    writeFileSync(join(home, "sallyport.lock"), '{ "version": 1, "servers": {} }\n');
    const fresh = await sallyport(["lock", "--check"], { home });
    expect(fresh.stdout).toContain("new tools note\n    /name: {+note+}\n");
  });
});

describe("a difference", () => {
  it("shows no key of a schema's as it stands, as it is the server's to choose", () => {
    const lines = difference({}, { inputSchema: { properties: { "k\u001b[2J\nsame  n\u2028\u0085": { type: "string" } } } }, (_, text) => text);
    expect(lines).toEqual(["/inputSchema/properties/k\\u001b[2J\\u000asame  n\\u2028\\u0085/type: {+string+}"]);
  });
});

describe("a project's server", () => {
  it("is looked up where the command is typed, whatever directory its client starts it in", async () => {
    const home = scratch();
    const project = join(home, "work");
    mkdirSync(join(project, "sub"), { recursive: true });
    writeFileSync(join(home, ".claude.json"), JSON.stringify({ mcpServers: { echo: { command: ECHO[0], args: ECHO.slice(1) } } }));
    writeFileSync(join(project, ".mcp.json"), JSON.stringify({ mcpServers: { echo: { command: ECHO[0], args: ECHO.slice(1), cwd: "sub" } } }));
    expect((await sallyport(["protect", "--yes"], { home, cwd: project })).code).toBe(0);
    for (const file of [[], ["--manifest", "sallyport.yaml"]]) expect((await sallyport(["lock", "--check", ...file], { home, cwd: project })).stdout).toContain("same");
    expect((await sallyport(["explain", "--server", "echo", "--manifest", "sallyport.yaml"], { home, cwd: project })).code).toBe(0);
    // Its own lock counts, not that of another with its name.
    writeFileSync(join(project, "sallyport.lock"), '{ "version": 1, "servers": {} }\n');
    const { code, stdout } = await sallyport(["lock", "--check"], { home, cwd: project });
    expect(stdout).toContain("new");
    expect(code).toBe(1);
  });
});

describe("a variable that is passed on", () => {
  const asks = async (home: string, name: string, env: Record<string, string>): Promise<string> => (await sallyport(["explain", "--env", name, "--", ...ECHO], { home, env })).stdout;

  it("is asked about unless it is only a setting", async () => {
    const home = scratch();
    for (const [name, value] of [["DEBUG", "true"], ["API_KEY_REQUIRED", "1"], ["LOG_LEVEL", "debug"], ["PORT", "3000"], ["NODE_ENV", "production"]] as const) expect(await asks(home, name, { [name]: value })).toMatch(/asks you +never/);
    for (const [name, value] of [["DB_PIN", "1234"], ["API_KEY", "test"], ["MYSQL_PWD", "test"], ["REDIS_PW", "production"], ["CARD_CVV", "123"], ["ACCOUNT", "acme"], ["PORT", "12345678"]] as const) expect(await asks(home, name, { [name]: value })).toContain(`use the variable ${name}`);
  });

  it("and may be set elsewhere is shown as one that can be used", async () => {
    expect(await asks(scratch(), "NOT_SET_HERE", {})).toContain("use the variable NOT_SET_HERE");
  });

  it("is weighed by protect by the value that stands in the client's file", async () => {
    const home = scratch();
    const protect = async (env: object): Promise<string> => {
      writeFileSync(join(home, ".claude.json"), JSON.stringify({ mcpServers: { echo: { command: ECHO[0], args: ECHO.slice(1), env } } }));
      return (await sallyport(["protect", "--dry-run", "--yes"], { home })).stdout;
    };
    expect(await protect({ DB_URL: "postgres://me@host/db" })).toMatch(/asks you +before each call.*use the variable DB_URL/);
    expect(await protect({ LOG_LEVEL: "debug" })).toMatch(/asks you +never/);
  });

  it("and is not set is told of", async () => {
    const home = scratch();
    const running = gate(ECHO, { home, flags: ["--env", "NOT_SET_HERE"] });
    running.send({ id: 1, method: "ping" });
    await running.answerTo(1);
    running.child.stdin.end();
    expect((await running.ended).stderr).toContain("NOT_SET_HERE is to be passed on, and is not set here");
  });
});

describe("unprotect", () => {
  it("names the files of projects that it does not see from here", async () => {
    const home = scratch();
    const project = join(home, "work");
    mkdirSync(project);
    writeFileSync(join(project, ".mcp.json"), JSON.stringify({ mcpServers: { echo: { command: ECHO[0], args: ECHO.slice(1) } } }));
    expect((await sallyport(["protect", "--yes"], { home, cwd: project })).code).toBe(0);
    const there = await sallyport(["unprotect"], { home, cwd: "/" });
    expect(there.stderr).toContain(join(project, ".mcp.json"));
    expect(there.code).toBe(1);
    expect((await sallyport(["unprotect"], { home, cwd: project })).code).toBe(0);
  });
});

describe("explain", () => {
  it.each([["policies: { files: [none.cedar] }", "policy."], ["env: {}, secrets: { KEY: file:none }", "secret."]])("shows the cell of a server with %s, and says that it would not start", async (more, code) => {
    const home = scratch();
    const [own, root] = more.startsWith("policies") ? ["", `${more}\n`] : [`, ${more}`, ""];
    writeFileSync(join(home, "sallyport.yaml"), `version: 1\n${root}servers:\n  echo: { command: node, args: [${JSON.stringify(ECHO[1])}]${own} }\n`);
    const { code: exit, stdout, stderr } = await sallyport(["explain", "--server", "echo"], { home });
    expect(stdout, stderr).toContain("runs as");
    expect(stderr).toContain(code);
    expect(exit).not.toBe(0);
  });
});

describe("a manifest", () => {
  it("with a rule for an argument that the tool does not have refuses its calls, and says which there are", async () => {
    const home = scratch();
    const manifest = (pointer: string): void => writeFileSync(join(home, "sallyport.yaml"), JSON.stringify({ version: 1, servers: { echo: { command: ECHO[0], args: ECHO.slice(1), capabilities: { tools: { note: { arguments: { [pointer]: { type: "identifier" } } } } } } } }));
    for (const [pointer, refused] of [["/texd", true], ["/text", false]] as const) {
      manifest(pointer);
      const running = gate([], { home, flags: ["--server", "echo"] });
      running.send({ id: 1, method: "tools/list" });
      const { result } = (await running.answerTo(1)) as { result: { tools: { name: string; inputSchema: { properties: object } }[] } };
      expect(Object.keys(result.tools.find(({ name }) => name === "note")?.inputSchema.properties ?? {})).toContain("text");
      running.send({ id: 2, method: "tools/call", params: { name: "note", arguments: { text: "x" } } });
      const answer = JSON.stringify(await running.answerTo(2));
      if (refused) expect(answer).toMatch(/manifest\.value.*\/texd; it has .*\/text/);
      else expect(answer).not.toContain("manifest.value");
      running.child.stdin.end();
      await running.ended;
    }
  });
});
