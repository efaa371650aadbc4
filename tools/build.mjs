/** Bundles src/ into dist/: one entry, split by command, so that `run` loads nothing that it does not need. */
import { chmodSync, readFileSync, rmSync } from "node:fs";
import { rolldown } from "rolldown";

const { version } = JSON.parse(readFileSync("package.json", "utf8"));
rmSync("dist", { recursive: true, force: true });
const bundle = await rolldown({
  input: { main: "src/main.ts" },
  platform: "node",
  transform: { define: { SALLYPORT_VERSION: JSON.stringify(version) } },
});
const { output } = await bundle.write({ dir: "dist", format: "esm", entryFileNames: "[name].js", chunkFileNames: "[name].js", banner: (chunk) => (chunk.isEntry ? "#!/usr/bin/env node" : "") });
await bundle.close();
chmodSync("dist/main.js", 0o755);
if (!process.argv.includes("--quiet")) {
  for (const { fileName, code } of output) console.log(`${fileName.padEnd(20)} ${(code.length / 1024).toFixed(1)} KiB`);
}
