/**
 * A package manager in a cell of its own: it reads its own configuration, writes one folder of the cache, and reaches the
 * registry that is configured for it, and nothing else. What it installs runs no script of its own.
 */
import { spawn, execFileSync } from "node:child_process";
import { chownSync, copyFileSync, existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { lookup } from "node:dns/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { SallyportError } from "../errors.ts";
import { GATE_ADDRESS, PROXY_PORT } from "../egress/place.ts";
import { parseHost, writeHost } from "../host.ts";
import type { Host } from "../model.ts";
import { startCell } from "../sandbox/launch.ts";
import { scriptLaunch, type Fetching } from "../sandbox/packages/resolve.ts";
import { makePlan, type Reachable } from "../sandbox/plan.ts";
import { openNetwork } from "./network.ts";
import { NOBODY, chooseUser, findTools, survey } from "../sandbox/survey.ts";

/** What package managers need of the caller's variables; nothing that makes Node or Python load code. */
const PASSED = /^(?:PATH|LANG|LC_[A-Z]+|NO_COLOR|SSL_CERT_(?:FILE|DIR)|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE|(?:https?|all|no)_proxy|npm_config_(?:registry|userconfig|globalconfig|cafile|strict_ssl)|PIP_(?:INDEX_URL|EXTRA_INDEX_URL|CERT|FIND_LINKS|CONFIG_FILE|DEFAULT_TIMEOUT|TRUSTED_HOST)|UV_(?:INDEX_URL|DEFAULT_INDEX|INDEX|FIND_LINKS))$/i;
/** Where this machine has no cells of bubblewrap's at all. A promise that was broken is none of these. */
const NO_CELL: readonly string[] = ["cell.no-bubblewrap", "cell.no-tool", "cell.refused"];
const PROXY = /^(?:https?|all)_proxy$/i;
const TIMEOUT = 600_000;
const PYPI = ["pypi.org:443", "files.pythonhosted.org:443"];
const NETWORK_LIMITS = { connections: 64, bytes: 4 * 1024 ** 3, idleSeconds: 300 };

/** Throws `launch.fetch`. */
export async function fetchInCell(fetching: Fetching, host: Host, say: (line: string) => void): Promise<void> {
  const env = Object.fromEntries(Object.entries(host.env).filter((entry): entry is [string, string] => PASSED.test(entry[0]) && entry[1] !== undefined));
  const scratch = join(fetching.folder, ".fetching");
  mkdirSync(scratch, { mode: 0o755 });
  const config = join(scratch, "npmrc");
  const configured = env["npm_config_userconfig"] ?? join(homeOf(host), ".npmrc");
  // A copy: it may be closed to the uid that the tool gets.
  if (existsSync(configured)) copyFileSync(configured, config);
  const own = { ...env, HOME: scratch, TMPDIR: scratch, npm_config_cache: join(scratch, "npm"), npm_config_update_notifier: "false", PIP_NO_CACHE_DIR: "1", UV_CACHE_DIR: join(scratch, "uv"), ...(fetching.tool === "npm" ? { npm_config_userconfig: config } : {}) };
  try {
    const tools = findTools(host);
    await inCell(fetching, own, await registries(fetching, env, host), tools, host, say);
  } catch (error) {
    if (!(error instanceof SallyportError) || !NO_CELL.includes(error.code)) throw error;
    // As root that would be the whole machine.
    if (host.uid === 0) throw new SallyportError("launch.fetch", `packages are fetched in a cell of bubblewrap's: ${error.message}`);
    say(`fetching without a cell: ${error.message}`);
    await bare(fetching, own, say);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function inCell({ tool, argv, folder }: Fetching, env: Record<string, string>, network: Reachable, tools: ReturnType<typeof findTools>, host: Host, say: (line: string) => void): Promise<void> {
  const [program = "", ...args] = argv;
  const launch = scriptLaunch({ file: program, args, identity: { kind: "program", name: tool, integrity: "" } }, host);
  const read = [...Object.values(env), "/etc/npmrc", "/etc/pip.conf", join(homeOf(host), ".config/pip"), join(homeOf(host), ".pip")].flatMap((value) => value.split(" ")).filter((at) => /^\/[^:]+/.test(at) && existsSync(at) && !at.startsWith(folder));
  give(folder, host);
  const user = chooseUser(host, [folder]);
  const environment = Object.fromEntries(Object.entries(env).filter(([name]) => !PROXY.test(name) && !/^no_proxy$/i.test(name)));
  const plan = { ...makePlan(launch, { isolation: "bubblewrap", read: [...new Set(read)].filter((at) => at !== folder), write: [folder], environment, limits: {}, network }, { ...survey(host, user), cwd: folder }), environment: { ...environment, ...proxies(env) } };
  const cell = await startCell({ plan, tools, session: `fetch-${host.pid}-${Date.now()}`, host, scratch: tmpdir() });
  const egress = await openNetwork({ network }, cell.attestation.pid, host).catch((error: unknown) => (cell.kill(), Promise.reject(error)));
  egress.record = (event, facts) => (event.endsWith(".refused") ? say(`${tool}: ${JSON.stringify(facts)}`) : undefined);
  const timer = setTimeout(() => cell.kill(), TIMEOUT);
  try {
    for (const stream of [cell.stdout, cell.stderr]) stream.on("data", (chunk: Buffer) => tell(chunk, tool, say)).resume();
    cell.stdin.end();
    cell.release();
    const { code } = await cell.exited;
    if (code !== 0) throw new SallyportError("launch.fetch", `${tool} ended with ${code}`);
  } finally {
    clearTimeout(timer);
    egress.close();
    take(folder, host);
  }
}

/** A proxy that the caller's own configuration names is the only host then. */
function proxies(env: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => PROXY.test(name)));
}

/** Where the tool is configured to fetch from; the addresses of those names may be private, as the caller has named them. */
async function registries({ tool, argv: [program = ""] }: Fetching, env: Record<string, string>, host: Host): Promise<Reachable> {
  const proxy = Object.entries(env).filter(([name]) => PROXY.test(name)).map(([, url]) => url);
  const urls = proxy.length > 0 ? proxy : tool === "npm" ? npmRegistries(host) : pipIndexes(program, env, host);
  const hosts = [...new Set([...urls.map(hostOf).filter((one) => one !== null), ...(tool === "pip" && proxy.length === 0 && urls.length === 0 ? PYPI : [])])];
  const names = [...new Set(hosts.map((one) => parseHost(one)?.name ?? ""))];
  const found = await Promise.all(names.map((name) => lookup(name, { all: true }).catch(() => [])));
  return { hosts, hostPatterns: [], addresses: found.flat().map(({ address }) => address), limits: NETWORK_LIMITS, resolver: GATE_ADDRESS, proxy: `${GATE_ADDRESS}:${PROXY_PORT}` };
}

function hostOf(url: string): string | null {
  if (!URL.canParse(url)) return null;
  const { protocol, hostname, port } = new URL(url);
  return /^https?:$/.test(protocol) ? writeHost({ name: hostname.replace(/^\[|\]$/g, ""), port: Number(port || (protocol === "http:" ? 80 : 443)) }) : null;
}

/** The default one and those of scopes, as npm itself reads them from all of its places. */
function npmRegistries(host: Host): string[] {
  const text = execFileSync("npm", ["config", "list", "--json"], { encoding: "utf8", env: host.env, cwd: "/", stdio: ["ignore", "pipe", "ignore"] });
  const config = JSON.parse(text) as Record<string, unknown>;
  return Object.entries(config).filter(([key, value]) => (key === "registry" || key.endsWith(":registry")) && typeof value === "string").map(([, value]) => value as string);
}

/** Isolated, and from nowhere: a file called pip.py would be taken for it otherwise. */
function pipIndexes(python: string, env: Record<string, string>, host: Host): string[] {
  const named = ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX"].flatMap((name) => (env[name] ?? "").split(/\s+/)).filter(Boolean);
  const listed = ((): string => {
    try {
      return execFileSync(python, ["-I", "-m", "pip", "config", "list"], { encoding: "utf8", env: host.env, cwd: "/", stdio: ["ignore", "pipe", "ignore"] });
    } catch {
      return "";
    }
  })();
  return [...named, ...[...listed.matchAll(/index-url='([^']+)'/g)].map(([, url = ""]) => url)];
}

function tell(chunk: Buffer, tool: string, say: (line: string) => void): void {
  chunk.toString().split("\n").filter(Boolean).forEach((line) => say(`${tool}: ${line}`));
}

/** As root the tool gets another uid, and writes as that one. */
function give(folder: string, host: Host): void {
  if (host.uid !== 0) return;
  for (const at of [folder, join(folder, ".fetching")]) chownSync(at, NOBODY.uid, NOBODY.gid);
  execFileSync("chown", ["--recursive", "--no-dereference", `${NOBODY.uid}:${NOBODY.gid}`, folder]);
}

/** Nobody but the owner of the cache may change what was fetched. */
function take(folder: string, host: Host): void {
  if (host.uid !== 0) return;
  const { uid, gid } = statSync(join(folder, ".."));
  execFileSync("chown", ["--recursive", "--no-dereference", `${uid}:${gid}`, folder]);
}

function bare({ tool, argv, folder }: Fetching, env: Record<string, string>, say: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0] as string, argv.slice(1), { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"], timeout: TIMEOUT });
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => tell(chunk, tool, say));
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new SallyportError("launch.fetch", `${tool} ended with ${code}`))));
  });
}

function homeOf(host: Host): string {
  return host.env["HOME"] ?? homedir();
}
