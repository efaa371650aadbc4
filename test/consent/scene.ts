/** A server that keeps notes behind the gate, clients of both eras in front of it, and a person who answers as the test says. */
import { execFile, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { Client as ClientV2 } from "@modelcontextprotocol/client";
import { StdioClientTransport as TransportV2 } from "@modelcontextprotocol/client/stdio";
import { onTestFinished } from "vitest";
import { MAIN, eventually, records, scratch, server } from "../helpers.ts";

export interface Asked {
  readonly message: string;
  readonly requestedSchema: { readonly properties: { readonly decision: { readonly enum: string[] } } };
}
export type Answer = { readonly action: "accept" | "decline" | "cancel"; readonly content?: Record<string, unknown> };
/** What the person says to a question; `null`: nothing, ever. */
export type Person = (asked: Asked) => Answer | null | Promise<Answer | null>;

export interface Home {
  readonly home: string;
  readonly env: Record<string, string>;
  readonly notes: string;
  readonly log: string;
  readonly noted: () => string[];
  /** What stands before the person's commands, e.g. to take another uid. */
  readonly before?: readonly string[];
}

export function makeHome(): Home {
  const home = scratch();
  const notes = join(home, "notes");
  mkdirSync(notes);
  chmodSync(notes, 0o777);
  const log = join(notes, "log");
  return { home, notes, log, env: { PATH: process.env["PATH"] ?? "", HOME: home, SALLYPORT_HOME: join(home, "sallyport") }, noted: () => (existsSync(log) ? readFileSync(log, "utf8").split("\n").filter(Boolean) : []) };
}

export interface Connected {
  readonly call: (tool: string, given?: object, options?: { signal?: AbortSignal; timeout?: number }) => Promise<{ text: string; isError: boolean }>;
  readonly close: () => Promise<void>;
  readonly pid: () => number;
}

export type Era = "handshake" | "per-request";

export interface Opening {
  readonly person?: Person | null;
  readonly flags?: readonly string[];
  readonly more?: readonly string[];
  /** Options of the SDK's own, such as applying defaults. */
  readonly elicitation?: object;
}

const never = new Promise<never>(() => {});

/** `sallyport run` with the notes server; a client without `person` declares no elicitation. */
export async function connect(place: Home, era: Era, { person = null, flags = [], more = [], elicitation = {} }: Opening = {}): Promise<Connected> {
  const cell = flags.includes("--server") ? [] : ["--write", place.notes];
  const command = { command: process.execPath, args: [MAIN, "run", ...cell, ...flags, ...(flags.includes("--server") ? [] : ["--", "node", server("notes.mjs"), "--log", place.log, ...more])], env: place.env, stderr: "ignore" as const };
  const capabilities = person === null ? {} : { elicitation };
  const answer = async (request: { params: unknown }): Promise<Answer> => (await person?.(request.params as Asked)) ?? never;
  const { client, transport } = era === "handshake" ? legacy(command, capabilities, answer) : modern(command, capabilities, answer);
  await client.connect(transport);
  const close = (): Promise<void> => client.close();
  onTestFinished(close);
  return {
    close,
    pid: () => (transport as { pid: number }).pid,
    call: async (tool, given = { text: "x" }, options = {}) => {
      const result = (await (client as ClientV2).callTool({ name: tool, arguments: given as Record<string, unknown> }, options)) as { content: { text: string }[]; isError?: boolean };
      return { text: result.content.map(({ text }) => text).join("\n"), isError: result.isError === true };
    },
  };
}

type Command = { command: string; args: string[]; env: Record<string, string>; stderr: "ignore" };
type Handler = (request: { params: unknown }) => Promise<Answer>;

function legacy(command: Command, capabilities: object, answer: Handler): { client: ClientV1; transport: TransportV1 } {
  const client = new ClientV1({ name: "test", version: "1" }, { capabilities });
  if ("elicitation" in capabilities) client.setRequestHandler(ElicitRequestSchema, answer);
  const call = client.callTool.bind(client);
  // The two SDKs take a call's options at different places.
  client.callTool = (params, options) => call(params, undefined, options as never);
  return { client, transport: new TransportV1(command) };
}

function modern(command: Command, capabilities: object, answer: Handler): { client: ClientV2; transport: TransportV2 } {
  const client = new ClientV2({ name: "test", version: "1" }, { capabilities, versionNegotiation: { mode: "auto" } });
  if ("elicitation" in capabilities) client.setRequestHandler("elicitation/create", answer as never);
  return { client, transport: new TransportV2(command) };
}

/** Chooses by the words, as a person does. */
export function says(words: string): Person {
  return ({ requestedSchema }) => {
    const choice = requestedSchema.properties.decision.enum.find((one) => one.startsWith(words));
    if (choice === undefined) throw new Error(`no such answer: ${words}; there are ${requestedSchema.properties.decision.enum.join(", ")}`);
    return { action: "accept", content: { decision: choice } };
  };
}

/** A manifest that describes the notes server. @param more lines below the server, indented by four. */
export function writeManifest(place: Home, more: string, top = "", args: readonly string[] = []): string[] {
  const file = join(place.home, "sallyport.yaml");
  const [node, script] = [process.execPath, server("notes.mjs")];
  writeFileSync(file, `version: 1\n${top}servers:\n  notes:\n    command: ${node}\n    args: ${JSON.stringify([script, "--log", place.log, ...args])}\n    isolation: { write: [notes], read: [${JSON.stringify(join(server("notes.mjs"), "../../.."))}] }\n${more}`);
  return ["--server", "notes", "--manifest", file];
}

export const TOOLS = "    capabilities: { toolPatterns: { \"*\": { arguments: { /path: { type: path, roots: [/] }, /url: { type: url } } } } }\n";

/** `sallyport …`, outside any client. */
export function sallyport(place: Home, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((done) => execFile(process.execPath, [MAIN, ...args], { env: place.env }, (error, stdout, stderr) => done({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr })));
}

export async function waiting(place: Home, count = 1): Promise<string[]> {
  const folder = join(place.home, "sallyport/state/consent/pending");
  let ids: string[] = [];
  await eventually(() => {
    ids = existsSync(folder) ? readdir(folder) : [];
    return ids.length >= count;
  }, `${count} questions`, 10_000);
  return ids;
}

function readdir(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -".json".length));
}

