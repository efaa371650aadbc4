/** Tries what this machine can enforce, by building a real cell of each kind around a harmless program and reading it from outside. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { SallyportError, asSallyportError } from "../errors.ts";
import { GATE_ADDRESS, PROXY_PORT } from "../egress/place.ts";
import type { Host } from "../model.ts";
import type { Attestation } from "../sandbox/attest.ts";
import { BACKENDS, type Backend } from "../sandbox/backend.ts";
import { openNetwork } from "./network.ts";
import { LIMITS, makePlan, type Launch, type Reachable } from "../sandbox/plan.ts";
import { reap, sessions } from "../sandbox/sessions.ts";
import { chooseUser, findProgram, survey } from "../sandbox/survey.ts";
import { makeWish } from "../sandbox/wish.ts";

export interface Check {
  /** The kind of cell that it belongs to; null: the machine. */
  readonly backend: Backend["name"] | null;
  /** `weaker`: it runs, and the attestation says what is not enforced. `absent`: this kind of cell is not here. */
  readonly state: "holds" | "weaker" | "fails" | "absent";
  readonly what: string;
  readonly detail: string;
  /** The command or setting that mends it. */
  readonly mend: string | null;
}

type Found = Omit<Check, "backend">;

/** The map of a process in the machine's own user namespace. */
const WHOLE = "0 0 4294967295";

/** A name that is never looked up: it stands for any host. */
const ANY_HOST: Reachable = { hosts: ["host.example:443"], hostPatterns: [], addresses: [], limits: { connections: 1, bytes: 1, idleSeconds: 1 }, resolver: GATE_ADDRESS, proxy: `${GATE_ADDRESS}:${PROXY_PORT}` };

export async function doctor(host: Host): Promise<Check[]> {
  const left = await reap(host);
  const alive = sessions(host).filter(({ lives }) => lives).length;
  const own = [nodeCheck(), npmCheck(host), holds("sessions", `${alive} running, ${left.length} of killed gates tidied up`)];
  const checks: Check[] = own.map((one) => ({ backend: null, ...one }));
  for (const backend of BACKENDS) checks.push(...(await check(backend, host)).map((one) => ({ backend: backend.name, ...one })));
  return checks;
}

async function check(backend: Backend, host: Host): Promise<Found[]> {
  const started = performance.now();
  try {
    await backend.works(host);
    const attestation = await tryCell(backend, host, null);
    const took = Math.round(performance.now() - started);
    return [...attested(attestation), holds("start", `${took} ms to build, read and end a cell`), await tryNetwork(backend, host)];
  } catch (thrown) {
    const error = asSallyportError(thrown);
    if (error.code === "cell.promise-broken") return error.detail.split("; ").map((promise) => fails(promise, "the kernel did not apply it", null));
    const absent = error.code === "cell.no-bubblewrap" || error.detail.endsWith("is not installed");
    return [absent ? { state: "absent", what: "here", detail: error.message, mend: error.code === "cell.no-bubblewrap" ? error.hint : null } : fails("cell", error.message, diagnose(error))];
  }
}

async function tryNetwork(backend: Backend, host: Host): Promise<Found> {
  try {
    await tryCell(backend, host, ANY_HOST);
    const ip = findProgram("ip", "/usr/sbin:/usr/bin:/sbin:/bin", "/");
    const what = "hosts by name, and nothing else";
    return ip === null ? { state: "weaker", what: "network", detail: `${what}; addresses cannot be named as hosts, and attempts at others are refused by the kernel without a record`, mend: "apt-get install iproute2" } : holds("network", what);
  } catch (thrown) {
    const error = asSallyportError(thrown);
    return fails("network", error.message, backend.name === "docker" && host.uid !== 0 ? "the network of Docker's containers is root's: use bubblewrap or Podman" : error.hint);
  }
}

