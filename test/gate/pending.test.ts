/** Requests that wait, held against a plain map of the same. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Pending } from "../../src/gate/pending.ts";
import type { Waiting } from "../../src/gate/session.ts";
import type { Id } from "../../src/protocol/decode.ts";

const waiting = (id: Id): Waiting => ({ id, method: "x/y", era: null, about: null, own: null, onCancel: null });

describe("requests that wait", () => {
  it("are found by their ids as in a map, whatever ids there are and however many", () => {
    // Few enough to meet again, far enough apart to share places, and some that are no counters.
    const ids = fc.oneof(fc.integer({ min: -600, max: 600 }), fc.constantFrom<Id>(0, 256, 512, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, '"1"', '"256"', '""'));
    const steps = fc.array(fc.tuple(ids, fc.boolean()), { minLength: 1, maxLength: 2000 });
    fc.assert(
      fc.property(steps, (all) => {
        const [pending, map] = [new Pending(), new Map<Id, Waiting>()];
        for (const [id, adds] of all) {
          if (adds && !map.has(id)) {
            const one = waiting(id);
            pending.set(id, one);
            map.set(id, one);
          } else if (!adds) expect(pending.delete(id)).toBe(map.delete(id));
          expect(pending.get(id)).toBe(map.get(id));
          expect(pending.has(id)).toBe(map.has(id));
          expect(pending.size).toBe(map.size);
        }
        expect(new Set(pending.values())).toEqual(new Set(map.values()));
      }),
      { numRuns: 200 },
    );
  });
});
