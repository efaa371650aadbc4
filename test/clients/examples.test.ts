/** The stories of examples/ run as they stand. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "../helpers.ts";

it("two clients are protected with one command, and given back", { timeout: 120_000 }, () => {
  expect(execFileSync(process.execPath, [join(ROOT, "examples/protect/protect.mjs")], { encoding: "utf8" })).toContain("Every file is byte for byte what it was.");
});
