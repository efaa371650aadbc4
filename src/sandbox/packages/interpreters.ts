/** Interpreters by name: which of their options carry code, name a module, or take the next word as their value. */
import { resolve } from "node:path";
import { SallyportError } from "../../errors.ts";
import type { ResolveOptions } from "./resolve.ts";

export interface Interpreter {
  readonly code: RegExp;
  /** What follows is a module's name and its arguments. */
  readonly module: RegExp;
  /** Without a value; any other that has none behind `=` is not known, and could take the script's name for one. */
  readonly plain: RegExp;
  readonly valued: RegExp;
  /** Words before the script. */
  readonly verbs: readonly string[];
  /** Words that run something else than a script. */
  readonly refused: readonly string[];
  /** Whether a script that does not exist is an error here already. */
  readonly strict: boolean;
}

const NONE = /(?!)/;
/** Modules of Python's that run what the command line says. */
export const CODE_MODULES = /^(?:timeit|pdb|cProfile|profile|trace|code|runpy)$/;
const base: Interpreter = { code: NONE, module: NONE, plain: NONE, valued: NONE, verbs: [], refused: [], strict: true };

const NODE: Interpreter = { ...base, code: /^(?:-e|--eval|-p|--print|-pe|-i|--interactive|-)(?:=|$)/, plain: /^-(?:-(?:no-)?(?:warnings|deprecation|enable-source-maps|experimental-[a-z-]+|harmony[a-z-]*|trace-[a-z-]+|expose-gc|use-env-proxy|pending-deprecation|throw-deprecation|preserve-symlinks|preserve-symlinks-main|abort-on-uncaught-exception|permission|jitless|inspect))$/, valued: /^(?:-r|--require|--import|--loader|--experimental-loader|-C|--conditions|--title|--env-file|--env-file-if-exists)$/ };
export const PYTHON: Interpreter = { ...base, code: /^-(?![WX])[A-Za-z]*[ci]|^-$/, module: /^-(?![WX])[A-Za-z]*m/, plain: /^-(?:[bBdEIOPqRsSuvx]+|[WX].+)$/, valued: /^(?:-[WX]|--check-hash-based-pycs)$/ };
const SHELL: Interpreter = { ...base, code: /^-[a-zA-Z]*[cs]|^-$|^--init-file|^--rcfile/, plain: /^[-+][a-zA-Z]+$|^--(?:noprofile|norc|posix|restricted|verbose|login)$/, valued: /^[-+][oO]$/ };
const PERL: Interpreter = { ...base, code: /^-(?![IMm])[^IMm]*[eEd]|^-$/, plain: /^-(?:[a-zA-CF-HJ-LN-Z0-9]+|I.+|[Mm]-?[\w:]+(?:=[\w,:]+)?)$/, valued: /^-[I]$/ };
const RUBY: Interpreter = { ...base, code: /^-(?![rICWEK])[a-zA-Z0-9]*e|^-$/, plain: /^-(?:[a-zA-Z0-9]+|[rIC].+|W:?.*)$|^--(?:enable|disable|yjit|jit)/, valued: /^-[rIC]$/ };
const PHP: Interpreter = { ...base, code: /^-(?:[rBERaSd])|^--(?:run|process-begin|process-end|process-code|interactive|server|define)/, plain: /^-[nqHC]+$|^--no-/, valued: /^-[cz]$/ };
const BUN: Interpreter = { ...base, code: /^(?:-e|--eval|-p|--print|-)(?:=|$)/, plain: /^--(?:bun|smol|silent|hot|watch|no-[a-z-]+)$/, valued: /^(?:-r|--preload|--cwd|--env-file)$/, verbs: ["run"], refused: ["x", "exec", "repl", "create", "install", "add"] };
/** Deno takes its permissions as options behind `run`; the cell holds whatever they say. */
const DENO: Interpreter = { ...base, code: /^-$/, plain: /^-(?:[A-Za-z]|-(?:allow|deny|no|unstable|cached|quiet|check|node)[a-z-]*)$/, valued: /^(?:-c|--config|--import-map|--lock|--env-file|--preload|--import)$/, verbs: ["run"], refused: ["eval", "repl", "task", "install", "x"] };

export const INTERPRETERS: readonly (readonly [name: RegExp, kind: Interpreter])[] = [
  [/^node(?:js)?$/, NODE],
  [/^python[0-9.]*$/, PYTHON],
  [/^(?:bash|dash|sh|zsh|ksh)$/, SHELL],
  [/^perl[0-9.]*$/, PERL],
  [/^ruby[0-9.]*$/, RUBY],
  [/^php[0-9.]*$/, PHP],
  [/^bun$/, BUN],
  [/^deno$/, DENO],
];

/** `uv [--directory DIR] run …` is a project's; `uv tool run` is not. */
export function isProject(args: readonly string[]): boolean {
  return args.includes("run") && args[args.indexOf("run") - 1] !== "tool";
}

/** Throws `launch.runner-option`. */
export function parseProject(args: readonly string[], { host }: ResolveOptions): { directory: string; rest: readonly string[] } {
  let directory = host.cwd;
  let ran = false;
  let at = 0;
  for (; at < args.length; at += 1) {
    const [word = "", value] = (args[at] as string).startsWith("--") && (args[at] as string).includes("=") ? [args[at]?.slice(0, args[at]?.indexOf("=")), args[at]?.slice((args[at]?.indexOf("=") ?? 0) + 1)] : [args[at]];
    if (word === "--directory" || word === "--project") directory = resolve(host.cwd, value ?? args[(at += 1)] ?? "");
    else if (word === "run" && !ran) ran = true;
    else if (["-q", "--quiet", "--frozen", "--no-sync", "--locked", "--offline", "--no-dev"].includes(word)) continue;
    else if (word === "--" && ran) return { directory, rest: args.slice(at + 1) };
    else if (word.startsWith("-") || !ran) throw new SallyportError("launch.runner-option", `uv ${word}`);
    else break;
  }
  return { directory, rest: args.slice(at) };
}
