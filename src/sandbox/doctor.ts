/** Tries what this machine can enforce, by building a real cell around a harmless program and reading it from outside. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { SallyportError, asSallyportError } from "../errors.ts";
import type { Host } from "../model.ts";
import type { Attestation } from "./attest.ts";
import { startCell } from "./launch.ts";
import { LIMITS, makePlan } from "./plan.ts";
import { chooseUser, findProgram, findTools, survey, type Tools } from "./survey.ts";
import { makeWish } from "./wish.ts";

export interface Check {
  /** `weaker`: it runs, and the attestation says what is not enforced. */
  readonly state: "holds" | "weaker" | "fails";
  readonly what: string;
  readonly detail: string;
  /** The command or setting that mends it. */
  readonly mend: string | null;
}

export async function doctor(host: Host): Promise<Check[]> {
  const checks = [nodeCheck(), npmCheck(host)];
  let tools: Tools;
  try {
    tools = findTools(host);
  } catch (thrown) {
    const error = asSallyportError(thrown);
    return [...checks, fails("programs", error.message, error.hint)];
  }
  checks.push(holds("bubblewrap", versionOf(tools.bwrap)));
  const started = performance.now();
  try {
    const attestation = await tryCell(host, tools);
    return [...checks, ...attested(attestation), holds("start", `${Math.round(performance.now() - started)} ms to build, read and end a cell`)];
  } catch (thrown) {
    const error = asSallyportError(thrown);
    const broken = error.code === "cell.promise-broken" ? error.detail.split("; ").map((promise) => fails(promise, "the kernel did not apply it", null)) : [];
    return [...checks, ...(broken.length > 0 ? broken : [fails("cell", error.message, diagnose(error))])];
  }
}

async function tryCell(host: Host, tools: Tools): Promise<Attestation> {
  const program = realpathSync(findProgram("true", "/usr/bin:/bin", "/") ?? "/bin/true");
  const launch = { program, args: [], needs: [], identity: { kind: "program" as const, name: "true", integrity: "" } };
  const wish = makeWish({ isolation: "bubblewrap", read: [], write: [], env: [], named: false, limits: {}, network: null }, launch, host);
  const plan = makePlan(launch, wish, survey(host, chooseUser(host, [])));
  const cell = await startCell({ plan, tools, session: `doctor-${host.pid}`, host, scratch: tmpdir() });
  cell.stdout.resume();
  cell.stderr.resume();
  cell.release();
  const { code } = await cell.exited;
  if (code !== 0) throw new SallyportError("server.not-started", `true ended with ${code}`);
  return cell.attestation;
}

/** The cell stood and all of its promises were kept; one line for each group of them. */
function attested({ uids, seccomp, namespaces, cgroup, notEnforced }: Attestation): Check[] {
  return [
    holds("uid", `servers run as uid ${uids[0]}`),
    holds("capabilities", "none, and none can be gained"),
    holds("system calls", `${seccomp.filters} filter in force`),
    holds("namespaces", Object.keys(namespaces).join(" ")),
    holds("files", "nothing is visible or writable but what was planned"),
    holds("limits", `${LIMITS.processes} processes, ${LIMITS.openFiles} open files, ${LIMITS.cpuSeconds} s processor`),
    cgroup === null ? { state: "weaker", what: "control groups", detail: notEnforced.join("; "), mend: "run inside a systemd user session, or as root" } : holds("control groups", `v${cgroup.version}: ${cgroup.controllers.join(" ")}`),
  ];
}

/** The kernel says no more than EPERM; which setting it was has to be read elsewhere. */
function diagnose(error: SallyportError): string {
  if (setting("kernel/unprivileged_userns_clone") === "0") return "sysctl -w kernel.unprivileged_userns_clone=1";
  if (setting("user/max_user_namespaces") === "0") return "sysctl -w user.max_user_namespaces=15000";
  if (setting("kernel/apparmor_restrict_unprivileged_userns") === "1") return "install an AppArmor profile for bwrap that allows userns (Ubuntu 24.04: package apparmor-profiles, profile bwrap-userns-restrict)";
  if (existsSync("/.dockerenv") || existsSync("/run/.containerenv")) return "this is a container whose engine forbids namespaces: allow unshare, mount and pivot_root in its seccomp profile";
  return error.hint;
}

function setting(name: string): string | null {
  return existsSync(`/proc/sys/${name}`) ? readFileSync(`/proc/sys/${name}`, "utf8").trim() : null;
}

function nodeCheck(): Check {
  return holds("node", process.version);
}

function npmCheck(host: Host): Check {
  const npm = findProgram("npm", host.env["PATH"] ?? "", host.cwd);
  return npm === null ? { state: "weaker", what: "npm", detail: "packages cannot be fetched for npx servers", mend: "apt-get install npm" } : holds("npm", npm);
}

function versionOf(program: string): string {
  return `${program}, ${execFileSync(program, ["--version"], { encoding: "utf8", env: {} }).trim()}`;
}

function holds(what: string, detail: string): Check {
  return { state: "holds", what, detail, mend: null };
}

function fails(what: string, detail: string, mend: string | null): Check {
  return { state: "fails", what, detail, mend };
}
