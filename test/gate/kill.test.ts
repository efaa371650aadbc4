/** SIGKILL of the gate at a random moment under load, a hundred times over: nothing that a side saw may be missing, nothing may be left. */
import { existsSync, mkdirSync, readFileSync, readdirSync, chmodSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { eventually, gate, processesWith, sallyport, scratch, server, type Running } from "../helpers.ts";

const TIMES = 100;
const AT_ONCE = 4;
/** Milliseconds: under load from the first answer on, and for every fifth gate from its very start. */
const LONGEST = 250;

interface Life {
  readonly running: Running;
  readonly log: string;
}

/** Keeps sixteen requests in flight until the gate is gone. */
function load({ running }: Life): void {
  let sent = 0;
  let answered = 0;
  const fill = (): void => {
    while (sent - answered < 16) running.send({ id: (sent += 1), method: "x/y", params: { text: `request ${sent} ${"y".repeat(sent % 700)}` } });
  };
  running.child.stdout.on("data", (chunk: Buffer) => {
    answered += chunk.toString("latin1").split("\n").length - 1;
    fill();
  });
  fill();
}

function read(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null; // Gone since it was listed.
  }
}

/** Groups without a process in them: those of other gates that run on this machine are nobody's business here. */
const emptyGroups = (): string[] => ["memory", "pids", ""].flatMap((controller) => find(join("/sys/fs/cgroup", controller), 3)).filter((group) => read(join(group, "cgroup.procs")) === "");
const orphanedGuards = (): number[] => processesWith("sallyport-guard").filter((pid) => /^PPid:\s+1$/m.test(read(`/proc/${pid}/status`) ?? ""));
function find(folder: string, depth: number): string[] {
  if (depth === 0 || !existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).flatMap(({ name }) => [...(name.startsWith("sallyport-") ? [join(folder, name)] : []), ...find(join(folder, name), depth - 1)]);
}

it(`loses and leaves nothing in ${TIMES} kills`, { timeout: 240_000 }, async () => {
  const home = scratch();
  const logs = join(home, "logs");
  mkdirSync(logs);
  chmodSync(logs, 0o777);
  const marker = `kill-${process.pid}-${Math.random()}`;
  const mountsBefore = readFileSync("/proc/self/mountinfo", "utf8");
  const temporary = join(home, "tmp");
  mkdirSync(temporary);
  const lives: Life[] = [];
  for (let round = 0; round < TIMES / AT_ONCE; round += 1) {
    const batch = Array.from({ length: AT_ONCE }, (_, index): Life => {
      const log = join(logs, `${round}-${index}`);
      return { running: gate(["node", server("echo.mjs"), "--log", log, marker], { home, env: { TMPDIR: temporary }, flags: ["--write", logs] }), log };
    });
    batch.forEach(load);
    await Promise.all(batch.map(async ({ running }, index) => {
      if ((round * AT_ONCE + index) % 5 !== 0) await running.until(() => running.stdout !== "", "a first answer");
      await new Promise((done) => setTimeout(done, Math.random() * LONGEST));
      running.child.kill("SIGKILL");
      await running.ended;
    }));
    lives.push(...batch);
  }

  await eventually(() => processesWith(marker).length === 0, "every process gone", 3000);
  await eventually(() => emptyGroups().length === 0, "every control group gone", 12_000);
  await eventually(() => orphanedGuards().length === 0, "every guard gone", 12_000);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).toBe(mountsBefore);
  expect(readdirSync(temporary)).toEqual([]);

  const sessions = join(home, "sallyport/state/journal/sessions");
  const crossed = { client: new Set<string>(), server: new Set<string>() };
  for (const name of readdirSync(sessions)) {
    for (const line of readFileSync(join(sessions, name), "utf8").split("\n").slice(0, -1)) {
      const match = /^\{"seq":\d+,.*?"stream":"(client|server)","verdict":"allow",.*?,"message":(.*)\}$/.exec(line);
      if (match !== null) crossed[match[1] as "client" | "server"].add(match[2] as string);
    }
  }
  const whole = (text: string): string[] => text.split("\n").slice(0, -1);
  const seenByServers = lives.flatMap(({ log }) => (existsSync(log) ? whole(readFileSync(log, "utf8")) : []));
  const seenByClients = lives.flatMap(({ running }) => whole(running.stdout));
  expect(seenByServers.filter((frame) => !crossed.client.has(frame))).toEqual([]);
  expect(seenByClients.filter((frame) => !crossed.server.has(frame))).toEqual([]);
  expect(seenByServers.length).toBeGreaterThan(TIMES * 20);
  expect(seenByClients.length).toBeGreaterThan(TIMES * 20);

  const { code, stdout } = await sallyport(["journal", "verify", "--all", "--json"], { home });
  const { chain, segments } = JSON.parse(stdout) as { chain: { problem: { kind: string } | null }; segments: { problem: { kind: string } | null; proved: number }[] };
  expect(chain.problem).toBeNull();
  // A line may be torn where the kill fell into a write; everything up to the last checkpoint is proved in any case.
  expect(segments.filter(({ problem }) => problem !== null && problem.kind !== "torn")).toEqual([]);
  expect(segments.every(({ proved }) => proved >= 0)).toBe(true);
  expect(code === 0 || segments.some(({ problem }) => problem?.kind === "torn")).toBe(true);
});
