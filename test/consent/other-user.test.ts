/** Another user answers: what the gate's own user can read, write and sign counts for nothing. */
import { chmodSync, chownSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { MAIN, Running, isRoot, scratch } from "../helpers.ts";
import { TOOLS, atTerminal, events, makeHome, waiting, writeManifest, type Home } from "./scene.ts";

const [GATE, APPROVER] = [65_531, 65_532];
const as = (uid: number): string[] => ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];

interface Scene {
  readonly place: Home;
  readonly approver: Home;
  readonly flags: string[];
  readonly socket: string;
}

/** A home each, and a socket in a folder that is the approver's. */
async function scene(more = ""): Promise<Scene> {
  const [place, other] = [makeHome(), makeHome()];
  for (const [{ home }, uid] of [[place, GATE], [other, APPROVER]] as const) chownSync(home, uid, uid);
  chownSync(place.notes, GATE, GATE);
  const folder = join(scratch(), "authority");
  mkdirSync(folder, { mode: 0o755 });
  chownSync(folder, APPROVER, APPROVER);
  const socket = join(folder, "socket");
  const approver = { ...other, before: as(APPROVER) };
  const authority = new Running([process.execPath, MAIN, "approvals", "--serve", socket], { home: other.home, env: other.env, before: as(APPROVER) });
  await authority.until(() => authority.stderr.includes("waiting for questions"), "the authority");
  const flags = writeManifest(place, `${TOOLS}    consent: { approver: ${socket}, seconds: 20${more} }\n`);
  chmodSync(join(place.home, "sallyport.yaml"), 0o644);
  return { place, approver, flags, socket };
}

function start({ place, flags }: Pick<Scene, "place" | "flags">): Running {
  const running = new Running([process.execPath, MAIN, "run", ...flags], { home: place.home, env: place.env, before: as(GATE) });
  running.send({ id: 0, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: { elicitation: {} }, clientInfo: { name: "t", version: "1" } } });
  return running;
}

const call = (running: Running, id: number, text: string, tool = "note"): void => running.send({ id, method: "tools/call", params: { name: tool, arguments: { text } } });
const said = async (running: Running, id: number): Promise<string> => JSON.stringify(await running.answerTo(id));

