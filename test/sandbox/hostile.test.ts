/** A hostile program in the cell and, in the same run, outside of it: what fails here must have worked there. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync, chmodSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { DENIED, JUDGED, numberOf, type Architecture } from "../../src/sandbox/syscalls.ts";
import { Running, gate, isRoot, processesWith, scratch, server } from "../helpers.ts";

const OTHERS: Record<Architecture, Record<string, number>> = { x64: { setuid: 105, mknodat: 259 }, arm64: { setuid: 146, mknodat: 33 } };
const architecture = process.arch as Architecture;
const CANARY = "SALLYPORT_CANARY=a-secret-of-the-launcher";
/** Without a terminal or with no effect on one that a test may risk. */
const UNTRIED = ["vhangup"];

interface Attempt {
  readonly attempt: string;
  readonly succeeded: boolean;
  readonly detail: string;
}

interface Scene {
  readonly home: string;
  readonly settings: string[];
  readonly victim: ChildProcess;
  readonly connections: string[];
  readonly paths: Record<"signalled" | "rootPlanted" | "outsidePlanted" | "root", string>;
}

/** A host worth attacking: a process, a secret, listeners of every kind, and a root with traps in it. */
async function scene(): Promise<Scene> {
  const home = scratch();
  const root = join(home, "root");
  const outside = join(home, "outside");
  for (const folder of [root, outside, join(outside, "mount")]) {
    mkdirSync(folder);
    chmodSync(folder, 0o777);
  }
  const secret = join(outside, "secret.txt");
  writeFileSync(secret, "the secret");
  symlinkSync(secret, join(root, "link-out"));
  const signalled = join(outside, "signalled");
  const marker = `victim-${process.pid}-${Math.random()}`;
  const script = `process.on("SIGUSR1", () => require("fs").writeFileSync(process.argv[1], "")); setInterval(() => {}, 1000); console.log("ready")`;
  const victim = spawn(process.execPath, ["-e", script, signalled, marker], { env: { PATH: process.env["PATH"], SALLYPORT_CANARY: CANARY.split("=")[1] }, stdio: ["ignore", "pipe", "ignore"] });
  await new Promise((ready) => victim.stdout?.once("data", ready));
  onTestFinished(() => void victim.kill("SIGKILL"));

  const connections: string[] = [];
  const listen = async (name: string, where: object): Promise<Server> => {
    const listener = createServer((socket) => (connections.push(name), socket.destroy()));
    await new Promise<void>((ready) => listener.listen(where, ready));
    onTestFinished(() => void listener.close());
    return listener;
  };
  const tcp = await listen("tcp", { host: "0.0.0.0", port: 0 });
  const { port } = tcp.address() as { port: number };
  const unix = join(root, "service.sock");
  await listen("unix", { path: unix });
  chmodSync(unix, 0o777);
  const abstract = `sallyport-test-${process.pid}-${Math.random()}`;
  const datagram = join(root, "datagram.sock");
  const helper = spawn("perl", ["-MSocket", "-e", '$|=1; socket(S,AF_UNIX,SOCK_DGRAM,0); bind(S,pack_sockaddr_un($ARGV[0])) or die; chmod 0777,$ARGV[0]; socket(A,AF_UNIX,SOCK_STREAM,0); bind(A,pack_sockaddr_un("\\0$ARGV[1]")) or die; listen(A,5); print "ready\\n"; sleep 100', datagram, abstract], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((ready) => helper.stdout.once("data", ready));
  onTestFinished(() => void helper.kill("SIGKILL"));

  const calls = { ...DENIED, ...JUDGED };
  const numbers = Object.entries(calls).map(([name, call]) => `nr_${name}=${numberOf(call, architecture)}`).filter((entry) => !entry.endsWith("null"));
  const denied = Object.entries(DENIED).filter(([name, call]) => numberOf(call, architecture) !== null && !UNTRIED.includes(name)).map(([name]) => name);
  const addresses = Object.values(networkInterfaces()).flat().filter((one) => one?.family === "IPv4" && !one.internal).map((one) => one?.address);
  const settings = [
    `marker=${marker}`, `canary=${CANARY}`, `victim=${victim.pid}`, `secret=${secret}`, `root=${root}`, `outside=${outside}`, `outside_mount=${join(outside, "mount")}`,
    `port=${port}`, `addresses=${addresses.join(",")}`, `unix=${unix}`, `abstract=${abstract}`, `unix_datagram=${datagram}`, `denied=${denied.join(",")}`,
    ...numbers, ...Object.entries(OTHERS[architecture]).map(([name, number]) => `nr_${name}=${number}`),
  ];
  return { home, settings, victim, connections, paths: { signalled, rootPlanted: join(root, "planted"), outsidePlanted: join(outside, "planted"), root } };
}

function attempts(running: Running): Attempt[] {
  return running.messages.map((message) => (message["params"] as { data: Attempt }).data);
}

async function finished(running: Running): Promise<Attempt[]> {
  await running.until(() => running.stdout.includes('"done"'), "the end of the attempts", 60_000);
  running.child.stdin.end();
  await running.ended;
  return attempts(running).filter(({ attempt }) => attempt !== "done");
}

const asUser = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "--"];

