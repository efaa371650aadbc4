/** A client that gives up before a person has decided loses nothing: the same call, tried again, has the answer; and only one call has it. */
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Desk } from "../../src/consent/desk.ts";
import type { Question } from "../../src/consent/question.ts";
import { Store } from "../../src/consent/store.ts";
import { Consent, type Petition } from "../../src/gate/consent.ts";
import { Elicitor } from "../../src/gate/elicit.ts";
import type { Permission } from "../../src/gate/permission.ts";
import { scratch } from "../helpers.ts";

const MINUTE = 60_000;
const ASKS: Permission = { effect: "ask", mode: "first", reason: "", policies: [], approvers: null, quorum: 1, waived: false, forWorkload: false };
const SIGNATURE = { sign: () => Buffer.from("s"), verify: () => true };
const WORLD = { cwd: "/", homes: [], readable: [], writable: [], scratch: [], hosts: [], files: { kind: () => "other", target: () => "", names: () => [] } };
const [NOTED, ASKED] = [{ v: "note" }, "consent.asked"];

interface Scene {
  readonly call: (given?: object, progressToken?: number) => Promise<string>;
  readonly questions: Question[];
  readonly store: Store;
  readonly answer: (choice: string, which?: number) => void;
  revision: string;
}

function scene(): Scene {
  const questions: Question[] = [];
  const now = (): number => Date.now();
  const store = new Store(join(scratch(), "consent"), SIGNATURE);
  const desk = new Desk(store, now, () => {});
  const elicitor = new Elicitor({ askClient: () => () => {}, notifyClient: () => {}, reply: () => {}, now });
  const chosen = { compiled: { name: "s", layers: [], network: null, consent: { ask: "reach", channels: ["terminal"], seconds: 600, floor: "never", approver: null, approvers: [], webhook: null, start: false } }, digest: "m", file: null };
  const prepared = { chosen, plan: { isolation: "bubblewrap", command: ["x"], given: { read: [], write: ["/w"] }, identity: { kind: "npm", name: "p", version: "1", integrity: "i" } }, passed: [], worthy: [], lent: [] };
  const policies = { get revision() { return made.revision; }, decide: () => ASKS };
  const spy = { name: "terminal", ask: (question: Question) => (questions.push(question), () => {}) };
  const consent = new Consent({ prepared, session: "1", user: "me", store, desk, remote: false, elicitor, channels: [spy], policies, world: WORLD, host: { now: () => now() * 1000, pid: process.pid, env: {} }, tell: () => {}, say: () => {}, ci: false, nobody: null } as never);
  let id = 0;
  const made: Scene = {
    questions,
    store,
    revision: "r",
    call: async (given = NOTED, progressToken) => {
      id += 1;
      const petition: Petition = { action: "callTool", item: "t", definition: "d", arguments: given, permit: { slots: [], rates: [], consent: null, resultBytes: 1, resultDepth: 1 }, annotations: {}, asked: { id, method: "tools/call", era: "handshake", about: null, own: null, onCancel: null } as never, params: progressToken === undefined ? {} : { _meta: { progressToken } }, raw: Buffer.from("{}") };
      return Promise.resolve(consent.rule(petition)).then(() => "allowed", (error: { code: string; detail: string }) => `${error.code} ${error.detail}`.trim());
    },
    answer: (choice, which = questions.length - 1) => desk.reply(questions[which] as Question, choice, "terminal", "me", ""),
  };
  return made;
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] }));
afterEach(() => void vi.useRealTimers());

it("is told in time, and the same call tried again has the answer, once", async () => {
  const { call, questions, answer } = scene();
  const first = call();
  await vi.advanceTimersByTimeAsync(50_000);
  expect(await first).toBe(`${ASKED} sallyport approve ${questions[0]?.id}`);
  const again = call();
  await vi.advanceTimersByTimeAsync(1000);
  expect(questions).toHaveLength(1);
  answer("once");
  expect(await again).toBe("allowed");
  void call();
  await vi.advanceTimersByTimeAsync(1000);
  expect(questions).toHaveLength(2);
});

it("finds an answer that came while nobody waited, for a while", async () => {
  const { call, questions, answer } = scene();
  for (const [later, expected] of [[9 * MINUTE, "allowed"], [11 * MINUTE, null]] as const) {
    const first = call();
    await vi.advanceTimersByTimeAsync(50_000);
    expect(await first).toContain(ASKED);
    answer("once");
    await vi.advanceTimersByTimeAsync(later);
    const before = questions.length;
    const again = call();
    if (expected !== null) expect(await again).toBe(expected);
    await vi.advanceTimersByTimeAsync(10);
    expect(questions.length - before).toBe(expected === null ? 1 : 0);
  }
});

it("lets one of two pass, and neither another call nor one under other policies", async () => {
  const made = scene();
  const { call, questions, answer } = made;
  const first = call();
  await vi.advanceTimersByTimeAsync(50_000);
  expect(await first).toContain(ASKED);
  answer("once");
  void call({ v: "other" });
  await vi.advanceTimersByTimeAsync(10);
  expect(questions).toHaveLength(2);
  const both = [call(), call()];
  expect(await both[0]).toBe("allowed");
  await vi.advanceTimersByTimeAsync(10);
  expect(questions).toHaveLength(3);
  const last = call({ v: "last" });
  await vi.advanceTimersByTimeAsync(50_000);
  expect(await last).toContain(ASKED);
  answer("once");
  made.revision = "r2";
  void call({ v: "last" });
  await vi.advanceTimersByTimeAsync(10);
  expect(questions).toHaveLength(5);
});

it("hears of a no, and of a question that came to nothing by being asked anew", async () => {
  const { call, questions, answer } = scene();
  const first = call();
  await vi.advanceTimersByTimeAsync(50_000);
  expect(await first).toContain(ASKED);
  answer("deny");
  expect(await call()).toContain("consent.denied");
  const second = call({ v: "2" });
  await vi.advanceTimersByTimeAsync(50_000);
  expect(await second).toContain(ASKED);
  await vi.advanceTimersByTimeAsync(10 * MINUTE);
  void call({ v: "2" });
  await vi.advanceTimersByTimeAsync(10);
  expect(questions).toHaveLength(3);
});

it("leaves nothing behind where a grant holds the answer, which may be taken back meanwhile", async () => {
  const { call, questions, answer, store } = scene();
  const first = call();
  await vi.advanceTimersByTimeAsync(50_000);
  expect(await first).toContain(ASKED);
  answer("always:any");
  await vi.advanceTimersByTimeAsync(10);
  expect(store.grants().map(({ id }) => store.revoke(id))).toEqual([true]);
  void call();
  await vi.advanceTimersByTimeAsync(10);
  expect(questions).toHaveLength(2);
});

it("waits as long as it may where progress is heard of", async () => {
  const { call, answer } = scene();
  const first = call(NOTED, 7);
  await vi.advanceTimersByTimeAsync(5 * MINUTE);
  answer("once");
  expect(await first).toBe("allowed");
});
