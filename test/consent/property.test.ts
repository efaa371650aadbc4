/** No sequence of calls, answers and changes lets a call through that policy and grants at that moment do not permit. */
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { Desk } from "../../src/consent/desk.ts";
import { questionDigest, type Question } from "../../src/consent/question.ts";
import { Store } from "../../src/consent/store.ts";
import type { SallyportError } from "../../src/errors.ts";
import { Consent, type Petition } from "../../src/gate/consent.ts";
import { Elicitor } from "../../src/gate/elicit.ts";
import type { Permission } from "../../src/gate/permission.ts";
import { scratch } from "../helpers.ts";

const HOUR = 3_600_000;
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const SIGNATURE = { sign: (text: string) => sign(null, Buffer.from(text), privateKey), verify: (text: string, signature: Buffer) => verify(null, Buffer.from(text), publicKey, signature) };

/** What may change under an answer's feet. */
interface World {
  user: string;
  server: string;
  version: string;
  argv: string;
  definition: Record<string, string>;
  manifest: string;
  policy: "ask" | "allow" | "deny" | "always" | "waived" | null;
  revision: string;
  session: string;
  now: number;
}
type Action =
  | { readonly do: "call"; readonly tool: string; readonly argument: string }
  | { readonly do: "answer"; readonly which: number; readonly choice: string; readonly as: string }
  | { readonly do: "cancel"; readonly which: number }
  | { readonly do: "change"; readonly what: keyof World }
  | { readonly do: "policy"; readonly is: World["policy"] }
  | { readonly do: "wait"; readonly hours: number }
  | { readonly do: "revoke"; readonly which: number }
  | { readonly do: "forge"; readonly which: number };

const CHOICES = ["once", "deny", "never", "session:same", "day:same", "session:any", "day:any", "always:any", "nonsense"];
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("call" as const), tool: fc.constantFrom("a", "b"), argument: fc.constantFrom("x", "y") }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("answer" as const), which: fc.nat(3), choice: fc.constantFrom(...CHOICES), as: fc.constantFrom("me", "me", "me", "other") }) },
  fc.record({ do: fc.constant("cancel" as const), which: fc.nat(3) }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant("change" as const), what: fc.constantFrom("user", "server", "version", "argv", "definition", "manifest", "revision", "session") as fc.Arbitrary<keyof World> }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("policy" as const), is: fc.constantFrom("ask", "allow", "deny", "always", "waived", null) }) },
  fc.record({ do: fc.constant("wait" as const), hours: fc.constantFrom(1, 23, 25) }),
  fc.record({ do: fc.constant("revoke" as const), which: fc.nat(3) }),
  fc.record({ do: fc.constant("forge" as const), which: fc.nat(3) }),
);

/** The rules in a few lines. */
class Oracle {
  grants: { id: string; allow: boolean; bound: string; argument: string | null; session: string | null; until: number }[] = [];
  bound = (world: World, tool: string): string => JSON.stringify([world.user, world.server, world.version, world.argv, world.definition[tool], world.manifest, world.revision, tool]);
  says(world: World, tool: string, argument: string): "allow" | "deny" | "ask" {
    if (world.policy === "deny") return "deny";
    if (world.policy === "waived") return "allow";
    const held = this.grants.filter(({ bound, session, until }) => bound === this.bound(world, tool) && (session === null || session === world.session) && until > world.now);
    if (held.some(({ allow }) => !allow)) return "deny";
    return world.policy !== "always" && held.some((grant) => grant.argument === null || grant.argument === argument) ? "allow" : "ask";
  }
}

interface Open {
  readonly tool: string;
  readonly argument: string;
  readonly world: World;
  /** The petition's own words, for cancelling. */
  readonly petition: Petition;
  result: string | null;
}

const permission = (policy: World["policy"]): Permission => ({ effect: policy === "deny" ? "deny" : policy === "ask" || policy === "always" ? "ask" : "allow", mode: policy === "always" ? "always" : "first", reason: "", policies: [], approvers: null, quorum: 1, waived: policy === "waived", forWorkload: false });

function consentIn(world: World, store: Store, opened: Question[]): { consent: Consent; desk: Desk } {
  const host = { now: () => world.now * 1000, pid: process.pid, env: {} };
  const desk = new Desk(store, () => world.now, () => {});
  const elicitor = new Elicitor({ askClient: () => () => {}, notifyClient: () => {}, reply: () => {}, now: () => world.now });
  const chosen = { compiled: { name: world.server, layers: [], network: null, consent: { ask: "reach", channels: ["terminal"], seconds: 86_400, floor: "never", approver: null, approvers: [], webhook: null, start: false } }, digest: world.manifest, file: null };
  const prepared = { chosen, plan: { isolation: "bubblewrap", command: ["x", world.argv], given: { read: [], write: ["/w"] }, identity: { kind: "npm", name: "p", version: world.version, integrity: "i" } }, passed: [], worthy: [], lent: [] };
  const policies = { get revision() { return world.revision; }, decide: () => permission(world.policy ?? "allow") };
  const spy = { name: "terminal", ask: (question: Question) => (opened.push(question), () => {}) };
  const consent = new Consent({ prepared, session: world.session, user: world.user, store, desk, remote: false, elicitor, channels: [spy], policies, world: { cwd: "/", homes: [], readable: [], writable: [], scratch: [], hosts: [], files: { kind: () => "other", target: () => "" } }, host, tell: () => {}, say: () => {}, ci: false, nobody: null } as never);
  return { consent, desk };
}

