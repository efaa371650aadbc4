/** Ways around the question that were found, each closed: what a call may not borrow from another, and what may not change under it. */
import { existsSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { renderQuestion, type Question } from "../../src/consent/question.ts";
import { Layer } from "../../src/policy/decide.ts";
import { loadLayer } from "../../src/policy/load.ts";
import type { PolicyRequest } from "../../src/policy/request.ts";
import { eventually, gate, records, scratch, server, type Running } from "../helpers.ts";
import { TOOLS, atTerminal, connect, events, makeHome, sallyport, says, waiting, writeManifest, type Home } from "./scene.ts";

const META = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientInfo": { name: "t", version: "1" }, "io.modelcontextprotocol/clientCapabilities": { elicitation: {} } };

/** A server that says what a script holds, writable so that calls are asked about. @param elicits null: the era without handshake. */
async function scripted(script: object, { flags = [], cedar = null, more = "", elicits = true }: { flags?: string[]; cedar?: string | null; more?: string; elicits?: boolean | null } = {}): Promise<{ place: Home; running: Running }> {
  const place = makeHome();
  const file = join(place.home, "script.json");
  writeFileSync(file, JSON.stringify(script));
  let all = ["--write", place.notes, "--read", file, ...flags, "--", process.execPath, server("scripted.mjs"), "--script", file];
  if (cedar !== null) {
    writeFileSync(join(place.home, "p.cedar"), cedar);
    writeFileSync(join(place.home, "sallyport.yaml"), `version: 1\npolicies: { files: [p.cedar] }\nservers:\n  s:\n    command: ${process.execPath}\n    args: [${server("scripted.mjs")}, --script, ${file}]\n    isolation: { write: [notes], read: [script.json] }\n    capabilities: { toolPatterns: { "*": {} }, completions: true, sampling: text, elicitation: { form: true }, resources: { patterns: ["**"], subscribe: true }, methods: { client: [x/run] } }\n${more}`);
    all = ["--server", "s", "--manifest", join(place.home, "sallyport.yaml")];
  }
  const running = gate([], { home: place.home, flags: all });
  if (elicits !== null) {
    running.send({ id: 0, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: elicits ? { elicitation: {} } : {}, clientInfo: { name: "t", version: "1" } } });
    await running.answerTo(0);
  }
  return { place, running };
}

const tools = (...names: string[]): object[] => names.map((name) => ({ name, inputSchema: { type: "object" } }));
const call = (running: Running, id: number | string, name: string, given: object = {}, more: object = {}): void => running.send({ id, method: "tools/call", params: { name, arguments: given, ...more } });
const said = async (running: Running, id: number | string): Promise<string> => JSON.stringify(await running.answerTo(id));
const YES = { sallyport_consent: { action: "accept", content: { decision: "Allow once" } } };

/** Two rounds, as a client of 2026-07-28 goes through them. */
async function round(running: Running, id: number, name: string, given: object = {}): Promise<string> {
  call(running, id, name, given, { _meta: META });
  const { requestState } = (await running.answerTo(id))["result"] as { requestState: string };
  call(running, id + 1, name, given, { _meta: META, inputResponses: YES, requestState });
  return said(running, id + 1);
}

describe("one call's consent", () => {
  it.each([["harmless", "deploy"], ["harmless", "harmless"]])("is not another's: what %s was allowed, %s with the same arguments is not, and only once", async (first, second) => {
    const { running } = await scripted({ tools: tools("harmless", "deploy"), results: { harmless: { resultType: "input_required", inputRequests: {}, requestState: "s" } } }, { elicits: null });
    expect(await round(running, 1, first)).toContain("input_required");
    call(running, 3, second, {}, { _meta: META, inputResponses: {}, requestState: second === first ? "another" : "s" });
    expect(await said(running, 3)).toContain("sallyport_consent");
    if (second !== first) return;
    call(running, 4, second, {}, { _meta: META, inputResponses: {}, requestState: "s" });
    expect(await said(running, 4)).not.toContain("sallyport_consent");
    call(running, 5, second, {}, { _meta: META, inputResponses: {}, requestState: "s2" });
    expect(await said(running, 5)).toContain("sallyport_consent");
  });

  it("does not count twice against a rate, and takes any id as it is", async () => {
    const { place, running } = await scripted({ tools: tools("t") }, { elicits: null, cedar: '@consent("ask") permit(principal, action, resource) when { action == Action::"callTool" }; permit(principal, action == Action::"startServer", resource);', more: "    limits: { callsPerMinute: 1 }\n" });
    void place;
    call(running, 1, "t", {}, { _meta: META });
    const { requestState } = (await running.answerTo(1))["result"] as { requestState: string };
    call(running, "$'\"$&", "t", {}, { _meta: META, inputResponses: YES, requestState });
    expect(await said(running, "$'\"$&")).toContain("called t");
  });

  it("is kept though the client never comes back for it", async () => {
    const { place, running } = await scripted({ tools: tools("t") }, { elicits: null });
    call(running, 1, "t", {}, { _meta: META });
    await running.answerTo(1);
    const [id = ""] = await waiting(place);
    await atTerminal(place, "Allow any arguments for 24", "approve", id);
    call(running, 2, "t", { other: 1 }, { _meta: META });
    expect(await said(running, 2)).toContain("called t");
  });

  it("is not asked for where a number cannot be shown as it is sent", async () => {
    const { running } = await scripted({ tools: tools("t") });
    running.send('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"id":1234567890123456789}}}');
    expect(await said(running, 1)).toContain("consent.number");
    running.send('{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t","arguments":{"id":"1234567890123456789","x":0.1,"y":9007199254740}}}');
    await running.until(() => running.stdout.includes("elicitation/create"), "the question");
  });
});

