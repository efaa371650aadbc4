/** Cedar decides: what policies permit, forbid and ask, where they fail, and how fast. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SallyportError } from "../../src/errors.ts";
import { Layer, together, type Said } from "../../src/policy/decide.ts";
import { loadLayer } from "../../src/policy/load.ts";
import { argumentTags, type PolicyRequest } from "../../src/policy/request.ts";
import { ROOT, gate, records, scratch, server } from "../helpers.ts";
import { TOOLS, atTerminal, connect, events, makeHome, sallyport, says, waiting, writeManifest } from "../consent/scene.ts";

const STARTERS = join(ROOT, "docs/policies");

function layer(text: string, groups: Record<string, string[]> = {}): Layer {
  const file = join(scratch(), "p.cedar");
  writeFileSync(file, text);
  return new Layer(loadLayer({ origin: file, files: [file], groups }, null));
}

function request(more: Partial<PolicyRequest> = {}): PolicyRequest {
  return {
    principal: { kind: "user", name: "alice", client: "claude-code 2" }, action: "callTool", server: { name: "fs", kind: "npm", package: "p", version: "1", identity: "sha512-x", isolation: "bubblewrap", writes: ["/w"], hosts: [] },
    item: "write", definition: "d", annotations: {}, arguments: {}, placed: {}, paths: [], hosts: [], reach: ["write"], findings: [], now: Date.parse("2026-11-23T10:00:00"), session: "s", ...more,
  };
}

describe("policies", () => {
  it.each<[string, string, Partial<PolicyRequest>, Said["effect"]]>([
    ["none that speak of it", 'permit(principal, action == Action::"getPrompt", resource);', {}, "deny"],
    ["no policy at all", "", {}, "deny"],
    ["a permit", "permit(principal, action, resource);", {}, "allow"],
    ["a forbid beside it", 'permit(principal, action, resource); forbid(principal, action, resource == Tool::"fs/write");', {}, "deny"],
    ["a forbid of another tool", 'permit(principal, action, resource); forbid(principal, action, resource == Tool::"fs/read");', {}, "allow"],
    ["the server", 'permit(principal, action, resource in Server::"fs");', {}, "allow"],
    ["another server", 'permit(principal, action, resource in Server::"other");', {}, "deny"],
    ["a group", 'permit(principal in Group::"staff", action, resource);', {}, "allow"],
    ["another group", 'permit(principal in Group::"guests", action, resource);', {}, "deny"],
    ["the client's word", 'permit(principal in Client::"claude-code 2", action, resource);', {}, "allow"],
    ["workloads", "permit(principal is Workload, action, resource);", {}, "deny"],
    ["an argument", 'permit(principal, action, resource) when { context.arguments.hasTag("/path") && context.arguments.getTag("/path") like "/w/*" };', { arguments: { path: "/w/x" } }, "allow"],
    ["another argument", 'permit(principal, action, resource) when { context.arguments.hasTag("/path") && context.arguments.getTag("/path") like "/w/*" };', { arguments: { path: "/etc/passwd" } }, "deny"],
    ["an argument that is missing", 'permit(principal, action, resource) unless { context.arguments.hasTag("/force") };', { arguments: { force: false } }, "deny"],
    ["a question", '@consent("ask") permit(principal, action, resource);', {}, "ask"],
    ["a question beside a permit", '@consent("ask") permit(principal, action == Action::"callTool", resource); permit(principal, action, resource);', {}, "ask"],
    ["what the server says", "permit(principal, action, resource is Tool) when { resource.saysReadOnly };", { annotations: { readOnlyHint: true } }, "allow"],
    ["what the server says without saying it", "permit(principal, action, resource is Tool) when { resource.saysReadOnly };", { annotations: { readOnlyHint: "yes" } }, "deny"],
    ["the server's package", 'permit(principal, action, resource) when { resource is Tool && resource.server.package == "p" && resource.server.writes.contains("/w") };', {}, "allow"],
    ["another package", 'permit(principal, action, resource is Tool) when { resource.server.package == "q" };', {}, "deny"],
    ["a policy that cannot be evaluated", 'permit(principal, action, resource); forbid(principal, action, resource) when { context.arguments.getTag("/no") == "x" };', {}, "deny"],
  ].map(([name, text, more, effect]) => [name, text, more, effect] as [string, string, Partial<PolicyRequest>, Said["effect"]]))("%s", (name, text, more, effect) => {
    if (name === "a policy that cannot be evaluated") expect(() => layer(text)).toThrow("policy does not fit the schema");
    else expect(layer(text, { staff: ["alice"], guests: ["bob"] }).decide(request(more)).effect).toBe(effect);
  });

  it("of several sources must all permit, and the strictest question is asked", () => {
    const [yes, no, ask, two] = ["permit(principal, action, resource);", "forbid(principal, action, resource);", '@consent("ask") @approvers("alice, bob") permit(principal, action, resource);', '@consent("always") @approvers("bob carol") @quorum("2") permit(principal, action, resource);'].map((text) => layer(text).decide(request())) as [Said, Said, Said, Said];
    expect(together([yes, no]).effect).toBe("deny");
    expect(together([yes, ask])).toMatchObject({ effect: "ask", mode: "first", approvers: ["alice", "bob"], quorum: 1 });
    expect(together([ask, two])).toMatchObject({ effect: "ask", mode: "always", approvers: ["bob"], quorum: 2 });
    expect(together([yes, yes]).effect).toBe("allow");
  });

  it.each<[string, string, string, string]>([
    ["an unfinished one", "permit(principal, action", "policy.syntax", "p.cedar:1:25"],
    ["an unknown attribute", "permit(principal, action, resource);\n\n// é\nforbid(principal, action == Action::\"callTool\", resource)\nwhen { resource.nmae == \"x\" };", "policy.schema", "p.cedar:5:8"],
    ["an unguarded optional attribute", "permit(principal is Workload, action, resource) when { principal.repository == \"x\" };", "policy.schema", "p.cedar:1:"],
    ["an unknown action", 'permit(principal, action == Action::"calltool", resource);', "policy.schema", "p.cedar:1:"],
    ["an unknown consent", 'permit(principal, action, resource);\n@consent("sometimes")\npermit(principal, action, resource);', "policy.annotation", "p.cedar:2:1"],
    ["a group that nobody has named", '@consent("ask") @approvers("group:nobody") permit(principal, action, resource);', "policy.annotation", "p.cedar:1:17"],
    ["more people than there are", '@consent("ask") @approvers("a b a") @quorum("3") permit(principal, action, resource);', "policy.annotation", "p.cedar:1:37"],
    ["a template", "permit(principal == ?principal, action, resource);", "policy.syntax", "p.cedar:1:21"],
    ["one name twice", '@id("x") permit(principal, action, resource); @id("x") forbid(principal, action, resource);', "policy.syntax", "x"],
  ])("refuse %s, with its place", (_, text, code, place) => {
    const error = (() => {
      try {
        return layer(text);
      } catch (thrown) {
        return thrown as SallyportError;
      }
    })() as SallyportError;
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(place)]);
  });

  it("see every value of the arguments, or refuse the call", () => {
    expect(argumentTags({ a: { "b/c": [1, true, null, "x"] } })).toEqual({ "/a/b~1c/0": "1", "/a/b~1c/1": "true", "/a/b~1c/3": "x" });
    expect(() => argumentTags(Array.from({ length: 1001 }, () => 1))).toThrow("more than 1000");
  });

  it("sliced by action and resource say what the whole set says", () => {
    const scopes = { principal: ["principal", 'principal == User::"alice"', 'principal in Group::"staff"', "principal is User", "principal is Workload"], action: ["action", 'action == Action::"callTool"', 'action in [Action::"callTool", Action::"getPrompt"]', 'action == Action::"readResource"'], resource: ["resource", 'resource == Tool::"fs/write"', 'resource in Server::"fs"', 'resource in Server::"other"', "resource is Tool", 'resource is Tool in Server::"fs"', "resource is Resource"] };
    const one = fc.record({ effect: fc.constantFrom("permit", "forbid"), principal: fc.constantFrom(...scopes.principal), action: fc.constantFrom(...scopes.action), resource: fc.constantFrom(...scopes.resource), when: fc.constantFrom("", 'when { context.session == "s" }', "when { context.ci }") });
    // What the rules of Cedar say of these few forms.
    const matches = ({ principal, action, resource, when }: { principal: string; action: string; resource: string; when: string }): boolean => !/Workload|guests/.test(principal) && !action.includes("readResource") && !/other|Resource$/.test(resource) && !when.includes("ci");
    fc.assert(fc.property(fc.array(one, { maxLength: 6 }), (policies) => {
      const said = layer(policies.map(({ effect, principal, action, resource, when }) => `${effect}(${principal}, ${action}, ${resource}) ${when};`).join("\n"), { staff: ["alice"] });
      const held = policies.filter(matches);
      const expected = held.some(({ effect }) => effect === "forbid") || held.length === 0 ? "deny" : "allow";
      for (const session of ["s", "other", "s"]) {
        const now = held.filter(({ when }) => !when.includes("session") || session === "s");
        expect(said.decide(request({ session })).effect).toBe(session === "s" ? expected : now.some(({ effect }) => effect === "forbid") || !now.some(({ effect }) => effect === "permit") ? "deny" : "allow");
      }
    }), { numRuns: 60 });
  }, 60_000);
});

describe("the starter policies", () => {
  it.each(readdirSync(STARTERS).filter((name) => name.endsWith(".cedar")))("%s say what their tests say", async (name) => {
    const place = makeHome();
    const file = join(STARTERS, name);
    const flags = writeManifest(place, TOOLS, `policies:\n  files: [${file}]\n  groups: { on-call: [olga], release: [alice, bob, carol] }\n`);
    const { code, stdout } = await sallyport(place, "explain", ...flags, "--test", join(STARTERS, "tests", name.replace(".cedar", ".yaml")));
    expect([code, stdout]).toEqual([0, expect.stringMatching(/\n\d+ passed, 0 failed\n$/)]);
  });

  it("stand beside the schema that they are held against", async () => {
    const { CEDAR_SCHEMA } = await import("../../src/policy/schema.ts");
    expect(readFileSync(join(STARTERS, "sallyport.cedarschema"), "utf8")).toBe(CEDAR_SCHEMA);
  });
});

describe("a gate with policies", () => {
  const withPolicies = (place: ReturnType<typeof makeHome>, cedar: string, more = ""): string[] => {
    writeFileSync(join(place.home, "p.cedar"), cedar);
    return writeManifest(place, `${TOOLS}${more}`, "policies: { files: [p.cedar], groups: { two: [ann, ben] } }\n");
  };

  it("passes, asks and refuses as they say, and takes up a change at once", async () => {
    const place = makeHome();
    const asked: string[] = [];
    const flags = withPolicies(place, '@consent("never") permit(principal, action, resource); @reason("no wiping") forbid(principal, action, resource == Tool::"notes/wipe");');
    const client = await connect(place, "handshake", { flags, person: (question) => (asked.push(question.message), says("Allow once")(question)) });
    expect((await client.call("note", { text: "a" })).text).toBe("noted a");
    expect((await client.call("wipe", { text: "a" })).text).toContain("no wiping");
    expect(asked).toEqual([]);
    writeFileSync(join(place.home, "p.cedar"), '@consent("ask") @reason("ask first") permit(principal, action, resource);');
    expect((await client.call("note", { text: "b" })).text).toBe("noted b");
    expect(asked[0]).toContain("asked because: ask first");
    writeFileSync(join(place.home, "p.cedar"), "permit(principal, action");
    expect((await client.call("note", { text: "c" })).text).toContain("policy.syntax");
    await client.close();
    expect(place.noted()).toHaveLength(2);
    expect(events(place).length).toBeGreaterThan(1);
  });

  it("does not start with policies that mean nothing, or where none permits the start", async () => {
    const place = makeHome();
    await expect(connect(place, "handshake", { flags: withPolicies(place, "permit(principal, action") })).rejects.toThrow();
    await expect(connect(place, "handshake", { flags: withPolicies(place, 'permit(principal, action == Action::"callTool", resource);') })).rejects.toThrow();
    expect((await sallyport(place, "run", ...withPolicies(place, 'permit(principal, action == Action::"callTool", resource);'))).stderr).toContain("policy.denied");
  });

  it("takes this user's own for every server as well, and neither widens the other", async () => {
    const place = makeHome();
    mkdirSync(join(place.home, "sallyport/config/policies"), { recursive: true });
    writeFileSync(join(place.home, "sallyport/config/policies/mine.cedar"), '@consent("never") permit(principal, action, resource) unless { action == Action::"callTool" && resource.name == "wipe" };'.replace("resource.name", "context.session").replace('"wipe"', '"x"'));
    const client = await connect(place, "handshake", { flags: withPolicies(place, '@consent("never") permit(principal, action, resource); forbid(principal, action, resource == Tool::"notes/wipe");') });
    expect((await client.call("note", { text: "a" })).text).toBe("noted a");
    expect((await client.call("wipe", { text: "a" })).text).toContain("policy.denied");
  });

  it("that permit everything rules on each line as one without any", async () => {
    const place = makeHome();
    const params = ['{"name":"note","arguments":{"text":"a"}}', '{"name":"n\\u006fte","\\u0061rguments":{"text":"a"}}', '{"name":"note"}', '{"name":"note","arguments":null}', '{"name":"note","arguments":["a"]}', '{"name":"note","arguments":{"text":5}}', '{"name":"note","arguments":{"text":"a","more":1}}', '{"name":"other","arguments":{}}', '{"name":5,"arguments":{}}', '{"arguments":{"text":"a"}}', '{"_meta":{"name":"note"},"data":{"name":"note"}}', '{"name":"note","arguments":{"__proto__":{"text":"a"}}}'];
    const lines = ['"params":{}', '"x":1', ...params.map((one) => `"params":${one}`)].map((rest, index) => `{"jsonrpc":"2.0","id":${index + 2},"method":"tools/call",${rest}}\n`);
    const verdicts = async (): Promise<unknown[]> => {
      const running = gate(["node", server("echo-tools.mjs"), "--log", "/dev/null"], { home: place.home, flags: ["--consent", "never"] });
      running.send({ id: 1, method: "tools/list" });
      await running.answerTo(1);
      running.child.stdin.write(lines.join(""));
      const answers = await Promise.all(lines.map(async (_, index) => running.answerTo(index + 2)));
      running.child.stdin.end();
      await running.ended;
      return answers;
    };
    const without = await verdicts();
    mkdirSync(join(place.home, "sallyport/config/policies"), { recursive: true });
    writeFileSync(join(place.home, "sallyport/config/policies/all.cedar"), '@consent("never") permit(principal, action, resource);');
    expect(await verdicts()).toEqual(without);
    expect(JSON.stringify(without[2])).toContain("noted a");
    expect(JSON.stringify(without[8])).toContain("argument.schema");
  });

  it("waits for as many people as they name, and for nobody else", async () => {
    const place = makeHome();
    const me = process.getuid?.() === 0 ? "root" : (await import("node:os")).userInfo().username;
    const flags = withPolicies(place, `@consent("ask") @approvers("${me} group:two") @quorum("2") permit(principal, action, resource) when { action == Action::"callTool" }; permit(principal, action == Action::"startServer", resource);`);
    const client = await connect(place, "handshake", { flags, person: says("Allow once") });
    const call = client.call("note", { text: "a" }).catch(() => null);
    // The user's own word, by the form, is one of two; and not two by another way.
    const [id = ""] = await waiting(place);
    await new Promise((done) => setTimeout(done, 500));
    expect(place.noted()).toEqual([]);
    expect((await atTerminal(place, "Allow once", "approve", id)).shown).toContain("consent.approver");
    expect((await sallyport(place, "approvals", id, "--json")).stdout).toContain('"quorum": 2');
    await client.close();
    await call;
    expect(place.noted()).toEqual([]);
    expect(events(place).map(({ event }) => event)).toContain("consent.vote");
  });

  it("has the last word on each connection", async () => {
    const listener = createServer((_, response) => response.end("reached"));
    await new Promise<void>((done) => listener.listen(0, "127.0.0.1", done));
    const { port } = listener.address() as AddressInfo;
    for (const [policy, expected] of [["permit(principal, action, resource);", "200 reached"], [`permit(principal, action, resource); @reason("not there") forbid(principal, action == Action::"connectHost", resource == Host::"c/localhost:${port}");`, "ECONNRESET"]] as const) {
      const place = makeHome();
      writeFileSync(join(place.home, "p.cedar"), policy);
      writeFileSync(join(place.home, "sallyport.yaml"), `version: 1\npolicies: { files: [p.cedar] }\nservers:\n  c:\n    command: ${process.execPath}\n    args: [${server("caller.mjs")}]\n    network: { hosts: ["localhost:${port}"] }\n    capabilities: { methods: { client: [try] } }\n`);
      const running = gate([], { home: place.home, cwd: place.home, flags: ["--server", "c"] });
      running.send({ id: 1, method: "try", params: { how: "fetch", url: `http://localhost:${port}/` } });
      expect(JSON.stringify(await running.answerTo(1))).toContain(expected);
      running.child.stdin.end();
      await running.ended;
      expect(records(place.home).some(({ message }) => message?.["event"] === "connection.refused" && JSON.stringify(message).includes("policy.denied"))).toBe(expected !== "200 reached");
    }
    listener.close();
  });

  it("tells in explain which of them decided", async () => {
    const place = makeHome();
    const flags = withPolicies(place, '@id("start") permit(principal, action in [Action::"startServer", Action::"approveChange"], resource); @id("all") @consent("ask") permit(principal, action == Action::"callTool", resource); @id("wiping") forbid(principal, action, resource == Tool::"notes/wipe");');
    await sallyport(place, "lock", "--yes", ...flags);
    const messages = join(place.home, "messages");
    writeFileSync(messages, ["note", "wipe"].map((name, id) => JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: { text: "x" } } })).join("\n"));
    const { stdout } = await sallyport(place, "explain", ...flags, messages);
    expect(stdout).toMatch(/ask +request tools\/call.*by all/);
    expect(stdout).toMatch(/deny +request tools\/call.*by wiping/);
  });
});

describe("a warm decision", () => {
  it("costs what the policies cost that can speak of the call, not what all of them would", () => {
    const tools = Array.from({ length: 400 }, (_, index) => `permit(principal, action == Action::"callTool", resource == Tool::"fs/tool${index}");`);
    const few = ['permit(principal, action == Action::"callTool", resource in Server::"fs");', 'forbid(principal, action, resource) when { context.findings.contains("secret.known") };', '@consent("ask") permit(principal, action == Action::"callTool", resource is Tool) when { resource.saysDestructive };'];
    const [one, all] = [layer(few.join("\n")), layer([...tools, ...few].join("\n"))];
    const least = (said: Layer): number => Math.min(...Array.from({ length: 30 }, () => {
      const from = performance.now();
      for (let index = 0; index < 20; index += 1) said.decide(request({ arguments: { path: "/w/x" } }));
      return performance.now() - from;
    }));
    least(one);
    expect(least(all) / least(one)).toBeLessThan(3);
  });
});
