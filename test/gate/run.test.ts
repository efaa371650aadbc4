import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { eventually, gate, isRoot, processesWith, records, sallyport, scratch, server, sessionFiles, type Running } from "../helpers.ts";

const ECHO = ["node", server("echo.mjs")];
const INITIALIZE = (version: string) => ({ id: "init", method: "initialize", params: { protocolVersion: version, capabilities: {}, clientInfo: { name: "t", version: "1" } } });
const code = (answer: Record<string, unknown>): unknown => (answer["error"] as { data?: { code?: string } } | undefined)?.data?.code;

describe("messages", () => {
  it("cross byte for byte, whatever their order, spacing, numbers and line ends", async () => {
    const home = scratch();
    const log = join(home, "seen");
    mkdirSync(log);
    chmodSync(log, 0o777);
    const running = gate([...ECHO, "--log", join(log, "lines")], { home, flags: ["--write", log] });
    const lines = [
      '{"method":"x/y", "id" : 1,\t"params":{"n":12345678901234567890,"e":1e5,"z":-0,"u":"\\u00e9\u2028é"},"jsonrpc":"2.0"}',
      '{"jsonrpc":"2.0","id":"1","method":"x/y"}\r',
      `{"jsonrpc":"2.0","id":0,"method":"x/y","params":{"text":"${"y".repeat(300_000)}"}}`,
    ];
    for (const line of lines) running.send(line);
    running.child.stdin.end('{"jsonrpc":"2.0","id":"last","method":"x/y"}');
    await running.answerTo("last");
    expect(running.messages.map(({ id }) => id)).toEqual([1, "1", 0, "last"]);
    expect(readFileSync(join(log, "lines"), "utf8")).toBe(`${lines.join("\n")}\n{"jsonrpc":"2.0","id":"last","method":"x/y"}\n`);
    expect((await running.ended).code).toBe(0);
  });

  it("pass in both directions, and one byte at a time", async () => {
    const running = gate(ECHO, { home: scratch() });
    for (const byte of Buffer.from('{"jsonrpc":"2.0","id":1,"method":"test/ask"}\n')) running.child.stdin.write(Buffer.of(byte));
    await running.until(() => running.stdout.includes("roots/list"), "the server's question");
    running.send({ id: "from-server", result: { roots: ["é"] } });
    expect(await running.answerTo(1)).toMatchObject({ result: { answer: { roots: ["é"] } } });
  });

  it("are refused with an answer to who asked, and never reach the server", async () => {
    const home = scratch();
    const running = gate(ECHO, { home });
    running.send('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name":"b"}}');
    running.send('{"jsonrpc":"2.0","id":2,"method":"x/y","params":{"a":1,"a":2}}');
    running.send('{"jsonrpc":"2.0","id":3,"method":"x/y","params":[1]}');
    running.send('{"jsonrpc":"2.0","id":4');
    running.send({ id: 5, method: "x/y" });
    await running.answerTo(5);
    expect(await running.answerTo(1)).toMatchObject({ result: { isError: true, content: [{ type: "text", text: expect.stringContaining("json.case-variant") as string }] } });
    expect(code(await running.answerTo(2))).toBe("json.duplicate-key");
    expect(code(await running.answerTo(3))).toBe("message.params");
    expect(running.messages.some((message) => message["id"] === null && code(message) === "json.syntax")).toBe(true);
    running.child.stdin.end();
    await running.ended;
    const seen = records(home);
    expect(seen.filter(({ stream, verdict }) => stream === "client" && verdict === "deny").map(({ reasons }) => reasons[0])).toEqual(["json.case-variant", "json.duplicate-key", "message.params", "json.syntax"]);
    expect(seen.filter(({ stream }) => stream === "server")).toHaveLength(1);
  });

  it("that are not JSON on stdout are recorded and told, and what follows passes", async () => {
    const home = scratch();
    const running = gate(ECHO, { home });
    running.send({ id: 1, method: "test/raw", params: { text: "Listening on port 3000\n\n" } });
    running.send({ id: 2, method: "test/raw", params: { hex: "fffe0a" } });
    running.send({ id: 3, method: "x/y" });
    await running.answerTo(3);
    running.child.stdin.end();
    const { stdout, stderr } = await running.ended;
    expect(stdout).not.toContain("Listening");
    expect(stderr).toContain("json.syntax");
    const said = records(home).filter(({ stream, verdict }) => stream === "server" && verdict === "deny");
    expect(said.map(({ text, base64, reasons }) => [text ?? base64, reasons[0]])).toEqual([["Listening on port 3000", "json.syntax"], ["", "frame.blank"], ["//4=", "json.utf8"]]);
  });

  it("in answers that may not cross become errors, and unasked answers go nowhere", async () => {
    const running = gate(ECHO, { home: scratch() });
    running.send({ id: 1, method: "test/raw", params: { text: '{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}}\n' } });
    expect(code(await running.answerTo(1))).toBe("json.duplicate-key");
    running.send({ id: 2, method: "test/raw", params: { text: '{"jsonrpc":"2.0","id":77,"result":{}}\n{"jsonrpc":"2.0","id":"2","result":{}}\n{"jsonrpc":"2.0","id":2,"result":{"ok":true}}\n{"jsonrpc":"2.0","id":2,"result":{"ok":false}}\n' } });
    expect(await running.answerTo(2)).toMatchObject({ result: { ok: true } });
    running.send({ id: 3, method: "x/y" });
    await running.answerTo(3);
    expect(running.messages.map(({ id }) => id)).toEqual([1, 2, 3]);
  });

  it("beyond the limit are answered, recorded whole, and do not end the session", async () => {
    const home = scratch();
    const running = gate(ECHO, { home, flags: ["--max-line", "100000"] });
    running.send({ method: "tools/call", params: { name: "a", arguments: { text: "z".repeat(200_000) } }, id: 1 });
    expect(await running.answerTo(1)).toMatchObject({ result: { isError: true } });
    running.send({ id: 2, method: "test/big", params: { bytes: 300_000 } });
    expect(code(await running.answerTo(2))).toBe("frame.too-long");
    running.send({ id: 3, method: "test/big", params: { bytes: 90_000 } });
    expect(await running.answerTo(3)).toHaveProperty("result");
    running.child.stdin.end();
    await running.ended;
    const bytes = (stream: string): number => records(home).filter((record) => record.stream === stream && record.reasons[0] === "frame.too-long").reduce((sum, { text = "" }) => sum + text.length, 0);
    expect(bytes("client")).toBeGreaterThan(200_000);
    expect(bytes("server")).toBeGreaterThan(300_000);
  });

  it("of 12 MiB pass, and an endless line needs no memory", async () => {
    const running = gate(ECHO, { home: scratch() });
    running.send({ id: 1, method: "test/big", params: { bytes: 12 * 1024 ** 2 } });
    await running.until(() => running.stdout.length > 12 * 1024 ** 2 && running.stdout.endsWith("\n"), "twelve mebibytes");
    running.child.stdout.removeAllListeners("data").resume();
    const block = "x".repeat(1024 ** 2);
    for (let i = 0; i < 100; i += 1) if (!running.child.stdin.write(block)) await new Promise((done) => running.child.stdin.once("drain", done));
    const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${running.child.pid}/status`, "utf8"))?.[1]) / 1024;
    expect(peak).toBeLessThan(260);
  });

  it("in a batch pass in 2025-03-26 only, all or none", async () => {
    const running = gate(ECHO, { home: scratch() });
    const batch = (...ids: number[]): string => JSON.stringify(ids.map((id) => ({ jsonrpc: "2.0", id, method: "x/y" })));
    running.send(batch(1, 2));
    expect(code(await running.answerTo(1))).toBe("message.batch");
    expect(code(await running.answerTo(2))).toBe("message.batch");
    running.send(INITIALIZE("2025-03-26"));
    await running.answerTo("init");
    running.send(batch(3, 4));
    expect(await running.answerTo(4)).toHaveProperty("result");
    running.send(batch(5, 5));
    expect(code(await running.answerTo(5))).toBe("message.id-in-use");
    running.send({ id: 5, method: "x/y" });
    await running.until(() => running.messages.filter(({ id, result }) => id === 5 && result !== undefined).length === 1, "the id is free again");
  });

  it("under an id that is still waiting do not settle the one that waits", async () => {
    const running = gate(ECHO, { home: scratch() });
    running.send({ id: 1, method: "test/silent" });
    running.send({ id: 1, method: "x/y" });
    running.send({ id: 2, method: "test/raw", params: { text: '[{"jsonrpc":"2.0","id":2,"result":{}}]\n' } });
    expect(code(await running.answerTo(2))).toBe("message.batch");
    expect(running.messages.filter(({ id }) => id === 1)).toEqual([]);
    expect(running.messages.filter((message) => message["id"] === null).map(code)).toEqual(["message.id-in-use"]);
  });

  it("flow while others wait: pings and cancellations overtake nothing and are held up by nothing", async () => {
    const running = gate(ECHO, { home: scratch() });
    running.send({ id: 1, method: "test/silent" });
    running.send({ method: "notifications/cancelled", params: { requestId: 1 } });
    running.send({ id: 2, method: "ping" });
    await running.answerTo(2);
    running.send({ id: 3, method: "test/raw", params: { text: '{"jsonrpc":"2.0","id":1,"result":{"late":true}}\n{"jsonrpc":"2.0","id":3,"result":{}}\n' } });
    await running.answerTo(3);
    expect(await running.answerTo(1)).toMatchObject({ result: { late: true } });
    running.send({ id: 1, method: "x/y" });
    await running.until(() => running.messages.filter(({ id }) => id === 1).length === 2, "the id is free again");
  });

  it("lose nothing when nobody reads for a while", async () => {
    const running = gate(ECHO, { home: scratch() });
    running.child.stdout.pause();
    let sent = 0;
    for (; sent < 3000; sent += 1) running.child.stdin.write(`{"jsonrpc":"2.0","id":${sent},"method":"test/big","params":{"bytes":5000}}\n`);
    await new Promise((done) => setTimeout(done, 1500));
    const memory = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${running.child.pid}/status`, "utf8"))?.[1]) / 1024;
    expect(memory).toBeLessThan(150);
    running.child.stdout.resume();
    await running.until(() => running.stdout.split("\n").length > sent, "all answers", 20_000);
    expect(running.messages.map(({ id }) => id)).toEqual([...Array(sent).keys()]);
  });
});

