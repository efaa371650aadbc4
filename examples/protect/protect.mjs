/** A story: two clients with three servers, protected with one command, and given back byte for byte. Real, in a home of its own. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const main = join(root, "dist/main.js");
const home = mkdtempSync(join(tmpdir(), "sallyport-story-"));
const env = { PATH: process.env.PATH, HOME: home };
const files = { ".cursor/mcp.json": '{\n  // what I use every day\n  "mcpServers": {\n    "docs": { "command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "${userHome}/docs"] },\n    "memory": {\n      "command": "npx",\n      "args": ["-y", "@modelcontextprotocol/server-memory"],\n      "env": { "API_TOKEN": "not-a-real-secret-123" },\n    },\n  },\n}\n', ".codex/config.toml": 'model = "gpt" # mine\n\n[mcp_servers.thinking]\ncommand = "npx" # keep\nargs = ["-y", "@modelcontextprotocol/server-sequential-thinking"]\n' };

function sallyport(...args) {
  console.log(`\n$ sallyport ${args.join(" ")}`);
  const { stdout, status } = spawnSync(process.execPath, [main, ...args], { cwd: home, env, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  process.stdout.write(stdout.replaceAll(home, "~").replaceAll(root, "…").replaceAll(process.execPath, "node"));
  return status;
}

function must(holds, what) {
  if (!holds) throw new Error(what);
}

try {
  if (!existsSync(main)) execFileSync("npm", ["run", "--silent", "build"], { cwd: root });
  mkdirSync(join(home, "docs"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), text);
  }
  must(sallyport("protect", "--check") === 1, "nothing is protected yet");
  must(sallyport("protect", "--yes", "--secrets", "file") === 0, "all three are protected");
  must(sallyport("protect", "--check") === 0, "all are");
  must(!readFileSync(join(home, ".cursor/mcp.json"), "utf8").includes("not-a-real-secret"), "the secret has moved");
  must(sallyport("unprotect") === 0, "and undone");
  for (const [name, text] of Object.entries(files)) must(readFileSync(join(home, name), "utf8") === text, `${name} is byte for byte what it was`);
  console.log("\nEvery file is byte for byte what it was.");
} finally {
  rmSync(home, { recursive: true, force: true });
}
