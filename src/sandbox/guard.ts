/**
 * The guard: a shell outside the cell that outlives the gate for as long as it takes to tidy up. `--die-with-parent`
 * ends the cell with the gate, but bubblewrap sets it only some milliseconds after its start, and nothing of the kernel's
 * removes a control group or a container. Started before anything that it has to tidy, so that there is no moment without it.
 */
import { spawn } from "node:child_process";

export interface Guard {
  /** The cell has ended in good order: only the control groups are left to remove, and a container that its engine forgot. */
  stand(): void;
}

export interface Tidying {
  /** A random word in the command line of every process to be ended; empty: none. */
  readonly token: string;
  readonly groups: readonly string[];
  /** A command that removes a container, and fails while there is none; the program first. */
  readonly remove: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Reads the cell's token, then waits for the end of its stdin, which the gate's death is too. Without a word before that
 * it ends every process whose command line holds the token (read from stdin, so that the guard's own does not), and looks
 * again for three seconds: a child that the gate had just forked when it died carries the token only after its exec.
 * A container may likewise still be on its way: it is removed as often as it takes, within ten seconds.
 */
const SCRIPT = `
count=$1; shift
read -r token; word=; read -r word
i=0; least=30; [ "$word" = ended ] && least=0
while [ "$i" -lt 100 ]; do
  left=0
  if [ "$word" != ended ]; then
    if [ -n "$token" ]; then
      for found in $(printf %s "$token" | grep -laF -f - /proc/[0-9]*/cmdline 2>/dev/null); do
        pid=\${found#/proc/}; kill -9 "\${pid%/cmdline}" 2>/dev/null; left=1
      done
    fi
  fi
  if [ "$#" -gt "$count" ] && [ $((i % 5)) = 0 ]; then
    if [ "$word" != ended ] || [ "$i" = 0 ]; then (shift "$count"; exec "$@") >/dev/null 2>&1; fi
  fi
  n=0
  for group; do
    n=$((n+1)); [ "$n" -gt "$count" ] && break
    rmdir "$group" 2>/dev/null; [ -d "$group" ] && left=1
  done
  [ "$left" = 0 ] && [ "$i" -ge "$least" ] && exit 0
  i=$((i+1)); sleep 0.1
done`;

/** In a session of its own, so that a signal to the gate's process group does not take it along. */
export function startGuard(sh: string, { token, groups, remove, env }: Tidying): Guard {
  const guard = spawn(sh, ["-c", SCRIPT, "sallyport-guard", String(groups.length), ...groups, ...remove], { detached: true, stdio: ["pipe", "ignore", "ignore"], env: { ...env, PATH: env["PATH"] ?? "/usr/bin:/bin" }, cwd: "/" });
  guard.on("error", () => {});
  guard.stdin.on("error", () => {});
  guard.stdin.write(`${token}\n`);
  guard.unref();
  return { stand: () => void guard.stdin.end("ended\n") };
}
