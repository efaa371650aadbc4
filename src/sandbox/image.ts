/**
 * An image for a server that brings none: its interpreter with the libraries that the loader names, a shell, and nothing
 * else of the machine; the package is shown beside it, read-only. Made once for each set of files, without network, by `tar`
 * and the engine's `import`.
 */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { SallyportError } from "../errors.ts";
import type { Host } from "../model.ts";
import { isWithin } from "../paths.ts";
import { linkedWith } from "./elf.ts";
import { ask, inspectImage, type Engine, type ImageFacts } from "./engine.ts";
import { INSIDE, isSystem, type Image, type Launch } from "./plan.ts";

const MAX_EXTENSIONS = 1000;
const REPOSITORY = "localhost/sallyport";
const SHELL = ["/bin/sh", "/usr/bin/env"];
/** What libraries read to work at all; the cell's own accounts and names are made up, as in other cells. */
const SHARED = ["/etc/ssl/certs", "/etc/ca-certificates", "/usr/share/ca-certificates", "/etc/ssl/openssl.cnf", "/usr/lib/ssl", "/etc/localtime", "/etc/mime.types", "/etc/protocols", "/etc/services", "/usr/share/zoneinfo", "/usr/lib/locale/C.utf8"];
const LINKS = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"].filter((at) => existsSync(at) && lstatSync(at).isSymbolicLink());
const LINKED_BY_NAME = ["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"];

/** Throws `cell.image`, `cell.engine`. */
export async function madeImage(launch: Launch, engine: Engine, { dirs }: Host, say: (line: string) => void): Promise<Image> {
  const files = filesOf(launch, dirs.cache);
  const tag = `${REPOSITORY}:${digest(files)}`;
  const known = await inspectImage(engine, tag);
  if (known === null) say(`making an image for ${engine.name} (once; ${files.length} entries)`);
  const facts = known ?? (await make(files, engine, tag, tmpdir()));
  return { id: facts.id, name: tag, environment: {}, user: null, cwd: "/", volumes: [], made: true };
}

/** Absolute paths; a directory stands for all that is in it. What lies outside the system's directories is shown, not copied. */
function filesOf(launch: Launch, cache: string): string[] {
  const programs = [...SHELL.filter((file) => existsSync(file)), launch.program, ...interpretersOf(launch)];
  const libraries = [...new Set([...librariesOf(programs), ...launch.needs.filter((at) => !isSystem(at)).flatMap((at) => rememberedExtensions(at, cache))])];
  const wanted = [...programs, ...libraries, ...standardLibrary(launch.program), ...SHARED.filter((at) => existsSync(at))];
  // The interpreter of a package's own environment is a link to the system's.
  const whole = [...new Set(wanted.flatMap(withLinks))].filter((at) => isSystem(at) && !LINKS.includes(at)).sort((a, b) => (a < b ? -1 : 1));
  return whole.filter((at) => !whole.some((other) => other !== at && isWithin(at, other) && statSync(other).isDirectory() && !lstatSync(other).isSymbolicLink()));
}

/** Programs among the arguments: `node` in front of a script is the program, and the script needs no other. */
function interpretersOf({ args }: Launch): string[] {
  return args.filter((word) => word.startsWith("/") && existsSync(word) && statSync(word).isFile() && readFileSync(word).subarray(0, 4).toString("latin1") === "\u007fELF");
}

/** With what the C library looks up by name as it runs. */
function librariesOf(files: readonly string[]): string[] {
  const found = linkedWith(files);
  const folder = found.find((file) => /\/libc\.(?:so|musl)/.test(file));
  return [...found, ...(folder === undefined ? [] : LINKED_BY_NAME.map((name) => join(dirname(folder), name)).filter((file) => existsSync(file)))];
}

/** An interpreter below /usr keeps its modules beside it. */
function standardLibrary(program: string): string[] {
  const real = realpathSync(program);
  const python = /^python3\.\d+$/.exec(basename(real))?.[0];
  if (python !== undefined && real.startsWith("/usr/")) return [`/usr/lib/${python}`, "/usr/lib/python3", `/usr/local/lib/${python}`].filter((at) => existsSync(at)).concat(extensions(`/usr/lib/${python}/lib-dynload`));
  const perl = basename(real).startsWith("perl") && real.startsWith("/usr/");
  return perl ? ["/usr/share/perl", "/usr/share/perl5", "/usr/lib/x86_64-linux-gnu/perl", "/usr/lib/x86_64-linux-gnu/perl-base", "/usr/lib/aarch64-linux-gnu/perl", "/etc/perl"].filter((at) => existsSync(at)) : [];
}

