/** The yardstick: a bare Node process that moves bytes both ways and does nothing else. */
import { spawn } from "node:child_process";

const [program, ...args] = process.argv.slice(2);
const server = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
process.stdin.pipe(server.stdin);
server.stdout.pipe(process.stdout);
server.on("close", (code) => (process.exitCode = code ?? 1));