export interface Done {
  readonly code: number;
  readonly shown: string;
}

let people = 0;

/** A person at a terminal of their own, above whom nothing of this test stands: it has ended before they sit down. */
export async function atTerminal(place: Home, words: string, ...args: string[]): Promise<Done> {
  people += 1;
  const result = join(place.home, `person-${people}`);
  const person = spawn("setsid", ["--fork", ...(place.before ?? []), process.execPath, server("person.mjs"), result, words, process.execPath, MAIN, ...args], { env: place.env, stdio: "ignore" });
  await new Promise((done) => person.on("close", done));
  await eventually(() => existsSync(result), `sallyport ${args.join(" ")}`, 20_000);
  return JSON.parse(readFileSync(result, "utf8")) as Done;
}

/** The same from below the client, as an agent would. */
export function fromBelow(place: Home, words: string, ...args: string[]): Promise<Done> {
  people += 1;
  const result = join(place.home, `person-${people}`);
  const person = spawn(process.execPath, [server("person.mjs"), result, words, process.execPath, MAIN, ...args], { env: place.env, stdio: "ignore" });
  return new Promise((done) => person.on("close", () => done(JSON.parse(readFileSync(result, "utf8")) as Done)));
}

/** What the gates of this home have recorded of consent. */
export function events(place: Home): Record<string, unknown>[] {
  const folder = join(place.home, "sallyport/state/journal/sessions");
  if (!existsSync(folder)) return [];
  return readdirSync(folder).sort().flatMap((name) => records(place.home, join(folder, name))).map(({ message }) => message ?? {}).filter(({ event }) => typeof event === "string" && event.startsWith("consent."));
}
