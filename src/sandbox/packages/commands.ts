/**
 * Command lines of package runners -> what is to be fetched and run. Each knows the few options that clients' files use;
 * others are refused, as an option that is not understood may name another program.
 */
import { SallyportError } from "../../errors.ts";

export interface Wanted {
  readonly name: string;
  /** What stands behind the name: a version, range or tag; empty for the newest. */
  readonly range: string;
  /** The program of the package; null for the one that goes by its name. */
  readonly program: string | null;
}

export interface Parsed {
  readonly wanted: Wanted;
  readonly rest: readonly string[];
}

interface Runner {
  /** Words that must come first, such as `exec`. */
  readonly verbs: readonly (readonly string[])[];
  /** Options that change nothing here. */
  readonly plain: readonly string[];
  /** Options that name the package, and leave the first word to name its program. */
  readonly from: readonly string[];
  readonly read: (spec: string) => { readonly name: string; readonly range: string } | null;
}

const NPM_NAME = /^((?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*)(?:@([^:/]*))?$/i;
/** PEP 508 name with extras, and one version: `name[extra]==1.2`, or uv's `name@1.2`. */
const PYPI_NAME = /^([a-z0-9](?:[a-z0-9._-]*[a-z0-9])?(?:\[[a-z0-9._,-]+\])?)(?:(?:==|@)([\w.!+*-]+)|((?:[<>~!]=?|===?)[\w.!+*,<>=~ -]+))?$/i;

function npmSpec(spec: string): { name: string; range: string } | null {
  const [, name, range = ""] = NPM_NAME.exec(spec) ?? [];
  return name === undefined ? null : { name, range };
}

function pypiSpec(spec: string): { name: string; range: string } | null {
  const [, name, exact, range] = PYPI_NAME.exec(spec) ?? [];
  return name === undefined ? null : { name, range: exact === undefined ? (range ?? "") : exact === "latest" ? "" : `==${exact}` };
}

const QUIET = ["-q", "--quiet", "-s", "--silent"];
/** Adding a runner is a line, and one in `resolve.ts`. */
export const RUNNERS = {
  npx: { verbs: [[]], plain: ["-y", "--yes", "--prefer-offline", "--offline", ...QUIET], from: ["-p", "--package"], read: npmSpec },
  npm: { verbs: [["exec"], ["x"]], plain: ["-y", "--yes", "--prefer-offline", "--offline", ...QUIET], from: ["--package"], read: npmSpec },
  pnpm: { verbs: [["dlx"]], plain: QUIET, from: ["--package"], read: npmSpec },
  yarn: { verbs: [["dlx"]], plain: QUIET, from: ["-p", "--package"], read: npmSpec },
  bunx: { verbs: [[]], plain: ["-y", "--yes", "--bun", ...QUIET], from: ["-p", "--package"], read: npmSpec },
  uvx: { verbs: [[]], plain: ["-y", "--offline", "--isolated", ...QUIET], from: ["--from"], read: pypiSpec },
  uv: { verbs: [["tool", "run"]], plain: ["--offline", "--isolated", ...QUIET], from: ["--from"], read: pypiSpec },
  pipx: { verbs: [["run"]], plain: ["--no-cache", "--pypackages", ...QUIET], from: ["--spec"], read: pypiSpec },
} as const satisfies Record<string, Runner>;

export type RunnerName = keyof typeof RUNNERS;

/** Throws `launch.runner-option`, `launch.package`. @param named whether the manifest names this command line. */
export function parseRunner(runner: RunnerName, args: readonly string[], named: boolean): Parsed {
  const { verbs, plain, from, read }: Runner = RUNNERS[runner];
  const verb = verbs.find((words) => words.every((word, index) => args[index] === word));
  if (verb === undefined) throw new SallyportError("launch.runner-option", `${runner} ${args[0] ?? ""}: only ${verbs.map((words) => words.join(" ")).join(", ")} is taken over`);
  let spec: string | null = null;
  let at = verb.length;
  for (; at < args.length && (args[at] as string).startsWith("-") && args[at] !== "--"; at += 1) {
    const [option, value] = split(args[at] as string);
    if (plain.includes(option) && value === undefined) continue;
    if (!from.includes(option) || spec !== null) throw new SallyportError("launch.runner-option", `${runner} ${args[at]}`);
    // Which program of which package is then two words, and the second may be any.
    if (!named) throw new SallyportError("launch.code", `${runner} ${option} names a program apart from its package; a manifest may`);
    spec = value ?? args[(at += 1)] ?? "";
  }
  if (args[at] === "--") at += 1;
  const word = args[at] ?? "";
  const found = read(spec ?? word);
  if (found === null) throw new SallyportError("launch.package", (spec ?? word) || "none given");
  const rest = args.slice(at + 1);
  return { wanted: { ...found, program: spec === null ? null : word }, rest: runner === "npm" && rest[0] === "--" ? rest.slice(1) : rest };
}

function split(word: string): [string, string | undefined] {
  const equals = word.startsWith("--") ? word.indexOf("=") : -1;
  return equals === -1 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}
