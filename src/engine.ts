/** What a gate wants of the engine that runs it: V8's flags, as they may be set while it runs. */
import { setFlagsFromString } from "node:v8";

/**
 * A gate stands in front of every server of a client. Messages die young, so a small nursery holds them as well; the few that
 * outlive it are collected before they have doubled the heap.
 */
export function stayLean(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--heap-growing-percent=20");
}

/** By V8's major version (Node 20, 22, 24): it complains of flags that it does not know. */
const SOONER: Readonly<Record<string, readonly string[]>> = {
  11: ["--interrupt-budget=16384"],
  12: ["--invocation-count-for-maglev=100", "--invocation-count-for-turbofan=700"],
  13: ["--invocation-count-for-maglev=100", "--invocation-count-for-turbofan=700"],
};

/** Sessions are short: what carries their messages is compiled after some hundred of them instead of some thousand. For once the start, which runs everything once, is over. */
export function compileSooner(): void {
  for (const flag of SOONER[process.versions.v8.split(".")[0] ?? ""] ?? []) setFlagsFromString(flag);
}
