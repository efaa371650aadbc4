import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/e2e/**/*.test.ts"],
    testTimeout: 60_000,
    // Caches of fetched packages take their time to remove.
    hookTimeout: 120_000,
    silent: "passed-only",
    pool: "forks",
    maxWorkers: 1,
    reporters: ["default", ["json", { outputFile: "test/results/e2e.json" }]],
  },
});
