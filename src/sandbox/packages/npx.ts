/**
 * `npx [-y] PACKAGE[@VERSION] ARG…`: the package is fetched once, with install scripts off, into the cache, and pinned
 * there with its exact version and integrity; later starts use no network and do not run npm.
 */
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { SallyportError } from "../../errors.ts";
import type { Host } from "../../model.ts";
import { isWithin } from "../../paths.ts";
import { findProgram } from "../survey.ts";
import type { ResolveOptions, Script } from "./resolve.ts";

interface Wanted {
  readonly name: string;
  /** What stands behind the @: a version, range or tag; empty for the newest. */
  readonly range: string;
}

/** `pin.json`: what was fetched for one name and range. */
interface Pin {
  readonly name: string;
  readonly range: string;
  readonly version: string;
  /** Subresource integrity of the package's archive, as the registry states it and npm has checked it. */
  readonly integrity: string;
  /** SHA-256 of the lock file, which holds the integrity of the whole tree. */
  readonly tree: string;
  readonly folder: string;
  /** The program, relative to the folder. */
  readonly program: string;
  /** Packages whose install scripts were not run. */
  readonly withoutScripts: readonly string[];
}

const NAME = /^((?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*)(?:@([^:/]*))?$/i;
/** What npm needs to reach the registry that the user has configured; nothing that makes Node or npm load code. */
const PASSED_TO_NPM = /^(?:PATH|HOME|LANG|LC_[A-Z]+|TMPDIR|NO_COLOR|SSL_CERT_(?:FILE|DIR)|NODE_EXTRA_CA_CERTS|(?:https?|all|no)_proxy|npm_config_(?:registry|userconfig|globalconfig|cafile|cache))$/i;

export async function resolveNpx(args: readonly string[], options: ResolveOptions): Promise<Script> {
  const { wanted, rest } = parse(args);
  const shelf = join(options.host.dirs.cache, "npm", `${wanted.name.replace("/", "+")}@${encodeURIComponent(wanted.range || "latest")}`);
  const pin = (options.update ? null : readPin(shelf)) ?? (await fetchPackage(wanted, shelf, options));
  const folder = join(shelf, pin.folder);
  if (pin.withoutScripts.length > 0) options.say(`install scripts were not run: ${pin.withoutScripts.join(", ")}`);
  const identity = { kind: "npm" as const, name: pin.name, version: pin.version, integrity: pin.integrity };
  return { file: join(folder, pin.program), args: rest, identity, needs: [folder] };
}

function parse(args: readonly string[]): { wanted: Wanted; rest: readonly string[] } {
  let at = 0;
  for (; at < args.length && (args[at] as string).startsWith("-"); at += 1) {
    if (!["-y", "--yes", "-q", "--quiet", "--prefer-offline", "--offline"].includes(args[at] as string)) throw new SallyportError("launch.npx-option", args[at]);
  }
  const [, name, range = ""] = NAME.exec(args[at] ?? "") ?? [];
  if (name === undefined) throw new SallyportError("launch.npx-spec", args[at] ?? "none given");
  return { wanted: { name, range }, rest: args.slice(at + 1) };
}

/** A pin that does not hold any more (cache cleaned, file cut) counts as none. */
function readPin(shelf: string): Pin | null {
  try {
    const pin = JSON.parse(readFileSync(join(shelf, "pin.json"), "utf8")) as Pin;
    const lock = readFileSync(join(shelf, pin.folder, "package-lock.json"));
    return digest(lock) === pin.tree && existsSync(join(shelf, pin.folder, pin.program)) ? pin : null;
  } catch {
    return null;
  }
}

async function fetchPackage(wanted: Wanted, shelf: string, { host, say }: ResolveOptions): Promise<Pin> {
  const spec = `${wanted.name}@${wanted.range || "latest"}`;
  say(`fetching ${spec} (once; later starts need no network)`);
  const folder = randomBytes(6).toString("hex");
  const aside = join(shelf, `.${folder}`);
  try {
    mkdirSync(aside, { recursive: true, mode: 0o755 });
    writeFileSync(join(aside, "package.json"), '{"private":true}\n');
    await runNpm(["install", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--save-exact", "--loglevel=error", "--", spec], aside, host, say);
    const pin = describe(wanted, aside, folder);
    renameSync(aside, join(shelf, folder));
    const file = join(shelf, `.pin-${folder}`);
    writeFileSync(file, `${JSON.stringify(pin, null, 2)}\n`);
    renameSync(file, join(shelf, "pin.json"));
    say(`fetched ${pin.name} ${pin.version}`);
    return pin;
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    throw error instanceof SallyportError ? error : new SallyportError("launch.fetch", `${spec}: ${(error as Error).message}`, { cause: error });
  }
}

function runNpm(args: readonly string[], folder: string, host: Host, say: (line: string) => void): Promise<void> {
  const npm = findProgram("npm", host.env["PATH"] ?? "", host.cwd);
  const sh = findProgram("sh", "/bin:/usr/bin", "/");
  if (npm === null || sh === null) throw new SallyportError("launch.fetch", "npm is not installed");
  const env = Object.fromEntries(Object.entries(host.env).filter(([name]) => PASSED_TO_NPM.test(name)));
  return new Promise((resolve, reject) => {
    // The files must be readable for the uid that servers get when the gate runs as root.
    const child = spawn(sh, ["-c", 'umask 022; exec "$@"', "sh", npm, ...args], { cwd: folder, env, stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.on("data", (chunk: Buffer) => chunk.toString().split("\n").filter(Boolean).forEach((line) => say(`npm: ${line}`)));
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`npm ended with ${code}`))));
  });
}

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly integrity?: string; readonly hasInstallScript?: boolean }>>;
}

function describe(wanted: Wanted, aside: string, folder: string): Pin {
  const lock = readFileSync(join(aside, "package-lock.json"));
  const { packages } = JSON.parse(lock.toString()) as LockFile;
  const at = `node_modules/${wanted.name}`;
  const { version, integrity } = packages[at] ?? {};
  if (version === undefined || integrity === undefined) throw new SallyportError("launch.fetch", "npm recorded no version and integrity");
  const withoutScripts = Object.entries(packages).filter(([, entry]) => entry.hasInstallScript === true).map(([path]) => path.slice(path.lastIndexOf("node_modules/") + 13));
  return { ...wanted, version, integrity, tree: digest(lock), folder, program: join(at, programOf(wanted.name, join(aside, at))), withoutScripts };
}

/** As npx chooses: the only program, or the one named as the package is. */
function programOf(name: string, directory: string): string {
  const { bin } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as { bin?: string | Record<string, string> };
  const programs = typeof bin === "string" ? { [basename(name)]: bin } : (bin ?? {});
  const files = [...new Set(Object.values(programs))];
  const chosen = files.length === 1 ? files[0] : programs[basename(name)];
  if (chosen === undefined || !isWithin(join(directory, chosen), directory)) throw new SallyportError("launch.npx-bin", `${name} has ${Object.keys(programs).join(", ") || "none"}`);
  return chosen;
}

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