/** What a host may not have in the first place, or what needs a mount that the control does not make. */
const ABSENT = ["read it by way of /proc/1/root", "remount a root writable", "open an AF_ALG socket", "open a vsock socket", "open a netlink audit socket", "set up io_uring"];

describe("a hostile program", () => {
  for (const who of isRoot ? ["root", "a user"] : ["a user"]) {
    it(`gets nothing in the cell of a gate started by ${who}`, async () => {
      const { home, settings, victim, connections, paths } = await scene();
      if (who === "a user" && isRoot) chmodSync(home, 0o777);
      const before = who === "a user" && isRoot ? asUser : [];
      const more = ["/planted", "/usr/planted", "/etc/planted", "/dev/planted", "/proc/planted", "/home/planted", "/root/planted", "/var/planted"].join(":");
      const running = gate(["perl", server("hostile.pl"), ...settings, "scratch=/tmp", `more_places=${more}`], { home, before, env: { SALLYPORT_CANARY: CANARY.split("=")[1] as string, EXTRA: "x" }, flags: ["--read", paths.root] });
      const tried = await finished(running);
      expect(tried.filter(({ succeeded }) => succeeded)).toEqual([]);
      expect(tried.length).toBeGreaterThan(100);
      // The same, seen from outside.
      expect(victim.exitCode).toBe(null);
      expect(existsSync(paths.signalled)).toBe(false);
      expect(existsSync(paths.rootPlanted)).toBe(false);
      expect(existsSync(paths.outsidePlanted)).toBe(false);
      expect(more.split(":").filter((place) => existsSync(place))).toEqual([]);
      expect(connections).toEqual([]);
    });
  }

  it.runIf(isRoot)("gets everything without the gate, in the same run", async () => {
    const { home, settings, connections, paths } = await scene();
    const running = new Running(["unshare", "--mount", "--uts", "--propagation", "private", "--", "perl", server("hostile.pl"), ...settings, `scratch=${home}`], { home, env: { SALLYPORT_CANARY: CANARY.split("=")[1] as string, EXTRA: "x" } });
    const tried = await finished(running);
    expect(tried.filter(({ attempt, succeeded }) => !succeeded && !ABSENT.includes(attempt))).toEqual([]);
    expect(existsSync(paths.signalled)).toBe(true);
    expect(existsSync(paths.rootPlanted)).toBe(true);
    expect(existsSync(paths.outsidePlanted)).toBe(true);
    expect(connections).toContain("tcp");
    expect(connections).toContain("unix");
  });

  it("connects to nothing outside, either", async () => {
    const { home, settings, paths } = await scene();
    // A documentation address: whatever the host's routes are, the cell has none, and must say so at once.
    const running = gate(["perl", server("hostile.pl"), ...settings, "scratch=/tmp", "outer=192.0.2.1:80"], { home, flags: ["--read", paths.root] });
    const outer = (await finished(running)).find(({ attempt }) => attempt === "connect to an outside address");
    expect(outer).toEqual({ attempt: "connect to an outside address", succeeded: false, detail: "Network is unreachable" });
  });
});

describe("a bomb", () => {
  const explode = async (kind: string): Promise<{ said: string[]; took: number; home: string }> => {
    const home = scratch();
    const from = Date.now();
    const running = gate(["perl", server("bomb.pl"), kind], { home });
    running.child.stdin.write("");
    await running.until(() => running.stdout.includes('"done"') || running.child.exitCode !== null, "the end of the bomb", 40_000).catch(() => {});
    running.child.stdin.end();
    await running.ended;
    return { said: running.messages.map((message) => JSON.stringify(message["params"])), took: Date.now() - from, home };
  };

  it("of processes stops at the limit, and all of them are gone afterwards", async () => {
    const { said } = await explode("fork");
    const made = Number(/"made":(\d+)/.exec(said.join())?.[1]);
    expect(made).toBeGreaterThan(100);
    expect(made).toBeLessThanOrEqual(512);
    expect(processesWith("bomb.pl")).toEqual([]);
  });

  it("of memory is ended or refused at the limit", async () => {
    const { said } = await explode("memory");
    const held = Math.max(...said.map((line) => Number(/"held":(\d+)/.exec(line)?.[1] ?? 0)));
    expect(held).toBeGreaterThan(512);
    expect(held).toBeLessThan(2048 + 64);
  });

  it("of files stops at the size of the scratch memory", async () => {
    const { said } = await explode("disk");
    expect(Number(/"written":(\d+)/.exec(said.join())?.[1])).toBeLessThanOrEqual(256);
  });

  it("of descriptors stops at the limit", async () => {
    const { said } = await explode("files");
    expect(Number(/"opened":(\d+)/.exec(said.join())?.[1])).toBeLessThanOrEqual(4096);
  });
});
