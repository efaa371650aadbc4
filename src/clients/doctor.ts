/** Whether what stands in the clients' files really starts: each protected server, from exactly the environment that its client gives it. */
import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { SallyportError, asSallyportError } from "../errors.ts";
import { lastWords } from "../gate/last-words.ts";
import type { Host } from "../model.ts";
import type { Client } from "./client.ts";
import { expand } from "./expand.ts";
import { survey, type Found } from "./find.ts";
import { homeDirectory } from "./places.ts";
import type { ClientServer } from "./servers.ts";

export interface ClientCheck {
  readonly state: "holds" | "weaker" | "fails";
  readonly what: string;
  readonly detail: string;
  readonly mend: string | null;
}

/** What the MCP SDKs pass on by themselves (`getDefaultEnvironment`). */
const SDK = ["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"];
const MINIMAL_PATH = "/usr/bin:/bin:/usr/sbin:/sbin";
const PATIENCE = 30_000;
const AT_ONCE = 2;

export async function clientChecks(host: Host): Promise<ClientCheck[]> {
  const { found, broken, files } = survey({ clients: [], servers: [], scopes: [] }, host);
  const clients = [...new Set(files.map(({ client }) => client.title))];
  const head: ClientCheck = { state: "holds", what: "clients", detail: clients.length === 0 ? "none found" : clients.join(", "), mend: null };
  const checks: ClientCheck[] = [];
  const left = [...found.entries()];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) checks[next[0]] = await checkOf(next[1], host);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return [head, ...checks, ...broken.map(({ error }): ClientCheck => ({ state: "fails", what: "file", detail: error.message, mend: error.hint }))];
}

async function checkOf({ file, name, state, server }: Found, host: Host): Promise<ClientCheck> {
  const what = `${file.client.id}/${name}`;
  if (state === "remote") return { state: "holds", what, detail: "remote, not over STDIO", mend: null };
  if (state !== "protected" || server === null) return { state: "weaker", what, detail: "not protected", mend: `sallyport protect --client ${file.client.id} --server ${name}` };
  // Whoever wrote this project's file would be who is started here.
  if (file.scope === "project") return { state: "holds", what, detail: "protected; not tried, as the file is the project's", mend: null };
  const started = performance.now();
  try {
    await starts(server, host);
    return { state: "holds", what, detail: `starts from its client's environment, ${Math.round(performance.now() - started)} ms to its first answer`, mend: null };
  } catch (error) {
    const { code, message, hint } = asSallyportError(error);
    return { state: "fails", what, detail: message, mend: `${code === "server.ended" ? "sallyport journal show last" : hint}; sallyport unprotect gives the file back` };
  }
}

/** The client's own variables, then those of the entry. */
export function environmentOf({ inherits, minimalPath }: Client, host: Host): Record<string, string> {
  const own = inherits === "all" ? Object.keys(host.env) : inherits === "sdk" ? SDK : ["PATH"];
  const kept = Object.fromEntries(own.flatMap((name) => (host.env[name] === undefined ? [] : [[name, host.env[name]]])));
  return minimalPath ? { ...kept, PATH: MINIMAL_PATH } : kept;
}

/** Throws `file.access`, and `server.ended` with the last words of who did not answer. */
async function starts({ file, argv, env, cwd, path }: ClientServer, host: Host): Promise<void> {
  const fill = (text: string): string => expand(text, file, host).text;
  const [program = "", ...args] = argv.map(fill);
  const variables = Object.fromEntries(Object.entries(env).map(([key, value]) => [key, fill(value)]));
  const folder = file.place.perProject === true ? path[1] : file.project;
  const directory = resolve(folder ?? homeDirectory(host), cwd === null ? "." : fill(cwd));
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) throw new SallyportError("file.access", `${directory}, where its client starts it, is no directory`);
  const child = spawn(program, args, { cwd: directory, env: { ...environmentOf(file.client, host), ...variables }, stdio: ["pipe", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  const why = (what: string): SallyportError => new SallyportError("server.ended", `${what}: it said: ${lastWords(stderr)}`);
  return new Promise<void>((done, fail) => {
    const timer = setTimeout(() => fail(why(`no answer within ${PATIENCE / 1000} s`)), PATIENCE);
    child.on("error", (error) => fail(why(error.message)));
    child.on("close", (code) => fail(why(`it ended with ${code}`)));
    child.stderr.on("data", (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-4000)));
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
      if (!stdout.includes("\n")) return;
      clearTimeout(timer);
      done();
    });
    child.stdin.on("error", () => {});
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "sallyport-doctor", version: "1" } } })}\n`);
  }).finally(() => child.stdin.end());
}
