/** Packages of the npm registry, whichever runner asked for them: fetched by npm, install scripts off, exact version and integrity kept. */
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { SallyportError } from "../../errors.ts";
import { isWithin } from "../../paths.ts";
import { findProgram } from "../survey.ts";
import type { Parsed } from "./commands.ts";
import type { ResolveOptions, Script } from "./resolve.ts";
import { fromShelf } from "./shelf.ts";

const INSTALL = ["install", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--save-exact", "--loglevel=error", "--"];

/** Throws `launch.fetch`, `launch.program`. */
export async function resolveNpm({ wanted, rest }: Parsed, options: ResolveOptions): Promise<Script> {
  const { pin, folder } = await fromShelf("npm", wanted, options, async (at) => {
    const npm = findProgram("npm", options.host.env["PATH"] ?? "", options.host.cwd);
    if (npm === null) throw new SallyportError("launch.fetch", "npm is not installed");
    writeFileSync(join(at, "package.json"), '{"private":true}\n');
    await options.fetch({ tool: "npm", argv: [npm, ...INSTALL, `${wanted.name}@${wanted.range || "latest"}`], folder: at });
    return describe(wanted.name, wanted.program, at);
  });
  if (pin.withoutScripts.length > 0) options.say(`install scripts were not run: ${pin.withoutScripts.join(", ")}`);
  const identity = { kind: "npm" as const, name: pin.name, version: pin.version, integrity: pin.integrity };
  return { file: join(folder, pin.program), args: rest, identity, needs: [folder] };
}

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly integrity?: string; readonly hasInstallScript?: boolean }>>;
}

function describe(name: string, program: string | null, folder: string): { version: string; integrity: string; treeFile: string; program: string; withoutScripts: string[] } {
  const { packages } = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")) as LockFile;
  const at = `node_modules/${name}`;
  const { version, integrity } = packages[at] ?? {};
  if (version === undefined || integrity === undefined) throw new SallyportError("launch.fetch", "npm recorded no version and integrity");
  const withoutScripts = Object.entries(packages).filter(([, entry]) => entry.hasInstallScript === true).map(([path]) => path.slice(path.lastIndexOf("node_modules/") + 13));
  return { version, integrity, treeFile: "package-lock.json", program: join(at, programOf(name, program, join(folder, at))), withoutScripts };
}

/** As npx chooses: the only program, or the one named as the package is. */
function programOf(name: string, asked: string | null, directory: string): string {
  const { bin } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as { bin?: string | Record<string, string> };
  const programs = typeof bin === "string" ? { [basename(name)]: bin } : (bin ?? {});
  const files = [...new Set(Object.values(programs))];
  const chosen = asked !== null ? (Object.hasOwn(programs, asked) ? programs[asked] : undefined) : files.length === 1 ? files[0] : programs[basename(name)];
  if (chosen === undefined || !isWithin(join(directory, chosen), directory)) throw new SallyportError("launch.program", `${name} has ${Object.keys(programs).join(", ") || "none"}`);
  return chosen;
}
