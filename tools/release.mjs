/**
 * Publishes what was tested: from a clean tree whose tag is its version, with provenance (npm's, from the OIDC token of the job
 * that runs it) and the list of what is bundled inside. Without --publish everything is tried and nothing leaves the machine.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const publish = process.argv.includes("--publish");
const { version } = JSON.parse(readFileSync("package.json", "utf8"));
const git = (...args) => execFileSync("git", args, { encoding: "utf8" }).trim();
const run = (program, ...args) => execFileSync(program, args, { stdio: "inherit" });

const problems = [
  git("status", "--porcelain") === "" ? "" : "the tree is not clean",
  git("tag", "--points-at", "HEAD").split("\n").includes(`v${version}`) ? "" : `no tag v${version} points here`,
  readFileSync("CHANGELOG.md", "utf8").includes(`## ${version}, `) && !readFileSync("CHANGELOG.md", "utf8").includes(`## ${version}, unreleased`) ? "" : `CHANGELOG.md has no date for ${version}`,
].filter(Boolean);
for (const problem of problems) console.error(`release: ${problem}`);
if (publish && problems.length > 0) process.exit(1);

run("node", "tools/setup.mjs");
run("node", "tools/build.mjs", "--quiet");
run("npm", "run", "--silent", "check");
run("node", "tools/check-package.mjs");
const { components } = JSON.parse(readFileSync("dist/sbom.cdx.json", "utf8"));
console.log(`release: ${version}, ${components.length} packages bundled`);
run("npm", "publish", "--access", "public", ...(publish ? ["--provenance"] : ["--dry-run"]));
