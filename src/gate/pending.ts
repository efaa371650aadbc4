/**
 * Requests by their ids. A `Map` that is filled and emptied all the time is copied again and again, into memory that is seldom
 * collected; ids that count up, as nearly all do, therefore have places of their own.
 */
import type { Id } from "../protocol/decode.ts";
import type { Waiting } from "./session.ts";

/** Twice what most clients have under way at once. */
const PLACES = 256;

export class Pending {
  readonly #places = Array.from<Waiting | null>({ length: PLACES }).fill(null);
  /** What found its place taken, and ids that do not count. */
  readonly #others = new Map<Id, Waiting>();
  #placed = 0;

  get size(): number {
    return this.#placed + this.#others.size;
  }

  get(id: Id): Waiting | undefined {
    const placed = typeof id === "number" ? this.#places[placeOf(id)] : null;
    return placed?.id === id ? placed : this.#others.size === 0 ? undefined : this.#others.get(id);
  }

  has(id: Id): boolean {
    return this.get(id) !== undefined;
  }

  /** The id must not be there yet. */
  set(id: Id, waiting: Waiting): void {
    if (typeof id !== "number" || this.#places[placeOf(id)] !== null) {
      this.#others.set(id, waiting);
      return;
    }
    this.#places[placeOf(id)] = waiting;
    this.#placed += 1;
  }

  delete(id: Id): boolean {
    if (typeof id !== "number" || this.#places[placeOf(id)]?.id !== id) return this.#others.delete(id);
    this.#places[placeOf(id)] = null;
    this.#placed -= 1;
    return true;
  }

  values(): Waiting[] {
    return [...this.#places.filter((one) => one !== null), ...this.#others.values()];
  }
}

/** Two's complement takes the low bits of negative numbers, too. */
function placeOf(id: number): number {
  return id & (PLACES - 1);
}
