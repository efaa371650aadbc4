/** A server that has to be allowed before it may start: the question outlives the gate, the answer waits for the next one. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Host } from "../../src/model.ts";
import { writeSecret } from "../../src/secrets/store.ts";
import { Running, MAIN, records, sessionFiles } from "../helpers.ts";
import { TOOLS, atTerminal, fromBelow, makeHome, sallyport, waiting, writeManifest, type Home } from "./scene.ts";

const FIRST = "    consent: { start: first, ask: never, seconds: 1 }\n";

function start(place: Home, more = FIRST, args: readonly string[] = [], top = ""): Running {
  const running = new Running([process.execPath, MAIN, "run", ...writeManifest(place, `${TOOLS}${more}`, top, args)], { home: place.home, env: place.env });
  running.send({ id: 1, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } } });
  return running;
}

async function starts(place: Home, more = FIRST, args: readonly string[] = []): Promise<boolean> {
  const running = start(place, more, args);
  const answered = running.answerTo(1).then(() => true, () => false);
  const started = await answered;
  running.child.stdin.end();
  await running.ended;
  return started;
}

describe("a start that needs a person", () => {
  it("does not happen before; the question stays, and its answer holds until something changes", async () => {
    const place = makeHome();
    const { code, stderr } = await start(place).ended;
    expect([code, stderr]).toEqual([4, expect.stringContaining("consent.expired")]);
    const [id = ""] = await waiting(place);
    expect(await starts(place)).toBe(false);
    expect(await waiting(place)).toEqual([id]);
    expect((await sallyport(place, "approvals", id)).stdout).toContain(`"${place.log}"`);
    expect((await atTerminal(place, "Allow until", "approve", id)).code).toBe(0);
    expect(await starts(place)).toBe(true);
    expect(await starts(place)).toBe(true);
    // A wider manifest, and another command line.
    expect(await starts(place, `${FIRST}    network: { hosts: ["example.com:443"] }\n`)).toBe(false);
    expect(await starts(place, FIRST, ["--new"])).toBe(false);
    expect(await waiting(place, 2)).toHaveLength(2);
    expect(await starts(place)).toBe(true);
    expect(sessionFiles(place.home).length).toBeGreaterThan(0);
  });

  it("happens while the gate still waits, when the answer comes in time", async () => {
    const place = makeHome();
    const running = start(place, FIRST.replace("seconds: 1", "seconds: 20"));
    const [id = ""] = await waiting(place);
    await atTerminal(place, "Allow until", "approve", id);
    await running.answerTo(1);
    running.child.stdin.end();
    await running.ended;
    expect(records(place.home).length).toBeGreaterThan(0);
  });

  it("is refused for good, or this time", async () => {
    const place = makeHome();
    const running = start(place, FIRST.replace("seconds: 1", "seconds: 20"));
    const [id = ""] = await waiting(place);
    await atTerminal(place, "", "deny", id);
    expect((await running.ended).stderr).toContain("consent.denied");
    const again = start(place, FIRST.replace("seconds: 1", "seconds: 20"));
    const [next = ""] = await waiting(place);
    await atTerminal(place, "Never", "approve", next);
    expect((await again.ended).stderr).toContain("consent.never");
    expect((await start(place, FIRST.replace("seconds: 1", "seconds: 20")).ended).stderr).toContain("consent.never");
  });

  it("is not allowed from below the client", async () => {
    const place = makeHome();
    await start(place).ended;
    const [id = ""] = await waiting(place);
    expect((await fromBelow(place, "Allow until", "approve", id)).shown).toContain("consent.self");
    expect(await starts(place)).toBe(false);
  });

  it("is asked for by a policy as well", async () => {
    const place = makeHome();
    mkdirSync(join(place.home, "policies"));
    writeFileSync(join(place.home, "policies/start.cedar"), '@consent("ask") @reason("new servers are looked at") permit(principal, action == Action::"startServer", resource); permit(principal, action, resource) unless { action == Action::"startServer" };');
    const { stderr } = await start(place, "    consent: { ask: never, seconds: 1 }\n", [], "policies: { files: [policies] }\n").ended;
    expect(stderr).toContain("consent.expired");
    const [id = ""] = await waiting(place);
    expect((await sallyport(place, "approvals", id)).stdout).toContain("new servers are looked at");
  });

  it("with a secret needs a policy that lets it be used", async () => {
    const place = makeHome();
    const dirs = { config: join(place.home, "sallyport/config"), state: join(place.home, "sallyport/state"), cache: "" };
    await writeSecret("file:notes/token", "value", { dirs, env: {} } as unknown as Host);
    const more = '    secrets: { API_TOKEN: "file:notes/token" }\n    consent: { ask: never, seconds: 1 }\n';
    const rules: readonly (readonly [string, string | null])[] = [
      ['permit(principal, action == Action::"startServer", resource);', "policy.denied"],
      ['permit(principal, action, resource); @reason("not that one") forbid(principal, action == Action::"useSecret", resource) when { resource.name == "file:notes/token" };', "not that one"],
      ['permit(principal, action, resource) unless { action == Action::"useSecret" }; @consent("ask") permit(principal, action == Action::"useSecret", resource);', "consent.expired"],
      ["permit(principal, action, resource);", null],
    ];
    for (const [text, says] of rules) {
      writeFileSync(join(place.home, "p.cedar"), text);
      const running = start(place, more, [], "policies: { files: [p.cedar] }\n");
      if (says === null) {
        expect(await running.answerTo(1)).toHaveProperty("result");
        running.child.stdin.end();
      }
      const { stderr } = await running.ended;
      if (says !== null) expect(stderr).toContain(says);
    }
  });
});
