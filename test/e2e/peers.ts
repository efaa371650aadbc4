import { spawn } from "node:child_process";
import { join } from "node:path";

const MODULES = join(import.meta.dirname, "node_modules");

/** Node 22, which the conformance suite needs; from npm, as everything here. */
export const NODE22 = join(MODULES, `node-linux-${process.arch}`, "bin/node");
export const CONFORMANCE = join(MODULES, "@modelcontextprotocol/conformance/dist/index.js");
export const INSPECTOR = join(MODULES, "@modelcontextprotocol/inspector");
export const CLAUDE = join(MODULES, `@anthropic-ai/claude-code-linux-${process.arch}/claude`);

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function execute(argv: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env["PATH"] ?? "", ...env } });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output.stderr += chunk.toString()));
  return new Promise((done, fail) => child.on("error", fail).on("close", (code) => done({ code, ...output })));
}