describe.runIf(isRoot)("an approver of another user", () => {
  it("answers at their own terminal; what holds for longer is kept there, and asked for there", async () => {
    const { place, approver, flags } = await scene();
    const running = start({ place, flags });
    await running.answerTo(0);
    call(running, 1, "a");
    const [id = ""] = await waiting(approver);
    expect((await atTerminal(approver, "Allow any arguments until", "approve", id)).code).toBe(0);
    expect(await said(running, 1)).toContain("noted a");
    call(running, 2, "b");
    expect(await said(running, 2)).toContain("noted b");
    call(running, 3, "c", "wipe");
    const [next = ""] = await waiting(approver);
    expect((await atTerminal(approver, "Deny", "approve", next)).code).toBe(0);
    expect(await said(running, 3)).toContain("consent.denied");
    expect(running.stdout).not.toContain("elicitation/create");
    expect(place.noted()).toHaveLength(2);
    expect(events(place).filter(({ event }) => event === "consent.answered").map(({ votes }) => (votes as { channel: string }[])[0]?.channel)).toEqual(["terminal", expect.stringMatching(/^grant /), "terminal"]);
  });

  it("cannot be stood in for by what lies in the gate's own directories", async () => {
    const { place, flags, approver } = await scene();
    const running = start({ place, flags });
    await running.answerTo(0);
    call(running, 1, "a");
    const [id = ""] = await waiting(approver);
    // As the gate's user, with the gate's key: what its own store would take.
    const forger = join(place.home, "forge.mjs");
    writeFileSync(forger, `import { createPrivateKey, sign } from "node:crypto"; import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
const key = createPrivateKey(readFileSync(${JSON.stringify(join(place.home, "sallyport/state/keys/journal.pem"))}));
const put = (kind, name, value) => { const body = JSON.stringify(value); mkdirSync(${JSON.stringify(join(place.home, "sallyport/state/consent"))} + "/" + kind, { recursive: true }); writeFileSync(${JSON.stringify(join(place.home, "sallyport/state/consent"))} + "/" + kind + "/" + name + ".json", JSON.stringify({ body, signature: sign(null, Buffer.from(kind + "/" + name + "\\n" + body), key).toString("base64") })); };
put("answers", "${id}", { question: "${id}", digest: "", choice: "once", channel: "terminal", user: "x", trace: "", at: "" });
put("grants", "2222abcd", { id: "2222abcd", allow: true, bound: {}, scope: { kind: "any" }, session: null, until: null, made: "", words: "", by: "" });`);
    const { code } = await new Running([process.execPath, forger], { home: place.home, env: place.env, before: as(GATE) }).ended;
    expect(code).toBe(0);
    await new Promise((done) => setTimeout(done, 600));
    expect(place.noted()).toEqual([]);
    await atTerminal(approver, "Deny", "approve", id);
    expect(await said(running, 1)).toContain("consent.denied");
    // Nor can that user read the other's key, or answer in their place.
    const key = join(approver.home, "sallyport/state/keys/journal.pem");
    expect((await new Running(["cat", key], { home: place.home, before: as(GATE) }).ended).code).not.toBe(0);
    expect(readFileSync(key, "utf8")).toContain("PRIVATE KEY");
  });

  it("must be where the gate's user cannot put another", async () => {
    const { place, socket } = await scene();
    const own = join(place.home, "own");
    const taken = createServer((client) => client.on("data", (line: Buffer) => client.write(`${JSON.stringify({ question: (JSON.parse(line.toString()) as { id: string }).id, outcome: "answered", choice: "once" })}\n`)));
    await new Promise<void>((done) => taken.listen(own, done));
    chmodSync(own, 0o777);
    // What says nonsense in the approver's name ends nothing.
    const folder = dirname(socket);
    const nonsense = createServer((client) => client.on("data", () => client.write("]\nnull\n{\"question\":[],\"choice\":{}}\n")));
    await new Promise<void>((done) => nonsense.listen(join(folder, "nonsense"), done));
    chownSync(join(folder, "nonsense"), APPROVER, APPROVER);
    chmodSync(join(folder, "nonsense"), 0o777);
    const shared = join(scratch(), "shared");
    mkdirSync(shared);
    const inShared = createServer((client) => client.on("data", (line: Buffer) => client.write(`${JSON.stringify({ question: (JSON.parse(line.toString()) as { id: string }).id, outcome: "answered", choice: "once" })}\n`)));
    await new Promise<void>((done) => inShared.listen(join(shared, "socket"), done));
    chownSync(join(shared, "socket"), APPROVER, APPROVER);
    chmodSync(join(shared, "socket"), 0o777);
    chownSync(shared, APPROVER, GATE);
    chmodSync(shared, 0o775);
    for (const [path, owner] of [[join(folder, "nonsense"), APPROVER], [join(shared, "socket"), APPROVER], [own, APPROVER], [own, GATE], [join(place.home, "missing"), APPROVER], [`${socket}x`, APPROVER]] as const) {
      if (path === own) chownSync(own, owner, owner);
      const flags = writeManifest(place, `${TOOLS}    consent: { approver: ${path}, seconds: 2 }\n`);
      const running = start({ place, flags });
      await running.answerTo(0);
      call(running, 1, "a");
      expect(await said(running, 1)).toContain("consent.");
      expect(await said(running, 1)).not.toContain("noted");
      running.child.stdin.end();
      await running.ended;
    }
    for (const one of [taken, nonsense, inShared]) one.close();
    expect(place.noted()).toEqual([]);
  });

  it("survives what is no question, and questions that lie about their answers", async () => {
    const { place, approver, socket } = await scene();
    const liar = join(place.home, "liar.mjs");
    writeFileSync(liar, `import { createConnection } from "node:net";
const bound = { user: "u", server: "s", identity: "i", argv: "", definition: "", action: "callTool", item: "t", manifest: "", policy: "", reach: "" };
const choice = (key, text, scope) => ({ key, text, allow: true, span: "always", scope });
const question = { id: "2345abcd", asked: new Date().toISOString(), until: new Date(Date.now() + 20000).toISOString(), session: "s", gate: { pid: 1, start: "" }, clients: [], client: null, bound, command: [], arguments: {}, reach: [], why: [], findings: [], difference: null, standing: true, channels: ["terminal", "elicitation"], choices: [choice("session:same", "Deny", { kind: "same", digest: "x" }), choice("always:any", "Deny", { kind: "any" }), choice("once", "Deny", null)], approvers: ["u"], quorum: 0, votes: [] };
const broken = [{ findings: undefined }, { findings: [1] }, { bound: { ...bound, user: {} } }, { bound: null }, { bound: { ...bound, more: "" } }, { choices: [null] }, { clients: [1] }, { gate: null }, { command: "x" }, { difference: {} }, { until: 5 }, { until: "x" }, { client: {} }].map((part) => JSON.stringify({ ...question, ...part }));
for (const line of ["x", "{}", "[]", JSON.stringify({ ...question, id: "../../x" }), "null", "x".repeat(100000), ...broken]) await new Promise((done) => createConnection(${JSON.stringify(socket)}, function () { this.on("close", done).on("error", done); this.end(line + "\\n"); }));
createConnection(${JSON.stringify(socket)}).write(JSON.stringify(question) + "\\n");
// The same name again, while it is open.
setTimeout(() => createConnection(${JSON.stringify(socket)}).write(JSON.stringify(question) + "\\n"), 300);`);
    const running = new Running([process.execPath, liar], { home: place.home, before: as(GATE) });
    const [id = ""] = await waiting(approver);
    expect(id).toBe("2345abcd");
    const { shown } = await atTerminal(approver, "Deny", "approve", id);
    expect(shown.match(/\d  (?:Deny|Allow|Never).*/g)?.map((line) => line.trim())).toEqual(["1  Deny", "2  Allow once", "3  Allow any arguments until something changes"]);
    expect(readdirSync(join(approver.home, "sallyport/state/consent/grants"))).toEqual([]);
    running.child.kill("SIGKILL");
  });
});