describe("stderr", () => {
  it("is passed on and recorded, in whole characters, also in a burst at the end", async () => {
    const home = scratch();
    const running = gate(ECHO, { home });
    running.send({ id: 1, method: "test/stderr", params: { text: "größe €\n", times: 50_000 } });
    await running.answerTo(1);
    running.child.stdin.end();
    const { stderr } = await running.ended;
    expect(stderr.split("\n").filter((line) => line === "größe €")).toHaveLength(50_000);
    const said = records(home).filter(({ stream }) => stream === "stderr");
    expect(said.every(({ text }) => text !== undefined)).toBe(true);
    expect(said.map(({ text }) => text).join("")).toBe("größe €\n".repeat(50_000));
  });
});

describe("the environment", () => {
  it("is an allow-list; --env adds to it", async () => {
    const running = gate(ECHO, { home: scratch(), env: { SECRET: "s", LC_ALL: "C", TZ: "UTC", GIVEN: "g", NODE_OPTIONS: "--no-warnings" }, flags: ["--env", "GIVEN", "--env", "MADE=m=1", "--env", "word=w"] });
    running.send({ id: 1, method: "test/env" });
    const { result } = (await running.answerTo(1)) as { result: { names: string[] } };
    expect(result.names).toEqual(["GIVEN", "HOME", "LC_ALL", "LOGNAME", "MADE", "PATH", "SHELL", "TMPDIR", "TZ", "USER", "word"]);
  });
});

