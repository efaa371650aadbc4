/** One record is one JSON line. The frame comes last and byte for byte, so that a reader needs no second encoder to check its hash. */
import { isUtf8 } from "node:buffer";
import { hash } from "node:crypto";
import type { Stream, Verdict } from "../model.ts";

/** `message`: accepted JSON, verbatim. `text`: other UTF-8, as a JSON string. `base64`: any other bytes. */
export type Payload = "message" | "text" | "base64";

export const ALLOW: Verdict = Object.freeze({ decision: "allow", reasons: Object.freeze([]) });

/** How many hexadecimal digits of the last leaf's hash a record repeats, to tell where a change was made. */
export const PREV_DIGITS = 16;

/** How many hexadecimal digits of the manifest's digest a record repeats; the session's first record has all. */
export const MANIFEST_DIGITS = 16;

/** Numbers that never come again are not made into strings whole: the engine would keep each of those for a while. */
const THREE_DIGITS = Array.from({ length: 1000 }, (_, value) => String(value).padStart(3, "0"));

function threeDigits(value: number): string {
  return THREE_DIGITS[value] as string;
}

/** What the records of one segment say alike is put together once. */
export class HeadFormat {
  readonly #start: string;
  readonly #allowed = new Map<Stream, string>();
  #thousands = 0;
  #leading = "";

  /** @param manifest what the session was judged by: the first digits of the compiled manifest's digest. */
  constructor(session: string, manifest: string) {
    this.#start = `","session":"${session}","manifest":"${manifest}","stream":"`;
  }

  /** The line up to the payload's value; what follows is the payload and `}`. @param time UTC with microseconds. */
  encode(seq: number, time: string, stream: Stream, verdict: Verdict, frame: Buffer, prev: string, payload: Payload): string {
    return `{"seq":${this.#number(seq)},"time":"${time}${this.#judged(stream, verdict)}${frame.length},"sha256":"${hash("sha256", frame, "hex")}","prev":"${prev}","${payload}":`;
  }

  #number(seq: number): string {
    if (seq < 1000) return String(seq);
    const thousands = Math.floor(seq / 1000);
    if (thousands !== this.#thousands) [this.#thousands, this.#leading] = [thousands, String(thousands)];
    return this.#leading + threeDigits(seq % 1000);
  }

  #judged(stream: Stream, verdict: Verdict): string {
    const kept = verdict === ALLOW ? this.#allowed.get(stream) : undefined;
    if (kept !== undefined) return kept;
    const reasons = verdict.reasons.length === 0 ? "" : `"${verdict.reasons.join('","')}"`;
    const text = `${this.#start}${stream}","verdict":"${verdict.decision}","reasons":[${reasons}],"bytes":`;
    if (verdict === ALLOW) this.#allowed.set(stream, text);
    return text;
  }
}

/** The payload of a frame that was not accepted as a message. */
export function encodeOther(frame: Buffer): { payload: Payload; value: Buffer } {
  if (isUtf8(frame)) return { payload: "text", value: Buffer.from(JSON.stringify(frame.toString("utf8"))) };
  return { payload: "base64", value: Buffer.from(`"${frame.toString("base64")}"`) };
}

const PAYLOAD = /,"(message|text|base64)":/;
/** A head has at most this many bytes: reasons are codes of a table. */
const HEAD_LIMIT = 4096;

/** The frame that a record's line (without newline) tells of; null where the line is no record. */
export function frameOf(line: Buffer): { payload: Payload; frame: Buffer } | null {
  const match = PAYLOAD.exec(line.toString("latin1", 0, HEAD_LIMIT));
  if (match === null) return null;
  const value = line.subarray(match.index + match[0].length, line.length - 1);
  const payload = match[1] as Payload;
  if (payload === "message") return { payload, frame: value };
  const text: unknown = JSON.parse(value.toString("utf8"));
  if (typeof text !== "string") return null;
  return { payload, frame: payload === "text" ? Buffer.from(text, "utf8") : Buffer.from(text, "base64") };
}

/** `2026-11-21T09:16:34.123456Z`, from microseconds since the epoch. */
export class TimeFormat {
  #second = -1;
  #prefix = "";

  format(micros: number): string {
    const second = Math.floor(micros / 1e6);
    if (second !== this.#second) {
      this.#second = second;
      this.#prefix = new Date(second * 1000).toISOString().slice(0, 20);
    }
    const within = Math.floor(micros - second * 1e6);
    return `${this.#prefix}${threeDigits(Math.floor(within / 1000))}${threeDigits(within % 1000)}Z`;
  }
}
