/** An honest server by default; its methods make it do what servers do on bad days. `--log FILE` keeps every line it sees. */
import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";

const args = process.argv.slice(2);
const log = args.includes("--log") ? args[args.indexOf("--log") + 1] : null;
const stubborn = args.includes("--stubborn");
if (stubborn) for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => {});

const write = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const waiting = new Map();

const METHODS = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: {}, serverInfo: { name: "echo", version: "1" } }),
  "test/pid": () => ({ pid: process.pid }),
  "test/env": () => ({ names: Object.keys(process.env).sort(), cwd: process.cwd() }),
  "test/big": ({ bytes }) => ({ text: "x".repeat(bytes) }),
  "test/exit": ({ code }) => process.exit(code),
  "test/crash": () => process.kill(process.pid, "SIGKILL"),
  "test/silent": () => undefined,
  "test/raw": ({ text, hex }) => void process.stdout.write(hex === undefined ? text : Buffer.from(hex, "hex")),
  "test/close": () => void process.stdout.end(),
  "test/stderr": ({ text, times = 1 }) => {
    process.stderr.write(text.repeat(times));
    return { written: text.length * times };
  },
  "test/children": ({ marker }) => {
    for (let i = 0; i < 3; i += 1) spawn("perl", ["-e", '$SIG{TERM}=$SIG{HUP}=$SIG{INT}="IGNORE"; POSIX::setsid() if eval "use POSIX; 1"; sleep 600', marker], { detached: true, stdio: "ignore" }).unref();
    return {};
  },
};

function take(line) {
  if (log !== null) appendFileSync(log, `${line}\n`);
  const message = JSON.parse(line);
  for (const { id, method, params = {}, result } of Array.isArray(message) ? message : [message]) {
    if (method === undefined) {
      waiting.get(id)?.(result);
    } else if (method === "test/ask") {
      waiting.set("from-server", (answer) => write({ id, result: { answer } }));
      write({ id: "from-server", method: "roots/list" });
    } else if (id !== undefined) {
      const answer = Object.hasOwn(METHODS, method) ? METHODS[method](params) : { method, params };
      if (answer !== undefined) write({ id, result: answer });
    }
  }
}

let rest = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  lines.filter(Boolean).forEach(take);
});
process.stdin.on("end", () => {
  if (rest !== "") take(rest);
  if (!stubborn) process.exitCode = 0;
  else setInterval(() => {}, 1000);
});