describe("the end", () => {
  it("comes with the client's stdin, and the server's own exit code", async () => {
    const running = gate(ECHO, { home: scratch() });
    running.send({ id: 1, method: "test/exit", params: { code: 42 } });
    const { code: exit } = await running.ended;
    expect(exit).toBe(42);
    expect(code(await running.answerTo(1).catch(() => running.messages[0] as Record<string, unknown>))).toBe("server.ended");
  });

  it.each(["test/crash"])("answers who waits when the server dies: %s", async (method) => {
    const home = scratch();
    const running = gate(ECHO, { home });
    running.send({ id: 1, method: "test/silent" });
    running.send({ id: "two", method: "tools/call", params: { name: "x" } });
    await running.answerTo("two");
    running.send({ id: 3, method });
    const { code: exit, stdout } = await running.ended;
    expect(exit).toBe(137);
    const answers = stdout.trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(answers.filter((answer) => code(answer) === "server.ended").map(({ id }) => id)).toEqual([1, 3]);
    expect(records(home).at(-1)?.message).toMatchObject({ event: "session.end", cause: "server-ended", exit: 137 });
  });

  it.each([
    ["closing stdin", (running: Running) => running.child.stdin.end(), 0, 3000],
    ["SIGTERM", (running: Running) => running.child.kill("SIGTERM"), 143, 1500],
    ["SIGINT", (running: Running) => running.child.kill("SIGINT"), 130, 1500],
    ["SIGHUP", (running: Running) => running.child.kill("SIGHUP"), 129, 1500],
    ["closing stdout", (running: Running) => (running.child.stdout.destroy(), running.send({ id: 9, method: "x/y" })), 0, 3000],
  ])("takes a stubborn server and its children along: %s", async (_, act, exit, within) => {
    const home = scratch();
    const marker = `child-${process.pid}-${Math.random()}`;
    const running = gate([...ECHO, "--stubborn"], { home });
    running.send({ id: 1, method: "test/children", params: { marker } });
    await running.answerTo(1);
    await eventually(() => processesWith(marker).length === 3, "three children");
    const from = Date.now();
    act(running);
    const { code: ended } = await running.ended;
    expect(Date.now() - from).toBeLessThan(within);
    expect(ended).toBe(exit);
    expect(processesWith(marker)).toEqual([]);
    expect(records(home).at(-1)?.message).toMatchObject({ event: "session.end", killed: true });
    expect((await sallyport(["journal", "verify", "--all"], { home })).code).toBe(0);
  });

  it.each([["SIGTERM", 143], ["closing stdin", 0]])("does not wait for a client that reads nothing: %s", async (how, exit) => {
    const running = gate(ECHO, { home: scratch() });
    running.child.stdout.pause();
    running.child.stdout.removeAllListeners("data");
    for (let id = 0; id < 50; id += 1) running.send({ id, method: "test/big", params: { bytes: 100_000 } });
    await new Promise((done) => setTimeout(done, 800));
    const from = Date.now();
    const gone = new Promise<number | null>((done) => running.child.once("exit", done));
    if (how === "SIGTERM") running.child.kill("SIGTERM");
    else running.child.stdin.end();
    expect(await gone).toBe(exit);
    expect(Date.now() - from).toBeLessThan(6000);
  });

  it("is not put off by a signal that comes again and again", async () => {
    const running = gate([...ECHO, "--stubborn"], { home: scratch() });
    running.send({ id: 1, method: "test/pid" });
    await running.answerTo(1);
    const again = setInterval(() => running.child.kill("SIGTERM"), 200);
    const from = Date.now();
    await running.ended;
    clearInterval(again);
    expect(Date.now() - from).toBeLessThan(2000);
  });

  it("comes soon when the server closes its stdout and lives on", async () => {
    const running = gate([...ECHO, "--stubborn"], { home: scratch() });
    running.send({ id: 1, method: "test/silent" });
    running.send({ id: 2, method: "test/close" });
    const { stdout } = await running.ended;
    const answers = stdout.trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(answers.map((answer) => [answer["id"], code(answer)])).toEqual([[1, "server.ended"], [2, "server.ended"]]);
  });

  it("is at once when the gate is killed", async () => {
    const marker = `child-${process.pid}-${Math.random()}`;
    const running = gate([...ECHO, "--stubborn"], { home: scratch() });
    running.send({ id: 1, method: "test/children", params: { marker } });
    await running.answerTo(1);
    running.child.kill("SIGKILL");
    await eventually(() => processesWith(marker).length === 0, "no child left", 500);
  });

  it("comes when the client has died, though somebody else holds its pipes", async () => {
    const home = scratch();
    await gate(ECHO, { home, before: ["sh", "-c", 'sleep 8 2>/dev/null | "$@" & sleep 1', "sh"] }).ended;
    expect(records(home).at(-1)?.message).toMatchObject({ event: "session.end", cause: "client-gone" });
  });
});

