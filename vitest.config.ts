import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/e2e/**"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    silent: "passed-only",
    pool: "forks",
    // One file after the other: the kill test looks at the whole machine for what is left, and times are of a quiet one.
    fileParallelism: false,
    reporters: ["default", ["json", { outputFile: "test/results/unit.json" }]],
  },
});
