/** Whose child a process is (proc(5)): an answer from below the client, or from below the gate, is the agent's own. */
import { existsSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { processEntry, type ProcessEntry } from "../processes.ts";
import type { ProcessMark } from "./question.ts";

const DEEPEST = 256;

/** From a process to the first of all. */
export function ancestors(pid: number): ProcessEntry[] {
  const chain: ProcessEntry[] = [];
  for (let at = processEntry(pid); at !== null && chain.length < DEEPEST; at = at.parent > 0 ? processEntry(at.parent) : null) chain.push(at);
  return chain;
}

export function isAlive({ pid, start }: ProcessMark): boolean {
  return processEntry(pid)?.start === start;
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
  const program = link((above[client] as ProcessEntry).pid, "exe");
  const other = above.findIndex(({ pid }, index) => index > client && (program === null || link(pid, "exe") !== program));
  return above.slice(0, other === -1 ? above.length : other).map(mark);
}

function mark({ pid, start }: ProcessEntry): ProcessMark {
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