describe("a batch (2025-03-26)", () => {
  it("of which one call is taken back answers the others, and asks about none of them any longer", async () => {
    const { place, running } = await scripted({ tools: tools("a", "b") }, { elicits: null });
    running.send({ id: 0, method: "initialize", params: { protocolVersion: "2025-03-26", capabilities: {}, clientInfo: { name: "t", version: "1" } } });
    await running.answerTo(0);
    running.send(JSON.stringify(["a", "b"].map((name, index) => ({ jsonrpc: "2.0", id: index + 1, method: "tools/call", params: { name, arguments: {} } }))));
    await waiting(place, 2);
    running.send({ method: "notifications/cancelled", params: { requestId: 1 } });
    expect(await said(running, 2)).toMatch(/message\.cancelled|consent\.withdrawn/);
    await eventually(() => events(place).filter(({ event }) => event === "consent.withdrawn").length === 2, "both questions taken back");
  });
});

describe("what was allowed", () => {
  const TYPED = "    capabilities: { tools: { note: { arguments: { /path: { type: path, roots: [/] }, /url: { type: url } } } } }\n";
  const ask = async (place: Home, words: string, given: object, flags: string[]): Promise<{ asked: number; text: string }> => {
    let asked = 0;
    const client = await connect(place, "handshake", { flags, person: (question) => ((asked += 1), says(words)(question)) });
    const { text } = await client.call("note", { text: "x", ...given });
    await client.close();
    return { asked, text };
  };

  it("under a directory is not what a link there leads to afterwards", async () => {
    const place = makeHome();
    const [safe, cur] = [join(place.notes, "safe"), join(place.notes, "cur")];
    mkdirSync(safe);
    symlinkSync(safe, cur);
    const flags = writeManifest(place, TYPED);
    await ask(place, `Allow paths under ${safe} for 24`, { path: join(cur, "a") }, flags);
    expect((await ask(place, "Deny", { path: join(cur, "b") }, flags)).asked).toBe(0);
    rmSync(cur);
    symlinkSync("/", cur);
    expect((await ask(place, "Deny", { path: join(cur, "etc/shadow") }, flags)).asked).toBe(1);
    renameSync(safe, `${safe}.old`);
    symlinkSync("/etc", safe);
    expect((await ask(place, "Deny", { path: join(safe, "shadow") }, flags)).asked).toBe(1);
  });

  it("at an address is not another scheme's or port's", async () => {
    const place = makeHome();
    const flags = writeManifest(place, TYPED);
    await ask(place, "Allow addresses at https://example.com:443 for 24", { url: "https://example.com/a" }, flags);
    expect((await ask(place, "Deny", { url: "https://EXAMPLE.com:443/b" }, flags)).asked).toBe(0);
    for (const url of ["http://example.com/", "https://example.com:8443/", "https://example.com.evil.org/", "https://other.example.com/"]) expect((await ask(place, "Deny", { url }, flags)).asked, url).toBe(1);
  });

  it("without a manifest does not cover what is lent later", async () => {
    const place = makeHome();
    const once = async (flags: string[]): Promise<number> => {
      let asked = 0;
      const client = await connect(place, "handshake", { flags, person: (question) => ((asked += 1), says("Allow any arguments until")(question)) });
      await client.call("note");
      await client.close();
      return asked;
    };
    place.env["PROD_TOKEN"] = "t";
    expect([await once([]), await once([]), await once(["--env", "PROD_TOKEN"]), await once(["--env", "TOKEN=1"]), await once(["--env", "TOKEN=2"])]).toEqual([1, 0, 1, 1, 1]);
  });

  it("is checked again when the answer has come: a link may lead elsewhere by then", async () => {
    const place = makeHome();
    const dir = join(place.notes, "dir");
    mkdirSync(dir);
    const flags = writeManifest(place, `    capabilities: { tools: { note: { arguments: { /path: { type: path, roots: [${place.notes}] } } } } }\n`);
    const client = await connect(place, "handshake", { flags, person: (question) => (rmSync(dir, { recursive: true }), symlinkSync("/etc", dir), says("Allow once")(question)) });
    expect((await client.call("note", { text: "x", path: join(dir, "passwd") })).text).toContain("argument.path");
    expect(place.noted()).toEqual([]);
  });
});