async function tryCell(backend: Backend, host: Host, network: Reachable | null): Promise<Attestation> {
  const program = realpathSync(findProgram("true", "/usr/bin:/bin", "/") ?? "/bin/true");
  const launch: Launch = await backend.ready({ program, args: [], asked: [], needs: [], identity: { kind: "program", name: "true", integrity: "" } }, host, () => {});
  const wish = makeWish({ isolation: backend.name, read: [], write: [], env: [], named: false, limits: {}, network, loaders: false }, launch, host);
  const plan = makePlan(launch, wish, survey(host, chooseUser(host, [])));
  const cell = await backend.start(plan, `doctor-${host.pid}-${backend.name}${network === null ? "" : "-network"}`, host);
  cell.stdout.resume();
  cell.stderr.resume();
  try {
    if (network !== null) (await openNetwork({ network }, cell.attestation.pid, host)).close();
  } catch (error) {
    cell.kill();
    await cell.exited;
    throw error;
  }
  cell.release();
  const { code } = await cell.exited;
  if (code !== 0) throw new SallyportError("server.not-started", `true ended with ${code}`);
  return cell.attestation;
}

/** The cell stood and all of its promises were kept; one line for each group of them. */
function attested({ uids, uidMap, seccomp, kernel, namespaces, cgroup, notEnforced }: Attestation): Found[] {
  const { filters } = kernel?.seccomp ?? seccomp;
  return [
    holds("uid", `servers run as uid ${uids[0]}`),
    holds("capabilities", "none, and none can be gained"),
    holds("system calls", `${filters} filter in force${kernel === undefined ? "" : ", for the kernel in user space that answers them"}`),
    holds("namespaces", Object.keys(namespaces).filter((name) => name !== "user" || uidMap !== WHOLE).join(" ")),
    holds("files", "nothing is visible or writable but what was planned"),
    holds("limits", `${LIMITS.processes} processes, ${LIMITS.openFiles} open files, ${LIMITS.cpuSeconds} s processor`),
    ...(kernel === undefined ? [] : [{ state: "weaker", what: "kernel", detail: notEnforced.join("; "), mend: "bubblewrap, where no process of a cell may be root's" } as const]),
    cgroup === null || (kernel === undefined && notEnforced.length > 0) ? { state: "weaker", what: "control groups", detail: notEnforced.join("; "), mend: "run inside a systemd user session, or as root" } : holds("control groups", `v${cgroup.version}: ${cgroup.controllers.join(" ")}`),
  ];
}

/** The kernel says no more than EPERM; which setting it was has to be read elsewhere. */
function diagnose(error: SallyportError): string {
  if (setting("kernel/unprivileged_userns_clone") === "0") return "sysctl -w kernel.unprivileged_userns_clone=1";
  if (setting("user/max_user_namespaces") === "0") return "sysctl -w user.max_user_namespaces=15000";
  if (setting("kernel/apparmor_restrict_unprivileged_userns") === "1") return "install an AppArmor profile for bwrap that allows userns (Ubuntu 24.04: package apparmor-profiles, profile bwrap-userns-restrict)";
  const forbidden = error.code !== "cell.engine" && /EPERM|not permitted|denied|namespace/i.test(error.message);
  if (forbidden && (existsSync("/.dockerenv") || existsSync("/run/.containerenv"))) return "this is a container whose engine forbids namespaces: allow unshare, mount and pivot_root in its seccomp profile";
  return error.code === "cell.engine" ? "install or start it where you want it; bubblewrap needs no engine" : error.hint;
}

function setting(name: string): string | null {
  return existsSync(`/proc/sys/${name}`) ? readFileSync(`/proc/sys/${name}`, "utf8").trim() : null;
}

function nodeCheck(): Found {
  return holds("node", process.version);
}

function npmCheck(host: Host): Found {
  const npm = findProgram("npm", host.env["PATH"] ?? "", host.cwd);
  return npm === null ? { state: "weaker", what: "npm", detail: "packages cannot be fetched for npx servers", mend: "apt-get install npm" } : holds("npm", `${npm}, ${execFileSync(npm, ["--version"], { encoding: "utf8" }).trim()}`);
}

function holds(what: string, detail: string): Found {
  return { state: "holds", what, detail, mend: null };
}

function fails(what: string, detail: string, mend: string | null): Found {
  return { state: "fails", what, detail, mend };
}
