/** Starts a Plan as a container, and holds it where its image allows: the counterpart of `launch.ts` for engines. */
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SallyportError, asSallyportError } from "../errors.ts";
import type { Host } from "../model.ts";
import { attestContainer } from "./attest-container.ts";
import { attestGvisor } from "./attest-gvisor.ts";
import { STAGE, containerInvocation, writeFiles } from "./backends/container.ts";
import { ask, type Engine } from "./engine.ts";
import { startGuard } from "./guard.ts";
import { settled, signalQuietly, streams, whenExited, type Cell, type Exit } from "./launch.ts";
import type { Image, Plan } from "./plan.ts";
import { enrol, sessionFolder } from "./sessions.ts";
import { findProgram } from "./survey.ts";

const START_TIMEOUT = 60_000;
const ASK_AGAIN = 25;
/** Longer than an engine takes to take a killed container down. */
const HURRY = 10_000;

/** What linkers, and shells that run a script, take code from. */
const LOADING = /^(?:LD_.*|BASH_ENV|GCONV_PATH)$/;

export interface ContainerOptions {
  readonly plan: Plan;
  readonly engine: Engine;
  readonly session: string;
  readonly host: Host;
}

/** Throws `cell.refused`, `cell.start-timeout`, `cell.promise-broken`, `cell.engine`, `cell.ceiling`. */
export async function startContainer({ plan, engine, session, host }: ContainerOptions): Promise<Cell> {
  const name = `sallyport-${session}`;
  // Podman removes none where one is missing, and says nothing of it.
  const remove = [engine.program, ...engine.options, "rm", "--force", ...(engine.name === "podman" ? ["--ignore"] : []), "--volumes", name, probeOf(name)];
  const leave = enrol(host, session, { groups: [], remove: { argv: remove, env: engine.env } });
  const guard = startGuard(findProgram("sh", "/bin:/usr/bin", "/") ?? "/bin/sh", { token: "", groups: [], remove, env: engine.env });
  const { staged, argv, env } = await prepared(plan, engine, name, session, host).catch((error: unknown) => (guard.stand(), leave(), Promise.reject(asSallyportError(error, "cell.refused"))));
  const child = spawn(argv[0] as string, argv.slice(1), { cwd: "/", env, stdio: ["pipe", "pipe", "pipe"] });
  const exited = whenExited(child);
  void exited.then(() => (guard.stand(), leave()));
  const end = (): void => {
    execFile(engine.program, remove.slice(1), { env: engine.env, cwd: "/" }, () => {});
    setTimeout(() => child.kill("SIGKILL"), HURRY).unref();
  };
  try {
    const pid = await running(child, exited, engine, name, staged);
    const attestation = await settled(() => (engine.gvisor ? attestGvisor(plan, engine, name, pid) : attestContainer(plan, engine, pid, staged)));
    if (attestation.broken.length > 0) throw new SallyportError("cell.promise-broken", attestation.broken.join("; "));
    // Behind a kernel of its own the server is no process of this machine's.
    const terminate = (): void => (engine.gvisor ? void execFile(engine.program, [...engine.options, "kill", "--signal", "TERM", name], { env: engine.env, cwd: "/" }, () => {}) : signalQuietly(pid, "SIGTERM"));
    return { ...streams(child), attestation, exited, release: () => (staged ? void child.stdin.write("go\n") : undefined), terminate, kill: () => (signalQuietly(pid, "SIGKILL"), end()) };
  } catch (error) {
    end();
    child.stdin.destroy();
    await exited;
    throw asSallyportError(error, "cell.refused");
  }
}

async function prepared(plan: Plan, engine: Engine, name: string, session: string, host: Host): Promise<ReturnType<typeof containerInvocation> & { readonly staged: boolean }> {
  const staged = await hasShell(plan.image as Image, engine, name, host);
  const loading = engine.gvisor ? Object.keys(plan.environment).find((variable) => LOADING.test(variable)) : undefined;
  if (loading !== undefined) throw new SallyportError("cell.refused", `${loading} would run code in the shell that tells gVisor's side of the attestation`);
  if (engine.gvisor && !staged) throw new SallyportError("cell.image", "it has no shell, and behind gVisor only a shell can tell what applied before the server starts");
  return { staged, ...containerInvocation(plan, engine, name, writeFiles(plan, sessionFolder(host, session)), staged) };
}

/** Waits for the engine to have started it; returns the host's number of its first process. */
async function running(child: ReturnType<typeof spawn>, exited: Promise<Exit>, engine: Engine, name: string, staged: boolean): Promise<number> {
  const until = performance.now() + START_TIMEOUT;
  let said = "";
  let ended: Exit | null = null;
  const listen = (chunk: Buffer): void => void (said += chunk.toString());
  void exited.then((exit) => (ended = exit));
  child.stderr?.on("data", listen);
  try {
    while (performance.now() < until) {
      if (ended !== null) throw new SallyportError("cell.refused", said.trim().split("\n").filter((line) => line !== "" && !line.includes("--help")).at(-1) ?? "");
      const pid = Number((await ask(engine, ["inspect", "--format", "{{.State.Pid}}", name]).catch(() => "0")).trim());
      // The runtime's own process stands there for a moment, before it becomes what was asked for.
      if (pid > 0 && (engine.gvisor ? isSentry(pid) : isPast(pid, staged))) return pid;
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN));
    }
    throw new SallyportError("cell.start-timeout");
  } finally {
    child.stderr?.pause().off("data", listen);
    if (said !== "" && ended === null) child.stderr?.unshift(Buffer.from(said));
  }
}

function isPast(pid: number, staged: boolean): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0");
    return staged ? words.includes(STAGE) : words[1] !== "init" && words.length > 1;
  } catch {
    return false;
  }
}

/** gVisor's kernel, and no longer the process that becomes it. */
function isSentry(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0").includes("boot");
  } catch {
    return false;
  }
}

function probeOf(name: string): string {
  return `${name}-probe`;
}

/** Whether an image has a shell to wait in, asked of the engine once for each image. */
async function hasShell({ id, made }: Image, engine: Engine, name: string, { dirs }: Host): Promise<boolean> {
  if (made) return true;
  const file = join(dirs.cache, "shells", id.replace(":", "-"));
  if (existsSync(file)) return readFileSync(file, "utf8") === "yes";
  const probe = probeOf(name);
  await ask(engine, ["create", "--pull", "never", "--name", probe, "--network", "none", "--entrypoint", "/bin/sh", id]);
  const found = await ask(engine, ["cp", `${probe}:/bin/sh`, "-"]).then(() => true, () => false);
  await ask(engine, ["rm", "--force", "--volumes", probe]);
  mkdirSync(join(dirs.cache, "shells"), { recursive: true, mode: 0o700 });
  writeFileSync(file, found ? "yes" : "no");
  return found;
}
