/** Bundles src/ into dist/: one entry, split by command, so that `run` loads nothing that it does not need. */
import { chmodSync, copyFileSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { rolldown } from "rolldown";

/** Copied beside the bundle, which finds them there: ours, and those of packages. */
const OWN = ["src/guards/text/classifier.txt"];
const WASM = ["libpg-query/wasm/libpg-query.wasm", "@guanmingchiu/sqlparser-ts/wasm/sqlparser_rs_wasm_bg.wasm", "web-tree-sitter/web-tree-sitter.wasm", "tree-sitter-bash/tree-sitter-bash.wasm", "@cedar-policy/cedar-wasm/web/cedar_wasm_bg.wasm"];
/** Loaded when first needed, never by every gate. */
const HEAVY = /node_modules\/(?:yaml|jsonc-parser|toml-eslint-parser|ajv|re2js|dns-packet|tldts|fflate|libpg-query|@guanmingchiu|web-tree-sitter|@cedar-policy|jose|age-encryption|@noble|@scure)\//;

const quiet = process.argv.includes("--quiet");
const { version } = JSON.parse(readFileSync("package.json", "utf8"));
rmSync("dist", { recursive: true, force: true });
const bundle = await rolldown({
  input: { main: "src/main.ts" },
  platform: "node",
  // One package's "main" is a form that no bundler can take apart.
  resolve: { mainFields: ["module", "main"] },
  transform: { define: { SALLYPORT_VERSION: JSON.stringify(version) } },
  // The parsers' loaders also know browsers, and evaluate nothing here.
  checks: { eval: false },
});
const { output } = await bundle.write({ dir: "dist", format: "esm", entryFileNames: "[name].js", chunkFileNames: "[name].js", banner: (chunk) => (chunk.name === "main" ? "#!/usr/bin/env node" : "") });
await bundle.close();
// A program of its own, which a server's start waits for: Node.js starts CommonJS sooner.
const helper = await rolldown({ input: { inside: "src/egress/inside.ts" }, platform: "node" });
await helper.write({ dir: "dist", format: "cjs", entryFileNames: "[name].cjs" });
await helper.close();
chmodSync("dist/main.js", 0o755);
for (const file of [...OWN, ...WASM.map((one) => join("node_modules", one))]) copyFileSync(file, join("dist", basename(file)));
const chunks = new Map(output.filter(({ type }) => type === "chunk").map((chunk) => [chunk.fileName, chunk]));
refuseHeavy();
writeFileSync("dist/THIRD-PARTY.txt", notices());
writeFileSync("dist/sbom.cdx.json", `${JSON.stringify(sbom(), null, 2)}\n`);
if (!quiet) for (const { fileName, code } of chunks.values()) console.log(`${fileName.padEnd(24)} ${(code.length / 1024).toFixed(1).padStart(7)} KiB`);

/** What a gate loads before its first message. */
function refuseHeavy() {
  const seen = new Set();
  const visit = (name) => {
    if (seen.has(name) || !chunks.has(name)) return;
    seen.add(name);
    chunks.get(name).imports.forEach(visit);
  };
  const run = [...chunks.values()].find(({ facadeModuleId }) => facadeModuleId?.endsWith("src/commands/run.ts"));
  visit("main.js");
  visit(run.fileName);
  const heavy = [...seen].flatMap((name) => chunks.get(name).moduleIds).filter((id) => HEAVY.test(id));
  if (heavy.length > 0) throw new Error(`run loads ${heavy.join(", ")}`);
}

/** Names of the packages that something of is bundled. */
function bundled() {
  const modules = [...chunks.values()].flatMap(({ moduleIds }) => moduleIds).concat(WASM.map((file) => join(process.cwd(), "node_modules", file)));
  return [...new Set(modules.map((id) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id)?.[1]).filter(Boolean))].sort((a, b) => (a < b ? -1 : 1));
}

/** CycloneDX 1.6: what is bundled, with the integrity that the lock file has for it. */
function sbom() {
  const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
  const components = bundled().map((name) => {
    const { version: its, license } = JSON.parse(readFileSync(join("node_modules", name, "package.json"), "utf8"));
    const [algorithm, digest] = (packages[`node_modules/${name}`]?.integrity ?? "").split("-");
    const hashes = algorithm === "sha512" ? { hashes: [{ alg: "SHA-512", content: Buffer.from(digest, "base64").toString("hex") }] } : {};
    return { type: "library", name, version: its, purl: `pkg:npm/${name.replace("@", "%40")}@${its}`, licenses: [{ expression: license }], ...hashes };
  });
  return { bomFormat: "CycloneDX", specVersion: "1.6", version: 1, metadata: { component: { type: "application", name: "sallyport", version, purl: `pkg:npm/sallyport@${version}` } }, components };
}

/** Licences of what is bundled. */
function notices() {
  return bundled().map((name) => {
    const folder = join("node_modules", name);
    const { version: its, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one)) ?? (existsSync(join(folder, "wasm/LICENSE")) ? "wasm/LICENSE" : undefined);
    return `${name} ${its} (${license})\n\n${file === undefined ? "" : readFileSync(join(folder, file), "utf8").trim()}\n`;
  }).join(`\n${"-".repeat(80)}\n\n`);
}
