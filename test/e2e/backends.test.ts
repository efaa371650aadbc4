/** The same hostile program, the same egress and the same endings in every kind of cell that this machine has. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gate, isRoot, records, scratch, server, sessionFiles } from "../helpers.ts";
import { CANARY, finished, scene } from "../sandbox/scene.ts";
import { makeWorld, type World } from "../egress/world.ts";
import { BACKENDS, containers } from "./engines.ts";

const table: Record<string, Record<string, string>> = {};
let world: World;
beforeAll(async () => {
  if (isRoot) world = await makeWorld();
}, 60_000);
afterAll(() => {
  world?.close();
  mkdirSync("test/results", { recursive: true });
  writeFileSync("test/results/backends.json", JSON.stringify(table, null, 2));
  const rows = Object.entries(table).map(([what, by]) => `| ${what} | ${BACKENDS.map((backend) => by[backend] ?? "").join(" | ")} |`);
  console.log([`| | ${BACKENDS.join(" | ")} |`, `|---|${BACKENDS.map(() => "---").join("|")}|`, ...rows].join("\n"));
});

/** Namespaces, traces and devices of the container's own kernel, and calls that it answers with another error than the filter's. */
const OF_ITS_OWN_KERNEL = /^(?:unshare an? \w+ namespace|clone3? into a \w+ namespace|make a device|be traced|push characters into the terminal|call (?:ptrace|process_vm_readv|process_vm_writev|perf_event_open|add_key|request_key|setns|open_by_handle_at|name_to_handle_at))$/;

const note = (what: string, backend: string, result: string): void => void ((table[what] ??= {})[backend] = result);

it("are all here where they have to be", () => {
  if (process.env["CI"] === "true") expect(BACKENDS.slice(0, 3)).toEqual(["bubblewrap", "docker", "podman"]);
});

