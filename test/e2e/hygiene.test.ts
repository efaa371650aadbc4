/** Two hundred sessions in every kind of cell, ended in every way at any moment, leave nothing: no process, container, group, mount or folder. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { eventually, gate, isAlive, isRoot, processesWith, records, scratch, server, sessionFiles } from "../helpers.ts";
import { BACKENDS, containers } from "./engines.ts";

const SESSIONS = 200;
const AT_ONCE = 4;
const WAYS = ["close", "term", "kill", "server", "at once", "while it starts"] as const;

/** The same numbers in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
}

async function session(home: string, way: (typeof WAYS)[number], backend: string, random: () => number): Promise<void> {
  const hosts = random() < 0.3 ? ["--host", "localhost:9", "--host", "host.example:443"] : [];
  const running = gate(["node", server("caller.mjs")], { home, flags: ["--isolation", backend, ...hosts] });
  if (way === "at once") return void (running.child.kill(random() < 0.5 ? "SIGKILL" : "SIGTERM"), await running.ended);
  if (way === "while it starts") {
    await new Promise((done) => setTimeout(done, random() * (backend === "bubblewrap" ? 300 : 900)));
    running.child.kill("SIGKILL");
    return void (await running.ended);
  }
  running.send({ id: 1, method: "try", params: { how: "lookup", name: "localhost" } });
  await running.answerTo(1);
  if (way === "close") running.child.stdin.end();
  if (way === "term") running.child.kill("SIGTERM");
  if (way === "kill") running.child.kill("SIGKILL");
  if (way === "server") {
    const own = sessionFiles(home).find((file) => records(home, file)[0]?.message?.["pid"] === running.child.pid) as string;
    process.kill(Number(records(home, own).find(({ message }) => message?.["event"] === "attestation")?.message?.["pid"]), "SIGKILL");
  }
  await running.ended;
}

describe.runIf(isRoot)("two hundred sessions", () => {
  it("leave nothing", async () => {
    const home = scratch();
    const random = numbers(7);
    const mounts = readFileSync("/proc/self/mountinfo", "utf8");
    const before = containers();
    const ours = (): number[] => [...processesWith("caller.mjs"), ...processesWith("dist/inside.cjs"), ...processesWith("sallyport-guard")].filter(isAlive);
    const others = ours();
    // Containers take longer: a fifth each.
    const plan = Array.from({ length: SESSIONS }, (_, index) => ({ way: WAYS[index % WAYS.length] as (typeof WAYS)[number], backend: BACKENDS[random() < 0.6 ? 0 : Math.floor(random() * BACKENDS.length)] as string }));
    const work = async (): Promise<void> => {
      for (let next = plan.shift(); next !== undefined; next = plan.shift()) await session(home, next.way, next.backend, random);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    // The guards of killed gates look for ten seconds at the most; then one more start tidies up what they could not.
    await eventually(() => containers().every((name) => before.includes(name)), "the containers are gone", 20_000);
    await gate(["true"], { home, flags: ["--isolation", "bubblewrap"] }).ended;
    const own = sessionFiles(home).map((file) => basename(file, ".jsonl"));
    expect(own.length).toBeGreaterThan(SESSIONS / 2);
    await eventually(() => readdirSync(join(home, "sallyport/state/run")).length === 0, "the folders are gone", 20_000);
    await eventually(() => ours().every((pid) => others.includes(pid)), "the processes are gone", 20_000);
    const groups = existsSync("/sys/fs/cgroup") ? execFileSync("find", ["/sys/fs/cgroup", "-maxdepth", "4", "-name", "*sallyport-*"], { encoding: "utf8" }).split("\n") : [];
    expect(groups.filter((group) => own.some((name) => group.includes(name)))).toEqual([]);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).toBe(mounts);
  }, 600_000);

  it("are counted, and no more than the ceiling run at once; what belongs to living gates and to others stays", async () => {
    const home = scratch();
    const living = gate(["node", server("caller.mjs")], { home });
    living.send({ id: 1, method: "try", params: { how: "lookup", name: "localhost" } });
    await living.answerTo(1);
    const folders = (): string[] => readdirSync(join(home, "sallyport/state/run"));
    expect(folders()).toHaveLength(1);
    const strangers = BACKENDS.includes("docker") ? execFileSync("docker", ["run", "--detach", "--rm", "--network", "none", "--entrypoint", "/bin/sh", execFileSync("docker", ["images", "--quiet", "localhost/sallyport"], { encoding: "utf8" }).split("\n")[0] as string, "-c", "read x"], { encoding: "utf8" }).trim() : null;
    await gate(["true"], { home }).ended;
    expect(folders()).toHaveLength(1);
    living.send({ id: 2, method: "try", params: { how: "lookup", name: "localhost" } });
    await living.answerTo(2);
    if (strangers !== null) execFileSync("docker", ["rm", "--force", strangers], { stdio: "ignore" });
    for (let count = 0; count < 99; count += 1) cpSync(join(home, "sallyport/state/run", folders()[0] as string), join(home, "sallyport/state/run", `copy-${count}.${(folders()[0] as string).split(".").slice(1).join(".")}`), { recursive: true });
    const { code, stderr } = await gate(["true"], { home }).ended;
    expect([code, stderr]).toEqual([3, expect.stringContaining("cell.ceiling")]);
  });
});
