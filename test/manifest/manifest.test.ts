/** Mistakes are told with their place and the nearest right key; nothing can be widened; what is refused is refused twice. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SallyportError } from "../../src/errors.ts";
import { compileServer, type Compiled } from "../../src/manifest/compile.ts";
import { compileDefault } from "../../src/manifest/default.ts";
import { canonical } from "../../src/manifest/canonical.ts";
import { addServer } from "../../src/manifest/edit.ts";
import { load } from "../../src/manifest/load.ts";
import { covers, matches } from "../../src/manifest/pattern.ts";
import { permitTool, permitsMethod, permitsResource } from "../../src/manifest/permit.ts";
import { gate, sallyport, scratch, server } from "../helpers.ts";

const HEAD = "version: 1\nservers:\n  s:\n    command: node\n";
const compile = (text: string, below: readonly string[] = [], baseline: string | null = null): Compiled => compileServer("s", [load("/m.yaml", text), ...below.map((one, index) => load(`/b${index}.yaml`, one))], baseline === null ? null : load("/etc/baseline.yaml", baseline), "/home/u");

function failure(action: () => unknown): { code: string; message: string } {
  try {
    action();
  } catch (error) {
    if (error instanceof SallyportError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("a mistake in a manifest", () => {
  it.each([
    ["an unknown key", `${HEAD}    capabilties: {}\n`, "manifest.unknown-key", "/m.yaml:5:5: servers.s has no key capabilties; did you mean capabilities?"],
    ["a key deep inside", `${HEAD}    capabilities:\n      tools:\n        t:\n          argumnets: {}\n`, "manifest.unknown-key", "/m.yaml:8:11"],
    ["a wrong type", `${HEAD}    args: x\n`, "manifest.value", "/m.yaml:5:5: servers.s.args must be array"],
    ["a wrong value", `${HEAD}    isolation: { backend: bubblewarp }\n`, "manifest.value", "did you mean bubblewrap?"],
    ["two keys alike", `${HEAD}    args: []\n    args: []\n`, "manifest.duplicate-key", "/m.yaml:6:5"],
    ["no YAML", "version: 1\nservers: [\n", "manifest.syntax", "/m.yaml:3"],
    ["two documents", "version: 1\n---\nversion: 1\n", "manifest.syntax", "/m.yaml:2"],
    ["no version", "servers: {}\n", "manifest.value", "lacks version"],
    ["another version", "version: 2\n", "manifest.value", "version is 1"],
    ["an empty file", "", "manifest.value", "/m.yaml"],
    ["an alias bomb", `version: 1\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n`, "manifest.syntax", "alias"],
    ["a tag", "version: !!js/function 1\n", "manifest.syntax", "/m.yaml:1"],
    ["no reason for no isolation", `${HEAD}    isolation: { backend: none }\n`, "manifest.value", "none needs a reason"],
    ["a pattern that is none", `${HEAD}    capabilities: { toolPatterns: { read_file: {} } }\n`, "manifest.unreachable", "has no *"],
    ["a pattern that nothing reaches", `${HEAD}    capabilities: { toolPatterns: { "read_*": {}, "read_f*": {} } }\n`, "manifest.unreachable", "read_* stands before it"],
    ["a pointer that is none", `${HEAD}    capabilities: { tools: { t: { arguments: { path: { type: path } } } } }\n`, "manifest.value", "write /path"],
    ["a key of another slot", `${HEAD}    capabilities: { tools: { t: { arguments: { /p: { type: path, dialect: mysql } } } } }\n`, "manifest.value", "dialect belongs to sql"],
    ["an expression that is none", `${HEAD}    capabilities: { tools: { t: { arguments: { /p: { type: text, pattern: "(?=x)" } } } } }\n`, "manifest.value", "no RE2 expression"],
    ["an enumeration of nothing", `${HEAD}    capabilities: { tools: { t: { arguments: { /p: { type: enum } } } } }\n`, "manifest.value", "enum needs values"],
    ["a host that is a pattern", `${HEAD}    network: { hosts: ["*.example.com:443"] }\n`, "manifest.value", "hostPatterns"],
    ["a host in disguise", `${HEAD}    network: { hosts: ["0x7f.1:80"] }\n`, "manifest.value", "NAME:PORT"],
    ["a pattern below a public suffix", `${HEAD}    network: { hostPatterns: ["*.co.uk:443"] }\n`, "manifest.value", "anybody may register"],
    ["a pattern below a private suffix", `${HEAD}    network: { hostPatterns: ["*.github.io:443"] }\n`, "manifest.value", "anybody may register"],
    ["a pattern below everything", `${HEAD}    network: { hostPatterns: ["*.com:443"] }\n`, "manifest.value", "anybody may register"],
    ["a pattern inside a name", `${HEAD}    network: { hostPatterns: ["a*.example.com:443"] }\n`, "manifest.value", "*.NAME:PORT"],
    ["a range that is too wide", `${HEAD}    network: { addresses: ["0.0.0.0/0"] }\n`, "manifest.value", "too wide"],
    ["an address that is none", `${HEAD}    network: { addresses: [db.internal] }\n`, "manifest.value", "no address"],
    ["a host without port", `${HEAD}    network: { hosts: [example.com] }\n`, "manifest.value", "NAME:PORT"],
    ["a day that is none", `${HEAD}    silence: [{ rule: x, reason: y, until: 2026-13-45 }]\n`, "manifest.value", "no day"],
    ["arguments of no command", "version: 1\nservers:\n  s:\n    args: [x]\n", "manifest.value", "args without command"],
    ["a server that is none", "version: 1\nservers: { t: { command: node } }\n", "manifest.server", "there are t"],
  ])("%s is an error with its place", (_name, text, code, message) => {
    const { code: given, message: said } = failure(() => compile(text));
    expect([given, said]).toEqual([code, expect.stringContaining(message)]);
  });
});

const TOOLS = `${HEAD}    capabilities:\n      tools: { a: {}, b: { allow: false } }\n      toolPatterns: { "read_*": {} }\n      resources: { uris: ["x://one"], patterns: ["file:///docs/*", "db://**"] }\n`;

describe("what a manifest allows", () => {
  it("is what it lists, and nothing else", () => {
    const compiled = compile(TOOLS);
    expect(["a", "b", "c", "read_x", "A", "constructor", "__proto__", "a ", "read_"].filter((name) => permitTool(compiled, name) !== null)).toEqual(["a", "read_x", "read_"]);
    expect(["x://one", "x://two", "file:///docs/a", "file:///docs/a/b", "db://a/b/c", "file:///docs/../etc"].filter((uri) => permitsResource(compiled, uri))).toEqual(["x://one", "file:///docs/a", "db://a/b/c"]);
    expect(["initialize", "ping", "tools/call", "prompts/get", "logging/setLevel", "x/y", "tasks/get", "completion/complete", "constructor"].filter((method) => permitsMethod(compiled, "client", method))).toEqual(["initialize", "ping", "tools/call"]);
    expect(["sampling/createMessage", "roots/list", "elicitation/create", "notifications/message", "notifications/progress", "notifications/tools/list_changed", "tools/list"].filter((method) => permitsMethod(compiled, "server", method))).toEqual(["notifications/progress", "notifications/tools/list_changed"]);
  });

  it("in patterns stops at the separator, in time", () => {
    expect([matches("a*c", "abc"), matches("a*c", "ac"), matches("a*c", "abd"), matches("*", ""), matches("**/a*", "x/y/ab/az", "/"), matches("a/*/c", "a/b/b/c", "/"), matches("a/**/c", "a/b/b/c", "/")]).toEqual([true, true, false, true, true, false, true]);
    const from = performance.now();
    matches("*a".repeat(50), "a".repeat(5000));
    matches("**a/*b".repeat(20), "a/b".repeat(2000), "/");
    expect(performance.now() - from).toBeLessThan(500);
    expect([covers("a*", "ab*"), covers("ab*", "a*"), covers("*", "**", "/"), covers("**", "*", "/"), covers("a*c", "a*b*c")]).toEqual([true, false, false, true, true]);
  });

  it("has one canonical form and one digest, whatever the order", () => {
    expect(canonical({ b: [1, 1e21, -0, "é\u2028"], a: { "\ud83d\ude00": 1, "\ufb01": 2, "": null } })).toBe('{"a":{"":null,"😀":1,"ﬁ":2},"b":[1,1e+21,0,"é\u2028"]}');
    expect(canonical(compile(`${HEAD}    capabilities: { tools: { b: {}, a: {} } }\n`))).toBe(canonical(compile(`${HEAD}    capabilities: { tools: { a: {}, b: {} } }\n`)));
    expect(Object.isFrozen(compile(TOOLS).layers[0])).toBe(true);
  });
});