describe.runIf(isRoot).each(BACKENDS)("a cell of %s", (backend) => {
  it("gives a hostile program nothing", async () => {
    const { home, settings, victim, connections, paths } = await scene();
    const more = ["/planted", "/usr/planted", "/etc/planted", "/dev/planted", "/proc/planted", "/sys/planted", "/sys/fs/cgroup/planted", "/var/planted", "/run/planted"].join(":");
    const running = gate(["perl", server("hostile.pl"), ...settings, "scratch=/tmp", `more_places=${more}`], { home, env: { SALLYPORT_CANARY: CANARY.split("=")[1] as string }, flags: ["--isolation", backend, "--read", paths.root] });
    const tried = await finished(running);
    // A call that is newer than the engine is answered as if the kernel did not know it, by the engine.
    const byEngine = (attempt: string, detail: string): boolean => backend !== "bubblewrap" && attempt.startsWith("call ") && detail === "Function not implemented";
    // Behind gVisor the container's own kernel answers: what it grants is made up by it, and no call of this machine's.
    const byItsKernel = (attempt: string): boolean => backend === "gvisor" && OF_ITS_OWN_KERNEL.test(attempt);
    expect(tried.filter(({ attempt, succeeded, detail }) => succeeded && !byEngine(attempt, detail) && !byItsKernel(attempt))).toEqual([]);
    expect(tried.length).toBeGreaterThan(100);
    expect(victim.exitCode).toBe(null);
    expect([paths.signalled, paths.rootPlanted, paths.outsidePlanted].filter((file) => existsSync(file))).toEqual([]);
    expect(connections).toEqual([]);
    const own = tried.filter(({ attempt, succeeded }) => succeeded && byItsKernel(attempt)).length;
    note("hostile program: attempts that succeeded", backend, `0 of ${tried.length}${own === 0 ? "" : ` (${own} answered by its own kernel)`}`);
  }, 120_000);

  it.each(["fork", "memory", "disk", "files"])("contains a bomb of %s", async (kind) => {
    const home = scratch();
    const running = gate(["perl", server("bomb.pl"), kind], { home, flags: ["--isolation", backend] });
    await running.until(() => running.stdout.includes('"done"') || running.child.exitCode !== null, "the end of the bomb", 60_000).catch(() => {});
    running.child.stdin.end();
    await running.ended;
    const said = running.messages.map((message) => JSON.stringify(message["params"])).join();
    const number = Math.max(0, ...[...said.matchAll(/"(?:made|held|written|opened)":(\d+)/g)].map(([, digits]) => Number(digits)));
    const most = { fork: 512, memory: 2048 + 64, disk: 256, files: 4096 }[kind] as number;
    expect(number).toBeLessThanOrEqual(most);
    // gVisor's own processes are what the control group counts: at the bound the whole cell ends.
    const ended = backend === "gvisor" && kind === "fork";
    if (ended) expect(running.child.exitCode).not.toBe(0);
    else expect(number).toBeGreaterThan(most / 8);
    note(`bomb of ${kind}: stopped at`, backend, ended ? "the cell's end" : String(number));
  }, 120_000);

  it("reaches an allowed host by name, and nothing else", async () => {
    const home = scratch();
    const running = gate(["node", server("caller.mjs")], { home, before: world.before, flags: ["--isolation", backend, "--read", world.ca, "--env", `NODE_EXTRA_CA_CERTS=${world.ca}`, "--host", "api.example.com:443", "--host", "api.example.com:80"] });
    let id = 0;
    const attempt = async (params: object): Promise<string> => {
      id += 1;
      running.send({ id, method: "try", params });
      return ((await running.answerTo(id)) as { result: { text: string } }).result.text;
    };
    expect(await attempt({ how: "fetch", url: "https://api.example.com/" })).toMatch(/^200 93\.184\.10\.10/);
    expect(await attempt({ how: "fetch", url: "http://api.example.com/" })).toMatch(/^200 93\.184\.10\.10/);
    expect(await attempt({ how: "fetch", url: "http://other.example.com/" })).toBe("failed: ENOTFOUND");
    expect(await attempt({ how: "tcp", host: "93.184.10.20", port: 80, send: "GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n" })).not.toContain("200");
    expect(await attempt({ how: "fetch", url: "http://169.254.169.254/" })).toMatch(/failed|403/);
    expect(await attempt({ how: "tls", host: "api.example.com", port: 443, servername: "other.example.com" })).toMatch(/failed/);
    running.child.stdin.end();
    await running.ended;
    const gateRecords = records(home).filter(({ stream }) => stream === "gate").map(({ message }) => String(message?.["event"]));
    expect(gateRecords).toContain("connection.refused");
    expect(gateRecords).toContain("connection.end");
    expect(gateRecords).toContain("name.refused");
    note("allowed host by name; all others", backend, "reached; refused and recorded");
  }, 120_000);

  it("leaves nothing behind, whichever way it ends", async () => {
    const home = scratch();
    const before = containers();
    for (const end of ["close", "term", "kill", "server", "crash", ...(["podman", "gvisor"].includes(backend) ? (["monitor"] as const) : [])] as const) {
      const running = gate(["node", server("caller.mjs")], { home, flags: ["--isolation", backend] });
      running.send({ id: 1, method: "try", params: { how: "lookup", name: "localhost" } });
      await running.answerTo(1);
      if (end === "close") running.child.stdin.end();
      if (end === "term") running.child.kill("SIGTERM");
      if (end === "kill") running.child.kill("SIGKILL");
      if (end === "server" || end === "crash") {
        const line = records(home).find(({ message }) => message?.["event"] === "attestation");
        process.kill(Number(line?.message?.["pid"]), "SIGKILL");
      }
      if (end === "monitor") {
        const session = basename(sessionFiles(home).at(-1) ?? "", ".jsonl");
        execFileSync("pkill", ["-KILL", "-f", `^/\\S*conmon .*sallyport-${session}`]);
        running.child.stdin.end();
      }
      await running.ended;
    }
    const started = Date.now();
    while (containers().some((name) => !before.includes(name)) && Date.now() - started < 15_000) await new Promise((done) => setTimeout(done, 200));
    expect(containers().filter((name) => !before.includes(name))).toEqual([]);
    // What the killed gate left of its own is gone with the next start.
    const last = gate(["true"], { home, flags: ["--isolation", backend] });
    await last.ended;
    await new Promise((done) => setTimeout(done, 1500));
    expect(readdirSync(join(home, "sallyport/state/run"))).toEqual([]);
    const own = sessionFiles(home).map((file) => basename(file, ".jsonl"));
    const groups = execFileSync("find", ["/sys/fs/cgroup", "-maxdepth", "4", "-name", "*sallyport-*"], { encoding: "utf8" }).split("\n");
    expect(groups.filter((group) => own.some((session) => group.includes(session)))).toEqual([]);
  }, 180_000);
});
