/** Docs that say what the code says: error codes and help texts both ways, links that lead somewhere, no path of a machine. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { reference } from "./reference.mjs";

const root = resolve(import.meta.dirname, "..");
const read = (name) => readFileSync(join(root, name), "utf8");
const problems = [];

for (const [file, text] of Object.entries(await reference())) if (read(file) !== text) problems.push(`${file} is not what the source says; npm run docs writes it`);
const codes = [...read("docs/errors.md").matchAll(/^\| `([a-z0-9.-]+)` \| (\w+) \|/gm)].map(([, code, fault]) => `${code} ${fault}`);
const sources = execFileSync("git", ["grep", "-hoE", '"[a-z]+\\.[a-z0-9-]+"', "--", "src"], { cwd: root, encoding: "utf8" }).split("\n");
for (const code of codes.map((entry) => entry.split(" ")[0])) if (sources.filter((text) => text === `"${code}"`).length < 2) problems.push(`${code} is in the table, and nothing uses it`);

const calls = [...read("src/sandbox/syscalls.ts").match(/export const DENIED[^]*?\n\};/)[0].matchAll(/^ {2}(\w+): \[/gm)].map(([, name]) => name);
for (const name of calls) if (!read("docs/cell.md").includes(`\`${name}\``)) problems.push(`docs/cell.md does not name the system call ${name}`);

for (const file of markdown(root)) {
  const text = read(file);
  for (const [, target] of text.matchAll(/\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)/g)) if (!existsSync(join(root, dirname(file), target))) problems.push(`${file}: there is no ${target}`);
  for (const [path] of text.matchAll(/(?:\/work\/|\/root\/)\S*/g)) problems.push(`${file} names a path of some machine: ${path}`);
}
for (const lock of ["package-lock.json", "test/e2e/package-lock.json"]) if (/"resolved": "https?:/.test(read(lock))) problems.push(`${lock} records where packages were fetched`);

for (const problem of problems) console.error(problem);
console.log(problems.length === 0 ? "docs: in order" : `docs: ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;

function markdown(folder, below = "") {
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const path = join(below, entry.name);
    if (entry.name === "node_modules" || entry.name.startsWith(".git") || entry.name === "dist") return [];
    return entry.isDirectory() ? markdown(folder, path) : entry.name.endsWith(".md") ? [path] : [];
  });
}