describe("policies", () => {
  const withPolicy = (place: Home, cedar: string, more = ""): string[] => {
    writeFileSync(join(place.home, "p.cedar"), cedar);
    return writeManifest(place, `    capabilities: { tools: { note: { arguments: { /path: { type: path, roots: [/] }, /url: { type: host } } }, wipe: {} } }\n    consent: { ask: never }\n${more}`, "policies: { files: [p.cedar] }\n");
  };
  const START = 'permit(principal, action in [Action::"startServer", Action::"approveChange"], resource);';

  it("see paths and hosts as the kernel would, or refuse", async () => {
    const place = makeHome();
    const client = await connect(place, "handshake", { flags: withPolicy(place, `${START} permit(principal, action == Action::"callTool", resource) when { ["${place.notes}"].containsAll(context.paths) && ["example.com:443"].containsAll(context.hosts) && (if context.arguments.hasTag("/path") then context.arguments.getTag("/path") like "${place.notes}/*" else true) };`) });
    const outcome = async (given: object): Promise<string> => (await client.call("note", { text: "x", ...given })).text.slice(0, 30);
    symlinkSync("/etc", join(place.notes, "link"));
    expect(await outcome({ path: join(place.notes, "a"), url: "example.com" })).toBe("noted x");
    for (const given of [{ path: "/etc/passwd" }, { path: "../../../../etc/passwd" }, { path: `${place.notes}/../../../etc/passwd` }, { path: `${place.notes}/link/passwd` }, { url: "evil.com" }, { url: "2606:4700:4700::1111" }, { path: `${place.notes}/%2e%2e/x` }]) expect(await outcome(given), JSON.stringify(given)).toContain("sallyport refused");
    expect(place.noted()).toHaveLength(1);
  });

  it("do not let an answer of somebody else's, or to another policy's question, count", async () => {
    const place = makeHome();
    const flags = withPolicy(place, `${START} @id("plain") @consent("ask") permit(principal, action == Action::"callTool", resource) unless { context.arguments.hasTag("/path") }; @id("prod") @consent("ask") @approvers("alice") permit(principal, action == Action::"callTool", resource) when { context.arguments.hasTag("/path") };`, "").map((one) => one);
    writeFileSync(join(place.home, "sallyport.yaml"), (await import("node:fs")).readFileSync(join(place.home, "sallyport.yaml"), "utf8").replace("{ ask: never }", "{ ask: never, seconds: 1 }"));
    const client = await connect(place, "handshake", { flags, person: says("Allow any arguments for this session") });
    expect((await client.call("note", { text: "a" })).text).toBe("noted a");
    expect((await client.call("note", { text: "b" })).text).toBe("noted b");
    expect((await client.call("note", { text: "c", path: "/prod/x" })).text).toContain("consent.expired");
  });

  it("that change while a person reads are asked about anew", async () => {
    const place = makeHome();
    const flags = withPolicy(place, `${START} @consent("ask") permit(principal, action == Action::"callTool", resource);`);
    const client = await connect(place, "handshake", { flags, person: (question) => (writeFileSync(join(place.home, "p.cedar"), `${START} @consent("ask") @approvers("alice bob") @quorum("2") permit(principal, action == Action::"callTool", resource);`), says("Allow once")(question)) });
    expect((await client.call("note")).text).toContain("the policies have changed");
    expect(place.noted()).toEqual([]);
  });

  it("see what a server asks for inside its results, completions, subscriptions and methods of nobody's", async () => {
    const { running } = await scripted({ tools: tools("t"), results: { t: { resultType: "input_required", inputRequests: { a: { method: "sampling/createMessage", params: { messages: [] } } }, requestState: "s" } } }, { cedar: `${START} permit(principal, action == Action::"callTool", resource);`, more: "    consent: { ask: never }\n" });
    call(running, 1, "t");
    expect(await said(running, 1)).toContain("policy.denied");
    const requests: [string, object][] = [["completion/complete", { ref: { type: "ref/resource", uri: "file:///x" }, argument: { name: "a", value: "b" } }], ["x/run", {}], ["resources/subscribe", { uri: "file:///x" }], ["subscriptions/listen", { notifications: { resourceSubscriptions: ["file:///x"] } }]];
    for (const [index, [method, params]] of requests.entries()) {
      running.send({ id: index + 10, method, params });
      expect(await said(running, index + 10), method).toContain("policy.denied");
    }
  });

  it("decide what add may approve, as well as lock", async () => {
    const place = makeHome();
    writeFileSync(join(place.home, "p.cedar"), 'permit(principal, action, resource); @reason("not by you") forbid(principal, action == Action::"approveChange", resource);');
    const file = join(place.home, "sallyport.yaml");
    writeFileSync(file, "version: 1\npolicies: { files: [p.cedar] }\n");
    const { stderr } = await sallyport(place, "add", "n", "--manifest", file, "--yes", "--", process.execPath, server("notes.mjs"), "--log", place.log);
    expect(stderr).toContain("not by you");
    expect(statSync(join(place.home, "sallyport.lock"), { throwIfNoEntry: false })).toBeUndefined();
  });

  it("take their sources' names apart, and look at every attribute of what they name", () => {
    const home = scratch();
    for (const folder of ["a", "b"]) {
      mkdirSync(join(home, folder));
      writeFileSync(join(home, folder, "main.cedar"), 'permit(principal, action, resource); forbid(principal, action, resource) when { Server::"fs" has version && Server::"fs".version == "1" };');
    }
    const layer = (): Layer => new Layer(loadLayer({ origin: join(home, "sallyport.yaml"), files: [join(home, "a"), join(home, "b")], groups: {} }, null));
    const request: PolicyRequest = { principal: { kind: "user", name: "u", client: null }, action: "callTool", server: { name: "fs", kind: "npm", package: "p", version: "1", identity: "i", isolation: "bubblewrap", writes: [], hosts: [] }, item: "t", definition: "", annotations: {}, arguments: {}, placed: {}, paths: [], hosts: [], reach: [], findings: [], now: 0, session: "s" };
    expect(layer().decide(request)).toMatchObject({ effect: "deny", policies: ["a/main.2", "b/main.2"] });
    expect(layer().decide({ ...request, server: { ...request.server, version: "2" } }).effect).toBe("allow");
  });

  it("cannot be rewritten by the server that they hold", async () => {
    const place = makeHome();
    const script = join(place.home, "write.sh");
    writeFileSync(script, `cd ${place.home}/notes; for f in p.cedar rules/q.cedar sallyport.yaml sallyport.lock base.yaml below/more.yaml; do (echo x > $f) 2>/dev/null && echo wrote $f; (mv $f $f.old) 2>/dev/null && echo moved $f; rm -f $f 2>/dev/null && [ ! -e $f ] && echo removed $f; done; for d in rules below; do (mv $d other) 2>/dev/null && echo moved $d; done; echo y > free && echo wrote free\n`);
    const { notes } = place;
    for (const folder of ["rules", "below"]) mkdirSync(join(notes, folder), { mode: 0o777 });
    for (const [name, text] of [["p.cedar", START], ["rules/q.cedar", START], ["below/more.yaml", "version: 1\n"], ["base.yaml", "version: 1\nextend: below/more.yaml\n"], ["sallyport.yaml", `version: 1\nextend: base.yaml\npolicies: { files: [p.cedar, rules] }\nservers: { s: { command: /bin/sh, args: [${script}], isolation: { write: [.] , read: [${script}] }, consent: { ask: never } } }\n`]] as const) writeFileSync(join(notes, name), text, { mode: 0o666 });
    // Who only looks leaves nothing behind.
    expect((await sallyport(place, "explain", "--server", "s", "--manifest", join(notes, "sallyport.yaml"))).code).toBe(0);
    expect(existsSync(join(notes, "sallyport.lock"))).toBe(false);
    const running = gate([], { home: place.home, cwd: notes, flags: ["--server", "s"] });
    running.child.stdin.end();
    await running.ended;
    const journal = JSON.stringify(records(place.home));
    expect(journal).toContain("wrote free");
    expect(journal.match(/(?:wrote|moved|removed) (?!free)\S+/g)).toBeNull();
  });

  it("stand in the way of no error about the directories for writing", async () => {
    const place = makeHome();
    const file = join(place.home, "sallyport.yaml");
    writeFileSync(file, "version: 1\nservers: { s: { command: /bin/true, isolation: { write: [missing] } } }\n");
    const { code, stderr } = await sallyport(place, "run", "--server", "s", "--manifest", file);
    expect([code, stderr]).toEqual([2, expect.stringContaining("cell.path")]);
  });
});

