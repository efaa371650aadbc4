/** What a person is asked, and what may be answered: plain data, the same for every channel. */
import { hash } from "node:crypto";
import { plain } from "./plain.ts";
import type { Scope } from "./scope.ts";

/** A process, told apart from another that gets its number later. */
export interface ProcessMark {
  readonly pid: number;
  /** Ticks since the machine's start, and which start that was. */
  readonly start: string;
}

/** What an answer is bound to; when any of it changes, the question comes again. */
export interface Bound {
  readonly user: string;
  /** Name in the manifest; empty without one. */
  readonly server: string;
  /** Package, version and integrity. */
  readonly identity: string;
  /** SHA-256 of the argument vector. */
  readonly argv: string;
  /** SHA-256 of the tool's pinned definition; empty where there is none. */
  readonly definition: string;
  /** What was asked for, and its name. */
  readonly action: string;
  readonly item: string;
  /** Digest of the compiled manifest: what the server may reach is part of it. */
  readonly manifest: string;
  /** Digest of the policies, and of which of them have decided; empty without any. */
  readonly policy: string;
  /** Digest of what the caller lends beside the manifest: variables by name, literal ones with their values. */
  readonly reach: string;
}

export type Span = "once" | "session" | "hours" | "always" | "start";

export interface Choice {
  /** What an answer names: `once`, `session:same`, `day:any`, `deny`, `never`. */
  readonly key: string;
  /** The words that a person chooses by; exact, and each one once. */
  readonly text: string;
  readonly allow: boolean;
  readonly span: Span;
  /** Null: this call only. */
  readonly scope: Scope | null;
}

export interface Vote {
  readonly user: string;
  readonly channel: string;
}

export interface Question {
  /** Eight characters that can be read aloud. */
  readonly id: string;
  /** UTC, ISO 8601. */
  readonly asked: string;
  readonly until: string;
  readonly session: string;
  readonly gate: ProcessMark;
  /** The client's processes, as far as they are known: nothing below them may answer. */
  readonly clients: readonly ProcessMark[];
  /** What the client says of itself. */
  readonly client: string | null;
  readonly bound: Bound;
  readonly command: readonly string[];
  /** Secrets masked. */
  readonly arguments: unknown;
  readonly reach: readonly string[];
  readonly why: readonly string[];
  readonly findings: readonly string[];
  /** Against the last call that was allowed; null: there was none. */
  readonly difference: readonly string[] | null;
  /** It outlives its gate: the answer is kept for the next start. */
  readonly standing: boolean;
  /** How it may be answered. */
  readonly channels: readonly string[];
  readonly choices: readonly Choice[];
  /** Who may answer, by user name. */
  readonly approvers: readonly string[];
  /** How many different people must allow it. */
  readonly quorum: number;
  readonly votes: readonly Vote[];
}

export interface Answer {
  readonly question: string;
  /** SHA-256 of the question that was shown. */
  readonly digest: string;
  readonly choice: string;
  readonly channel: string;
  readonly user: string;
  /** What the channel knows of who answered: the terminal, the processes above it. */
  readonly trace: string;
  readonly at: string;
}

const BOUND = ["user", "server", "identity", "argv", "definition", "action", "item", "manifest", "policy", "reach"];
const TEXTS = ["asked", "until", "session"];
const LISTS = ["command", "reach", "why", "findings"];

