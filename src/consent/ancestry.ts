/** Whose child a process is (proc(5)): an answer from below the client, or from below the gate, is the agent's own. */
import { existsSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import type { ProcessMark } from "./question.ts";

interface Entry extends ProcessMark {
  readonly parent: number;
  readonly name: string;
  /** Number of the controlling terminal; 0 where there is none. */
  readonly terminal: number;
}

/** Null where there is no such process. */
export function entryOf(pid: number): Entry | null {
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

const DEEPEST = 256;

/** From a process to the first of all. */
export function ancestors(pid: number): Entry[] {
  const chain: Entry[] = [];
  for (let at = entryOf(pid); at !== null && chain.length < DEEPEST; at = at.parent > 0 ? entryOf(at.parent) : null) chain.push(at);
  return chain;
}

export function isAlive({ pid, start }: ProcessMark): boolean {
  return entryOf(pid)?.start === start;
}

/**
 * The gate, what stands between it and the client (`npx`, `sh -c`: they share its stdin), the client, and the client's own
 * processes above it, which run the same program.
 */
export function clientsOf(gate: number): ProcessMark[] {
  const chain = ancestors(gate);
  const own = link(gate, "fd/0");
  const above = chain.slice(1).filter(({ pid }) => pid > 1);
  const client = above.findIndex(({ pid }) => link(pid, "fd/0") !== own || own === null);
  if (client === -1) return above.map(mark);
  const program = link((above[client] as Entry).pid, "exe");
  const other = above.findIndex(({ pid }, index) => index > client && (program === null || link(pid, "exe") !== program));
  return above.slice(0, other === -1 ? above.length : other).map(mark);
}

function mark({ pid, start }: Entry): ProcessMark {
  return { pid, start };
}

function link(pid: number, name: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/${name}`);
  } catch {
    return null;
  }
}

/** Those who may not answer and are above this process, or above whoever shows it its terminal; by name, for the record. */
export function forbiddenAbove(pid: number, forbidden: readonly ProcessMark[]): string[] {
  const chain = ancestors(pid);
  const terminal = chain[0]?.terminal ?? 0;
  const above = [...chain, ...(terminal === 0 ? [] : mastersOf(terminal).flatMap((holder) => ancestors(holder)))];
  return [...new Set(above.filter((one) => forbidden.some(({ pid: its, start }) => its === one.pid && start === one.start)).map((one) => `${one.name} (${one.pid})`))];
}

/** Who answers, for the record: the terminal, and what stands above the process. */
export function traceOf(pid: number): string {
  const chain = ancestors(pid);
  return `${link(pid, "fd/0") ?? "?"}: ${chain.slice(1, 12).map(({ name, pid: its }) => `${name} (${its})`).join(" < ")}`;
}

/** Major numbers of pseudo terminals (admin-guide/devices.txt). */
const PTS_MAJORS = [136, 143] as const;

/** Processes that hold the other side of a pseudo terminal, as far as this user may see (`tty-index` in proc_pid_fdinfo(5)). */
function mastersOf(terminal: number): number[] {
  const major = (terminal >> 8) & 0xfff;
  const minor = (terminal & 0xff) | ((terminal >> 12) & 0xfff00);
  if (major < PTS_MAJORS[0] || major > PTS_MAJORS[1]) return [];
  const index = minor + (major - PTS_MAJORS[0]) * 256;
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => holdsMaster(pid, index));
}

function holdsMaster(pid: number, index: number): boolean {
  const folder = `/proc/${pid}/fd`;
  try {
    return existsSync(folder) && readdirSync(folder).some((fd) => {
      const target = link(pid, `fd/${fd}`);
      return target !== null && target.endsWith("/ptmx") && new RegExp(`^tty-index:\\s*${index}$`, "m").test(readFileSync(`/proc/${pid}/fdinfo/${fd}`, "latin1"));
    });
  } catch {
    return false;
  }
}
