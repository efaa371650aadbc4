/** Which backends work on this machine; in CI all of them must. */
import { execFileSync } from "node:child_process";


function answers(...argv: string[]): boolean {
  try {
    execFileSync(argv[0] as string, argv.slice(1), { stdio: "ignore", timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
}

const runsc = answers("runsc", "--version") ? ["gvisor" as const] : [];

export const BACKENDS: readonly ("bubblewrap" | "docker" | "podman" | "gvisor")[] = ["bubblewrap", ...(answers("docker", "info") ? ["docker" as const] : []), ...(answers("podman", "info") ? ["podman" as const] : []), ...runsc];

/** Names of all containers of both engines, running or not. */
export function containers(): string[] {
  return (["docker", "podman"] as const).filter((engine) => BACKENDS.includes(engine)).flatMap((engine) => execFileSync(engine, ["ps", "--all", "--format", "{{.Names}}"], { encoding: "utf8" }).split("\n").filter(Boolean));
}