/** Whether what another user's program sent can be shown as a question, whatever it says. */
export function isQuestion(value: unknown): value is Question {
  if (!isObject(value)) return false;
  const { id, gate, clients, client, bound, difference, choices } = value;
  return (
    typeof id === "string" && /^[0-9a-z]{4,64}$/.test(id) &&
    TEXTS.every((name) => typeof value[name] === "string") && LISTS.every((name) => isTexts(value[name])) &&
    (client === null || typeof client === "string") && (difference === null || isTexts(difference)) && "arguments" in value &&
    isMark(gate) && Array.isArray(clients) && clients.every(isMark) &&
    isObject(bound) && Object.keys(bound).length === BOUND.length && BOUND.every((name) => typeof bound[name] === "string") &&
    Array.isArray(choices) && choices.every((one) => isObject(one) && typeof one["key"] === "string")
  );
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

function isMark(value: unknown): boolean {
  return isObject(value) && typeof value["pid"] === "number" && typeof value["start"] === "string";
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Votes come and go; what was shown stays. */
export function questionDigest(question: Question): string {
  return hash("sha256", JSON.stringify({ ...question, votes: [] }), "hex");
}

const DAY = 24;

/** Of a start: it holds until something changes, or it is a no. */
export function startChoices(remember: boolean): Choice[] {
  return [
    { key: "deny", text: "Deny", allow: false, span: "once", scope: null },
    remember ? { key: "always:any", text: "Allow until something changes", allow: true, span: "always", scope: { kind: "any" } } : { key: "once:any", text: "Allow this one start", allow: true, span: "start", scope: { kind: "any" } },
    { key: "never", text: "Never allow this", allow: false, span: "always", scope: { kind: "any" } },
  ];
}

function choice(key: string, text: string, allow: boolean, span: Span, scope: Scope | null): Choice {
  return { key, text, allow, span, scope };
}

/** @param scopes narrower than any arguments; @param broad whether any arguments may be allowed for longer than this session, @param wide at all. */
export function choicesOf(scopes: readonly (readonly [scope: Scope, words: string])[], { remember, broad, wide = true }: { readonly remember: boolean; readonly broad: boolean; readonly wide?: boolean }): Choice[] {
  const deny = choice("deny", "Deny", false, "once", null);
  const once = choice("once", "Allow once", true, "once", null);
  if (!remember) return [deny, once];
  const any: Scope = { kind: "any" };
  const spans = scopes.flatMap(([scope, words]) => [
    choice(`session:${scope.kind}`, `Allow ${words} for this session`, true, "session", scope),
    choice(`day:${scope.kind}`, `Allow ${words} for ${DAY} hours`, true, "hours", scope),
  ]);
  const all = !wide ? [] : [choice("session:any", "Allow any arguments for this session", true, "session", any), ...(broad ? [choice("day:any", `Allow any arguments for ${DAY} hours`, true, "hours", any), choice("always:any", "Allow any arguments until something changes", true, "always", any)] : [])];
  return [deny, once, ...spans, ...all, choice("never", "Never allow this", false, "always", any)];
}

/** Longer pieces are cut where a window has no room; `sallyport approvals ID` shows all of them. */
const SHORT = 240;
const MAX_LINES = 24;

/**
 * The question in lines, the facts that decide first: what one side has written much of pushes nothing else out. Texts of
 * peers are spelt out, and can start no line of their own.
 */
export function renderQuestion(question: Question, { whole }: { readonly whole: boolean }): string[] {
  const { id, bound, client, reach, why, findings, difference } = question;
  const cut = (text: string): string => (whole || text.length <= SHORT ? text : `${text.slice(0, SHORT)}… (${text.length} characters; sallyport approvals ${id} shows all)`);
  const few = (lines: readonly string[]): string[] => (whole || lines.length <= MAX_LINES ? lines.map((line) => `  ${cut(line)}`) : [...lines.slice(0, MAX_LINES).map((line) => `  ${cut(line)}`), `  … and ${lines.length - MAX_LINES} more lines; sallyport approvals ${id} shows all`]);
  const given = flattened(question.arguments);
  const server = bound.server === "" ? bound.identity : `${bound.server} (${bound.identity})`;
  return [
    `${cut(plain(client ?? "A client"))} asks ${cut(plain(server))} for ${`${ACTIONS[bound.action] ?? bound.action} ${cut(plain(bound.item))}`.trim()}`,
    `can reach: ${cut(reach.map(plain).join(", ")) || "nothing outside its cell"}`,
    `asked because: ${cut(why.map(plain).join("; "))}`,
    ...(findings.length === 0 ? [] : [`found: ${cut(findings.map(plain).join("; "))}`]),
    given.length === 0 ? "without arguments" : "arguments:",
    ...few(given),
    ...(difference === null ? [] : [difference.length === 0 ? "the same as the last call that was allowed" : "different from the last call that was allowed:", ...few(difference)]),
  ];
}

export const ACTIONS: Readonly<Record<string, string>> = { callTool: "the tool", readResource: "the resource", getPrompt: "the prompt", sample: "the client's model by", elicit: "an answer of yours by", startServer: "a start" };

/** One line for each single value: its pointer (RFC 6901) as JSON, and its JSON. */
export function flattened(value: unknown): string[] {
  const lines: string[] = [];
  const visit = (one: unknown, at: string): void => {
    if (typeof one === "object" && one !== null && Object.keys(one).length > 0) for (const [key, member] of Object.entries(one)) visit(member, `${at}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`);
    else lines.push(`${/^[\w/.-]+$/.test(at) ? at : plain(JSON.stringify(at))}: ${plain(JSON.stringify(one))}`);
  };
  if (value !== undefined && !(typeof value === "object" && value !== null && Object.keys(value).length === 0)) visit(value, "");
  return lines;
}

/** What was last allowed: masked, and its digest, which knows of what is masked. */
export interface Last {
  readonly arguments: unknown;
  readonly digest: string;
  readonly bound: Bound;
}

/** What two calls do not have in common, by pointer. */
export function differenceOf(last: Last, now: Omit<Last, "bound">): string[] {
  if (last.digest === now.digest) return [];
  const [before, after] = [new Set(flattened(last.arguments)), new Set(flattened(now.arguments))];
  const lines = [...[...before].filter((line) => !after.has(line)).map((line) => `- ${line}`), ...[...after].filter((line) => !before.has(line)).map((line) => `+ ${line}`)];
  return lines.length > 0 ? lines : ["in what is masked"];
}
