/**
 * Starts a Plan and holds it: `startCell` returns when the server's process stands in its finished cell, attested, and
 * has not run one instruction of its own; `release` lets it go. Whatever fails on the way leaves no process behind.
 */
import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, readFileSync } from "node:fs";
import type { Duplex, Readable, Writable } from "node:stream";
import { SallyportError, asSallyportError } from "../errors.ts";
import type { Host } from "../model.ts";
import { attest, type Attestation } from "./attest.ts";
import { INFO_FD, STAGE_FD, STDIN_FD, invocation, openData, prepareMounts } from "./backends/bubblewrap.ts";
import { createGroup, enterGroup, planGroup, type ControlGroup } from "./cgroup.ts";
import { startGuard } from "./guard.ts";
import type { Plan } from "./plan.ts";
import { enrol } from "./sessions.ts";
import type { Tools } from "./survey.ts";

export interface Exit {
  /** The server's own exit code, or 128 and the signal's number. */
  readonly code: number;
  readonly signal: NodeJS.Signals | null;
}

export interface Cell {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly attestation: Attestation;
  /** Lets the server run. */
  release(): void;
  /** Asks the server to end (SIGTERM). */
  terminate(): void;
  /** Ends every process of the cell (SIGKILL). */
  kill(): void;
  /** Settles when the process has ended and its output has been read to the end. */
  readonly exited: Promise<Exit>;
}

const START_TIMEOUT = 15_000;
const SIGNALS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGILL: 4, SIGABRT: 6, SIGFPE: 8, SIGKILL: 9, SIGSEGV: 11, SIGPIPE: 13, SIGALRM: 14, SIGTERM: 15, SIGXCPU: 24, SIGXFSZ: 25, SIGSYS: 31 };

export type OnNamespaces = (pid: number) => void;

export interface StartOptions {
  readonly plan: Plan;
  readonly tools: Tools;
  readonly session: string;
  readonly host: Host;
  /** A folder for nameless files. */
  readonly scratch: string;
  /** Told a process of the cell's, by the host's number, as soon as its namespaces stand: long before the server may run. */
  readonly onNamespaces?: OnNamespaces | undefined;
}

/** Looks, and milliseconds between them, until what is still broken counts: on a busy machine a moment is long. */
const SETTLING = 20;
const ASK_AGAIN = 25;

/** Throws `cell.refused`, `cell.start-timeout`, `cell.promise-broken`, `cell.architecture`. */
export async function startCell(options: StartOptions): Promise<Cell> {
  const { plan, tools, session, host } = options;
  if (plan.architecture === null) throw new SallyportError("cell.architecture");
  const token = randomBytes(16).toString("hex");
  const planned = planGroup(`sallyport-${session}`, plan.limits);
  const groups = planned?.settings.map(({ directory }) => directory) ?? [];
  const leave = enrol(host, session, { groups, remove: null });
  const guard = startGuard(tools.sh, { token, groups, remove: [], env: {} });
  const group = planned !== null && createGroup(planned) ? planned : null;
  const child = spawnHeld(options, token, group);
  const exited = whenExited(child);
  void exited.then(() => (guard.stand(), leave()));
  try {
    const pid = await staged(child, exited, options.onNamespaces ?? (() => {}));
    if (group !== null) enterGroup(group, pid);
    const attestation = await settled(() => attest(plan, pid, group, STDIN_FD));
    if (attestation.broken.length > 0) throw new SallyportError("cell.promise-broken", attestation.broken.join("; "));
    return cellOf(child, pid, attestation, exited);
  } catch (error) {
    child.kill("SIGKILL");
    await exited;
    throw asSallyportError(error, "cell.refused");
  }
}

/** A process that has just become another shows what it was for a moment; what is still broken after that is. */
export async function settled(read: () => Attestation | Promise<Attestation>): Promise<Attestation> {
  for (let tries = 1; ; tries += 1) {
    const found = await read();
    if (found.broken.length === 0 || tries === SETTLING) return found;
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN));
  }
}

