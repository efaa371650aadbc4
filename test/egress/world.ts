/** Two network namespaces of the test's own, joined by a cable: the gate stands in one, a small world in the other. Needs root. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, writeFileSync, chmodSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { server } from "../helpers.ts";

export interface World {
  /** Stands before a command that is to run where the gate runs. */
  readonly before: readonly string[];
  /** The same for the other side of the cable. */
  readonly there: readonly string[];
  /** The authority that signed the world's certificates. */
  readonly ca: string;
  readonly folder: string;
  /** What arrived there, a line each. */
  readonly seen: () => string[];
  /** Forgets what has arrived so far. */
  readonly forget: () => void;
  close(): void;
}

const run = (...argv: string[]): void => void execFileSync(argv[0] as string, argv.slice(1), { stdio: ["ignore", "ignore", "pipe"] });

export async function makeWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-world-"));
  chmodSync(folder, 0o755);
  certificates(folder);
  writeFileSync(join(folder, "resolv.conf"), "nameserver 9.9.9.9\noptions timeout:1\n");
  writeFileSync(join(folder, "hosts"), "127.0.0.1 localhost\n");
  const near = spawn("unshare", ["--net", "--mount", "--propagation", "private", "--", "sh", "-c", `for f in resolv.conf hosts; do mount --bind ${folder}/$f $(realpath -m /etc/$f); done; echo ready; exec sleep 3600`]);
  const far = spawn("unshare", ["--net", "--", "sh", "-c", `read go; exec "$0" "$@"`, process.execPath, server("world.mjs"), folder]);
  await said(near, "ready");
  const [a, b] = [String(near.pid), String(far.pid)];
  run("ip", "link", "add", "g0", "netns", a, "type", "veth", "peer", "name", "w0", "netns", b);
  for (const [pid, device, ...addresses] of [[a, "g0", "93.184.10.1/24"], [b, "w0", "93.184.10.10/24", "93.184.10.20/24", "93.184.10.53/24", "9.9.9.9/32"]] as const) {
    const inside = (...argv: string[]): void => run("nsenter", "-t", pid, "-n", "--", "ip", ...argv);
    inside("link", "set", "lo", "up");
    for (const address of addresses) inside("addr", "add", address, "dev", device);
    inside("link", "set", device, "up");
  }
  run("nsenter", "-t", a, "-n", "--", "ip", "route", "add", "default", "via", "93.184.10.53");
  // The gate's machine has a service of its own, also on addresses that no interface lists.
  run("nsenter", "-t", a, "-n", "--", "ip", "route", "add", "local", "93.184.11.0/24", "dev", "lo");
  const own = spawn("nsenter", ["-t", a, "-n", "--", process.execPath, "-e", 'require("http").createServer((_, answer) => answer.end("the machine\'s own")).listen(80, () => console.log("ready"))']);
  await said(own, "ready");
  let lines = "";
  far.stdout.on("data", (chunk: Buffer) => (lines += chunk.toString()));
  far.stdin.write("go\n");
  await said(far, "ready");
  const close = (): void => {
    own.kill("SIGKILL");
    near.kill("SIGKILL");
    far.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  lines = "";
  return { before: ["nsenter", "-t", a, "-n", "-m", "--"], there: ["nsenter", "-t", b, "-n", "--"], ca: join(folder, "ca.pem"), folder, seen: () => lines.split("\n").filter(Boolean), forget: () => void (lines = ""), close };
}

async function said(child: ChildProcess, word: string): Promise<void> {
  let text = "";
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on("data", (chunk: Buffer) => ((text += chunk.toString()).split("\n").includes(word) ? resolve() : undefined));
    child.stderr?.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.once("exit", (code) => reject(new Error(`the world ended with ${code}: ${text}`)));
  });
}

function certificates(folder: string): void {
  const at = (name: string): string => join(folder, name);
  const quiet = ["-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  run("openssl", "req", "-x509", ...quiet, "-keyout", at("ca.key"), "-out", at("ca.pem"), "-days", "2", "-subj", "/CN=world", "-addext", "basicConstraints=critical,CA:TRUE");
  run("openssl", "req", ...quiet, "-keyout", at("key.pem"), "-out", at("csr.pem"), "-subj", "/CN=api.example.com");
  writeFileSync(at("names"), "subjectAltName=DNS:api.example.com,DNS:*.api.example.com,DNS:other.example.com,DNS:mixed.example.com,DNS:rebind.example.com\n");
  run("openssl", "x509", "-req", "-in", at("csr.pem"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial", "-out", at("cert.pem"), "-days", "2", "-extfile", at("names"));
}
