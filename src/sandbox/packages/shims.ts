/** Version managers put scripts in front of interpreters; the cell needs the interpreter itself. Each is asked by its own command. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Host } from "../../model.ts";

/** Directory of the shims -> the manager, relative to it, and its question. */
const MANAGERS: readonly (readonly [folder: RegExp, manager: string, question: string])[] = [
  [/\/\.?pyenv\/shims$/, "../bin/pyenv", "which"],
  [/\/\.?rbenv\/shims$/, "../bin/rbenv", "which"],
  [/\/\.?nodenv\/shims$/, "../bin/nodenv", "which"],
  [/\/\.asdf\/shims$/, "../bin/asdf", "which"],
  [/\/mise\/shims$/, "../../../bin/mise", "which"],
  [/\/\.volta\/bin$/, "volta", "which"],
];

/** A manager runs outside of any cell, and its hooks with it: it gets no more than where to look. */
function needed({ env }: Host): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((one): one is [string, string] => one[1] !== undefined && /^(?:PATH|HOME|USER|LANG|(?:PYENV|RBENV|NODENV)_(?:ROOT|VERSION)|ASDF_DIR|ASDF_DATA_DIR|MISE_DATA_DIR|MISE_CONFIG_DIR|VOLTA_HOME|XDG_(?:CONFIG|DATA|CACHE|STATE)_HOME)$/.test(one[0])));
}

export function unshim(program: string, host: Host): string {
  const folder = dirname(program);
  const entry = MANAGERS.find(([pattern]) => pattern.test(folder));
  if (entry === undefined) return program;
  const manager = join(folder, entry[1]);
  if (!existsSync(manager)) return program;
  try {
    const answer = execFileSync(manager, [entry[2], basename(program)], { cwd: host.cwd, encoding: "utf8", env: needed(host), stdio: ["ignore", "pipe", "ignore"] }).trim();
    return existsSync(answer) ? answer : program;
  } catch {
    return program;
  }
}
