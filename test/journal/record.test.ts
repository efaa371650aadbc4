/** The line of a record, held against the plain way of writing it. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { ALLOW, HeadFormat, TimeFormat } from "../../src/journal/record.ts";
import type { Stream, Verdict } from "../../src/model.ts";

const SESSION = "019ae3c2-0000-7000-8000-000000000000";
const MANIFEST = "0123456789abcdef";
const TIME = "2026-11-21T09:16:34.123456Z";
const frame = Buffer.from('{"jsonrpc":"2.0","method":"x/y"}');

function plain(seq: number, stream: Stream, verdict: Verdict): string {
  const sha256 = createHash("sha256").update(frame).digest("hex");
  const head = { seq, time: TIME, session: SESSION, manifest: MANIFEST, stream, verdict: verdict.decision, reasons: verdict.reasons, bytes: frame.length, sha256, prev: "0".repeat(16) };
  return `${JSON.stringify(head).slice(0, -1)},"message":`;
}

describe("a record's head", () => {
  it("is the same JSON whatever number it has, and whatever came before it", () => {
    const format = new HeadFormat(SESSION, MANIFEST);
    const denied: Verdict = { decision: "deny", reasons: ["json.syntax", "guard.blocked"] };
    const cases: readonly (readonly [Stream, Verdict])[] = [["client", ALLOW], ["server", ALLOW], ["client", denied], ["stderr", ALLOW], ["gate", { decision: "allow", reasons: [] }]];
    for (let seq = 0; seq < 12_005; seq += 1) {
      const [stream, verdict] = cases[seq % cases.length] as (typeof cases)[number];
      const text = format.encode(seq, TIME, stream, verdict, frame, "0".repeat(16), "message");
      if (seq < 20 || (seq + 3) % 1000 < 6) expect(text).toBe(plain(seq, stream, verdict));
    }
  });
});

describe("a record's time", () => {
  it("has all six digits, also where they are noughts", () => {
    const format = new TimeFormat();
    const second = Date.UTC(2026, 10, 21, 9, 16, 34) * 1000;
    for (const [micros, digits] of [[0, "000000"], [7, "000007"], [999, "000999"], [1000, "001000"], [123_456, "123456"], [999_999, "999999"], [0.75, "000000"]] as const) {
      expect(format.format(second + micros)).toBe(`2026-11-21T09:16:34.${digits}Z`);
    }
    expect(format.format(second + 1_000_001)).toBe("2026-11-21T09:16:35.000001Z");
  });
});
