/** Decision points elsewhere: each is asked in its own words, and who cannot be asked permits nothing. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { TOOLS, connect, events, makeHome, says, sallyport, writeManifest, type Home } from "../consent/scene.ts";

type Reply = { readonly status?: number; readonly body?: unknown; readonly raw?: string; readonly silent?: boolean; readonly location?: string };

/** A decision point that answers as told, and remembers what it was asked. */
async function point(answer: (body: Record<string, unknown>) => Reply): Promise<{ url: string; asked: { body: Record<string, unknown>; headers: IncomingMessage["headers"]; path: string }[] }> {
  const asked: { body: Record<string, unknown>; headers: IncomingMessage["headers"]; path: string }[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString())).on("end", () => {
      const body = JSON.parse(text) as Record<string, unknown>;
      asked.push({ body, headers: request.headers, path: request.url ?? "" });
      const { status = 200, body: said, raw, silent, location } = answer(body);
      if (silent !== true) response.writeHead(status, { "content-type": "application/json", ...(location === undefined ? {} : { location }) }).end(raw ?? JSON.stringify(said));
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  onTestFinished(() => void (server.closeAllConnections(), server.close()));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const allowsStart = (body: Record<string, unknown>): boolean => JSON.stringify(body).includes("startServer");

function flagsFor(place: Home, kind: string, url: string, more = ""): string[] {
  return writeManifest(place, TOOLS, `policies: { point: { kind: ${kind}, url: "${url}", seconds: 1${more} } }\n`);
}

/** What a call comes to; the person says yes where asked. */
async function call(place: Home, flags: string[]): Promise<string> {
  const client = await connect(place, "handshake", { flags, person: says("Allow once") });
  const { text } = await client.call("note", { text: "a", path: join(place.notes, "x") });
  await client.close();
  return text;
}

describe("AuthZEN", () => {
  it("is asked with subject, action, resource and context, and its word counts", async () => {
    const place = makeHome();
    const { url, asked } = await point((body) => ({ body: { decision: true, ...(allowsStart(body) ? {} : { context: { consent: "never" } }) } }));
    writeFileSync(join(place.home, "token"), "t0ken\n");
    chmodSync(join(place.home, "token"), 0o600);
    expect(await call(place, flagsFor(place, "authzen", `${url}/access/v1/evaluation`, ", token: token"))).toBe("noted a");
    expect(asked.map(({ path }) => path)).toContain("/access/v1/evaluation");
    expect(asked.at(-1)?.headers.authorization).toBe("Bearer t0ken");
    expect(asked.at(-1)?.body).toMatchObject({ subject: { type: "User" }, action: { name: "callTool" }, resource: { type: "Tool", id: "notes/note", properties: { name: "note", server: { name: "notes", isolation: "bubblewrap" } } }, context: { arguments: { text: "a" }, paths: [place.notes], reach: ["write"] } });
  });

  it.each<[string, Reply]>([
    ["no", { body: { decision: false, context: { reason: "not today" } } }],
    ["yes as a word", { body: { decision: "true" } }],
    ["nothing", { body: {} }],
    ["no object", { body: null }],
    ["no JSON", { raw: "decision: true" }],
    ["an error", { status: 500, body: { decision: true } }],
    ["a redirect", { status: 307, body: { decision: true }, location: "/elsewhere" }],
    ["no answer in time", { silent: true }],
    ["more than there is room for", { raw: `{"decision":true,"x":"${"x".repeat(70_000)}"}` }],
  ])("that says %s permits nothing", async (_, reply) => {
    const place = makeHome();
    const { url } = await point((body) => (allowsStart(body) ? { body: { decision: true } } : reply));
    expect(await call(place, flagsFor(place, "authzen", url))).toMatch(/policy\.(?:denied|point)/);
    expect(place.noted()).toEqual([]);
  });

  it("that is not there keeps the server from starting", async () => {
    const place = makeHome();
    expect((await sallyport(place, "run", ...flagsFor(place, "authzen", "http://127.0.0.1:1/"))).stderr).toContain("policy.point");
  });
});

describe("Open Policy Agent", () => {
  it.each<[string, unknown, string, number]>([
    ["true", true, "noted a", 1],
    ["false", false, "policy.denied", 0],
    ["an object that asks", { allow: true, consent: "ask", reason: "ask first" }, "noted a", 1],
    ["an object that does not allow", { allow: false, reason: "not this" }, "not this", 0],
    ["nothing", undefined, "policy.denied", 0],
  ])("whose rule is %s", async (_, result, text, noted) => {
    const place = makeHome();
    const { url, asked } = await point((body) => ({ body: { result: allowsStart(body) ? true : result } }));
    expect(await call(place, flagsFor(place, "opa", `${url}/v1/data/sallyport/decision`))).toContain(text);
    expect(asked.at(-1)?.body).toMatchObject({ input: { action: "callTool", resource: { id: "notes/note" }, context: { ci: false } } });
    expect(place.noted()).toHaveLength(noted);
    if (noted === 1 && typeof result === "object") expect(events(place).find(({ event }) => event === "consent.asked")).toMatchObject({ why: expect.arrayContaining(["ask first"]) as unknown });
  });
});