describe("a start", () => {
  const start = (place: Home, annotations: string): string[] => {
    writeFileSync(join(place.home, "p.cedar"), `${annotations} permit(principal, action == Action::"startServer", resource); permit(principal, action == Action::"callTool", resource);`);
    return writeManifest(place, `${TOOLS}    consent: { ask: never, seconds: 1 }\n`, "policies: { files: [p.cedar] }\n");
  };
  const starts = async (place: Home, flags: string[]): Promise<boolean> => connect(place, "handshake", { flags }).then(async (client) => (await client.close(), true), () => false);

  it("that is to be asked about each time is allowed once", async () => {
    const place = makeHome();
    const flags = start(place, '@consent("always")');
    expect(await starts(place, flags)).toBe(false);
    const [id = ""] = await waiting(place);
    await atTerminal(place, "Allow this one start", "approve", id);
    expect([await starts(place, flags), await starts(place, flags)]).toEqual([true, false]);
  });

  it("that needs two people is not allowed by one", async () => {
    const place = makeHome();
    const user = (await import("node:os")).userInfo().username;
    const flags = start(place, `@consent("ask") @approvers("${user} other") @quorum("2")`);
    expect(await starts(place, flags)).toBe(false);
    const [id = ""] = await waiting(place);
    await atTerminal(place, "Allow until", "approve", id);
    expect(await starts(place, flags)).toBe(false);
    expect((await atTerminal(place, "Allow until", "approve", id)).shown).toContain("consent.approver");
  });
});

