/**
 * Waking a sleeping process can cost more than all that a gate does with a message. So, for a moment after something has left,
 * the loop looks for what comes back instead of sleeping: busy polling, as the kernel's `net.core.busy_poll` and KVM's halt
 * polling do it. Peers that take longer are soon slept for: it goes on only while it pays.
 */
import { stat } from "node:fs";
import { availableParallelism } from "node:os";
import { setTimeout as pause } from "node:timers/promises";

/**
 * A processor that polls slows down its sibling, which computes what is waited for: about a fifth. So a moment is as long as
 * five wake-ups take, which differs by a factor of ten between machines.
 */
const WAKE_UPS = 5;
/** Microseconds; the first is what the kernel's documentation recommends for its own. */
const SHORTEST = 50;
const LONGEST = 300;
const SLOW = 150;
const SAMPLES = 15;
const MOST_TRIES = 60;
/** Milliseconds: the server's start is not to be disturbed. */
const FIRST = 1000;
const APART = 10;
/** After so many moments in vain only one in `PROBE_EVERY` is tried. */
const PATIENCE = 8;
const PROBE_EVERY = 64;
/** More frames than these at once are load: then nobody waits for one of them, and reading often would only make reads small. */
const FEW = 2;

/** What holds for the whole process: a moment in microseconds, and how many polls are under way. */
let moment = SHORTEST;
let underWay = 0;

/** Finds out how much longer an answer of another thread takes that the loop sleeps for. */
export async function measureWakeUps(): Promise<void> {
  if (availableParallelism() === 1) return;
  const taken: Record<"slept" | "polled", number[]> = { slept: [], polled: [] };
  await pause(FIRST, undefined, { ref: false });
  for (let tries = 0; tries < MOST_TRIES && few(taken); tries += 1) {
    for (const way of ["slept", "polled"] as const) {
      await pause(APART, undefined, { ref: false });
      const before = underWay;
      const micros = await answered(way === "polled");
      // What others poll for keeps the loop awake.
      if (before === 0 && underWay === 0) taken[way].push(micros);
    }
  }
  if (!few(taken)) moment = momentOf(taken.slept, taken.polled);
}

function few({ slept, polled }: Readonly<Record<"slept" | "polled", readonly number[]>>): boolean {
  return Math.min(slept.length, polled.length) < SAMPLES;
}

/** Microseconds until a thread has looked at a directory. */
function answered(polled: boolean): Promise<number> {
  return new Promise((done) => {
    const from = performance.now();
    let open = true;
    stat("/", () => {
      open = false;
      done((performance.now() - from) * 1000);
    });
    const tick = (): unknown => open && setImmediate(tick);
    if (polled) tick();
  });
}

export function momentOf(slept: readonly number[], polled: readonly number[]): number {
  return Math.min(LONGEST, Math.max(SHORTEST, (undisturbed(slept) - undisturbed(polled)) * WAKE_UPS));
}

/** What else is under way only adds to it; the shortest could be luck. */
function undisturbed(taken: readonly number[]): number {
  const sorted = taken.toSorted((one, other) => one - other);
  return sorted[1] ?? sorted[0] ?? 0;
}

/** Whether wake-ups cost more than polling takes from a peer that computes for longer than the moment lasts. */
export function areWakeUpsSlow(): boolean {
  return moment >= SLOW;
}

export interface PollPorts {
  /** Microseconds. */
  readonly now: () => number;
  /** Calls back after the loop has looked for input once. */
  readonly again: (tick: () => void) => void;
}

const LOOP: PollPorts = { now: () => performance.now() * 1000, again: setImmediate };

/** What comes back from one side. On a single processor the side could not work while it is waited for. */
export class BusyPoll {
  readonly #ports: PollPorts | null;
  #deadline = 0;
  #polling = false;
  #inVain = 0;

  constructor(ports: PollPorts | null = availableParallelism() > 1 ? LOOP : null) {
    this.#ports = ports;
  }

  /** So many frames have left for the side. */
  sent(frames: number): void {
    if (this.#ports === null || frames === 0 || frames > FEW) return;
    if (this.#inVain >= PATIENCE) {
      this.#inVain += 1;
      if (this.#inVain % PROBE_EVERY !== 0) return;
    }
    this.#deadline = this.#ports.now() + moment;
    if (this.#polling) return;
    this.#polling = true;
    underWay += 1;
    this.#ports.again(this.#tick);
  }

  /** Something came from the side. */
  found(): void {
    if (this.#polling) this.#inVain = 0;
    this.#deadline = 0;
  }

  readonly #tick = (): void => {
    const { now, again } = this.#ports as PollPorts;
    if (now() < this.#deadline) return again(this.#tick);
    this.#polling = false;
    underWay -= 1;
    if (this.#deadline > 0) this.#inVain += 1;
  };
}
