/** The gate's own words before a server's: how they are written, and how they are told from what only looks like them. */
import { existsSync, realpathSync } from "node:fs";
import { basename, delimiter, isAbsolute, join, relative, resolve } from "node:path";
import { SallyportError } from "../errors.ts";
import type { Host } from "../model.ts";
import type { ClientFile } from "./places.ts";
import type { ClientServer } from "./servers.ts";

/** Where a client's servers are described. */
export function manifestOf(file: ClientFile, host: Host): string {
  return join(file.project ?? host.dirs.config, "sallyport.yaml");
}

/** Throws `clients.place` where the words would lead nowhere before long. */
export function gateWords({ file, cwd, env }: ClientServer, name: string, host: Host): string[] {
  const [interpreter, program] = host.program;
  if (/[/\\]_npx[/\\]/.test(program)) throw new SallyportError("clients.place", program);
  // A PATH of its own may have another program of that name.
  const short = !file.client.minimalPath && env["PATH"] === undefined && isOnPath(program, host);
  return [...(short ? ["sallyport"] : [interpreter, program]), "run", "--server", name, ...manifestWords(file, cwd, host), "--"];
}

/** In a project, the manifest is found from where the client starts; a path would be this machine's. */
function manifestWords(file: ClientFile, cwd: string | null, host: Host): string[] {
  const { project } = file;
  if (project === null) return ["--manifest", manifestOf(file, host)];
  if (file.client.project !== undefined) return ["--manifest", `${file.client.project}/sallyport.yaml`];
  if (cwd === null) return [];
  return ["--manifest", isAbsolute(cwd) ? manifestOf(file, host) : relative(resolve(project, cwd), join(project, "sallyport.yaml"))];
}

function isOnPath(program: string, host: Host): boolean {
  const found = (host.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "sallyport")).find((path) => existsSync(path));
  return found !== undefined && realpathSync(found) === realpathSync(program);
}

/**
 * Where the words of what seems to be a gate end and the server's begin; null where nothing of the kind stands there.
 * @param own files that are, or were, this program: a server's own `main.js run` is none.
 */
export function gateLength(argv: readonly string[], own: readonly string[]): number | null {
  const at = argv.slice(0, 8).findIndex((word, index) => argv[index + 1] === "run" && (/^sallyport(?:@.*|\.cmd)?$/.test(basename(word)) || own.includes(word) || /[/\\]sallyport[/\\]dist[/\\]main\.js$/.test(word)));
  if (at === -1) return null;
  const dashes = argv.indexOf("--", at + 2);
  return dashes === -1 ? argv.length : dashes + 1;
}

/** Variables by which the gate itself becomes another program, or finds other files of its own. */
const BENDING = /^(?:NODE_(?!ENV$).*|LD_.*|DYLD_.*|OPENSSL_.*|GCONV_PATH|npm_.*|BUN_.*|PNPM_.*|YARN_.*)$/i;
/** Where it looks for its tools, engines, packages and stores: the user's own files may say that, a project's may not. */
const LEADING = /^(?:PATH|TMPDIR|(?:PYENV|RBENV|NODENV|ASDF|MISE|RTX|VOLTA|NVM|FNM|PROTO|CARGO|RUSTUP|NIX)_.*|GLIBC_TUNABLES|GETCONF_DIR|HOSTALIASES|LOCALDOMAIN|LOCPATH|MALLOC_.*|NLSPATH|RES_OPTIONS|RESOLV_.*|TZDIR|TAR_OPTIONS|_CONTAINERS_.*|DOCKER_.*|CONTAINERS?_.*|PODMAN_.*|XDG_.*|DBUS_.*|PIP_.*|UV_.*|PYTHON.*|PERL.*|GIT_.*|SSL_.*|CURL_.*|(?:HTTPS?|ALL|NO)_PROXY|BASH_ENV|ENV|IFS)$/i;
const OF_THE_GATE = /^(?:HOME|SALLYPORT_\w+|XDG_(?:CONFIG|STATE|CACHE)_HOME)$/;

/** The first that would; a project's file must not say where the gate's own files are either. */
export function bendsGate({ file, env, names, argv }: Pick<ClientServer, "file" | "env" | "names" | "argv">): string | null {
  const all = [...Object.keys(env), ...names];
  return all.find((name) => BENDING.test(name) || (file.project !== null && (OF_THE_GATE.test(name) || LEADING.test(name))) || (name === "PATH" && Object.hasOwn(env, name) && !isAbsolute(argv[0] ?? ""))) ?? null;
}

/** What the gate itself goes by; a server gets its own of each. */
export function isOfTheGate(name: string): boolean {
  return name === "PATH" || OF_THE_GATE.test(name);
}
