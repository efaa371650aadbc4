/**
 * Waking a sleeping process costs more than all that a gate does with a message. So, for a moment after something has left,
 * the loop looks for what comes back instead of sleeping: busy polling, as the kernel's `net.core.busy_poll` and KVM's halt
 * polling do it. Peers that take longer are soon slept for: it goes on only while it pays.
 */
import { availableParallelism } from "node:os";

/** The value that the kernel's documentation recommends for its own. */
const MOMENT = 50;
/** After so many moments in vain only one in `PROBE_EVERY` is tried. */
const PATIENCE = 8;
const PROBE_EVERY = 64;
/** More frames than these at once are load: then nobody waits for one of them, and reading often would only make reads small. */
const FEW = 2;

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
  readonly #moment: number;
  #deadline = 0;
  #polling = false;
  #inVain = 0;

  /** @param moment microseconds. */
  constructor(ports: PollPorts | null = availableParallelism() > 1 ? LOOP : null, moment = MOMENT) {
    this.#ports = ports;
    this.#moment = moment;
  }

  /** So many frames have left for the side. */
  sent(frames: number): void {
    if (this.#ports === null || frames === 0 || frames > FEW) return;
    if (this.#inVain >= PATIENCE) {
      this.#inVain += 1;
      if (this.#inVain % PROBE_EVERY !== 0) return;
    }
    this.#deadline = this.#ports.now() + this.#moment;
    if (this.#polling) return;
    this.#polling = true;
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
    if (this.#deadline > 0) this.#inVain += 1;
  };
}
