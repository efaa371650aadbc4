/** `sallyport explain FILE|-`: what the gate would say of messages, before anything runs. */
import { readFileSync } from "node:fs";
import { asSallyportError, escapeControls } from "../errors.ts";
import { foretell, type Foretold } from "../gate/foretell.ts";
import { makeJudge } from "../gate/judging.ts";
import { Notes } from "../gate/notes.ts";
import { openPins, pinPlace, prepare, type ServerOptions } from "../gate/prepare.ts";
import type { Judge } from "../gate/judge.ts";
import { inspectItem, inspectValue } from "../guards/text/inspect.ts";
import type { Finding, Host } from "../model.ts";
import { Decoder, type Message } from "../protocol/decode.ts";
import { FrameSplitter, MAX_LINE, type Frame } from "../protocol/frame.ts";
import { table, type Paint } from "./command.ts";

export interface Explained {
  readonly line: number;
  readonly message: string;
  /** `allow`, `deny`, or `look`: without a server, a call's permission is not known. */
  readonly verdict: "allow" | "deny" | "look" | "ask";
  readonly code: string | null;
  readonly detail: string;
  /** Ids of the policies that decided; empty where none has a say. */
  readonly policies: readonly string[];
  readonly findings: readonly Finding[];
}

/** @param options null: only what can be said without knowing the server. */
export async function explainMessages(file: string, options: ServerOptions | null, host: Host): Promise<Explained[]> {
  const court = options === null ? null : await judgeOf(options, host);
  const explained: Explained[] = [];
  for (const [index, frame] of frames(await bytesOf(file, host)).entries()) explained.push(...(await explainFrame(frame, index + 1, court)));
  return explained;
}

interface Court {
  readonly judge: Judge;
  readonly foretold: Foretold;
}

async function judgeOf(options: ServerOptions, host: Host): Promise<Court> {
  const notes = new Notes(() => {}, true);
  const prepared = await prepare(options, host, () => {});
  const judge = makeJudge(prepared, openPins(prepared, pinPlace(prepared, host), false), notes, host);
  return { judge, foretold: foretell(judge, prepared, host) };
}

async function bytesOf(file: string, host: Host): Promise<Buffer> {
  if (file !== "-") return readFileSync(file);
  const chunks: Buffer[] = [];
  for await (const chunk of host.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function frames(bytes: Buffer): Frame[] {
  const found: Frame[] = [];
  const splitter = new FrameSplitter({ frame: (frame) => void found.push(frame), fragment: () => {} }, MAX_LINE);
  splitter.push(bytes);
  splitter.end();
  return found;
}

async function explainFrame(frame: Frame, line: number, court: Court | null): Promise<Explained[]> {
  try {
    const { messages, batch } = new Decoder().decode(frame);
    const parsed = JSON.parse(frame.bytes.toString("utf8")) as unknown;
    const bodies = batch ? (parsed as unknown[]) : [parsed];
    return await Promise.all(messages.map((message, index) => explainMessage(message, bodies[index], line, court)));
  } catch (thrown) {
    const error = asSallyportError(thrown);
    return [{ line, message: "no message", verdict: "deny", code: error.code, detail: error.detail, policies: [], findings: [] }];
  }
}

async function explainMessage(message: Message, body: unknown, line: number, court: Court | null): Promise<Explained> {
  const findings = findingsOf(body);
  const what = message.method === "" ? message.kind : `${message.kind} ${message.method}`;
  const said = { line, message: what, policies: [], findings };
  const asks = message.kind === "request" && !/^(?:sampling|elicitation|roots)\//.test(message.method);
  if (court === null || !asks) return { ...said, verdict: findings.some(({ severity }) => severity === "hold") ? "deny" : "look", code: null, detail: "" };
  try {
    court.foretold.policies = [];
    await court.judge.rule({ message, from: "client", asked: null, answers: null }, 1, Buffer.from(JSON.stringify(body)));
    return { ...said, verdict: "allow", code: null, detail: "", policies: court.foretold.policies };
  } catch (thrown) {
    const error = asSallyportError(thrown);
    return { ...said, verdict: error.code === "consent.asked" ? "ask" : "deny", code: error.code, detail: error.detail, policies: court.foretold.policies };
  }
}

/** Definitions are judged as such, wherever a list of them stands; everything else as what crosses. */
function findingsOf(body: unknown): Finding[] {
  const result = (body as { result?: Record<string, unknown> } | null)?.result ?? {};
  const lists = ["tools", "prompts", "resourceTemplates"].filter((member) => Array.isArray(result[member]));
  const { instructions } = result;
  if (lists.length === 0 && typeof instructions !== "string") return inspectValue(body);
  const inside = lists.flatMap((member) => {
    const items = result[member] as { name?: unknown }[];
    const own = new Set(items.map(({ name }) => String(name)));
    return items.flatMap((item, index) => under(`/result/${member}/${index}`, inspectItem(String(item.name), item, { others: new Set(), own })));
  });
  return typeof instructions === "string" ? [...inside, ...under("/result/instructions", inspectItem("instructions", instructions, { others: new Set(), own: new Set() }))] : inside;
}

function under(pointer: string, findings: readonly Finding[]): Finding[] {
  return findings.map((finding) => ({ ...finding, at: `${pointer}${finding.at}` }));
}

const COLOURS = { allow: "green", deny: "red", look: "dim", ask: "yellow" } as const;

export function renderMessages(explained: readonly Explained[], paint: Paint): string {
  const rows = explained.flatMap(({ line, message, verdict, code, detail, policies, findings }) => [
    [`line ${line}`, verdict, message, [[code, detail].filter(Boolean).join(": "), policies.length === 0 ? "" : `by ${policies.join(", ")}`].filter(Boolean).join(" ")],
    ...findings.map(({ rule, severity, at, range, evidence }) => ["", severity, rule, `${at} [${range[0]}, ${range[1]}) ${evidence}`]),
  ]);
  const verdicts = explained.flatMap(({ verdict, findings }) => [verdict, ...findings.map(({ severity }) => severity)]);
  return table(rows, (cell, column, row) => (column !== 1 ? cell : paint(COLOURS[verdicts[row] as keyof typeof COLOURS] ?? (verdicts[row] === "hold" ? "red" : "yellow"), escapeControls(cell))));
}
