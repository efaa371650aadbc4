/** Processes as the kernel tells of them (proc_pid_stat(5)). */
import { readFileSync } from "node:fs";

export interface ProcessEntry {
  readonly pid: number;
  /** Ticks since the machine's start, and which start that was: with its number, an identity. */
  readonly start: string;
  readonly parent: number;
  readonly name: string;
  /** Number of the controlling terminal; 0 where there is none. */
  readonly terminal: number;
}

/** Null where there is no such process, or where it has ended. */
export function processEntry(pid: number): ProcessEntry | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const close = text.lastIndexOf(")");
    const fields = text.slice(close + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return null;
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").slice(0, 8);
    return { pid, start: `${fields[19]}-${boot}`, parent: Number(fields[1]), name: text.slice(text.indexOf("(") + 1, close), terminal: Number(fields[4]) };
  } catch {
    return null;
  }
}
