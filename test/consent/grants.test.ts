/** An answer that holds for longer is bound to everything that was shown: when one thing changes, the question comes again. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TOOLS, connect, events, makeHome, says, sallyport, writeManifest, type Asked, type Home, type Person } from "./scene.ts";

interface Round {
  readonly manifest?: string;
  readonly top?: string;
  readonly args?: readonly string[];
  readonly tool?: string;
  readonly given?: object;
  /** Before the round. */
  readonly before?: (place: Home) => unknown;
}

/** Calls once, with a session of its own; returns what the person was asked, and what came of it. */
async function round(place: Home, words: string, { manifest = "", top = "", args = [], tool = "note", given = { text: "a", path: join(place.notes, "a") }, before = () => {} }: Round = {}): Promise<{ asked: string[]; text: string; choices: string[] }> {
  await before(place);
  const asked: Asked[] = [];
  const person: Person = (question) => (asked.push(question), says(words)(question));
  const client = await connect(place, "handshake", { person, flags: writeManifest(place, `${TOOLS}${manifest}`, top, args) });
  const { text } = await client.call(tool, given);
  await client.close();
  return { asked: asked.map(({ message }) => message), text, choices: asked[0]?.requestedSchema.properties.decision.enum ?? [] };
}

describe("an answer for longer", () => {
  it("holds for gates that start later, until it is revoked", async () => {
    const place = makeHome();
    expect((await round(place, "Allow any arguments until")).asked).toHaveLength(1);
    expect(await round(place, "Deny", { given: { text: "b" } })).toEqual({ asked: [], text: "noted b", choices: [] });
    const { stdout } = await sallyport(place, "grants", "--json");
    const [grant] = JSON.parse(stdout) as { id: string; words: string }[];
    expect(grant?.words).toBe("Allow any arguments until something changes");
    expect((await sallyport(place, "grants")).stdout).toContain("something changes");
    expect((await sallyport(place, "revoke", grant?.id ?? "")).stdout).toBe("revoked\n");
    expect((await sallyport(place, "revoke", grant?.id ?? "")).stderr).toContain("consent.grant");
    expect((await round(place, "Deny")).asked).toHaveLength(1);
    expect(place.noted()).toHaveLength(2);
    expect(events(place).map(({ event }) => event)).toEqual(["consent.asked", "consent.answered", "consent.granted", "consent.asked", "consent.answered"]);
  });

  it.each<[string, Round, string]>([
    ["other arguments", { given: { text: "b", path: "/elsewhere" } }, "asked because"],
    ["another tool", { tool: "read" }, "it is the first time"],
    ["the tool's definition", { args: ["--changed"], before: (place) => sallyport(place, "lock", "--yes", "--server", "notes", "--manifest", join(place.home, "sallyport.yaml")) }, "its command line"],
    ["the command line", { args: ["--new"] }, "its command line"],
    ["what the server may reach", { manifest: "    network: { hosts: [\"example.com:443\"] }\n" }, "what it may reach"],
    ["the policies", { top: "policies: { files: [all.cedar] }\n", before: ({ home }) => writeFileSync(join(home, "all.cedar"), "permit(principal, action, resource);") }, "the policies"],
  ])("does not cover %s", async (_, change, why) => {
    const place = makeHome();
    await round(place, `Allow paths under ${place.notes} for 24`);
    expect((await round(place, "Deny")).asked).toEqual([]);
    const { asked, text } = await round(place, "Deny", change);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toContain(why);
    expect(text).toContain("consent.denied");
    expect(place.noted()).toHaveLength(2);
  });

  it("covers what lies below the path that was named, however it is written, and nothing beside it", async () => {
    const place = makeHome();
    mkdirSync(join(place.notes, "sub"));
    const first = await round(place, "Allow paths under", { given: { text: "a", path: join(place.notes, "sub", "x") } });
    expect(first.choices).toContain(`Allow paths under ${join(place.notes, "sub")} for this session`);
    await round(place, `Allow paths under ${join(place.notes, "sub")} for 24`, { given: { text: "a", path: join(place.notes, "sub", "x") } });
    expect((await round(place, "Deny", { given: { text: "b", path: join(place.notes, "sub/deeper/../y") } })).asked).toEqual([]);
    for (const path of [join(place.notes, "x"), join(place.notes, "sub/../../x"), `${place.notes}/sub/%2e%2e/x`, join(place.notes, "subway"), "sub/x", place.notes]) expect((await round(place, "Deny", { given: { text: "c", path } })).asked, path).toHaveLength(1);
    expect((await round(place, "Deny", { given: { text: "c" } })).asked).toHaveLength(1);
    expect((await round(place, "Deny", { given: { text: "c", path: join(place.notes, "sub/x"), url: "https://example.com/" } })).asked).toHaveLength(1);
  });

  it("of a session ends with it, and one of hours with them", async () => {
    const place = makeHome();
    await round(place, "Allow any arguments for this session");
    expect((await round(place, "Deny")).asked).toHaveLength(1);
  });

  it("never covers a call in which something is found", async () => {
    const place = makeHome();
    await round(place, "Allow any arguments until");
    const key = `ghp_${"a1B2c3D4e5".repeat(3)}F6g7H8`;
    const { asked, choices } = await round(place, "Deny", { given: { text: `see ${key}` } });
    expect(asked[0]).toContain("found: ");
    expect(asked[0]).not.toContain(key);
    expect(choices).not.toContain("Allow any arguments until something changes");
  });

  it("that forbids counts before any that allows", async () => {
    const place = makeHome();
    await round(place, "Allow any arguments until");
    const { stdout } = await sallyport(place, "grants", "--json");
    expect(JSON.parse(stdout)).toHaveLength(1);
    await round(place, "Never", { tool: "wipe" });
    const again = await round(place, "Allow once", { tool: "wipe" });
    expect([again.asked, again.text]).toEqual([[], expect.stringContaining("consent.never")]);
    expect(place.noted().map((line) => line.split(" ")[0])).toEqual(["note"]);
  });

  it("is never for longer where every call is to be asked about, or the server calls the tool destructive", async () => {
    const place = makeHome();
    const { choices } = await round(place, "Allow once", { manifest: "    consent: { ask: always }\n" });
    expect(choices).toEqual(["Deny", "Allow once"]);
    expect((await round(place, "Allow once", { tool: "wipe" })).choices).not.toContain("Allow any arguments until something changes");
  });
});