describe("mistakes", () => {
  it.each([
    [["run"], 2, "usage.no-command"],
    [["run", "npx", "x"], 2, "usage.no-command"],
    [["run", "--raed", "/x", "--", "node"], 2, "usage.option"],
    [["run", "--", "no-such-program-anywhere"], 2, "launch.not-found"],
    [["run", "--", "node", "no-such-file.js"], 2, "launch.file"],
    [["run", "--", "node", "-e", "1"], 2, "launch.code"],
    [["run", "--", "npx", "-c", "id"], 2, "launch.runner-option"],
    [["run", "--", "npx", "git+https://example.invalid/x.git"], 2, "launch.package"],
    [["run", "--read", "/", "--", "true"], 2, "cell.path"],
    [["run", "--read", "/proc/1", "--", "true"], 2, "cell.path"],
    [["run", "--read", "/no/such/dir", "--", "true"], 2, "cell.path"],
    [["run", "--write", "/etc/hostname", "--", "true"], 2, "cell.path"],
    [["run", "--read=", "--", "true"], 2, "cell.path"],
    [["run", "--env", "1X", "--", "true"], 2, "cell.variable"],
    [["run", "--env", "PWD=/x", "--", "true"], 2, "cell.variable"],
    [["run", "--isolation", "none", "--", "true"], 2, "usage.reason"],
    [["run", "--isolation", "chroot", "--", "true"], 2, "usage.option"],
    [["run", "--durability", "maybe", "--", "true"], 2, "usage.option"],
    [["nonsense"], 2, "usage.unknown-command"],
    [["journal", "show", "nothing"], 2, "journal.no-session"],
  ])("%j is %i, %s, with a next step", async (args, exit, expected) => {
    const { code: ended, stdout, stderr } = await sallyport(args, { home: scratch() });
    expect([ended, stdout]).toEqual([exit, ""]);
    expect(stderr).toContain(`(${expected})`);
    expect(stderr).toContain("next step: ");
  });

  it.each(["/proc/x", "/sys/kernel/x"])("in the place of our own files (%s) end with 3, and end", async (place) => {
    const { code: ended, stderr } = await sallyport(["run", "--", "true"], { home: scratch(), env: { SALLYPORT_HOME: place } });
    expect([ended, stderr.includes("(journal.open)")]).toEqual([3, true]);
  });

  it.runIf(isRoot)("in the cell's needs end with 3 and never start the server", async () => {
    const home = scratch();
    const marker = join(home, "started");
    const without = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", 'mount --bind /dev/null "$(command -v bwrap)" && exec "$@"', "sh"];
    const { code: exit, stderr } = await gate(["touch", marker], { home, before: without, flags: ["--isolation", "bubblewrap"] }).ended;
    expect([exit, existsSync(marker)]).toEqual([3, false]);
    expect(stderr).toContain("cell.no-bubblewrap");
    expect(stderr).toContain("apt-get install bubblewrap");
  });

  it.runIf(isRoot)("in the kernel's settings end with 3: user namespaces switched off", async () => {
    const home = scratch();
    const limited = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "--", "unshare", "--user", "--map-root-user", "--", "sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all "$@"', "sh"];
    chmodSync(home, 0o777);
    const { code: exit, stderr } = await gate(["true"], { home, before: limited, flags: ["--isolation", "bubblewrap"] }).ended;
    expect(exit).toBe(3);
    expect(stderr).toMatch(/cell\.(refused|promise-broken)/);
  });

  it("of an interpreter that does not exist are found before anything starts", async () => {
    const home = scratch();
    const script = join(home, "script");
    writeFileSync(script, "#!/no/such/interpreter\n", { mode: 0o755 });
    const { code: exit, stderr } = await gate([script], { home }).ended;
    expect(exit).toBe(2);
    expect(stderr).toContain("launch.not-found");
  });

  it("of a program that the cell cannot run end with 4, and say what to do", async () => {
    const home = scratch();
    const broken = join(home, "program");
    writeFileSync(broken, "\x7fELF and then nothing", { mode: 0o755 });
    const running = gate([broken], { home });
    running.send({ id: 1, method: "ping" });
    const { code: exit, stdout, stderr } = await running.ended;
    expect(exit).toBe(4);
    expect(stderr).toContain("server.not-started");
    expect(stdout).toContain("server.not-started");
  });
});

