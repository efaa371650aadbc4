/**
 * Packages of the Python index, whichever runner asked for them: wheels only, as building a source runs its code, into a
 * virtual environment of their own in the cache. Every file's digest stands in the wheels' own RECORD files (PEP 376, 627).
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, realpathSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { SallyportError } from "../../errors.ts";
import { findProgram } from "../survey.ts";
import type { Parsed, Wanted } from "./commands.ts";
import type { ResolveOptions, Script } from "./resolve.ts";
import { fromShelf } from "./shelf.ts";
import { unshim } from "./shims.ts";

const RECORDS = "sallyport-records.txt";

/** Throws `launch.fetch`, `launch.program`. */
export async function resolvePypi({ wanted, rest }: Parsed, options: ResolveOptions): Promise<Script> {
  const { pin, folder } = await fromShelf("pypi", wanted, options, async (at) => {
    const python = pythonOf(options);
    execFileSync(python, ["-I", "-m", "venv", "--without-pip", at], { env: {}, stdio: ["ignore", "ignore", "pipe"] });
    await install(wanted, python, at, options);
    return describe(wanted, at);
  });
  const identity = { kind: "pypi" as const, name: pin.name, version: pin.version, integrity: pin.integrity };
  return { file: join(folder, pin.program), args: rest, identity, needs: [folder] };
}

/** The interpreter itself, asked for its own name: what lies in the path may be a version manager's script. */
function pythonOf({ host }: ResolveOptions): string {
  for (const name of ["python3", "python"]) {
    const found = findProgram(name, host.env["PATH"] ?? "", host.cwd);
    if (found === null) continue;
    try {
      return realpathSync(execFileSync(unshim(found, host), ["-I", "-c", "import sys; print(sys.executable)"], { encoding: "utf8", env: host.env, cwd: host.cwd, stdio: ["ignore", "pipe", "ignore"] }).trim());
    } catch {
      // A shim without its manager: the next one in the path may do.
    }
  }
  const system = ["/usr/bin/python3", "/usr/local/bin/python3"].find((file) => existsSync(file));
  if (system === undefined) throw new SallyportError("launch.fetch", "Python is not installed");
  return system;
}

async function install({ name, range }: Wanted, python: string, folder: string, options: ResolveOptions): Promise<void> {
  const own = join(folder, "bin/python");
  const uv = findProgram("uv", options.host.env["PATH"] ?? "", options.host.cwd);
  const pip = hasPip(python);
  if (uv === null && !pip) throw new SallyportError("launch.fetch", "neither uv nor pip is installed");
  const argv = pip ? [python, "-m", "pip", "--python", own, "install", "--only-binary=:all:", "--no-input", "--quiet", "--disable-pip-version-check", "--no-compile"] : [uv as string, "pip", "install", "--python", own, "--no-build", "--quiet", "--no-config"];
  await options.fetch({ tool: "pip", argv: [...argv, `${name}${range}`], folder });
}

function hasPip(python: string): boolean {
  try {
    execFileSync(python, ["-I", "-m", "pip", "--version"], { stdio: "ignore", env: {} });
    return true;
  } catch {
    return false;
  }
}

function describe({ name, program }: Wanted, folder: string): { version: string; integrity: string; treeFile: string; program: string; withoutScripts: string[] } {
  const library = readdirSync(join(folder, "lib")).map((one) => join(folder, "lib", one, "site-packages")).find((at) => existsSync(at)) as string;
  const infos = readdirSync(library).filter((one) => one.endsWith(".dist-info")).sort();
  const plain = normal(name.replace(/\[.*\]$/, ""));
  const info = infos.find((one) => normal(one.slice(0, one.indexOf("-"))) === plain);
  if (info === undefined) throw new SallyportError("launch.fetch", "it was installed without its own description");
  // Names and digests of every file of every wheel, which is the tree; compiled files are made anew and left out.
  const records = infos.map((one) => readFileSync(join(library, one, "RECORD"), "utf8").split("\n").filter((line) => !line.includes("__pycache__")).sort().join("\n"));
  writeFileSync(join(folder, RECORDS), records.join("\n"));
  const version = /^Version:\s*(\S+)/m.exec(readFileSync(join(library, info, "METADATA"), "utf8"))?.[1] ?? "";
  const integrity = `sha256-${createHash("sha256").update(records[infos.indexOf(info)] as string).digest("base64")}`;
  return { version, integrity, treeFile: RECORDS, program: join("bin", scriptOf(join(library, info), program ?? plain)), withoutScripts: [] };
}

/** As uvx chooses: the console script of the package's name. */
function scriptOf(info: string, asked: string): string {
  const file = join(info, "entry_points.txt");
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const section = /^\[console_scripts\]\s*\n([^[]*)/m.exec(text)?.[1] ?? "";
  const scripts = [...section.matchAll(/^([\w.-]+)\s*=/gm)].map(([, script = ""]) => script);
  const chosen = scripts.find((script) => script === asked || normal(script) === normal(asked));
  if (chosen === undefined) throw new SallyportError("launch.program", `${basename(info)} has ${scripts.join(", ") || "none"}`);
  return chosen;
}

/** PEP 503. */
function normal(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}