describe("a manifest that extends another", () => {
  const below = `${HEAD}    isolation: { read: [/srv/a], write: [/srv/w] }\n    limits: { inFlight: 8 }\n    network: { hostPatterns: ["*.api.example.com:443"], addresses: [10.1.0.0/16], limits: { connections: 16 } }\n    capabilities:\n      tools: { a: {} }\n      toolPatterns: { "read_*": {} }\n      sampling: text\n      resources: { patterns: ["db://**"] }\n`;
  it("inherits, and narrows", () => {
    const compiled = compile("version: 1\nextend: b.yaml\nservers:\n  s:\n    isolation: { read: [/srv/a/sub] }\n    capabilities: { tools: { a: { arguments: { /x: { type: path } } } }, sampling: refused }\n", [below]);
    expect(compiled.command).toEqual(["node"]);
    expect(compiled.isolation.read).toEqual(["/srv/a/sub"]);
    expect([permitTool(compiled, "a")?.slots.length, permitTool(compiled, "read_x"), permitsMethod(compiled, "server", "sampling/createMessage"), permitsResource(compiled, "db://x"), compiled.limits.inFlight]).toEqual([1, null, false, true, 8]);
  });

  it.each([
    ["a tool", "capabilities: { tools: { other: {} } }"],
    ["a pattern", 'capabilities: { toolPatterns: { "*": {} } }'],
    ["sampling", "capabilities: { sampling: tools }"],
    ["resources", 'capabilities: { resources: { patterns: ["**"] } }'],
    ["a directory", "isolation: { read: [/srv] }"],
    ["a sibling of it", "isolation: { read: [/srv/ab] }"],
    ["a writable one", "isolation: { write: [/srv/a] }"],
    ["the backend", "isolation: { backend: none, reason: x }"],
    ["a limit", "limits: { inFlight: 9 }"],
    ["a host", 'network: { hosts: ["example.com:443"] }'],
    ["a pattern of hosts", 'network: { hostPatterns: ["*.example.com:443"] }'],
    ["an address", "network: { addresses: [10.2.0.1] }"],
    ["a range of addresses", "network: { addresses: [10.0.0.0/8] }"],
    ["a limit of the network", "network: { limits: { connections: 17 } }"],
    ["the program", "command: bash"],
    ["a silence", "silence: [{ rule: order.secrecy, reason: x, until: 2030-01-01 }]"],
  ])("cannot widen %s", (_name, line) => {
    const { code, message } = failure(() => compile(`version: 1\nextend: b.yaml\nservers:\n  s:\n    ${line}\n`, [below]));
    expect([code, message]).toEqual(["manifest.widens", expect.stringMatching(/\/m\.yaml:5:/)]);
  });
});