describe("isolation none", () => {
  it("is loud, recorded, and still ends with the gate", async () => {
    const home = scratch();
    const running = gate([...ECHO, "--stubborn"], { home, flags: ["--isolation", "none", "--reason", "a test"], env: { SECRET: "s" } });
    running.send({ id: 1, method: "test/env" });
    const { result } = (await running.answerTo(1)) as { result: { names: string[] } };
    expect(result.names).not.toContain("SECRET");
    expect(running.stderr).toContain("NO ISOLATION");
    running.child.kill("SIGKILL");
    await eventually(() => processesWith(server("echo.mjs")).filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("--stubborn")).length === 0, "nothing left");
    expect(records(home)[0]?.message).toMatchObject({ event: "session.begin", isolation: "none", reason: "a test" });
    expect(sessionFiles(home)).toHaveLength(1);
  });
});

describe("a lying bubblewrap", () => {
  it.each([
    ["shares the network", 'exec /usr/bin/bwrap "$1" "$2" --share-net "${@:3}"', "net namespace"],
    ["shows the whole disk, writable", 'exec /usr/bin/bwrap --bind / /mnt/all "$@"', "nothing is"],
    ["shows another directory in a place's stead", 'exec /usr/bin/bwrap "$1" "$2" --ro-bind /var /usr/share "${@:3}"', "planned"],
    ["adds a variable", 'exec /usr/bin/bwrap "$1" "$2" --setenv LD_PRELOAD /tmp/x.so "${@:3}"', "variables"],
    ["leaves a descriptor open", 'exec 19</etc/passwd; exec /usr/bin/bwrap "$@"', "descriptor"],
    ["builds no cell at all", 'shift 3; exec "$@"', ""],
  ])("%s, is found out, and the server never runs", async (_, script, promise) => {
    const home = scratch();
    const bin = join(home, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "bwrap"), `#!/bin/bash\n${script}\n`, { mode: 0o755 });
    const started = join(home, "started");
    mkdirSync(started);
    chmodSync(started, 0o777);
    const running = gate(["touch", join(started, "yes")], { home, env: { PATH: `${bin}:${process.env["PATH"]}` }, flags: ["--write", started] });
    const { code: exit, stderr } = await running.ended;
    expect(stderr).toContain(promise === "" ? "cell.refused" : "cell.promise-broken");
    expect(stderr).toContain(promise);
    expect(exit).toBe(3);
    expect(spawnSync("ls", [started]).stdout.toString()).toBe("");
  });
});
