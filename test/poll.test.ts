/** Busy polling must pay: a peer that answers at once is looked for, one that does not is soon slept for. */
import { describe, expect, it } from "vitest";
import { BusyPoll, momentOf } from "../src/poll.ts";

/** A loop whose turns take ten microseconds; `input` says what arrives on which turn. */
class Loop {
  time = 0;
  turns = 0;
  #waiting: (() => void) | null = null;
  readonly poll = new BusyPoll({
    now: () => this.time,
    again: (tick) => {
      expect(this.#waiting, "one poll has one tick under way").toBeNull();
      this.#waiting = tick;
    },
  });

  /** Runs until the loop may sleep, or for so many turns. Returns the turns that it took. */
  run(limit = Infinity): number {
    let turns = 0;
    while (this.#waiting !== null && turns < limit) {
      const tick = this.#waiting;
      this.#waiting = null;
      this.time += 10;
      turns += 1;
      tick();
    }
    return turns;
  }
}

describe("busy polling", () => {
  it("looks for some fifty microseconds, then lets the loop sleep", () => {
    const loop = new Loop();
    loop.poll.sent(1);
    expect(loop.run()).toBe(5);
    expect(loop.run()).toBe(0);
  });

  it("ends with the next turn when the answer has come", () => {
    const loop = new Loop();
    loop.poll.sent(1);
    expect(loop.run(2)).toBe(2);
    loop.poll.found();
    expect(loop.run()).toBe(1);
  });

  it("sleeps for a peer that never answers in time, but for a probe now and then", () => {
    const loop = new Loop();
    let turns = 0;
    for (let sent = 0; sent < 1000; sent += 1) {
      loop.poll.sent(1);
      turns += loop.run();
      loop.time += 1000;
      loop.poll.found();
    }
    expect(turns).toBeGreaterThan(8 * 5);
    expect(turns).toBeLessThan((8 + 1000 / 64 + 1) * 5);
  });

  it("takes up again with a peer that has become fast", () => {
    const loop = new Loop();
    const send = (answeredAfter: number): number => {
      loop.poll.sent(1);
      const turns = loop.run(answeredAfter);
      loop.poll.found();
      return turns + loop.run();
    };
    for (let sent = 0; sent < 100; sent += 1) send(Infinity);
    let polled = 0;
    for (let sent = 0; sent < 128; sent += 1) polled += send(1) > 0 ? 1 : 0;
    expect(polled).toBeGreaterThanOrEqual(64);
  });

  it("never starts a second round of ticks, whatever the order of calls", () => {
    const loop = new Loop();
    for (let step = 0; step < 500; step += 1) {
      if (step % 3 === 0) loop.poll.sent(1);
      if (step % 5 === 0) loop.poll.found();
      if (step % 2 === 0) loop.run(1);
    }
    expect(loop.run()).toBeLessThanOrEqual(6);
  });

  it("leaves a loop under load alone", () => {
    const loop = new Loop();
    for (const frames of [0, 3, 32]) loop.poll.sent(frames);
    expect(loop.run()).toBe(0);
  });

  it("does nothing where there is one processor", () => {
    const poll = new BusyPoll(null);
    poll.sent(1);
    poll.found();
  });
});

describe("a moment", () => {
  const disturbed = [900, 2000, 15_000];
  it("is five wake-ups long, whatever else was under way while they were measured", () => {
    expect(momentOf([60, 61, 62, 63, 64, 65, 70, ...disturbed], [22, 22, 23, 23, 24, 25, 26, ...disturbed])).toBe((61 - 22) * 5);
  });

  it("stays within reason on machines that wake at once or hardly, and where nothing was measured", () => {
    expect(momentOf([20, 20, 20, 20], [21, 21, 21, 21])).toBe(50);
    expect(momentOf([900, 900, 900, 900], [20, 20, 20, 20])).toBe(300);
    expect(momentOf([], [])).toBe(50);
  });
});
