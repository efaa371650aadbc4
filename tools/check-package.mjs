/** Packs the package, installs it elsewhere with an empty home, and uses it from there as a stranger would. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = mkdtempSync(join(tmpdir(), "sallyport-package-"));
try {
  const [{ filename, files, size }] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", folder], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  const strange = files.map(({ path }) => path).filter((path) => !/^(dist\/[\w-]+\.(?:c?js|wasm)|dist\/THIRD-PARTY\.txt|dist\/classifier\.txt|dist\/sbom\.cdx\.json|docs\/sallyport\.schema\.json|docs\/.*\.md|docs\/man\/sallyport\.1|docs\/guide\/[\w-]+\.svg|docs\/policies\/[\w/-]+\.(?:cedar|cedarschema|yaml)|package\.json|README\.md|LICENSE|CHANGELOG\.md|SECURITY\.md)$/.test(path));
  if (strange.length > 0) throw new Error(`the package holds ${strange.join(", ")}`);
  const place = join(folder, "elsewhere");
  const home = join(folder, "home");
  for (const made of [place, home]) mkdirSync(made);
  writeFileSync(join(place, "package.json"), '{"private":true}');
  const env = { PATH: process.env.PATH, HOME: home };
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", join(folder, filename)], { cwd: place, env, stdio: ["ignore", "ignore", "inherit"] });
  const run = (args, input) => spawnSync("npx", ["sallyport", ...args], { cwd: place, env, encoding: "utf8", input });
  const doctor = run(["doctor", "--json"]);
  if (doctor.status !== 0) throw new Error(`doctor: ${doctor.stdout}${doctor.stderr}`);
  const session = run(["run", "--quiet", "--", "cat"], '{"jsonrpc":"2.0","method":"notifications/x"}\n');
  if (session.status !== 0 || session.stdout !== '{"jsonrpc":"2.0","method":"notifications/x"}\n') throw new Error(`run: ${JSON.stringify(session)}`);
  const verified = run(["journal", "verify", "--all"]);
  if (verified.status !== 0) throw new Error(`verify: ${verified.stdout}${verified.stderr}`);
  console.log(`package: ${(size / 1024).toFixed(0)} KiB, installs, runs and verifies`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
