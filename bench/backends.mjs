/** What each kind of cell costs to start, beside a bare `docker run`; and what the way out by name costs beside a direct connection. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const STARTS = Number(process.argv.find((word) => word.startsWith("--starts="))?.slice(9) ?? 5);
const PASSES = 16;
/** Until then every process compiles what it runs. */
const WARM_UP = 5;
const LIST = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n';
const folder = import.meta.dirname;
const home = mkdtempSync(join(tmpdir(), "sallyport-bench-"));
const main = resolve(folder, "../dist/main.js");
const echo = join(folder, "echo-server.mjs");
const caller = resolve(folder, "../test/servers/caller.mjs");
const env = { ...process.env, SALLYPORT_HOME: home };
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const works = (...argv) => {
  try {
    execFileSync(argv[0], argv.slice(1), { stdio: "ignore", timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
};

/** Milliseconds to the first answer, and MiB of the process in front of the server. */
async function first(argv) {
  const from = performance.now();
  const child = spawn(argv[0], argv.slice(1), { stdio: ["pipe", "pipe", "ignore"], env });
  child.stdin.write(LIST);
  await new Promise((done, fail) => (child.stdout.once("data", done), child.once("close", (code) => fail(new Error(`${argv.join(" ")} ended with ${code}`)))));
  const taken = performance.now() - from;
  const memory = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))[1]) / 1024;
  child.removeAllListeners("close");
  child.stdin.end();
  await new Promise((done) => child.once("close", done));
  return { taken, memory };
}

async function starts() {
  const engines = ["docker", "podman"].filter((engine) => works(engine, "info"));
  const gate = (...flags) => [process.execPath, main, "run", "--quiet", ...flags, "--", "node", echo];
  const ways = { direct: ["node", echo], bubblewrap: gate("--isolation", "bubblewrap"), "bubblewrap, a host": gate("--isolation", "bubblewrap", "--host", "localhost:9"), ...Object.fromEntries(engines.map((engine) => [engine, gate("--isolation", engine)])) };
  // The first start makes the image, which the bare container then runs as well.
  for (const engine of engines) await first(ways[engine]);
  if (engines.includes("docker")) {
    const image = JSON.parse(execFileSync(process.execPath, [main, "explain", "--json", "--isolation", "docker", "--", "node", echo], { env, encoding: "utf8" })).plan.image.id;
    ways["bare docker run"] = ["docker", "run", "--rm", "--interactive", "--network", "none", "--mount", `type=bind,source=${folder},target=${folder},readonly`, "--entrypoint", "/usr/bin/node", image, echo];
  }
  const results = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
  for (let count = 0; count < STARTS; count += 1) for (const [way, argv] of Object.entries(ways)) results[way].push(await first(argv));
  return Object.entries(results).map(([way, all]) => ({ way, start: median(all.map(({ taken }) => taken)), memory: way === "direct" ? null : median(all.map(({ memory }) => memory)) }));
}

/** A server that is told what to fetch, inside a cell or not. */
function client(argv) {
  const child = spawn(argv[0], argv.slice(1), { stdio: ["pipe", "pipe", "ignore"], env });
  const waiting = new Map();
  let rest = "";
  let id = 0;
  child.stdout.on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    for (const line of lines) waiting.get(JSON.parse(line).id)?.(JSON.parse(line).result.text);
  });
  const ask = (params) => new Promise((done) => {
    id += 1;
    waiting.set(id, done);
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method: "try", params })}\n`);
  });
  return { ask, end: () => child.stdin.end() };
}

async function egress() {
  const web = spawn(process.execPath, [join(folder, "web.mjs")], { stdio: ["ignore", "pipe", "inherit"] });
  const port = Number(await new Promise((ready) => web.stdout.once("data", (text) => ready(String(text)))));
  // The yardstick: a Node process that only moves bytes from one socket to the other.
  const mover = spawn(process.execPath, [join(folder, "mover.mjs"), String(port)], { stdio: ["ignore", "pipe", "inherit"] });
  const moved = Number(await new Promise((ready) => mover.stdout.once("data", (text) => ready(String(text)))));
  const ways = {
    direct: { ...client([process.execPath, caller]), url: `http://localhost:${port}` },
    mover: { ...client([process.execPath, caller]), url: `http://localhost:${moved}` },
    cell: { ...client([process.execPath, main, "run", "--quiet", "--host", `localhost:${port}`, "--", "node", caller]), url: `http://localhost:${port}` },
  };
  const ratios = { mover: {}, cell: {} };
  const tasks = {
    requests: async ({ ask, url }) => Number(await ask({ how: "times", url, times: 1000 })),
    fetches: async ({ ask, url }) => Number(await ask({ how: "fetches", url, times: 1000 })),
    download: async ({ ask, url }) => Number((await ask({ how: "download", url: `${url}/big?200` })).split(" ")[1]),
  };
  for (let pass = 0; pass < PASSES; pass += 1) {
    for (const [what, task] of Object.entries(tasks)) {
      const taken = {};
      for (const [way, one] of Object.entries(ways)) taken[way] = await task(one);
      for (const way of pass < WARM_UP ? [] : ["mover", "cell"]) (ratios[way][what] ??= []).push(taken[way] / taken.direct);
    }
  }
  for (const { end } of Object.values(ways)) end();
  web.kill();
  mover.kill();
  return Object.fromEntries(Object.entries(ratios).map(([way, all]) => [way, { ...Object.fromEntries(Object.entries(all).map(([what, values]) => [what, median(values)])), all }]));
}

const cells = await starts();
const way = await egress();
rmSync(home, { recursive: true, force: true });
if (process.argv.includes("--json")) console.log(JSON.stringify({ cells, egress: way }, null, 2));
else {
  console.log("\ncell                    first answer ms   peak MiB in front");
  for (const one of cells) console.log(`${one.way.padEnd(22)}  ${one.start.toFixed(0).padStart(15)}   ${(one.memory === null ? "-" : one.memory.toFixed(0)).padStart(17)}`);
  const shown = ({ requests, fetches, download, all }) => `1,000 small requests ${requests.toFixed(2)} (${spread(all.requests)}), by fetch ${fetches.toFixed(2)} (${spread(all.fetches)}), 200 MB ${download.toFixed(2)} (${spread(all.download)})`;
  const spread = (values) => `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`;
  console.log(`\nto direct loopback, medians of ${PASSES - WARM_UP}`);
  for (const [name, one] of [["through a bare Node process", way.mover], ["through the gate", way.cell]]) console.log(`  ${name.padEnd(28)}${shown(one)}`);
}
