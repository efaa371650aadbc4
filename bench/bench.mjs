/** What the gate costs: the same client and server direct, through cat, through a bare Node relay, through one that parses and hashes, and through the gate, in one run. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROUNDS = Number(process.argv.find((word) => word.startsWith("--rounds="))?.slice(9) ?? 3);
const SEQUENTIAL = 8000;
const CONCURRENT = 200_000;
const IN_FLIGHT = 64;
const STARTS = 7;

const folder = import.meta.dirname;
const home = mkdtempSync(join(tmpdir(), "sallyport-bench-"));
const server = ["node", join(folder, "echo-server.mjs")];
const gate = [process.execPath, resolve(folder, "../dist/main.js"), "run", "--quiet"];
const WAYS = {
  direct: server,
  cat: ["sh", "-c", 'cat | "$@" | cat', "sh", ...server],
  relay: ["node", join(folder, "relay.mjs"), ...server],
  "parse, hash": ["node", join(folder, "least.mjs"), ...server],
  gate: [...gate, "--", ...server],
  "gate, manifest": [...gate, "--manifest", join(home, "sallyport.yaml"), "--server", "echo"],
  "gate, disk": [...gate, "--durability", "disk", "--", ...server],
};

writeFileSync(
  join(home, "sallyport.yaml"),
  `version: 1
servers:
  echo:
    command: node
    args: ${JSON.stringify(server.slice(1))}
    capabilities: { tools: { echo: { arguments: { /message: { type: argument } }, rate: { calls: 1000000000, per: second } } } }
`,
);

function start(way) {
  const [program, ...args] = WAYS[way];
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "ignore"], env: { ...process.env, SALLYPORT_HOME: home } });
  let answered = 0;
  let expected = Infinity;
  let wake = () => {};
  child.stdout.on("data", (chunk) => {
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) answered += 1;
    if (answered >= expected) wake();
    child.emit("answered", answered);
  });
  const until = (count) => new Promise((done) => {
    expected = count;
    wake = done;
    if (answered >= count) done();
  });
  return { child, until, answered: () => answered };
}

/** The tool is pinned, or compared with its pin, before the first call. */
const LIST = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n';
const request = (id) => `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"echo","arguments":{"message":"a message of some fifty characters, as they are"}}}\n`;

async function stop({ child }) {
  child.stdin.end();
  await new Promise((done) => (child.exitCode === null ? child.once("close", done) : done()));
}

async function startTime(way) {
  const from = performance.now();
  const session = start(way);
  session.child.stdin.write(LIST);
  await session.until(1);
  const taken = performance.now() - from;
  await stop(session);
  return taken;
}

async function measure(way) {
  const session = start(way);
  session.child.stdin.write(LIST);
  await session.until(1);
  let id = 1;
  const roundTrips = [];
  for (let i = 0; i < SEQUENTIAL + 500; i += 1) {
    const from = performance.now();
    session.child.stdin.write(request((id += 1)));
    await session.until(id);
    if (i >= 500) roundTrips.push((performance.now() - from) * 1000);
  }
  const from = performance.now();
  const first = id;
  const last = id + CONCURRENT;
  const fill = () => {
    let lines = "";
    while (id < last && id - session.answered() < IN_FLIGHT) lines += request((id += 1));
    if (lines !== "") session.child.stdin.write(lines);
  };
  session.child.on("answered", fill);
  fill();
  await session.until(last);
  const rate = (last - first) / ((performance.now() - from) / 1000);
  const memory = peakMemory(session.child.pid);
  await stop(session);
  roundTrips.sort((a, b) => a - b);
  return { p50: roundTrips[Math.floor(SEQUENTIAL / 2)], p99: roundTrips[Math.floor(SEQUENTIAL * 0.99)], rate, memory };
}

/** Peak resident set in MiB. */
function peakMemory(pid) {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
}

async function emptyNode() {
  const times = [];
  for (let i = 0; i < STARTS; i += 1) {
    const from = performance.now();
    execFileSync(process.execPath, ["-e", "0"]);
    times.push(performance.now() - from);
  }
  const idle = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6); process.stdout.write('x')"], { stdio: ["ignore", "pipe", "ignore"] });
  await new Promise((ready) => idle.stdout.once("data", ready));
  const memory = peakMemory(idle.pid);
  idle.kill();
  return { time: median(times), memory };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const empty = await emptyNode();
const results = Object.fromEntries(Object.keys(WAYS).map((way) => [way, { rounds: [], starts: [] }]));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const way of Object.keys(WAYS)) {
    if (process.stderr.isTTY) process.stderr.write(`\rround ${round + 1} of ${ROUNDS}: ${way.padEnd(12)}`);
    results[way].rounds.push(await measure(way));
  }
}
for (let i = 0; i < STARTS; i += 1) for (const way of Object.keys(WAYS)) results[way].starts.push(await startTime(way));
if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");

const summary = Object.fromEntries(
  Object.entries(results).map(([way, { rounds, starts }]) => [
    way,
    { ...Object.fromEntries(["p50", "p99", "rate", "memory"].map((key) => [key, median(rounds.map((one) => one[key]))])), start: median(starts) },
  ]),
);
if (process.argv.includes("--json")) console.log(JSON.stringify({ empty, summary }, null, 2));
else print(summary);
if (readdirSync(home).length > 0) rmSync(home, { recursive: true });

function print(all) {
  const { relay, direct } = all;
  const rows = [["", "p50 µs", "p99 µs", "messages/s", "first answer ms", "peak MiB", "p50 : relay", "messages : relay", "start beyond direct : empty node", "memory : empty node"]];
  for (const [way, one] of Object.entries(all)) {
    const single = way !== "direct" && way !== "cat";
    rows.push([
      way, one.p50.toFixed(0), one.p99.toFixed(0), Math.round(one.rate).toLocaleString("en"), one.start.toFixed(0), single ? one.memory.toFixed(0) : "-",
      (one.p50 / relay.p50).toFixed(2), (one.rate / relay.rate).toFixed(2), ((one.start - direct.start) / empty.time).toFixed(2), single ? (one.memory / empty.memory).toFixed(2) : "-",
    ]);
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) console.log(row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join("  "));
  console.log(`\nempty node: ${empty.time.toFixed(0)} ms, ${empty.memory.toFixed(0)} MiB; ${process.version}, ${cpus().length} x ${cpus()[0].model}; medians of ${ROUNDS} rounds and ${STARTS} starts`);
}
