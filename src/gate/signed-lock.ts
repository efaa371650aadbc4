/** Whether somebody who may has signed the lock: SSH signatures (ssh-keygen(1), `-Y verify`; PROTOCOL.sshsig). */
import { closeSync, openSync } from "node:fs";
import { spawn } from "node:child_process";
import { SallyportError } from "../errors.ts";
import { findProgram } from "../sandbox/survey.ts";

export const NAMESPACE = "sallyport";

/** Who has signed it, as the allowed-signers file names them. Throws `ci.lock`. @param text what the pins were read from: that is what is verified. */
export async function signerOf(lock: string, text: string | null, signers: string): Promise<string> {
  const program = findProgram("ssh-keygen", "/usr/bin:/bin:/usr/local/bin", "/");
  if (program === null) throw new SallyportError("ci.lock", "ssh-keygen is not installed: apt-get install openssh-client");
  const signature = `${lock}.sig`;
  try {
    if (text === null) throw new Error(`there is no ${lock}`);
    for (const file of [signature, signers]) closeSync(openSync(file, "r"));
    const [principal = ""] = (await said(program, ["-Y", "find-principals", "-s", signature, "-f", signers], null)).split("\n");
    await said(program, ["-Y", "verify", "-f", signers, "-I", principal, "-n", NAMESPACE, "-s", signature], Buffer.from(text));
    return principal;
  } catch (error) {
    throw new SallyportError("ci.lock", (error as Error).message, { cause: error });
  }
}

const TIMEOUT = 10_000;

function said(program: string, args: readonly string[], input: Buffer | null): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { PATH: "/usr/bin:/bin" }, cwd: "/", stdio: ["pipe", "pipe", "pipe"], timeout: TIMEOUT });
    let [out, err] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
    child.stdin.on("error", () => {});
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(out.trim()) : reject(new Error((err || out).trim().split("\n").at(-1) ?? `ssh-keygen ends with ${code}`))));
    child.stdin.end(input ?? undefined);
  });
}
