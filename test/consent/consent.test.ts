/** Nobody's tool runs on nobody's word: what a real server has done is the proof, in both eras. */
import { describe, expect, it } from "vitest";
import { eventually } from "../helpers.ts";
import { atTerminal, connect, events, makeHome, says, sallyport, waiting, type Answer, type Asked, type Era, type Person } from "./scene.ts";

const ERAS: readonly Era[] = ["handshake", "per-request"];

/** As long as a person needs to read. */
function slowly(answer: Answer): Promise<Answer> {
  return new Promise((done) => setTimeout(() => done(answer), 1200));
}

describe.each(ERAS)("a call of the era %s", (era) => {
  it("is carried out once it is allowed, and asked about again the next time", async () => {
    const place = makeHome();
    const asked: Asked[] = [];
    const client = await connect(place, era, { person: (question) => (asked.push(question), says("Allow once")(question)) });
    expect(place.noted()).toEqual([]);
    expect(await client.call("note", { text: "a" })).toEqual({ text: "noted a", isError: false });
    expect(await client.call("note", { text: "b" })).toEqual({ text: "noted b", isError: false });
    expect(place.noted()).toEqual(['note {"text":"a"}', 'note {"text":"b"}']);
    expect(asked).toHaveLength(2);
    expect(asked[0]?.message).toContain(`can reach: write ${place.notes}`);
    expect(asked[1]?.message).toContain('- /text: "a"');
    expect(asked[1]?.message).toContain('+ /text: "b"');
    await client.close();
    expect(events(place).map(({ event }) => event)).toEqual(["consent.asked", "consent.answered", "consent.asked", "consent.answered"]);
  });

  it.each<[string, Person, string]>([
    ["is denied", says("Deny"), "consent.denied"],
    ["is never allowed", says("Never"), "consent.never"],
    ["gets an empty yes", () => ({ action: "accept", content: {} }), "consent.denied"],
    ["gets a yes without content", () => ({ action: "accept" }), "consent.denied"],
    ["gets other words", () => ({ action: "accept", content: { decision: "allow once" } }), "consent.denied"],
    ["gets more than words", () => ({ action: "accept", content: { decision: ["Allow once"] as never } }), "consent.denied"],
    ["is declined", () => slowly({ action: "decline" }), "consent.denied"],
    ["is dismissed", () => slowly({ action: "cancel" }), "consent.denied"],
  ])("is not carried out where it %s", async (_, person, code) => {
    const place = makeHome();
    const client = await connect(place, era, { person });
    const answer = await client.call("note").catch((error: unknown) => ({ text: String(error), isError: true }));
    expect(answer.isError).toBe(true);
    // A client may refuse to send what its own schema does not allow.
    expect(answer.text).toMatch(new RegExp(`${code.replace(".", "\\.")}|schema|validat|consent\\.expired`, "i"));
    expect(place.noted()).toEqual([]);
  });

  it.each(["decline", "cancel"] as const)("still waits for a person where the client has none and turns every form down: %s", async (action) => {
    const place = makeHome();
    const client = await connect(place, era, { person: () => ({ action }) });
    const call = client.call("note", { text: "a" });
    const [id = ""] = await waiting(place);
    await new Promise((done) => setTimeout(done, 300));
    await atTerminal(place, "Allow once", "approve", id);
    expect((await call).text).toBe("noted a");
  });

  it("gets nothing from a client that fills in defaults", async () => {
    const place = makeHome();
    const client = await connect(place, era, { person: () => ({ action: "accept", content: {} }), elicitation: { form: { applyDefaults: true } } });
    const answer = await client.call("note").catch((error: unknown) => ({ text: String(error), isError: true }));
    expect(answer.isError).toBe(true);
    expect(place.noted()).toEqual([]);
  });

  it("waits for a terminal where the client has no form, and tells the model that a person must decide when none does", async () => {
    const place = makeHome();
    const flags = ["--consent", "first"];
    const client = await connect(place, era, { flags });
    const call = client.call("note", { text: "a" });
    const [id = ""] = await waiting(place);
    const { code, shown } = await atTerminal(place, "Allow once", "approve", id);
    expect(shown).toContain('/text: "a"');
    expect([code, (await call).text]).toEqual([0, "noted a"]);
    expect((await sallyport(place, "approvals")).stdout).toBe("nothing waits\n");
    expect(events(place).at(-1)).toMatchObject({ event: "consent.answered", choice: "once", votes: [{ channel: "terminal" }] });
  });

  it("is taken back when it is cancelled, and a later answer finds nothing", async () => {
    const place = makeHome();
    const client = await connect(place, era, {});
    const abort = new AbortController();
    const call = client.call("note", { text: "a" }, { signal: abort.signal }).catch(() => null);
    const [id = ""] = await waiting(place);
    abort.abort();
    await call;
    await eventually(() => events(place).some(({ event }) => event === "consent.withdrawn"), "withdrawn");
    const after = await atTerminal(place, "Allow once", "approve", id);
    expect(after.code).toBe(2);
    expect(after.shown).toContain("consent.unknown");
    expect(place.noted()).toEqual([]);
    expect(await client.call("read", { text: "x" }, { timeout: 500 }).catch(() => "waits")).toBe("waits");
  });

  it("lets everything else pass while it waits", async () => {
    const place = makeHome();
    const client = await connect(place, era, { flags: ["--consent", "reach"] });
    const call = client.call("note", { text: "a" });
    const [id = ""] = await waiting(place);
    const others = [client.call("wipe", { text: "b" }), client.call("read", { text: "c" })];
    expect(await waiting(place, 3)).toHaveLength(3);
    expect((await atTerminal(place, "", "deny", id)).shown).toContain("denied");
    expect((await call).text).toContain("consent.denied");
    await client.close();
    await Promise.allSettled(others);
    expect(place.noted()).toEqual([]);
  });

  it("is asked about once, though its server asks the person something itself", async () => {
    const place = makeHome();
    const asked: string[] = [];
    const person: Person = (question): Answer => {
      asked.push(question.message);
      return question.message === "Are you sure?" ? { action: "accept", content: { sure: true } } : (says("Allow once")(question) as Answer);
    };
    const client = await connect(place, era, { person });
    expect(await client.call("ask", { text: "a" })).toEqual({ text: "noted a", isError: false });
    expect(asked.map((message) => message === "Are you sure?")).toEqual([false, true]);
    expect(place.noted()).toEqual(['ask {"text":"a"}']);
  });

  it("is refused at its deadline, and an answer after it changes nothing", async () => {
    const place = makeHome();
    let answer: (value: Answer) => void = () => {};
    const { connected, call } = await late(place, era, () => new Promise<Answer>((done) => (answer = done)));
    const { text, isError } = await call;
    expect([isError, text]).toEqual([true, expect.stringContaining("consent.expired")]);
    // It says that a person must decide, and nothing that an agent could do about it.
    expect(text).not.toMatch(/sallyport (?:approve|deny) /);
    answer(says("Allow once")({ message: "", requestedSchema: { properties: { decision: { enum: ["Deny", "Allow once"] } } } }) as Answer);
    await new Promise((done) => setTimeout(done, 300));
    expect(place.noted()).toEqual([]);
    await connected.close();
  });
});

