/** The operating system's keyring: the Secret Service by `secret-tool` (libsecret) on Linux, the Keychain by `security` on macOS. Values cross by pipes, never in a command line. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { Host } from "../model.ts";
import type { SecretStore } from "./store.ts";

const SERVICE = "sallyport";
const PATIENCE = 10_000;

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function ask(argv: readonly string[], input: string, host: Host): Promise<Ran> {
  const [program = "", ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...host.env, ...bus(host) }, stdio: ["pipe", "pipe", "pipe"] });
    const timer = setTimeout(() => (child.kill("SIGKILL"), reject(new Error(`${program} did not answer within ${PATIENCE / 1000} s`))), PATIENCE);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString("utf8")));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString("utf8")));
    child.on("error", (error) => (clearTimeout(timer), reject((error as NodeJS.ErrnoException).code === "ENOENT" ? new Error(`${program} is not installed`) : error)));
    child.on("close", (code) => (clearTimeout(timer), resolve({ code, stdout, stderr })));
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

/** Clients pass on little of their environment; the session's bus has its usual place. */
function bus(host: Host): Record<string, string> {
  const usual = `/run/user/${host.uid}/bus`;
  return host.env["DBUS_SESSION_BUS_ADDRESS"] === undefined && existsSync(usual) ? { DBUS_SESSION_BUS_ADDRESS: `unix:path=${usual}` } : {};
}

function refused({ code, stderr }: Ran, program: string): never {
  throw new Error(`${program} ended with ${code}: ${stderr.trim().split("\n").at(-1) ?? ""}`);
}

const SECRET_SERVICE: SecretStore = {
  read: async (name, host) => {
    const ran = await ask(["secret-tool", "lookup", "service", SERVICE, "name", name], "", host);
    if (ran.code === 0) return ran.stdout;
    return ran.stderr.trim() === "" ? null : refused(ran, "secret-tool");
  },
  write: async (name, value, host) => {
    const ran = await ask(["secret-tool", "store", `--label=Sallyport: ${name}`, "service", SERVICE, "name", name], value, host);
    if (ran.code !== 0) refused(ran, "secret-tool");
  },
  drop: async (name, host) => {
    const ran = await ask(["secret-tool", "clear", "service", SERVICE, "name", name], "", host);
    if (ran.code !== 0 && ran.stderr.trim() !== "") refused(ran, "secret-tool");
  },
};

/** `security -i` reads its commands from a pipe; the value is written in hexadecimal, so that nothing in it means anything. */
const KEYCHAIN: SecretStore = {
  read: async (name, host) => {
    const ran = await ask(["security", "find-generic-password", "-s", SERVICE, "-a", name, "-w"], "", host);
    if (ran.code === 0) return Buffer.from(ran.stdout.trim(), "hex").toString("utf8");
    return ran.code === 44 ? null : refused(ran, "security");
  },
  write: async (name, value, host) => {
    const ran = await ask(["security", "-i"], `add-generic-password -U -s ${SERVICE} -a "${name}" -w ${Buffer.from(value).toString("hex")}\n`, host);
    if (ran.code !== 0 || ran.stderr.trim() !== "") refused(ran, "security");
  },
  drop: async (name, host) => void (await ask(["security", "delete-generic-password", "-s", SERVICE, "-a", name], "", host)),
};

const of = (host: Host): SecretStore => (host.platform === "darwin" ? KEYCHAIN : SECRET_SERVICE);

export const KEYRING: SecretStore = {
  read: (name, host) => of(host).read(name, host),
  write: (name, value, host) => of(host).write(name, value, host),
  drop: (name, host) => of(host).drop(name, host),
};