describe("the machine's baseline", () => {
  const baseline = "version: 1\nbaseline:\n  isolation: { read: [/srv], write: [] }\n  capabilities: { tools: { a: {} }, sampling: refused }\n  limits: { inFlight: 4 }\n";
  it("bounds manifests and the default profile alike, and what it does not mention it does not bound", () => {
    for (const compiled of [compile(`${HEAD}    capabilities: { tools: { a: {}, b: {} }, sampling: text, logging: true }\n`, [], baseline), compileDefault({ read: ["/srv/x"], write: [], isolation: "bubblewrap", hosts: [], addresses: [], consent: "reach" }, load("/etc/baseline.yaml", baseline), "/home/u")]) {
      expect([permitTool(compiled, "a") !== null, permitTool(compiled, "b"), permitsMethod(compiled, "server", "sampling/createMessage"), permitsMethod(compiled, "server", "notifications/message"), compiled.limits.inFlight]).toEqual([true, null, false, true, 4]);
    }
  });
  it.each([
    [["/home"], [], "bubblewrap"],
    [[], ["/srv/x"], "bubblewrap"],
    [[], [], "none"],
  ] as const)("does not let a start go beyond it: read %s, write %s, %s", (read, write, isolation) => {
    expect(failure(() => compileDefault({ read, write, isolation, hosts: [], addresses: [], consent: "reach" }, load("/etc/baseline.yaml", baseline), "/home/u")).code).toBe("manifest.baseline");
  });
});