/** A deadline of one second. */
async function late(place: ReturnType<typeof makeHome>, era: Era, person: Person): Promise<{ connected: Awaited<ReturnType<typeof connect>>; call: Promise<{ text: string; isError: boolean }> }> {
  const { writeManifest, TOOLS } = await import("./scene.ts");
  const connected = await connect(place, era, { person: era === "handshake" ? person : null, flags: writeManifest(place, `${TOOLS}    consent: { seconds: 1 }\n`) });
  return { connected, call: connected.call("note") };
}

describe("two answers at once", () => {
  it("count as one: the first", async () => {
    const place = makeHome();
    const client = await connect(place, "handshake", {});
    const call = client.call("note", { text: "a" });
    const [id = ""] = await waiting(place);
    const answers = await Promise.all([...["Allow once", "Deny", "Allow once"].map((words) => atTerminal(place, words, "approve", id)), atTerminal(place, "", "deny", id)]);
    expect(answers.filter(({ code }) => code === 0)).toHaveLength(1);
    const { isError } = await call;
    const choice = events(place).find(({ event }) => event === "consent.answered")?.["choice"];
    expect(isError).toBe(choice === "deny");
    expect(place.noted()).toHaveLength(choice === "deny" ? 0 : 1);
  });
});

describe("a gate that is killed while it waits", () => {
  it("leaves a question that nobody can answer any more", async () => {
    const place = makeHome();
    const client = await connect(place, "handshake", {});
    void client.call("note").catch(() => {});
    const [id = ""] = await waiting(place);
    process.kill(client.pid(), "SIGKILL");
    await eventually(() => {
      try {
        process.kill(client.pid(), 0);
        return false;
      } catch {
        return true;
      }
    }, "the gate's end");
    expect((await atTerminal(place, "Allow once", "approve", id)).shown).toContain("consent.unknown");
    expect((await sallyport(place, "approvals")).stdout).toBe("nothing waits\n");
    expect(place.noted()).toEqual([]);
  });
});
