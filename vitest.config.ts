import { defineConfig } from "vitest/config";

/** These look at the whole machine for what is left, or at times that only a quiet one gives. */
const ALONE = ["test/gate/kill.test.ts", "test/gate/run.test.ts", "test/gate/peers.test.ts", "test/sandbox/hostile.test.ts", "test/egress/egress.test.ts", "test/poll.test.ts"];

const common = { testTimeout: 60_000, hookTimeout: 120_000, silent: "passed-only" as const, pool: "forks" as const };

export default defineConfig({
  test: {
    projects: [
      { test: { ...common, name: "together", include: ["test/**/*.test.ts"], exclude: ["test/e2e/**", ...ALONE], maxWorkers: 2, sequence: { groupOrder: 0 } } },
      { test: { ...common, name: "alone", include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
    reporters: ["default", ["json", { outputFile: "test/results/unit.json" }]],
  },
});
