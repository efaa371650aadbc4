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
  ["atomic"],
  ["model", "errors", "paths", "nearest", "address", "host", "poll", "engine", "assets", "processes"],
];
/** Packages are bundled, each named with the files that use it; a new one is a decision (docs/decisions). */
const PACKAGES = {
  "json-schema-to-ts": ["manifest/schema.ts"],
  "jsonc-parser": ["clients/formats/json.ts"],
  "toml-eslint-parser": ["clients/formats/toml.ts"],
  yaml: ["manifest/load.ts", "manifest/edit.ts", "gate/foretell.ts", "clients/formats/yaml.ts"],
  ajv: ["guards/arguments/ajv.ts"],
  "ajv/dist/2020.js": ["guards/arguments/ajv.ts", "manifest/load.ts"],
  re2js: ["guards/arguments/ajv.ts", "guards/arguments/regex.ts", "guards/arguments/pattern.ts", "manifest/sense.ts"],
  "ipaddr.js": ["address.ts"],
  "libpg-query/wasm/libpg-query.js": ["guards/arguments/postgres.ts"],
  "web-tree-sitter": ["guards/arguments/command.ts"],
  fflate: ["sandbox/packages/bundle.ts"],
  "dns-packet": ["egress/resolver.ts"],
  tldts: ["manifest/hosts.ts"],
  "@cedar-policy/cedar-wasm/web": ["policy/cedar.ts"],
  "age-encryption": ["secrets/age-file.ts"],
  jose: ["gate/workload.ts"],
};
/** What the path of a message may load of Node; a new name here is a decision (docs/decisions). */
const HTTP = ["egress/proxy.ts", "consent/channels/webhook.ts"];
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
  for (const [, target] of text.matchAll(/(?:from\s+|import\(\s*)"([^"]+)"/g)) {
    if (FORBIDDEN_EVERYWHERE.includes(target) && !(target === "node:http" && HTTP.includes(relative(source, file)))) problems.push(`${relative(source, file)} imports ${target}`);
    if (!target.startsWith(".")) {
      if (!target.startsWith("node:") && !PACKAGES[target]?.includes(relative(source, file))) problems.push(`${relative(source, file)} imports the package ${target}`);
      continue;
    }
    // A package whose exports hide the one file that is needed.
    if (target.includes("/node_modules/@guanmingchiu/sqlparser-ts/") && relative(source, file) === "guards/arguments/sqlparser.ts") continue;
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
