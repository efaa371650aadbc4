/**
 * Published exploits against the versions of the packages that they were published for. Judged by what happened, never by the
 * reply: the control without a gate must succeed in the same run; then the cell alone must stop it, and the guards alone,
 * with arguments typed by `add` and nothing else; and an honest call to the same server must pass.
 */
import { spawn, execFileSync, type ChildProcess } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BACKENDS } from "./engines.ts";
import { Running, gate, isRoot, sallyport, scratch } from "../helpers.ts";

const MODULES = join(import.meta.dirname, "node_modules");
const CANARY = `canary-${process.pid}-${Date.now()}`;
type Way = "direct" | "cell" | "guards" | "docker" | "podman" | "gvisor";
const ENGINES = BACKENDS.filter((backend): backend is "docker" | "podman" | "gvisor" => backend !== "bubblewrap");

interface Call {
  readonly name: string;
  readonly arguments: object;
}

interface Replay {
  readonly command: readonly string[];
  readonly env?: Record<string, string>;
  /** What the server is given, beside what its arguments name. */
  readonly read?: readonly string[];
  readonly write?: readonly string[];
}

let names = 0;

/** Starts a server in one of three ways, makes the calls, and returns everything that it answered. */
async function call(way: Way, home: string, { command, env = {}, read = [], write = [] }: Replay, calls: readonly Call[]): Promise<string> {
  const options = { home, env };
  const flags = [...read.flatMap((at) => ["--read", at]), ...write.flatMap((at) => ["--write", at]), "--consent", "never"];
  let running: Running;
  if (way === "direct") running = new Running(command, options);
  else if (way !== "guards") running = gate(command, { ...options, flags: ["--isolation", way === "cell" ? "bubblewrap" : way, ...flags] });
  else {
    const name = `s${(names += 1)}`;
    const added = await sallyport(["add", name, "--yes", "--isolation", "none", "--reason", "the guards alone", ...flags, "--", ...command], options);
    expect([added.code, added.stderr]).toEqual([0, expect.stringContaining("written")]);
    running = gate([], { ...options, flags: ["--server", name] });
  }
  running.send({ id: "init", method: "initialize", params: { protocolVersion: "2024-11-05", capabilities: {}, clientInfo: { name: "t", version: "1" } } });
  await running.answerTo("init");
  running.send({ method: "notifications/initialized" });
  running.send({ id: "list", method: "tools/list" });
  await running.answerTo("list");
  const answers: unknown[] = [];
  for (const [index, { name, arguments: values }] of calls.entries()) {
    running.send({ id: index, method: "tools/call", params: { name, arguments: values } });
    answers.push(await running.answerTo(index));
  }
  running.child.stdin.end();
  const timer = setTimeout(() => running.child.kill("SIGKILL"), 4000);
  await running.ended;
  clearTimeout(timer);
  return JSON.stringify(answers);
}

/** A home that the uid of servers may enter and write. */
function place(): string {
  const home = scratch();
  chmodSync(home, 0o755);
  return home;
}

function given(folder: string): string {
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o777);
  if (isRoot) chownSync(folder, 65534, 65534);
  return folder;
}

const PROTECTED = ["cell", "guards"] as const;

describe("server-filesystem 2025.3.28", () => {
  const server = (allow: string): Replay => ({ command: ["node", join(MODULES, "vulnerable-filesystem/dist/index.js"), allow], read: [allow], write: [allow], env: { CANARY } });
  const tree = (): { home: string; allow: string; secret: string } => {
    const home = place();
    const allow = given(join(home, "allow"));
    const secret = given(join(home, "allow_secret"));
    writeFileSync(join(secret, "key.txt"), CANARY);
    writeFileSync(join(allow, "hello.txt"), "hello");
    symlinkSync("/etc/hostname", join(allow, "evil"));
    writeFileSync(join(given(join(home, "elsewhere")), "listed.txt"), "");
    symlinkSync(join(home, "elsewhere"), join(allow, "dirlink"));
    symlinkSync("/proc/self/environ", join(allow, "env"));
    return { home, allow, secret };
  };
  const readOnly = (replay: Replay): Replay => ({ ...replay, read: [] });

  it("path prefix (CVE-2025-53110): the sibling is neither read nor written", async () => {
    for (const way of ["direct", ...PROTECTED] as const) {
      const { home, allow, secret } = tree();
      const calls = [{ name: "read_file", arguments: { path: `${allow}/../allow_secret/key.txt` } }, { name: "write_file", arguments: { path: join(secret, "planted.txt"), content: "x" } }];
      const answers = await call(way, home, readOnly(server(allow)), calls);
      expect([way, answers.includes(CANARY), existsSync(join(secret, "planted.txt"))]).toEqual([way, way === "direct", way === "direct"]);
      expect(await call(way, home, readOnly(server(allow)), [{ name: "read_file", arguments: { path: join(allow, "hello.txt") } }])).toContain("hello");
    }
  });

  it("symbolic links (CVE-2025-53109): what lies outside is not shown", async () => {
    const hostname = readFileSync("/etc/hostname", "utf8").trim();
    for (const way of ["direct", ...PROTECTED] as const) {
      const { home, allow } = tree();
      const answers = await call(way, home, readOnly(server(allow)), [{ name: "read_file", arguments: { path: join(allow, "evil") } }, { name: "list_directory", arguments: { path: join(allow, "dirlink") } }]);
      expect([way, answers.includes(`"${hostname}`), answers.includes("] listed.txt")]).toEqual([way, way === "direct", way === "direct"]);
    }
  });

  it("environment spill: the caller's variables are not shown", async () => {
    for (const way of ["direct", ...PROTECTED] as const) {
      const { home, allow } = tree();
      const answers = await call(way, home, readOnly(server(allow)), [{ name: "read_file", arguments: { path: join(allow, "env") } }]);
      expect([way, answers.includes(CANARY)]).toEqual([way, way === "direct"]);
    }
  });
});

