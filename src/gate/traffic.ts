/** How much may cross: requests in flight, calls in a time, what a server may ask and tell. */
import { SallyportError } from "../errors.ts";
import type { TrafficLimits } from "../manifest/compile.ts";

/** A bucket that fills at a steady rate: short bursts pass, floods do not. */
class Bucket {
  readonly #size: number;
  readonly #perMicrosecond: number;
  #level: number;
  #at: number;

  constructor(size: number, seconds: number, now: number) {
    this.#size = size;
    this.#perMicrosecond = size / (seconds * 1e6);
    this.#level = size;
    this.#at = now;
  }

  take(now: number): boolean {
    this.#level = Math.min(this.#size, this.#level + Math.max(0, now - this.#at) * this.#perMicrosecond);
    this.#at = now;
    if (this.#level < 1) return false;
    this.#level -= 1;
    return true;
  }
}

export class Traffic {
  readonly #limits: TrafficLimits;
  /** Microseconds. */
  readonly #now: () => number;
  readonly #calls: Bucket | null;
  readonly #requests: Bucket;
  readonly #notifications: Bucket;
  readonly #tools = new Map<string, Bucket[]>();

  constructor(limits: TrafficLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#calls = limits.callsPerMinute === null ? null : new Bucket(limits.callsPerMinute, 60, now());
    this.#requests = new Bucket(limits.serverRequests, 60, now());
    this.#notifications = new Bucket(limits.serverNotifications, 1, now());
  }

  /** @param waiting requests of the client without answer, this one included. */
  ofClient(waiting: number): void {
    if (waiting > this.#limits.inFlight) throw new SallyportError("limit.in-flight", `${this.#limits.inFlight} at once`);
  }

  ofTool(name: string, rates: readonly { readonly calls: number; readonly seconds: number }[]): void {
    if (rates.length === 0 && this.#calls === null) return;
    const now = this.#now();
    const buckets = this.#tools.get(name) ?? rates.map(({ calls, seconds }) => new Bucket(calls, seconds, now));
    if (rates.length > 0) this.#tools.set(name, buckets);
    if (buckets.some((bucket) => !bucket.take(now)) || this.#calls?.take(now) === false) throw new SallyportError("limit.rate", name);
  }

  ofServer(kind: "request" | "notification"): void {
    if (kind === "request" ? !this.#requests.take(this.#now()) : !this.#notifications.take(this.#now())) throw new SallyportError(kind === "request" ? "limit.server-requests" : "limit.notifications");
  }
}
