/** The official conformance suite as an oracle: the same server, direct and through the gate, must pass and fail the same checks. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MAIN, records, scratch, server, sessionFiles } from "../helpers.ts";
import { bridge } from "./bridge.mjs";
import { CONFORMANCE, NODE22, execute } from "./peers.ts";

const FIXTURE = ["node", server("conformance.mjs")];

/** `scenario check: status`, sorted; what is left out are times and texts. */
async function checks(command: string[], requirements: string, output: string): Promise<string[]> {
  const { url, close } = await bridge(command);
  try {
    await execute([NODE22, CONFORMANCE, "server", "--url", url, "--requirements", requirements, "--output-dir", output, "--timeout", "15000"]);
  } finally {
    await close();
  }
  return readdirSync(output).flatMap((folder) => {
    const scenario = folder.replace(/-\d{4}-\d\d-\d\dT.*$/, "");
    const found = JSON.parse(readFileSync(join(output, folder, "checks.json"), "utf8")) as { id: string; status: string }[];
    return found.map(({ id, status }) => `${scenario} ${id}: ${status}`);
  }).sort();
}

describe.each([
  ["2025-11-25", 80],
  ["2026-07-28", 120],
])("requirements of %s", (requirements, atLeast) => {
  it("come out the same direct and gated", { timeout: 240_000 }, async () => {
    const home = scratch();
    const direct = await checks(FIXTURE, requirements, join(home, "direct"));
    process.env["SALLYPORT_HOME"] = join(home, "sallyport");
    const gated = await checks([process.execPath, MAIN, "run", "--quiet", "--", ...FIXTURE], requirements, join(home, "gated"));
    expect(gated).toEqual(direct);
    expect(direct.filter((check) => check.endsWith("SUCCESS")).length).toBeGreaterThanOrEqual(atLeast);
    if (requirements === "2025-11-25") expect(direct.filter((check) => check.endsWith("FAILURE"))).toEqual([]);
    // The gate was in the way, and refused nothing but what the suite sends on purpose.
    const files = sessionFiles(home);
    expect(files.length).toBeGreaterThan(0);
    const refused = files.flatMap((file) => records(home, file)).filter(({ verdict }) => verdict === "deny").flatMap(({ reasons }) => reasons);
    // Tools that the fixture does not have; and lists that the gate asked for itself.
    expect([...new Set(refused)].filter((code) => code !== "gate.asked" && code !== "pin.new")).toEqual([]);
  });
});