/** The same interface without a cell, for who has said so. The server still ends with the gate. */
export function startBare(plan: Plan, setpriv: string | null): Cell {
  const [program = "", ...args] = plan.command;
  const bound = setpriv === null ? [program, ...args] : [setpriv, "--pdeathsig", "KILL", "--", program, ...args];
  const child = spawn(bound[0] as string, bound.slice(1), { cwd: plan.cwd, env: plan.environment, stdio: ["pipe", "pipe", "pipe"], detached: true });
  const exited = whenExited(child);
  if (child.pid === undefined) throw new SallyportError("launch.not-found", program);
  const attestation = attest(plan, child.pid, null, null);
  const group = -child.pid;
  const signal = (name: NodeJS.Signals): void => signalQuietly(group, name);
  return { ...streams(child), attestation, exited, release: () => {}, terminate: () => signal("SIGTERM"), kill: () => signal("SIGKILL") };
}

function spawnHeld({ plan, tools, scratch }: StartOptions, token: string, group: ControlGroup | null): ChildProcess {
  prepareMounts(plan, tools);
  const { argv, data } = invocation(plan, tools, token, group === null);
  const descriptors = openData(data, scratch);
  try {
    const stdio: StdioOptions = ["pipe", "pipe", "pipe", "pipe", "pipe", ...descriptors];
    // An empty environment: bubblewrap stays as the cell's first process, and its own would be readable inside.
    return spawn(argv[0] as string, argv.slice(1), { cwd: "/", env: {}, stdio });
  } finally {
    descriptors.forEach((descriptor) => closeSync(descriptor));
  }
}

/** Waits for the stage to announce itself; returns the host's pid of the process that will be the server. */
async function staged(child: ChildProcess, exited: Promise<Exit>, onNamespaces: OnNamespaces): Promise<number> {
  const announced = child.stdio[STDIN_FD] as Duplex;
  const info = child.stdio[INFO_FD] as Readable;
  const stderr = child.stderr as Readable;
  let report = "";
  let said = "";
  const listen = (chunk: Buffer): void => void (said += chunk.toString());
  const initOf = (): number => Number(/"child-pid":\s*(\d+)\D/.exec(report)?.[1]);
  info.on("data", (chunk: Buffer) => {
    const known = initOf();
    report += chunk.toString();
    if (Number.isNaN(known) && !Number.isNaN(initOf())) onNamespaces(initOf());
  });
  stderr.on("data", listen);
  let timer: NodeJS.Timeout | undefined;
  try {
    await Promise.race([
      new Promise<void>((resolve) => void announced.once("data", () => resolve())),
      exited.then(() => failStart(said)),
      new Promise<never>((_, reject) => void (timer = setTimeout(() => reject(new SallyportError("cell.start-timeout")), START_TIMEOUT))),
    ]);
  } finally {
    clearTimeout(timer);
    // Nothing is read any more from the end that the server can write to: its stdin is a socket.
    announced.pause();
    stderr.pause().off("data", listen);
  }
  const init = initOf();
  const [pid] = childrenOf(init);
  if (!Number.isInteger(init) || pid === undefined) throw new SallyportError("cell.refused", "the cell's first process has no child");
  return pid;
}

function failStart(said: string): never {
  throw new SallyportError("cell.refused", said.trim().split("\n").at(-1) ?? "");
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}

function cellOf(child: ChildProcess, pid: number, attestation: Attestation, exited: Promise<Exit>): Cell {
  const stage = child.stdio[STAGE_FD] as Writable;
  return {
    ...streams(child),
    stdin: child.stdio[STDIN_FD] as Writable,
    attestation,
    exited,
    release: () => void stage.end("go\n"),
    terminate: () => signalQuietly(pid, "SIGTERM"),
    // The outer bubblewrap takes the cell's first process along, and that one its whole pid namespace.
    kill: () => void child.kill("SIGKILL"),
  };
}

export function streams(child: ChildProcess): Pick<Cell, "stdin" | "stdout" | "stderr"> {
  return { stdin: child.stdin as Writable, stdout: child.stdout as Readable, stderr: child.stderr as Readable };
}

export function whenExited(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    let failed = false;
    for (const stream of child.stdio) stream?.on("error", () => {});
    child.on("error", () => (failed = true));
    child.on("close", (code, signal) => resolve({ code: failed ? 127 : (code ?? 128 + (SIGNALS[signal ?? ""] ?? 0)), signal }));
  });
}

export function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already.
  }
}
