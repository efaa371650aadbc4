import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/e2e/**"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    silent: "passed-only",
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default", ["json", { outputFile: "test/results/unit.json" }]],
  },
});
