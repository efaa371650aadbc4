/** Storage that fails: full, read-only, slow to be asked for. */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { appendToChain, type ChainCheckpoint, type ChainEntry } from "../../src/journal/chain.ts";
import { openCheckpoint } from "../../src/journal/checkpoint.ts";
import { openSigner } from "../../src/journal/key.ts";
import { verifyJournal } from "../../src/journal/verify-all.ts";
import { MAIN, Running, gate, isRoot, records, sallyport, scratch, server } from "../helpers.ts";

describe.runIf(isRoot)("a full disk", () => {
  it("stops everything: who waits is answered, the code is 3, and what was written verifies", async () => {
    const home = scratch();
    const script = `mkdir -p "$SALLYPORT_HOME" && mount -t tmpfs -o size=192k tmpfs "$SALLYPORT_HOME" && "$@"; echo "code $?" >&2; "$1" "$2" journal verify --all >&2; echo "verified $?" >&2`;
    const before = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", script, "sh"];
    const running = gate(["node", server("echo.mjs")], { home, before });
    running.send({ id: "first", method: "test/silent" });
    for (let id = 1; id < 40; id += 1) {
      running.send({ id, method: "x/y", params: { text: "x".repeat(8000) } });
      if ("error" in (await running.answerTo(id))) break;
    }
    const { stderr, stdout } = await running.ended;
    expect(stderr).toContain("journal.write");
    expect(stderr).toContain("code 3");
    expect(stderr).toContain("verified 0");
    const answers = stdout.trim().split("\n").map((line) => JSON.parse(line) as { id: unknown; error?: { data: { code: string } } });
    expect(answers.find(({ id }) => id === "first")?.error?.data.code).toBe("journal.write");
    const passed = answers.filter(({ error }) => error === undefined).length;
    expect(passed).toBeGreaterThan(2);
    expect(passed).toBeLessThan(39);
  });

  it("is refused at the start when there is no room for the first record", async () => {
    const home = scratch();
    const script = 'mkdir -p "$SALLYPORT_HOME" && mount -t tmpfs -o size=32k tmpfs "$SALLYPORT_HOME" && mkdir -p "$SALLYPORT_HOME/state/journal" && dd if=/dev/zero of="$SALLYPORT_HOME/fill" bs=1k 2>/dev/null; "$@"';
    const { code, stderr } = await gate(["node", server("echo.mjs")], { home, before: ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", script, "sh"] }).ended;
    expect(code).toBe(3);
    expect(stderr).toMatch(/journal\.(open|key|write)/);
  });

  it("that is read-only is an error with the next step", async () => {
    const home = scratch();
    await gate(["true"], { home }).ended;
    const script = 'mount --bind "$SALLYPORT_HOME" "$SALLYPORT_HOME" && mount -o remount,ro,bind "$SALLYPORT_HOME" && "$@"';
    const { code, stderr } = await gate(["true"], { home, before: ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", script, "sh"] }).ended;
    expect([code, stderr.includes("journal.open"), stderr.includes("next step")]).toEqual([3, true, true]);
  });
});

describe("durability disk", () => {
  it("carries the same, and verifies", async () => {
    const home = scratch();
    const running = gate(["node", server("echo.mjs")], { home, flags: ["--durability", "disk"] });
    for (let id = 1; id <= 50; id += 1) running.send({ id, method: "x/y" });
    await running.answerTo(50);
    running.child.stdin.end();
    await running.ended;
    expect(records(home).filter(({ stream }) => stream === "server")).toHaveLength(50);
    expect((await sallyport(["journal", "verify", "--all"], { home })).code).toBe(0);
  });
});

describe("many gates at once", () => {
  it("share the key and the chain without waiting, and everything verifies", async () => {
    const home = scratch();
    const all = Array.from({ length: 12 }, () => gate(["node", server("echo.mjs")], { home }));
    all.forEach((running) => running.send({ id: 1, method: "x" }));
    await Promise.all(all.map((running) => running.answerTo(1)));
    all.forEach((running) => running.child.stdin.end());
    await Promise.all(all.map(({ ended }) => ended));
    const { code, stdout } = await sallyport(["journal", "verify", "--all", "--json"], { home });
    const { chain, segments } = JSON.parse(stdout) as { chain: { entries: number; proved: number }; segments: { ended: boolean }[] };
    expect([code, chain.entries, chain.proved, segments.length, segments.every(({ ended }) => ended)]).toEqual([0, 24, 24, 12, true]);
  });
});

describe("the chain", () => {
  const file = "journal/chain.jsonl";

  /** Another gate's checkpoint may say that it ends behind what this gate sees; somebody else's may say anything. */
  it.each([1e9, -1])("goes on from its first line where a checkpoint says that it ends at %i", (end) => {
    const folder = join(scratch(), "state");
    const signer = openSigner(folder, process.getuid?.() ?? -1);
    const entry = (session: string): ChainEntry => ({ event: "begin", time: "2026-11-21T00:00:00.000000Z", session, key: signer.id });
    appendToChain(join(folder, "journal"), entry("one"), signer);
    writeFileSync(join(folder, file), readFileSync(join(folder, file), "utf8").replace(/"end":\d+/, `"end":${end}`));
    appendToChain(join(folder, "journal"), entry("two"), signer);
    const last = JSON.parse(readFileSync(join(folder, file), "utf8").trim().split("\n").at(-1) as string) as ChainCheckpoint;
    expect(openCheckpoint(last.checkpoint, signer).size).toBe(2);
    expect(last.range).toHaveLength(1);
  });

  /** Between fstat and the end of another gate's write, half of its line can be seen. */
  it("holds where a gate ended the line that another was still writing, and not where somebody puts a line between later", () => {
    const folder = join(scratch(), "state");
    const signer = openSigner(folder, process.getuid?.() ?? -1);
    const entry = (session: string): ChainEntry => ({ event: "begin", time: "2026-11-21T00:00:00.000000Z", session, key: signer.id });
    appendToChain(join(folder, "journal"), entry("one"), signer);
    appendFileSync(join(folder, file), "\n");
    appendToChain(join(folder, "journal"), entry("two"), signer);
    const problem = (): string | undefined => verifyJournal(join(folder, "journal"), signer).chain.problem?.text;
    expect(problem()).toBeUndefined();
    const text = readFileSync(join(folder, file), "utf8");
    writeFileSync(join(folder, file), text.replace("\n\n", "\n"));
    expect(problem()).toContain("entries were removed");
    writeFileSync(join(folder, file), `\n${text}`);
    expect(problem()).toContain("an entry before this checkpoint was changed");
  });
});

describe("what is no segment", () => {
  /** A session that verifies, and beside it something made by `make`. */
  async function beside(make: (sessions: string) => void): Promise<{ home: string; verified: { code: number | null; stdout: string } }> {
    const home = scratch();
    await gate(["true"], { home }).ended;
    make(join(home, "sallyport/state/journal/sessions"));
    return { home, verified: await sallyport(["journal", "verify", "--all"], { home }) };
  }

  it.each([
    ["a named pipe", (at: string) => void execFileSync("mkfifo", [at])],
    ["a directory", (at: string) => mkdirSync(at)],
    ["a link to a device", (at: string) => symlinkSync("/dev/zero", at)],
  ])("%s, is found by verify and passed over by who reads", async (_, make) => {
    const { home, verified } = await beside((sessions) => make(join(sessions, "x.jsonl")));
    expect([verified.code, verified.stdout.includes("x: WRONG")]).toEqual([1, true]);
    for (const action of [["tail"], ["show"], ["show", "x"]]) expect((await sallyport(["journal", ...action], { home })).code).toBe(0);
  });

  it("does not write lines of its own by its name", async () => {
    const { verified } = await beside((sessions) => writeFileSync(join(sessions, "a\u001b[2J\nb: good.jsonl"), "no record\n"));
    expect(verified.code).toBe(1);
    expect(verified.stdout).toContain("a\\u001b[2J\\u000ab: good: WRONG");
    expect(verified.stdout).not.toContain("\u001b");
  });

  it("in the chain's place lets no session start", async () => {
    const home = scratch();
    await gate(["true"], { home }).ended;
    const chain = join(home, "sallyport/state/journal/chain.jsonl");
    rmSync(chain);
    execFileSync("mkfifo", [chain]);
    const { code, stderr } = await gate(["true"], { home }).ended;
    expect([code, stderr.includes("(journal.open)")]).toEqual([3, true]);
    expect((await sallyport(["journal", "verify", "--all"], { home })).stdout).toContain("there is no chain");
  });
});

describe("reading", () => {
  it("shows and follows what crossed, escaped for a terminal", async () => {
    const home = scratch();
    const running = gate(["node", server("echo.mjs")], { home });
    const follower = new Running([process.execPath, MAIN, "journal", "tail", "--follow"], { home });
    running.send({ id: 1, method: "test/stderr", params: { text: "\u001b[31mred\u001b]0;title\u0007\n" } });
    await running.answerTo(1);
    await follower.until(() => follower.stdout.includes("red"), "the follower to see it");
    follower.child.kill();
    running.child.stdin.end();
    await running.ended;
    const shown = await sallyport(["journal", "show", "last"], { home });
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain("\\u001b[31mred");
    expect(shown.stdout).not.toContain("\u001b");
    const json = await sallyport(["journal", "show", "last", "--json"], { home });
    expect(json.stdout.trim().split("\n").map((line) => (JSON.parse(line) as { seq: number }).seq)).toEqual([...Array(json.stdout.trim().split("\n").length).keys()]);
    const tail = await sallyport(["journal", "tail", "-n", "2", "--json"], { home });
    expect(tail.stdout.trim().split("\n")).toHaveLength(2);
    expect(tail.stdout).toContain("session.end");
    const listed = await sallyport(["journal", "show"], { home });
    expect(listed.stdout).toContain(join("servers", "echo.mjs"));
  });
});
