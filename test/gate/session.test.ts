/** What a session remembers of a sender that wants it to remember too much. */
import { describe, expect, it } from "vitest";
import { SallyportError } from "../../src/errors.ts";
import { Session } from "../../src/gate/session.ts";
import type { Message } from "../../src/protocol/decode.ts";
import { TopLevelPeek } from "../../src/protocol/peek.ts";

const message = (kind: Message["kind"], id: number, more: Partial<Message> = {}): Message => ({ kind, id, method: kind === "request" ? "x/y" : "", tool: null, given: null, cancels: null, version: null, era: "handshake", form: null, ...more });

/** A session of the one revision with batches. */
function withBatches(): Session {
  const session = new Session();
  session.relate({ batch: null, messages: [message("request", 0, { method: "initialize" })] }, "client");
  session.relate({ batch: null, messages: [message("response", 0, { version: "2025-03-26" })] }, "server");
  session.delivered();
  return session;
}

describe("a batch", () => {
  it("of which one message is refused leaves nothing behind, in time that grows with its length only", () => {
    const session = withBatches();
    session.relate({ batch: null, messages: [message("request", 70_000)] }, "client");
    const messages = Array.from({ length: 60_000 }, (_, index) => message("request", index + 1));
    const from = performance.now();
    expect(() => session.relate({ batch: [], messages: [...messages, message("request", 70_000)] }, "client")).toThrow(SallyportError);
    expect(performance.now() - from).toBeLessThan(2000);
    expect(session.waiting().map(({ id }) => id)).toEqual([70_000]);
    expect(session.relate({ batch: [], messages }, "client")).toHaveLength(60_000);
  });

  it("cannot make more requests wait than there is room for", () => {
    const session = withBatches();
    const messages = Array.from({ length: 70_000 }, (_, index) => message("request", index + 1));
    expect(() => session.relate({ batch: [], messages }, "client")).toThrow("too many");
    expect(session.waiting()).toEqual([]);
  });
});

describe("a request that was taken back", () => {
  it("stays taken back when a batch with its late answer is refused", () => {
    const session = withBatches();
    session.relate({ batch: null, messages: [message("request", 7)] }, "client");
    session.relate({ batch: null, messages: [{ ...message("notification", 0, { method: "notifications/cancelled", cancels: 7 }), id: null }] }, "client");
    expect(() => session.relate({ batch: [], messages: [message("response", 7), message("response", 99)] }, "server")).toThrow(SallyportError);
    expect(session.waiting()).toEqual([]);
    // Its answer may still come, and its id may be used again.
    session.relate({ batch: null, messages: [message("response", 7)] }, "server");
    session.relate({ batch: null, messages: [message("request", 7)] }, "client");
    expect(session.waiting().map(({ id }) => id)).toEqual([7]);
  });
});

describe("a line beyond the limit", () => {
  it("is looked through without being kept: a long id is none, and a short one behind it is found", () => {
    const long = new TopLevelPeek().push(Buffer.from('{"id":"'));
    for (let piece = 0; piece < 64; piece += 1) long.push(Buffer.alloc(65_536, "x"));
    expect(long.push(Buffer.from('","method":"x/y"}')).result().id).toBeNull();
    const short = new TopLevelPeek().push(Buffer.from('{"params":"'));
    for (let piece = 0; piece < 64; piece += 1) short.push(Buffer.alloc(65_536, "x"));
    expect(short.push(Buffer.from('","id":7,"method":"x/y"}')).result()).toEqual({ id: 7, method: "x/y" });
  });
});
