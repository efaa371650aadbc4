/**
 * Another user's account as the only one that answers: the gate asks over that user's socket, and what lies in its own
 * directories counts for nothing. A program that runs as the gate's user can then neither read the key nor sign a grant.
 */
import { lstatSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { SallyportError } from "../../errors.ts";
import { processEntry } from "../../processes.ts";
import { Desk, type Asker, type Outcome } from "../desk.ts";
import { Grants, grantOf } from "../grants.ts";
import { choicesOf, isQuestion, startChoices, type Question } from "../question.ts";
import type { Store } from "../store.ts";

/** One line each way. */
const MAX_LINE = 4 * 1024 * 1024;
/** More gates than one machine has at once. */
const MAX_CONNECTIONS = 1024;

interface Replied {
  readonly question: string;
  readonly outcome: Outcome["kind"];
  readonly choice?: string;
  readonly user?: string;
  readonly channel?: string;
  readonly trace?: string;
  readonly at?: string;
}

/** The gate's side. Throws `consent.authority` where the path could be somebody else's by now. */
export function otherUser(path: string, uid: number, tell: (event: string, facts: object) => void): Asker {
  const open = new Map<string, () => void>();
  return {
    ask: (question) => {
      refuseOwn(path, uid);
      return new Promise((resolve) => {
        const socket = createConnection(path);
        const end = (outcome: Outcome): void => {
          open.delete(question.id);
          clearTimeout(timer);
          socket.destroy();
          resolve(outcome);
        };
        const timer = setTimeout(() => end({ kind: "expired" }), Date.parse(question.until) - Date.parse(question.asked));
        open.set(question.id, () => end({ kind: "withdrawn" }));
        socket.on("error", (error) => {
          tell("consent.channel", { question: question.id, channel: "other-user", error: error.message });
          end({ kind: "withdrawn" });
        });
        socket.on("close", () => end({ kind: "withdrawn" }));
        lines(socket, (line) => end(outcomeOf(question, parsed(line))));
        socket.write(`${JSON.stringify(question)}\n`);
      });
    },
    withdraw: (id) => open.get(id)?.(),
    close: () => open.forEach((end) => end()),
  };
}

/** Null where it is no object. */
function parsed(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : null;
  } catch {
    return null;
  }
}

/** Anything but an answer to this very question is none. */
function outcomeOf(question: Question, said: Readonly<Record<string, unknown>> | null): Outcome {
  const choice = question.choices.find(({ key }) => key === said?.["choice"]);
  if (said === null || said["question"] !== question.id || said["outcome"] !== "answered" || choice === undefined) return { kind: said?.["outcome"] === "expired" ? "expired" : "withdrawn" };
  const [user, channel, trace, at] = ["user", "channel", "trace", "at"].map((name) => (typeof said[name] === "string" ? said[name] : "")) as [string, string, string, string];
  return { kind: "answered", choice, answer: { question: question.id, digest: "", choice: choice.key, channel: `other-user, ${channel}`, user, trace, at }, votes: [{ user, channel }] };
}

/** Whoever may write a directory on the way may put a socket of their own there. */
function refuseOwn(path: string, uid: number): void {
  try {
    const { uid: owner } = lstatSync(path);
    if (owner === uid) throw new Error(`${path} is this user's own`);
    for (let at = dirname(path); at !== "/"; at = dirname(at)) {
      const { uid: its, mode } = lstatSync(at);
      if (its === uid || ((mode & 0o022) !== 0 && (mode & 0o1000) === 0)) throw new Error(`this user may write ${at}`);
      if ((mode & 0o170000) === 0o120000) throw new Error(`${at} is a link`);
    }
  } catch (error) {
    throw new SallyportError("consent.authority", (error as Error).message, { cause: error });
  }
}

function lines(socket: Socket, line: (text: string) => void): void {
  let rest = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    const found = (rest + chunk).split("\n");
    rest = found.pop() as string;
    if (rest.length > MAX_LINE) return void socket.destroy();
    found.forEach(line);
  });
}

/** The other side: `sallyport approvals --serve`. Questions become this user's own; answers that hold for longer are kept here. */
export function serveQuestions(path: string, store: Store, user: string, pid: number, now: () => number, say: (line: string) => void): Promise<Server> {
  const grants = new Grants(store);
  const server = createServer((socket) => {
    const desk = new Desk(store, now, (event, facts) => say(`${event} ${JSON.stringify(facts)}`));
    socket.on("error", () => {}).on("close", () => desk.close());
    lines(socket, (line) => {
      const asked = ownedBy(line, user, pid, now());
      if (asked === null) return void socket.destroy();
      const reply = (outcome: Omit<Replied, "question">): void => void socket.end(`${JSON.stringify({ question: asked.id, ...outcome } satisfies Replied)}\n`);
      // Whatever another user's program says, this one goes on.
      void answered(asked, { desk, grants, store, user, now, say }).then(reply, (error: unknown) => (say((error as Error).message), socket.destroy()));
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(path, () => resolve(server));
  });
}

interface Answering {
  readonly desk: Desk;
  readonly grants: Grants;
  readonly store: Store;
  readonly user: string;
  readonly now: () => number;
  readonly say: (line: string) => void;
}

/** By what this user has allowed for longer, or at their terminal. Throws `consent.store`, also where a question of that name is open. */
async function answered(asked: Question, { desk, grants, store, user, now, say }: Answering): Promise<Omit<Replied, "question">> {
  const held = grants.find(asked.bound, { digest: "", places: { directories: [], origins: [], staysUnder: () => false }, suspicious: asked.findings.length > 0 }, asked.session, now());
  const known = held === null ? undefined : asked.choices.find(({ allow, scope }) => allow === held.allow && scope === null);
  if (known !== undefined) return { outcome: "answered", choice: known.key, user, channel: `grant ${held?.id}`, trace: held?.words ?? "", at: new Date(now()).toISOString() };
  const waiting = desk.ask(asked, []);
  say(`${asked.bound.user} waits: sallyport approve ${asked.id}`);
  const outcome = await waiting;
  if (outcome.kind !== "answered") return { outcome: outcome.kind };
  const grant = grantOf(asked, outcome.choice, outcome.answer);
  if (grant !== null) store.addGrant(grant);
  const { channel, trace, at } = outcome.answer;
  return { outcome: "answered", choice: outcome.choice.key, user, channel, trace, at };
}

/** What comes over the socket may say anything: only what can be shown is kept, and only answers that need nothing hidden. Null: it is none. */
function ownedBy(line: string, user: string, pid: number, now: number): Question | null {
  try {
    const given: unknown = JSON.parse(line);
    if (!isQuestion(given)) return null;
    const seconds = Math.min(86_400_000, Date.parse(given.until) - Date.parse(given.asked));
    const offered = new Set(given.choices.map(({ key }) => key));
    // In our own words: a text that says no could stand for a yes.
    const known = given.bound.action === "startServer" ? [...startChoices(true), ...choicesOf([], { remember: false, broad: false })] : choicesOf([], { remember: true, broad: true });
    const choices = known.filter(({ key }, index) => (key === "deny" || offered.has(key)) && known.findIndex((one) => one.key === key) === index);
    if (!(seconds > 0)) return null;
    return { ...given, asked: new Date(now).toISOString(), until: new Date(now + seconds).toISOString(), gate: { pid, start: processEntry(pid)?.start ?? "" }, clients: [given.gate, ...given.clients], choices, channels: ["terminal"], approvers: [user], quorum: 1, votes: [], standing: false };
  } catch {
    return null;
  }
}