/** Libraries that modules of machine code below a folder are linked with (Python's extensions, Node's addons). */
function extensions(folder: string): string[] {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return [];
  const found = execFileSync("find", [folder, "-type", "f", "(", "-name", "*.so", "-o", "-name", "*.so.*", "-o", "-name", "*.node", ")"], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024, env: { PATH: "/usr/bin:/bin" } });
  return librariesOf(found.split("\n").filter(Boolean).slice(0, MAX_EXTENSIONS));
}

/** What has been looked through once is remembered as long as the folder stays as it is: packages in the cache never change. */
function rememberedExtensions(folder: string, cache: string): string[] {
  const { mtimeMs, ino } = statSync(folder);
  const file = join(cache, "linked", `${createHash("sha256").update(`2 ${folder} ${mtimeMs} ${ino}`).digest("hex").slice(0, 32)}.json`);
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as string[];
  const found = extensions(folder);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, JSON.stringify(found));
  return found;
}

/** A path with every link on the way to it, so that it can be followed inside. */
function withLinks(path: string): string[] {
  const links: string[] = [];
  let at = "";
  for (const part of path.split("/").filter(Boolean)) {
    at = `${at}/${part}`;
    if (lstatSync(at).isSymbolicLink()) {
      links.push(at);
      const target = readlinkSync(at);
      const rest = path.slice(at.length);
      return [...links, ...withLinks(join(target.startsWith("/") ? target : join(dirname(at), target), rest))];
    }
  }
  return [path];
}

/** By size and time of change of every file, as `make` does it. */
function digest(files: readonly string[]): string {
  const hash = createHash("sha256").update("4\n");
  const add = (file: string): void => {
    const facts = lstatSync(file);
    hash.update(`${file}\0${facts.mode}\0${facts.size}\0${Math.floor(facts.mtimeMs)}\n`);
    if (facts.isDirectory()) for (const name of readdirSync(file).sort()) if (name !== "__pycache__") add(join(file, name));
  };
  files.forEach(add);
  return hash.digest("hex").slice(0, 40);
}

async function make(files: readonly string[], engine: Engine, tag: string, scratch: string): Promise<ImageFacts> {
  const folder = mkdtempSync(join(scratch, "sallyport-image-"));
  try {
    skeleton(folder);
    const list = join(folder, ".list");
    writeFileSync(list, files.map((file) => `${file.slice(1)}\0`).join(""));
    const tar = spawn("tar", ["--create", "--file=-", "--owner=0", "--group=0", "--numeric-owner", "--exclude-vcs", `--directory=${folder}`, "--exclude=./.list", ".", "--directory=/", "--null", "--no-unquote", `--files-from=${list}`], { stdio: ["ignore", "pipe", "pipe"], env: { PATH: "/usr/bin:/bin" } });
    const importer = spawn(engine.program, [...engine.options, "import", "-", tag], { stdio: [tar.stdout, "ignore", "pipe"], env: engine.env, cwd: "/" });
    tar.stdout.destroy();
    await Promise.all([tar, importer].map(finished));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const facts = await inspectImage(engine, tag);
  if (facts === null) throw new SallyportError("cell.image", `${tag} was made, and is not there`);
  return facts;
}

function finished(child: ReturnType<typeof spawn>): Promise<void> {
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new SallyportError("cell.image", error.message)));
    child.on("close", (code) => (code === 0 ? resolve() : reject(new SallyportError("cell.image", said.trim().split("\n").at(-1) ?? `ended with ${code}`))));
  });
}

/** The root directory, with the links that the machine's own has, and one made-up account. */
function skeleton(folder: string): void {
  for (const at of ["proc", "sys", "dev", "tmp", "etc", "run", "var"]) mkdirSync(join(folder, at));
  chmodSync(folder, 0o755);
  chmodSync(join(folder, "tmp"), 0o1777);
  for (const link of LINKS) symlinkSync(readlinkSync(link), join(folder, link));
  const { uid, gid } = INSIDE;
  writeFileSync(join(folder, "etc/passwd"), `root:x:0:0::/nonexistent:/bin/false\nsallyport:x:${uid}:${gid}::/tmp:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n`);
  writeFileSync(join(folder, "etc/group"), `root:x:0:\nsallyport:x:${gid}:\nnogroup:x:65534:\n`);
  writeFileSync(join(folder, "etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n");
  writeFileSync(join(folder, "etc/nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files dns\n");
}

/** The images that were made here, for whoever wants to remove them. */
export async function madeImages(engine: Engine): Promise<string[]> {
  return (await ask(engine, ["images", "--format", "{{.Repository}}:{{.Tag}}", REPOSITORY])).split("\n").filter(Boolean);
}
