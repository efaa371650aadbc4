/** The import order: a file imports only from rows below its own; folders on one row never import each other. */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const ROWS = [
  ["main"],
  ["commands"],
  ["console", "hub", "serve", "scan", "redteam", "audit", "clients"],
  ["gate"],
  ["manifest", "guards", "policy", "consent", "sandbox", "egress", "secrets", "journal"],
  ["protocol"],
  ["model", "errors"],
];
/** What the path of a message may load of Node; a new name here is a decision (docs/decisions). */
const FORBIDDEN_EVERYWHERE = ["http", "https", "node:http", "node:https", "node:vm", "node:worker_threads"];

const source = resolve(import.meta.dirname, "../src");
const problems = [];
const rowOf = (folder) => ROWS.findIndex((row) => row.includes(folder));
const folderOf = (file) => relative(source, file).split("/")[0].replace(/\.ts$/, "");

for (const file of files(source)) {
  const text = readFileSync(file, "utf8");
  const lines = text.split("\n").length - 1;
  if (lines > 250) problems.push(`${relative(source, file)} has ${lines} lines; is it one room, or two?`);
  const from = folderOf(file);
  if (rowOf(from) === -1) problems.push(`${relative(source, file)}: the folder ${from} stands in no row`);
  for (const [, target] of text.matchAll(/(?:from|import\()\s*"([^"]+)"/g)) {
    if (FORBIDDEN_EVERYWHERE.includes(target)) problems.push(`${relative(source, file)} imports ${target}`);
    if (!target.startsWith(".")) {
      if (!target.startsWith("node:")) problems.push(`${relative(source, file)} imports the package ${target}: the run path has none`);
      continue;
    }
    const to = folderOf(resolve(dirname(file), target));
    if (to !== from && rowOf(to) <= rowOf(from)) problems.push(`${relative(source, file)} imports ${target}: ${from} may not import ${to}`);
  }
}

for (const problem of problems) console.error(problem);
console.log(problems.length === 0 ? "imports: in order" : `imports: ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;

function files(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : path.endsWith(".ts") ? [path] : [];
  });
}