it("lets nothing through but what the rules permit", { timeout: 120_000 }, async () => {
  const folder = scratch();
  let run = 0;
  let [allowed, asked] = [0, 0];
  await fc.assert(fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 40 }), async (actions) => {
    run += 1;
    const store = new Store(join(folder, String(run)), SIGNATURE);
    const world: World = { user: "me", server: "s", version: "1", argv: "1", definition: { a: "1", b: "1" }, manifest: "m", policy: null, revision: "r", session: "1", now: 1_800_000_000_000 };
    const oracle = new Oracle();
    const questions: Question[] = [];
    let open: Open[] = [];
    let { consent, desk } = consentIn(world, store, questions);
    const pause = (): Promise<void> => new Promise((done) => setImmediate(done));
    const settle = async (): Promise<void> => { for (let turn = 0; turn < 5; turn += 1) await pause(); };
    for (const one of actions) {
      if (one.do === "call") {
        const expected = oracle.says(world, one.tool, one.argument);
        const petition: Petition = { action: "callTool", item: one.tool, definition: world.definition[one.tool] as string, arguments: { v: one.argument }, permit: { slots: [], rates: [], consent: null, resultBytes: 1, resultDepth: 1 }, annotations: {}, asked: { id: run, method: "tools/call", era: "handshake", about: null, own: null, onCancel: null } as never, params: {}, raw: Buffer.from("{}") };
        let ruling: unknown;
        try {
          ruling = consent.rule(petition);
        } catch (error) {
          expect([expected, (error as SallyportError).code]).toEqual(["deny", expect.stringMatching(/^(?:policy\.denied|consent\.never)$/)]);
          continue;
        }
        if (!(ruling instanceof Promise)) {
          expect(expected).toBe("allow");
          allowed += 1;
          continue;
        }
        expect(expected).toBe("ask");
        asked += 1;
        const waiting: Open = { tool: one.tool, argument: one.argument, world: structuredClone(world), petition, result: null };
        open.push(waiting);
        ruling.then(() => (waiting.result = "allowed"), (error: unknown) => (waiting.result = (error as SallyportError).code));
      } else if (one.do === "answer" && open.length > 0) {
        const index = one.which % open.length;
        const waiting = open[index] as Open;
        const question = questions[index] as Question;
        const taken = store.take(question.id);
        expect(taken).not.toBeNull();
        store.answer({ question: question.id, digest: questionDigest(question), choice: one.choice, channel: "terminal", user: one.as, trace: "", at: new Date(world.now).toISOString() });
        // A second one finds nothing to take.
        desk.reply(question, "once", "terminal", "me", "");
        desk.look(question.id);
        await settle();
        const made = store.grants().find(({ id }) => oracle.grants.every((grant) => grant.id !== id))?.id ?? "";
        const known = question.choices.find(({ key }) => key === one.choice);
        if (known !== undefined && one.as !== waiting.world.user) {
          expect(waiting.result).toBeNull();
          continue;
        }
        open.splice(index, 1);
        questions.splice(index, 1);
        if (known === undefined) expect(waiting.result).toBe("consent.withdrawn");
        else {
          if (known.scope !== null) oracle.grants.push({ id: made, allow: known.allow, bound: oracle.bound(waiting.world, waiting.tool), argument: known.scope.kind === "same" ? waiting.argument : null, session: known.span === "session" ? waiting.world.session : null, until: known.span === "hours" ? world.now + 24 * HOUR : Infinity });
          expect(waiting.result === "allowed").toBe(known.allow && world.policy !== "deny");
        }
      } else if (one.do === "cancel" && open.length > 0) {
        const [waiting] = open.splice(one.which % open.length, 1) as [Open];
        questions.splice(one.which % questions.length, 1);
        waiting.petition.asked?.onCancel?.();
        await settle();
        expect(waiting.result).toBe("consent.withdrawn");
      } else if (one.do === "forge" && open.length > 0) {
        const index = one.which % open.length;
        const [waiting, question] = [open[index] as Open, questions[index] as Question];
        new Store(join(folder, String(run)), { ...SIGNATURE, sign: () => Buffer.alloc(64) }).answer({ question: question.id, digest: questionDigest(question), choice: "always:any", channel: "terminal", user: "me", trace: "", at: "" });
        desk.look(question.id);
        await settle();
        expect(waiting.result).toBe("consent.withdrawn");
        open.splice(index, 1);
        questions.splice(index, 1);
      } else if (one.do === "change") {
        // Another gate, as these are fixed for the life of one; what waits in it ends with it.
        consent.close();
        await settle();
        for (const { result } of open) expect(result).toBe("consent.withdrawn");
        open = [];
        questions.length = 0;
        oracle.grants = oracle.grants.filter(({ session }) => session === null);
        if (one.what === "definition") world.definition = { ...world.definition, a: `${world.definition["a"]}'` };
        else if (one.what !== "now" && one.what !== "policy") world[one.what] = `${world[one.what]}'`;
        ({ consent, desk } = consentIn(world, store, questions));
      } else if (one.do === "policy") world.policy = one.is;
      else if (one.do === "wait") world.now += one.hours * HOUR;
      else if (one.do === "revoke") {
        const index = one.which % (oracle.grants.length || 1);
        const grant = oracle.grants[index];
        if (grant === undefined) continue;
        // What is over may have been cleared away.
        expect(store.revoke(grant.id) || grant.until <= world.now).toBe(true);
        oracle.grants.splice(index, 1);
      }
    }
    consent.close();
    await settle();
    for (const { result } of open) expect(result).toBe("consent.withdrawn");
    expect(store.questions()).toEqual([]);
  }), { numRuns: Number(process.env["RUNS"] ?? 300) });
  expect([allowed > 50, asked > 200]).toEqual([true, true]);
});
