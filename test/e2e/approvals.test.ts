/** A thousand questions of fifty gates, answered at random by several people at once: none is lost, none is answered twice. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { questionDigest } from "../../src/consent/question.ts";
import { Store } from "../../src/consent/store.ts";
import { openSigner } from "../../src/journal/key.ts";
import { eventually, gate, server, type Running } from "../helpers.ts";
import { events, makeHome } from "../consent/scene.ts";

const [GATES, CALLS] = [50, 20];

it("are each answered once", { timeout: 300_000 }, async () => {
  const place = makeHome();
  const gates: Running[] = [];
  for (let index = 0; index < GATES; index += 1) {
    const running = gate(["node", server("echo-tools.mjs"), "--log", place.log], { home: place.home, flags: ["--write", place.notes, "--quiet"] });
    running.send({ id: 0, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: `gate ${index}`, version: "1" } } });
    gates.push(running);
    if (index % 5 === 4) await Promise.all(gates.slice(-5).map((one) => one.answerTo(0)));
  }
  for (const [index, running] of gates.entries()) for (let call = 1; call <= CALLS; call += 1) running.send({ id: call, method: "tools/call", params: { name: "note", arguments: { text: `${index}/${call}` } } });
  const store = new Store(join(place.home, "sallyport/state/consent"), openSigner(join(place.home, "sallyport/state"), process.getuid?.() ?? 0));
  await eventually(() => store.questions().length === GATES * CALLS, "a thousand questions", 60_000);

  const answers = new Map<string, string[]>();
  const user = store.questions()[0]?.bound.user ?? "";
  const person = async (): Promise<void> => {
    for (let questions = store.questions(); questions.length > 0; questions = store.questions()) {
      for (const { id } of questions.toSorted(() => Math.random() - 0.5).slice(0, 50)) {
        const taken = store.take(id);
        if (taken === null) continue;
        const choice = Math.random() < 0.5 ? "once" : "deny";
        answers.set(id, [...(answers.get(id) ?? []), choice]);
        store.answer({ question: id, digest: questionDigest(taken), choice, channel: "terminal", user, trace: "a test", at: new Date().toISOString() });
        await new Promise((done) => setImmediate(done));
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, person));
  const texts = await Promise.all(gates.flatMap((running) => Array.from({ length: CALLS }, async (_, call) => JSON.stringify(await running.answerTo(call + 1)))));
  for (const running of gates) running.child.stdin.end();
  await Promise.all(gates.map(({ ended }) => ended));

  expect(answers.size).toBe(GATES * CALLS);
  expect([...answers.values()].filter((given) => given.length !== 1)).toEqual([]);
  const allowed = [...answers.values()].flat().filter((choice) => choice === "once").length;
  expect(texts.filter((text) => text.includes("noted ")).length).toBe(allowed);
  expect(texts.filter((text) => text.includes("consent.denied")).length).toBe(GATES * CALLS - allowed);
  expect(new Set(place.noted()).size).toBe(allowed);
  expect(place.noted()).toHaveLength(allowed);
  expect(events(place).filter(({ event }) => event === "consent.answered")).toHaveLength(GATES * CALLS);
  expect(store.questions()).toEqual([]);
});