describe("figma-developer-mcp 0.6.0", () => {
  it("shell injection (CVE-2025-53967): nothing runs", async () => {
    for (const way of ["direct", ...PROTECTED] as const) {
      const home = place();
      const proof = join(given(join(home, "proof")), "ran");
      const server: Replay = { command: ["node", join(MODULES, "figma-developer-mcp/dist/cli.js"), "--stdio", "--figma-api-key=dummy"] };
      await call(way, home, server, [{ name: "get_figma_data", arguments: { fileKey: `x"$(id>${proof})"`, nodeId: "1:1" } }]);
      expect([way, existsSync(proof)]).toEqual([way, way === "direct"]);
      // There is no network: the honest call reaches the server, and fails there.
      expect(await call(way, home, server, [{ name: "get_figma_data", arguments: { fileKey: "abcDEF123", nodeId: "1:1" } }])).not.toContain("sallyport refused");
    }
  }, 180_000);
});

describe("server-postgres 0.6.2", () => {
  const bin = existsSync("/usr/lib/postgresql") ? join("/usr/lib/postgresql", readdirSync("/usr/lib/postgresql").sort().at(-1) as string, "bin") : "";
  const as = isRoot ? ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"] : [];
  let database: ChildProcess | null = null;
  let port = 0;
  let folder = "";

  beforeAll(async () => {
    folder = execFileSync("mktemp", ["-d", "/tmp/sallyport-pg-XXXXXX"], { encoding: "utf8" }).trim();
    chmodSync(folder, 0o777);
    port = await new Promise<number>((done) => {
      const probe = createServer().listen(0, "127.0.0.1", () => {
        const { port: free } = probe.address() as { port: number };
        probe.close(() => done(free));
      });
    });
    const run = (argv: readonly string[]): void => void execFileSync([...as, ...argv][0] as string, [...as, ...argv].slice(1), { stdio: "ignore", env: { PATH: process.env["PATH"], HOME: folder, LC_ALL: "C" } });
    run([join(bin, "initdb"), "-D", join(folder, "data"), "-U", "test", "-A", "trust", "--no-sync"]);
    const argv = [...as, join(bin, "postgres"), "-D", join(folder, "data"), "-p", String(port), "-c", "listen_addresses=127.0.0.1", "-c", `unix_socket_directories=${folder}`, "-c", "fsync=off"];
    database = spawn(argv[0] as string, argv.slice(1), { stdio: "ignore", env: { PATH: process.env["PATH"] ?? "", HOME: folder, LC_ALL: "C" } });
    for (let tries = 0; ; tries += 1) {
      try {
        psql("select 1");
        break;
      } catch (error) {
        if (tries > 100) throw error;
        await new Promise((done) => setTimeout(done, 100));
      }
    }
  }, 60_000);
  afterAll(() => {
    database?.kill("SIGQUIT");
    if (folder !== "") execFileSync("rm", ["-rf", folder]);
  });

  const psql = (sql: string): string => execFileSync(join(bin, "psql"), ["-h", "127.0.0.1", "-p", String(port), "-U", "test", "-d", "postgres", "-tAc", sql], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();

  it("leaving the read-only transaction: no row is deleted, no program runs", async () => {
    for (const way of ["direct", ...PROTECTED] as const) {
      psql("drop table if exists users; drop table if exists o; create table users(id int); insert into users values (1), (2)");
      const home = place();
      const server: Replay = { command: ["node", join(MODULES, "@modelcontextprotocol/server-postgres/dist/index.js"), `postgresql://test@127.0.0.1:${port}/postgres`] };
      const answers = await call(way, home, server, [
        { name: "query", arguments: { sql: "COMMIT; DELETE FROM users; SELECT 1" } },
        { name: "query", arguments: { sql: `COMMIT; CREATE TABLE o(t text); COPY o FROM PROGRAM 'echo ${CANARY}'; SELECT * FROM o` } },
        { name: "query", arguments: { sql: "SELECT count(*) AS n FROM users" } },
      ]);
      const ran = psql("select count(*) from information_schema.tables where table_name = 'o'") === "1";
      expect([way, psql("select count(*) from users"), ran]).toEqual(way === "direct" ? [way, "0", true] : [way, "2", false]);
      // Cells have no network, so that an honest query does not reach the database from there either.
      if (way === "guards") expect(answers).toContain('\\"n\\": \\"2\\"');
    }
  });
});

describe("server-everything", () => {
  it("environment by design: the caller's variables are not in it", async () => {
    for (const way of ["direct", ...PROTECTED] as const) {
      const server: Replay = { command: ["node", join(MODULES, "@modelcontextprotocol/server-everything/dist/index.js"), "stdio"], env: { CANARY } };
      const answers = await call(way, place(), server, [{ name: "get-env", arguments: {} }, { name: "echo", arguments: { message: "honest" } }]);
      expect([way, answers.includes(CANARY), answers.includes("Echo: honest")]).toEqual([way, way === "direct", true]);
    }
  });
});

describe("mcp-server-commands 0.5.0, a shell by design", () => {
  it.each<[string, (home: string, gatePid: number) => { command: string; happened: (answers: string) => boolean }]>([
    ["the caller's environment", (_, pid) => ({ command: `cat /proc/${pid}/environ`, happened: (answers) => answers.includes(CANARY) })],
    ["every process's environment", () => ({ command: `grep -a -l ${CANARY} /proc/[0-9]*/environ`, happened: (answers) => /\/proc\/\d+\/environ/.test(answers) })],
    ["credentials", (home) => ({ command: `cat ${home}/.aws/credentials`, happened: (answers) => answers.includes("SECRET-KEY") })],
    ["signals", (_, pid) => ({ command: `kill -0 ${pid} && echo reached`, happened: (answers) => /reached\\?n?"/.test(answers) })],
    ["start-up files", (home) => ({ command: `echo planted >> ${home}/.bashrc`, happened: () => readFileSync(join(given(join(home, "x")), "../.bashrc"), "utf8").includes("planted") })],
    ["a survivor", (home) => ({ command: `setsid sh -c 'sleep 1; echo alive > ${home}/open/alive' >/dev/null 2>&1 &`, happened: () => existsSync(join(home, "open/alive")) })],
    ["the network", (home) => ({ command: `perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(PeerAddr=>"127.0.0.1",PeerPort=>shift)?"connected":"no"' $(cat ${home}/port)`, happened: (answers) => answers.includes('"text":"connected') })],
    ["the container socket", (home) => ({ command: `test -S ${home}/docker.sock && echo socket-there`, happened: (answers) => /"socket-there/.test(answers) })],
  ])("%s: out of reach", async (_name, attack) => {
    const metadata = createServer((socket) => socket.on("error", () => {}).end("metadata")).listen(0, "127.0.0.1");
    await once(metadata, "listening");
    const victim = spawn("sleep", ["60"], { env: { CANARY } });
    try {
      for (const way of ["direct", ...PROTECTED, ...ENGINES] as const) {
        const home = place();
        mkdirSync(join(home, ".aws"));
        writeFileSync(join(home, ".aws/credentials"), "SECRET-KEY");
        writeFileSync(join(home, ".bashrc"), "");
        given(join(home, "open"));
        writeFileSync(join(home, "port"), String((metadata.address() as { port: number }).port));
        const socket = createServer().listen(join(home, "docker.sock"));
        const server: Replay = { command: ["node", join(MODULES, "mcp-server-commands/build/index.js")], env: { CANARY } };
        const { command, happened } = attack(home, victim.pid as number);
        const answers = await call(way, home, server, [{ name: "run_command", arguments: { command } }]);
        await new Promise((done) => setTimeout(done, command.startsWith("setsid") ? 1500 : 0));
        expect([way, happened(answers)], answers).toEqual([way, way === "direct"]);
        expect(await call(way, home, server, [{ name: "run_command", arguments: { command: "echo honest" } }])).toContain("honest");
        socket.close();
      }
    } finally {
      metadata.close();
      victim.kill("SIGKILL");
    }
  });
});
