/** Every way to change a journal that we could think of, on a real one, judged by the real command. */
import { hash } from "node:crypto";
import { chmodSync, copyFileSync, cpSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { sessionOrigin, signCheckpoint } from "../../src/journal/checkpoint.ts";
import { openSigner } from "../../src/journal/key.ts";
import { CompactRange, leafHash } from "../../src/journal/tree.ts";
import { verifySegment } from "../../src/journal/verify.ts";
import { gate, sallyport, scratch, server, sessionFiles, type Running } from "../helpers.ts";

interface Report {
  readonly chain: { readonly entries: number; readonly proved: number; readonly problem: { kind: string; from: number } | null };
  readonly segments: { session: string; records: number; proved: number; ended: boolean; problem: { kind: string; from: number; to: number } | null }[];
}

let original: string;

/** Three sessions: two ended, one whose gate was killed. */
beforeAll(async () => {
  original = mkdtempSync(join(tmpdir(), "sallyport-journal-"));
  for (const end of ["close", "close", "kill"]) {
    const running: Running = gate(["node", server("echo.mjs")], { home: original });
    for (let id = 1; id <= 30; id += 1) running.send({ id, method: "x/y", params: { text: `message ${id}` } });
    await running.answerTo(30);
    if (end === "kill") {
      await new Promise((done) => setTimeout(done, 1300));
      running.child.kill("SIGKILL");
    } else running.child.stdin.end();
    await running.ended;
  }
  return () => rmSync(original, { recursive: true });
});

function copy(): string {
  const home = scratch();
  cpSync(original, home, { recursive: true });
  return home;
}

async function verify(home: string, ...args: string[]): Promise<{ code: number | null; report: Report }> {
  const { code, stdout } = await sallyport(["journal", "verify", "--all", "--json", ...args], { home });
  return { code, report: JSON.parse(stdout) as Report };
}

const linesOf = (file: string): string[] => readFileSync(file, "utf8").split("\n").slice(0, -1);
const write = (file: string, lines: readonly string[]): void => writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
const offsetOf = (lines: readonly string[], index: number): number => lines.slice(0, index).reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
const isRecord = (line: string): boolean => !line.startsWith('{"checkpoint"');

describe("an untouched journal", () => {
  it("is proved, the killed gate's session up to its last checkpoint", async () => {
    const { code, report } = await verify(copy());
    expect(code).toBe(0);
    expect(report.chain).toMatchObject({ entries: 5, proved: 5, problem: null });
    expect(report.segments.map(({ ended, problem }) => [ended, problem])).toEqual([[true, null], [true, null], [false, null]]);
    expect(report.segments.every(({ proved, records }) => proved === records && proved > 60)).toBe(true);
  });

  it("is proved by its public key alone, and not by another", async () => {
    const home = copy();
    const { stdout } = await sallyport(["journal", "verify", "--all", "--json"], { home });
    const { key } = JSON.parse(stdout) as { key: string };
    rmSync(join(home, "sallyport/state/keys"), { recursive: true });
    expect((await verify(home, "--key", key)).code).toBe(0);
    const { code, report } = await verify(home, "--key", openSigner(scratch(), process.getuid?.() ?? 0).vkey);
    expect(code).toBe(1);
    expect(report.segments.every(({ problem }) => problem?.kind === "signature")).toBe(true);
  });
});

/** Each gets the file's lines and the index of a record in the middle; returns the new lines and the line whose place must be named. */
const EDITS: Record<string, (lines: string[], at: number) => { lines: string[]; wrong: number; kind: string }> = {
  "one character of a message": (lines, at) => ({ lines: lines.with(at, (lines[at] as string).replace(/message (\d)/, "massage $1")), wrong: at, kind: "record" }),
  "the time of a record": (lines, at) => ({ lines: lines.with(at, (lines[at] as string).replace(/"time":"20/, '"time":"19')), wrong: at, kind: "link" }),
  "the verdict of a record": (lines, at) => ({ lines: lines.with(at, (lines[at] as string).replace('"verdict":"allow"', '"verdict":"deny"')), wrong: at, kind: "link" }),
  "the stream of a record": (lines, at) => ({ lines: lines.with(at, (lines[at] as string).replace(/"stream":"\w+"/, '"stream":"gate"')), wrong: at, kind: "link" }),
  "white space in a record": (lines, at) => ({ lines: lines.with(at, (lines[at] as string).replace('{"seq"', '{ "seq"')), wrong: at, kind: "link" }),
  "a record taken out": (lines, at) => ({ lines: lines.toSpliced(at, 1), wrong: at, kind: "order" }),
  "a record twice": (lines, at) => ({ lines: lines.toSpliced(at, 0, lines[at] as string), wrong: at + 1, kind: "order" }),
  "two records swapped": (lines, at) => ({ lines: lines.with(at, lines[at + 1] as string).with(at + 1, lines[at] as string), wrong: at, kind: "order" }),
  "a record made up": (lines, at) => ({ lines: lines.toSpliced(at, 0, '{"seq":5}'), wrong: at, kind: "record" }),
  "a line of nonsense": (lines, at) => ({ lines: lines.toSpliced(at, 0, "nonsense"), wrong: at, kind: "record" }),
  "an empty line": (lines, at) => ({ lines: lines.toSpliced(at, 0, ""), wrong: at, kind: "record" }),
  "the last record": (lines) => {
    const last = lines.findLastIndex(isRecord);
    return { lines: lines.with(last, (lines[last] as string).replace('"time":"20', '"time":"19')), wrong: last, kind: "link" };
  },
  "a checkpoint's size": (lines) => {
    const at = lines.findLastIndex((line) => !isRecord(line));
    return { lines: lines.with(at, (lines[at] as string).replace(/\\n(\d+)\\n/, "\\n7\\n")), wrong: at, kind: "signature" };
  },
  "a checkpoint moved to another place": (lines, at) => {
    const checkpoint = lines.findLastIndex((line) => !isRecord(line));
    return { lines: lines.toSpliced(at, 0, lines[checkpoint] as string), wrong: -1, kind: "order" };
  },
};

describe("a changed segment is found, and the place named:", () => {
  for (const [name, edit] of Object.entries(EDITS)) {
    it(name, async () => {
      const home = copy();
      const file = sessionFiles(home)[0] as string;
      const before = linesOf(file);
      const { lines, wrong, kind } = edit(before, before.findIndex((line) => line.includes("message 15")));
      expect(lines).not.toEqual(before);
      write(file, lines);
      const { code, report } = await verify(home);
      expect(code).toBe(1);
      const problem = report.segments[0]?.problem;
      expect(problem?.kind).toBe(kind);
      if (wrong >= 0) expect(problem?.from).toBe(offsetOf(lines, wrong));
      expect(report.segments.slice(1).every((segment) => segment.problem === null)).toBe(true);
    });
  }

  it("a bit turned anywhere", () => {
    const home = copy();
    const file = sessionFiles(home)[0] as string;
    const bytes = readFileSync(file);
    const signer = openSigner(join(home, "sallyport/state"), process.getuid?.() ?? 0);
    const missed: number[] = [];
    // Hundreds of places, of which each must be found; the one that `ends` the file can only be missed as a torn line.
    for (let at = 0; at < bytes.length; at += 37) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ 0x01;
      writeFileSync(file, changed);
      if (verifySegment(file, signer).problem === null) missed.push(at);
    }
    expect(missed).toEqual([]);
  });

  it("rewritten with everything made to fit, but the signature", async () => {
    const home = copy();
    const file = sessionFiles(home)[0] as string;
    let prev = "";
    const lines = linesOf(file).map((line) => {
      if (!isRecord(line)) return prev === "" ? line : line.replace(/"prev":"\w+"/, `"prev":"${prev}"`);
      let record = prev === "" ? line : line.replace(/"prev":"\w+"/, `"prev":"${prev}"`);
      if (record.includes("message 15")) {
        record = record.replace("message 15", "massage 15");
        const frame = record.slice(record.indexOf('"message":') + 10, -1);
        record = record.replace(/"sha256":"\w+"/, `"sha256":"${hash("sha256", frame)}"`);
      }
      prev = leafHash(Buffer.from(record)).slice(0, 16);
      return record;
    });
    write(file, lines);
    const { code, report } = await verify(home);
    expect(code).toBe(1);
    expect(report.segments[0]?.problem?.kind).toBe("root");
  });

  it("signed anew with a forged key", async () => {
    const home = copy();
    const file = sessionFiles(home)[0] as string;
    const forged = openSigner(scratch(), process.getuid?.() ?? 0);
    const range = new CompactRange();
    const lines = linesOf(file).map((line) => {
      if (isRecord(line)) {
        range.push(leafHash(Buffer.from(line)));
        return line;
      }
      const { prev } = JSON.parse(line) as { prev: string };
      return JSON.stringify({ checkpoint: signCheckpoint(sessionOrigin((JSON.parse(linesOf(file)[0] as string) as { session: string }).session), range.size, range.root(), forged), prev });
    });
    write(file, lines);
    const { code, report } = await verify(home);
    expect([code, report.segments[0]?.problem?.kind]).toEqual([1, "signature"]);
    // Nor does it help to put the forged key in the true one's place: the chain was signed with that.
    copyFileSync(join(home, "sallyport/state/keys/journal.pem"), join(home, "kept.pem"));
    rmSync(join(home, "sallyport/state/keys/journal.pem"));
    const second = await verify(home);
    expect(second.code).toBe(1);
    expect(second.report.chain.problem?.kind).toBe("chain");
  });
});

describe("a cut segment is found:", () => {
  it.each([
    ["in mid-line", (bytes: Buffer) => bytes.subarray(0, bytes.length - 10), "torn"],
    ["before its last checkpoint", (bytes: Buffer) => bytes.subarray(0, bytes.lastIndexOf('{"checkpoint"')), "cut"],
    ["behind its first checkpoint", (bytes: Buffer) => bytes.subarray(0, bytes.indexOf("\n", bytes.indexOf('{"checkpoint"')) + 1), "cut"],
    ["to nothing", () => Buffer.alloc(0), "cut"],
  ])("%s", async (_, cut, kind) => {
    const home = copy();
    const file = sessionFiles(home)[0] as string;
    writeFileSync(file, cut(readFileSync(file)));
    const { code, report } = await verify(home);
    expect([code, report.segments[0]?.problem?.kind]).toEqual([1, kind]);
  });
});

describe("lines without a signature change nothing:", () => {
  it("a second end in the chain, for a segment cut back to an earlier checkpoint", async () => {
    const home = copy();
    const file = sessionFiles(home)[0] as string;
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.subarray(0, bytes.indexOf("\n", bytes.indexOf('{"checkpoint"')) + 1));
    const [, size, root] = (JSON.parse(linesOf(file).at(-1) as string) as { checkpoint: string }).checkpoint.split("\n");
    const session = (JSON.parse(linesOf(file)[0] as string) as { session: string }).session;
    const chain = join(home, "sallyport/state/journal/chain.jsonl");
    writeFileSync(chain, `${JSON.stringify({ event: "end", time: "2026", session, records: Number(size), root })}\n`, { flag: "a" });
    const { code, report } = await verify(home);
    expect([code, report.segments[0]?.problem?.kind, report.chain.problem?.kind]).toEqual([1, "cut", "chain"]);
  });

  it("a record behind the end", async () => {
    const home = copy();
    const file = sessionFiles(home)[0] as string;
    const lines = linesOf(file);
    const last = lines.findLast(isRecord) as string;
    const seq = (JSON.parse(last) as { seq: number }).seq;
    write(file, [...lines, last.replace(`"seq":${seq}`, `"seq":${seq + 1}`).replace(/"prev":"\w+"/, `"prev":"${leafHash(Buffer.from(last)).slice(0, 16)}"`)]);
    const { code, report } = await verify(home);
    expect([code, report.segments[0]?.problem?.kind]).toEqual([1, "cut"]);
  });

  it("a session made up, with a line in the chain", async () => {
    const home = copy();
    const file = sessionFiles(home)[0] as string;
    const session = "20991231T000000000Z-000000000000";
    let prev = "0".repeat(16);
    const lines = linesOf(file).filter(isRecord).slice(0, 4).map((line) => {
      const record = line.replace(/"session":"[^"]+"/, `"session":"${session}"`).replace(/"prev":"\w+"/, `"prev":"${prev}"`);
      prev = leafHash(Buffer.from(record)).slice(0, 16);
      return record;
    });
    write(join(file, "..", `${session}.jsonl`), lines);
    writeFileSync(join(home, "sallyport/state/journal/chain.jsonl"), `${JSON.stringify({ event: "begin", time: "2026", session, key: "0" })}\n`, { flag: "a" });
    const { code, report } = await verify(home);
    expect([code, report.segments.at(-1)?.problem?.kind]).toEqual([1, "signature"]);
  });

  it("a torn last line is no finding where the gate was killed", async () => {
    const home = copy();
    const file = sessionFiles(home)[2] as string;
    writeFileSync(file, '{"seq":70,"ti', { flag: "a" });
    expect((await verify(home)).code).toBe(0);
  });
});

describe("a whole segment", () => {
  it("removed is missed, ended or not", async () => {
    for (const index of [0, 2]) {
      const home = copy();
      unlinkSync(sessionFiles(home)[index] as string);
      const { code, report } = await verify(home);
      expect([code, report.segments[index]?.problem?.kind]).toEqual([1, "missing"]);
    }
  });

  it("swapped with another is found", async () => {
    const home = copy();
    const [first = "", second = ""] = sessionFiles(home);
    renameSync(first, `${first}.aside`);
    renameSync(second, first);
    renameSync(`${first}.aside`, second);
    const { code, report } = await verify(home);
    expect(code).toBe(1);
    expect(report.segments.slice(0, 2).map(({ problem }) => problem?.kind)).toEqual(["order", "order"]);
  });

  it("brought in from elsewhere is found", async () => {
    const home = copy();
    const other = scratch();
    const running = gate(["node", server("echo.mjs")], { home: other });
    running.send({ id: 1, method: "x" });
    await running.answerTo(1);
    running.child.stdin.end();
    await running.ended;
    const [file = ""] = sessionFiles(other);
    copyFileSync(file, join(home, "sallyport/state/journal/sessions", file.split("/").at(-1) as string));
    const { code, report } = await verify(home);
    expect([code, report.segments.at(-1)?.problem?.kind]).toEqual([1, "signature"]);
  });

  it("taken out of the chain as well is found in the chain", async () => {
    const home = copy();
    const [first = ""] = sessionFiles(home);
    const chain = join(home, "sallyport/state/journal/chain.jsonl");
    write(chain, linesOf(chain).filter((line) => !line.includes(first.split("/").at(-1)?.replace(".jsonl", "") as string)));
    unlinkSync(first);
    const { code, report } = await verify(home);
    expect([code, report.chain.problem?.kind]).toEqual([1, "chain"]);
  });

  it("put back in the chain's end line with other figures is found", async () => {
    const home = copy();
    const chain = join(home, "sallyport/state/journal/chain.jsonl");
    write(chain, linesOf(chain).map((line) => line.replace(/"records":\d+/, '"records":7')));
    const { code, report } = await verify(home);
    expect([code, report.chain.problem?.kind]).toEqual([1, "chain"]);
  });
});

describe("a running gate", () => {
  it.each([
    ["emptied", (file: string) => writeFileSync(file, "")],
    ["removed", (file: string) => unlinkSync(file)],
    ["lengthened", (file: string) => writeFileSync(file, "x\n", { flag: "a" })],
  ])("stops when its segment is %s", async (_, harm) => {
    const home = scratch();
    const running = gate(["node", server("echo.mjs")], { home });
    running.send({ id: 1, method: "x" });
    await running.answerTo(1);
    harm(sessionFiles(home)[0] as string);
    running.send({ id: 2, method: "test/silent" });
    const { code, stderr, stdout } = await running.ended;
    expect(code).toBe(3);
    expect(stderr).toContain("journal.altered");
    expect(stdout).toMatch(/"id":2,.*journal\.altered/);
  });
});

it("leaves the key to its owner alone", async () => {
  const home = scratch();
  await gate(["true"], { home }).ended;
  const key = join(home, "sallyport/state/keys/journal.pem");
  expect(statSync(key).mode & 0o777).toBe(0o600);
  expect(statSync(join(home, "sallyport/state")).mode & 0o777).toBe(0o700);
  chmodSync(key, 0o644);
  const { code, stderr } = await gate(["true"], { home }).ended;
  expect([code, stderr.includes("journal.key")]).toEqual([3, true]);
});
