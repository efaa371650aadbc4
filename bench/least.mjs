/** The least that a gate of Node's could do: parses each message, hashes it once, and moves it on; nothing is checked or recorded. */
import { spawn } from "node:child_process";
import { hash } from "node:crypto";

const [program, ...args] = process.argv.slice(2);
const server = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });

function move(from, to) {
  let held = Buffer.alloc(0);
  from.on("data", (chunk) => {
    const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
      const frame = bytes.subarray(start, end);
      if (JSON.parse(frame.toString()).jsonrpc !== "2.0" || hash("sha256", frame, "hex").length !== 64) throw new Error("not a message");
      start = end + 1;
    }
    if (start > 0) to.write(bytes.subarray(0, start));
    held = bytes.subarray(start);
  });
  from.on("end", () => to.end());
}

move(process.stdin, server.stdin);
move(server.stdout, process.stdout);
server.on("close", (code) => (process.exitCode = code ?? 1));
