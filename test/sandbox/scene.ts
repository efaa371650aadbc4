/** What the hostile program is set against, and what it says it got. */
import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { DENIED, JUDGED, numberOf, type Architecture } from "../../src/sandbox/syscalls.ts";
import { scratch, type Running } from "../helpers.ts";

const OTHERS: Record<Architecture, Record<string, number>> = { x64: { setuid: 105, mknodat: 259 }, arm64: { setuid: 146, mknodat: 33 } };
const architecture = process.arch as Architecture;
export const CANARY = "SALLYPORT_CANARY=a-secret-of-the-launcher";
/** Without a terminal or with no effect on one that a test may risk. */
const UNTRIED = ["vhangup"];

export interface Attempt {
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
export async function scene(): Promise<Scene> {
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

export async function finished(running: Running): Promise<Attempt[]> {
  await running.until(() => running.stdout.includes('"done"'), "the end of the attempts", 60_000);
  running.child.stdin.end();
  await running.ended;
  return attempts(running).filter(({ attempt }) => attempt !== "done");
}