describe("add", () => {
  it("keeps comments, order and everything else of an existing manifest", () => {
    const text = "# mine\nversion: 1 # yes\n\nservers:\n  # the first\n  z: { command: node } # keep\n\n# the end\n";
    const written = addServer(text, "a", { command: "x", capabilities: { tools: { t: { arguments: { "/p": { type: "path" } } } } } }, [[["capabilities", "tools", "t", "arguments", "/p"], "by its name"]]);
    for (const line of ["# mine", "version: 1 # yes", "  # the first", "  z: { command: node } # keep", "# the end", "            /p: { type: path } # by its name"]) expect(written.split("\n")).toContain(line);
    expect(load("/m.yaml", written).value.servers?.["a"]?.command).toBe("x");
    expect(failure(() => addServer(written, "a", {}, [])).code).toBe("manifest.value");
  });

  it("writes manifest and lock, and run --server then allows just that", async () => {
    const home = scratch();
    const script = join(home, "script.json");
    const tool = (name: string): object => ({ name, description: "Reads a file.", inputSchema: { type: "object", properties: { path: { type: "string" } }, required: ["path"] } });
    writeFileSync(script, JSON.stringify({ tools: [tool("read")] }));
    mkdirSync(join(home, "docs"));
    const added = await sallyport(["add", "files", "--yes", "--read", script, "--read", join(home, "docs"), "--", "node", server("scripted.mjs"), "--script", script], { home });
    expect([added.code, added.stderr]).toEqual([0, expect.stringContaining("sallyport run --server files")]);
    expect((await sallyport(["add", "files", "--yes", "--", "node", server("scripted.mjs")], { home })).code).toBe(2);
    expect((await sallyport(["lock", "--check"], { home })).code).toBe(0);
    const twin = await sallyport(["add", "twin", "--json", "--read", script, "--", "node", server("scripted.mjs"), "--script", script], { home });
    expect(twin.stdout).toContain("name.shared");
    writeFileSync(script, JSON.stringify({ tools: [tool("read"), tool("write")] }));
    expect((await sallyport(["lock", "--check"], { home })).stdout).toContain("new tools write");
    const running = gate([], { home, flags: ["--server", "files"] });
    running.send({ id: 1, method: "tools/list" });
    expect(((await running.answerTo(1))["result"] as { tools: { name: string }[] }).tools.map(({ name }) => name)).toEqual(["read"]);
    const call = async (id: number, name: string, path: string): Promise<string> => {
      running.send({ id, method: "tools/call", params: { name, arguments: { path } } });
      return ((await running.answerTo(id))["result"] as { content: { text: string }[] }).content[0]?.text ?? "";
    };
    expect(await call(2, "read", join(home, "docs/x"))).toContain("called read");
    expect(await call(3, "read", "/etc/passwd")).toContain("argument.path");
    expect(await call(4, "write", join(home, "docs/x"))).toContain("capability.tool");
    running.send({ id: 5, method: "resources/list" });
    expect(await running.answerTo(5)).toMatchObject({ error: { data: { code: "capability.method" } } });
    const beside = await sallyport(["run", "--server", "files", "--read", "/etc", "--", "node"], { home });
    expect([beside.code, beside.stderr]).toEqual([2, expect.stringContaining("the manifest says that")]);
  });
});
