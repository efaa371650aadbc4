/** The commands, one line each. */
import type { Command } from "./command.ts";

/** Loaded on first need: `run` must not pay for the others. */
export const COMMANDS: Readonly<Record<string, readonly [summary: string, load: () => Promise<{ readonly command: Command }>]>> = {
  run: ["put the gate in front of a server: sallyport run -- npx -y PACKAGE ARG…", () => import("./run.ts")],
  protect: ["put the gate in front of every server of every client", () => import("./protect.ts")],
  unprotect: ["take it out again, byte for byte", () => import("./unprotect.ts")],
  explain: ["show the cell that a server would get, before anything runs", () => import("./explain.ts")],
  add: ["propose a manifest entry for a server: sallyport add NAME -- COMMAND…", () => import("./add.ts")],
  lock: ["compare servers with what was approved, and approve: lock [--check]", () => import("./lock.ts")],
  approvals: ["calls that wait for a person: approvals [ID]", () => import("./approvals.ts")],
  approve: ["answer one of them, at a terminal of your own", () => import("./approve.ts")],
  deny: ["say no to one of them", () => import("./deny.ts")],
  grants: ["answers that hold for more than one call", () => import("./grants.ts")],
  revoke: ["take one of those back", () => import("./revoke.ts")],
  journal: ["read and verify what crossed: journal tail | show | verify", () => import("./journal.ts")],
  completion: ["completions for a shell: completion bash | zsh | fish", () => import("./completion.ts")],
  doctor: ["try what this machine can enforce", () => import("./doctor.ts")],
};
