/** What most tests need: throw-away homes, the built command, and a client that speaks lines. */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished } from "vitest";

export const ROOT = resolve(import.meta.dirname, "..");
export const MAIN = join(ROOT, "dist/main.js");
export const SERVERS = join(ROOT, "test/servers");
export const isRoot = process.getuid?.() === 0;

/** A directory that everybody may enter and that is gone after the test. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-test-"));
  chmodSync(folder, 0o755);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningOptions {
  readonly home: string;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  /** What stands before the command, e.g. to take another uid. */
  readonly before?: readonly string[];
}

/** False in hooks, which see to their own tidying. */
function inTest(): boolean {
  return expect.getState().currentTestName !== undefined;
}

/** A started command, with its output collected and its lines counted. */
export class Running {
  readonly child: ChildProcessWithoutNullStreams;
  stdout = "";
  stderr = "";
  readonly ended: Promise<Ended>;
  #waiting: { test: () => boolean; done: () => void }[] = [];

  constructor(argv: readonly string[], { home, env = {}, cwd, before = [] }: RunningOptions) {
    const [program = "", ...args] = [...before, ...argv];
    this.child = spawn(program, args, { cwd: cwd ?? home, env: { PATH: process.env["PATH"] ?? "", HOME: home, SALLYPORT_HOME: join(home, "sallyport"), ...env } });
    this.child.stdout.on("data", (chunk: Buffer) => this.#more(() => (this.stdout += chunk.toString())));
    this.child.stderr.on("data", (chunk: Buffer) => this.#more(() => (this.stderr += chunk.toString())));
    this.child.stdin.on("error", () => {});
    this.ended = new Promise((done) => this.child.on("close", (code, signal) => done({ code, signal, stdout: this.stdout, stderr: this.stderr })));
    void this.ended.then(() => this.#more(() => {}));
    if (inTest()) onTestFinished(() => void this.child.kill("SIGKILL"));
  }

  #more(action: () => void): void {
    action();
    for (const waiter of [...this.#waiting]) {
      if (!waiter.test()) continue;
      this.#waiting = this.#waiting.filter((one) => one !== waiter);
      waiter.done();
    }
  }

  send(message: object | string): void {
    this.child.stdin.write(`${typeof message === "string" ? message : JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  get messages(): Record<string, unknown>[] {
    return this.stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Waits until something holds of the output; fails when it does not in time. */
  async until(test: () => boolean, what: string, milliseconds = 15_000): Promise<void> {
    if (test()) return;
    await new Promise<void>((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`${what}: not within ${milliseconds} ms; stdout: ${this.stdout.slice(-2000)} stderr: ${this.stderr.slice(-2000)}`)), milliseconds);
      this.#waiting.push({ test, done: () => (clearTimeout(timer), done()) });
      void this.ended.then(({ code }) => (clearTimeout(timer), fail(new Error(`${what}: it ended first, with ${code}; stderr: ${this.stderr.slice(-2000)}`))));
    });
  }

  async answerTo(id: number | string): Promise<Record<string, unknown>> {
    const find = (): Record<string, unknown> | undefined => this.messages.find((message) => message["id"] === id && !("method" in message));
    await this.until(() => this.stdout.endsWith("\n") && find() !== undefined, `an answer to ${id}`);
    return find() as Record<string, unknown>;
  }
}

/** `sallyport run … -- server`. */
export function gate(server: readonly string[], options: RunningOptions & { flags?: readonly string[] }): Running {
  return new Running([process.execPath, MAIN, "run", ...(options.flags ?? []), ...(server.length > 0 ? ["--", ...server] : [])], options);
}

export function sallyport(args: readonly string[], options: RunningOptions): Promise<Ended> {
  return new Running([process.execPath, MAIN, ...args], options).ended;
}

export function sessionFiles(home: string): string[] {
  const folder = join(home, "sallyport/state/journal/sessions");
  return readdirSync(folder).sort().map((name) => join(folder, name));
}

export interface JournalLine {
  readonly seq: number;
  readonly stream: string;
  readonly verdict: string;
  readonly reasons: string[];
  readonly message?: Record<string, unknown>;
  readonly text?: string;
  readonly base64?: string;
}

/** The records of a session; the newest where none is named. */
export function records(home: string, file = sessionFiles(home).at(-1) as string): JournalLine[] {
  const lines = readFileSync(file, "utf8").split("\n").filter((line) => line !== "" && !line.startsWith('{"checkpoint"'));
  return lines.map((line) => JSON.parse(line) as JournalLine);
}

export const server = (name: string): string => join(SERVERS, name);

/** State letter of a process (`Z` for one that nobody has reaped), or null where there is none. */
export function processState(pid: number): string | null {
  try {
    return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? null;
  } catch {
    return null;
  }
}

export const isAlive = (pid: number): boolean => !["Z", "X", null].includes(processState(pid));

/** Processes whose command line holds a text. */
export function processesWith(text: string): number[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      return pid !== process.pid && isAlive(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(text);
    } catch {
      return false;
    }
  });
}

export async function eventually(test: () => boolean, what: string, milliseconds = 5000): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!test()) {
    if (Date.now() > end) throw new Error(`not within ${milliseconds} ms: ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}