describe("whatever lies in the folders", () => {
  it("neither ends a gate nor keeps it from asking", async () => {
    const { place, running } = await scripted({ tools: tools("t") }, { elicits: false });
    const folder = join(place.home, "sallyport/state/consent");
    call(running, 1, "t");
    const [id = ""] = await waiting(place);
    mkdirSync(join(folder, "answers", `${id}.json`, "deep"), { recursive: true });
    expect(await said(running, 1)).toContain("consent.withdrawn");
    call(running, 2, "t");
    await waiting(place);
    rmSync(join(folder, "notices"), { recursive: true });
    rmSync(join(folder, "answers"), { recursive: true });
    await new Promise((done) => setTimeout(done, 600));
    rmSync(folder, { recursive: true });
    call(running, 3, "t");
    const [next = ""] = await waiting(place);
    await atTerminal(place, "Allow once", "approve", next);
    expect(await said(running, 3)).toContain("called t");
    running.child.stdin.end();
    expect((await running.ended).code).toBe(0);
  });
});

describe("a question", () => {
  const question = (more: Partial<Question>): Question => ({ id: "k7mw2p9x", asked: "", until: "", session: "", gate: { pid: 1, start: "" }, clients: [], client: "c", bound: { user: "u", server: "s", identity: "i", argv: "", definition: "", action: "callTool", item: "t", manifest: "", policy: "", reach: "" }, command: [], arguments: {}, reach: ["write /w"], why: ["because"], findings: [], difference: null, standing: false, channels: [], choices: [], approvers: [], quorum: 1, votes: [], ...more });

  it("shows what decides, however much stands elsewhere", () => {
    const long = "x".repeat(10_000);
    const lines = renderQuestion(question({ client: long, bound: { ...question({}).bound, item: `delete${long}`, identity: long }, difference: Array.from({ length: 100 }, () => `- ${long}`), findings: [long], arguments: { [long]: long, delete_everything: true } }), { whole: false });
    const text = lines.join("\n");
    expect(text.length).toBeLessThan(16_000);
    expect(text).toContain("can reach: write /w");
    expect(text).toContain("/delete_everything: true");
    expect(text).toContain("76 more lines");
  });

  it.each<[string, object]>([
    ["a key that ends its line", { 'x: "1"\n  /path': "/evil" }],
    ["blanks that push away", { x: `a${" ".repeat(200)}b` }],
    ["blanks of other kinds", { x: "a\u3000\u00a0b" }],
    ["direction and marks", { x: "a\u202eb\u0301\ufe0f" }],
  ])("spells out %s", (_, given) => {
    const text = renderQuestion(question({ arguments: given }), { whole: true }).slice(4).join("\n");
    expect(text).toMatch(/\\u\{|\\n/);
    expect(text).not.toMatch(/\p{Cf}|\p{Mn}|(?! )\p{Zs}| {3,}\S/u);
    expect(text.split("\n")).toHaveLength(1);
  });
});
