/** One table: which kinds of cells there are, in the order in which `auto` takes them, and why. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SallyportError } from "../errors.ts";
import type { Host } from "../model.ts";
import { invocation } from "./backends/bubblewrap.ts";
import type { ContainerKind, Engine } from "./engine.ts";
import { startBare, startCell, type Cell, type OnNamespaces } from "./launch.ts";
import type { Isolation, Launch, Plan } from "./plan.ts";
import { findProgram, findTools } from "./survey.ts";

export type Wanted = Isolation | "auto";

export interface Backend {
  readonly name: Exclude<Isolation, "none">;
  /** Why it comes where it comes. */
  readonly why: string;
  /** Throws where this machine does not have it, or it does not work here. */
  readonly works: (host: Host) => Promise<void>;
  /** What it needs of a launch before there can be a plan. */
  readonly ready: (launch: Launch, host: Host, say: (line: string) => void) => Promise<Launch>;
  /** @param onNamespaces not every kind of cell has the moment. */
  readonly start: (plan: Plan, session: string, host: Host, onNamespaces?: OnNamespaces) => Promise<Cell>;
  /** What would be executed, for `explain`. */
  readonly show: (plan: Plan, host: Host) => Promise<{ readonly argv: readonly string[]; readonly options: readonly string[] }>;
}

const bubblewrap: Backend = {
  name: "bubblewrap",
  why: "every namespace its own, held until the kernel's word is read, no daemon",
  works: async (host) => {
    const { bwrap } = findTools(host);
    await remembered(bwrap, host, () => tried(bwrap, host));
  },
  ready: async (launch) => launch,
  start: (plan, session, host, onNamespaces) => startCell({ plan, tools: findTools(host), session, host, scratch: tmpdir(), onNamespaces }),
  show: async (plan, host) => invocation(plan, findTools(host), "TOKEN", false),
};

/** Loaded where it is used: most gates never need an engine. */
function container(name: ContainerKind, why: string): Backend {
  const engine = async (host: Host): Promise<Engine> => (await import("./engine.ts")).findEngine(name, host);
  return {
    name,
    why,
    works: async (host) => void (await engine(host)),
    ready: async (launch, host, say) => (launch.image === undefined ? { ...launch, image: await (await import("./image.ts")).madeImage(launch, await engine(host), host, say) } : launch),
    start: async (plan, session, host) => (await import("./container.ts")).startContainer({ plan, engine: await engine(host), session, host }),
    show: async (plan, host) => {
      const { containerInvocation } = await import("./backends/container.ts");
      const places = (kind: "text" | "tmpfs"): Record<string, string> => Object.fromEntries(plan.mounts.flatMap((mount) => (mount.kind === kind ? [[mount.at, "FILE"]] : [])));
      return { argv: containerInvocation(plan, await engine(host), "NAME", { profile: "PROFILE", variables: "VARIABLES", hidden: places("tmpfs"), texts: places("text") }, true).argv, options: [] };
    },
  };
}

/** Adding one is a file and a line. */
export const BACKENDS: readonly Backend[] = [
  bubblewrap,
  container("gvisor", "a kernel in user space for each server"),
  container("podman", "a container without a daemon of root's"),
  container("docker", "a container"),
];

/** What most machines have: anything else is told. */
const USUAL = "bubblewrap";

export function backendOf(isolation: Exclude<Isolation, "none">): Backend {
  return BACKENDS.find(({ name }) => name === isolation) as Backend;
}

/** Throws `cell.*` where none works, with the usual one's reason; what is asked for by name is taken as it is. */
export async function chooseBackend(wanted: Wanted, launch: Launch, host: Host, say: (line: string) => void): Promise<Isolation> {
  const bound = launch.engine ?? null;
  if (bound !== null && wanted !== "auto" && wanted !== bound) throw new SallyportError("cell.engine", `an image of ${bound}'s does not run in ${wanted}`);
  if (bound !== null) return bound;
  if (wanted !== "auto") return wanted;
  let usual: unknown = null;
  for (const backend of BACKENDS) {
    try {
      await backend.works(host);
      if (backend.name !== USUAL) say(`isolation: ${backend.name} (${backend.why})${usual === null ? "" : `, as ${USUAL} does not work here: ${(usual as Error).message}`}`);
      return backend.name;
    } catch (error) {
      if (backend.name === USUAL) usual = error;
    }
  }
  throw usual;
}

export function startPlan(plan: Plan, session: string, host: Host, onNamespaces?: OnNamespaces): Promise<Cell> {
  if (plan.isolation === "none") return Promise.resolve(startBare(plan, findProgram("setpriv", "/usr/bin:/bin", "/")));
  return backendOf(plan.isolation).start(plan, session, host, onNamespaces);
}

/** Whether namespaces can be made at all; what else is missing is found when the cell is built. */
function tried(bwrap: string, host: Host): Promise<void> {
  if (host.uid === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    execFile(bwrap, ["--unshare-user", "--unshare-net", "--ro-bind", "/", "/", "true"], { env: {}, timeout: 10_000 }, (error, _, stderr) => (error === null ? resolve() : reject(new SallyportError("cell.refused", stderr.trim().split("\n").at(-1) ?? error.message))));
  });
}

/** Once a boot and program; only what worked is remembered. */
async function remembered(program: string, host: Host, check: () => Promise<void>): Promise<void> {
  const file = join(host.dirs.cache, "works");
  const mark = `${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()} ${program} ${statSync(program).mtimeMs} ${host.uid}`;
  try {
    if (readFileSync(file, "utf8") === mark) return;
  } catch {
    // Not tried yet.
  }
  await check();
  try {
    mkdirSync(host.dirs.cache, { recursive: true, mode: 0o700 });
    writeFileSync(file, mark);
  } catch {
    // It is tried again next time.
  }
}
