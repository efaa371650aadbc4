/**
 * `.mcpb` bundles (MCPB manifest 0.1 to 0.4; `.dxt` before): a ZIP archive with `manifest.json`, unpacked once into the cache under the
 * digest of its bytes. What its `user_config` asks for is said behind it as KEY=VALUE.
 */
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { unzipSync } from "fflate";
import { SallyportError } from "../../errors.ts";
import type { Host } from "../../model.ts";
import { isWithin } from "../../paths.ts";
import type { Launch } from "../plan.ts";
import type { ResolveOptions } from "./resolve.ts";

const MAX_BYTES = 1024 ** 3;
const MAX_FILES = 50_000;
const SECRET = "••••";

export interface Setting {
  readonly title?: string;
  readonly required?: boolean;
  readonly default?: unknown;
  readonly multiple?: boolean;
  readonly sensitive?: boolean;
}

interface Bundle {
  readonly name?: string;
  readonly version?: string;
  readonly server?: { readonly type?: string; readonly entry_point?: string; readonly mcp_config?: Command & { readonly platform_overrides?: Readonly<Record<string, Command>> } };
  readonly user_config?: Readonly<Record<string, Setting>>;
}

interface Command {
  readonly command?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** @param resolve of command lines. Throws `launch.bundle`, and what the command line inside throws. */
export async function resolveBundle(file: string, words: readonly string[], { host }: ResolveOptions, resolve: (command: readonly string[]) => Promise<Launch>): Promise<Launch> {
  const bytes = readFileSync(file);
  const digest = createHash("sha256").update(bytes).digest();
  const folder = join(host.dirs.cache, "bundles", digest.toString("hex"));
  if (!existsSync(folder)) unpack(bytes, folder);
  const bundle = read(folder);
  const config = bundle.server?.mcp_config ?? {};
  const { command, args = [], env = {} } = { ...config, ...config.platform_overrides?.["linux"] };
  if (command === undefined || command === "") throw new SallyportError("launch.bundle", "its manifest names no command");
  const settings = settle(bundle, words, host);
  const fill = (text: string): string[] => filled(text, folder, settings, host);
  const one = (text: string): string => fill(text).join(",");
  const program = one(command);
  if (isWithin(program, folder) && existsSync(program)) chmodSync(program, 0o755);
  const launch = await resolve([program, ...args.flatMap(fill)]);
  return {
    ...launch,
    asked: Object.values(settings).flat(),
    needs: [...launch.needs, folder],
    variables: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, one(value)])),
    identity: { kind: "bundle", name: bundle.name ?? file, ...(bundle.version === undefined ? {} : { version: bundle.version }), integrity: `sha256-${digest.toString("base64")}` },
  };
}

/** What it is called, and what it asks for. Throws `launch.bundle`. */
export function settingsOf(file: string, host: Host): { name: string; settings: Readonly<Record<string, Setting>> } {
  const bytes = readBytes(file);
  const folder = join(host.dirs.cache, "bundles", createHash("sha256").update(bytes).digest("hex"));
  if (!existsSync(folder)) unpack(bytes, folder);
  const { name = "bundle", user_config: settings = {} } = read(folder);
  return { name, settings };
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new SallyportError("launch.bundle", (error as Error).message, { cause: error });
  }
}

/** Only plain files below the folder; links, and names that lead out of it, do not come into being. */
function unpack(bytes: Buffer, folder: string): void {
  const aside = `${folder}.${randomBytes(4).toString("hex")}`;
  let size = 0;
  let files = 0;
  try {
    const entries = unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        size += originalSize;
        files += 1;
        if (size > MAX_BYTES || files > MAX_FILES) throw new SallyportError("launch.bundle", "it holds too much");
        return !name.endsWith("/");
      },
    });
    for (const [name, content] of Object.entries(entries)) {
      const at = normalize(join(aside, name));
      if (name.includes("\0") || name.includes("\\") || name.startsWith("/") || !isWithin(at, aside) || at === aside) throw new SallyportError("launch.bundle", `it holds ${name}, which leads out of it`);
      mkdirSync(dirname(at), { recursive: true, mode: 0o755 });
      writeFileSync(at, content, { mode: 0o644 });
    }
    read(aside);
    renameSync(aside, folder);
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    throw error instanceof SallyportError ? error : new SallyportError("launch.bundle", (error as Error).message);
  }
}

function read(folder: string): Bundle {
  try {
    return JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as Bundle;
  } catch (error) {
    throw new SallyportError("launch.bundle", `its manifest.json: ${(error as Error).message}`);
  }
}

/** What was said, or the default; `multiple` ones may be said several times. */
function settle({ user_config: wanted = {} }: Bundle, words: readonly string[], host: Host): Readonly<Record<string, string[]>> {
  const said: Record<string, string[]> = {};
  for (const word of words) {
    const [, key = "", value = ""] = /^([^=]+)=([^]*)$/.exec(word) ?? [];
    if (!Object.hasOwn(wanted, key)) throw new SallyportError("launch.bundle", `${word}: it takes ${Object.keys(wanted).map((one) => `${one}=…`).join(" ") || "nothing"}`);
    if (said[key] !== undefined && wanted[key]?.multiple !== true) throw new SallyportError("launch.bundle", `${key} is said twice`);
    (said[key] ??= []).push(value);
  }
  for (const [key, setting] of Object.entries(wanted)) {
    if (said[key] !== undefined) continue;
    const kept = setting.sensitive === true ? host.env[`USER_CONFIG_${key.toUpperCase()}`] : undefined;
    if (kept !== undefined) said[key] = [kept];
    else if (setting.default !== undefined) said[key] = [setting.default].flat().map(String);
    else if (setting.required === true) throw new SallyportError("launch.bundle", `it needs ${key}=${setting.sensitive === true ? SECRET : "…"} behind it (${setting.title ?? key})`);
  }
  return said;
}

/** A word that is one placeholder becomes as many as its values. */
function filled(text: string, folder: string, settings: Readonly<Record<string, string[]>>, host: Host): string[] {
  const home = host.env["HOME"] ?? "/";
  const whole = /^\$\{user_config\.([^}]+)\}$/.exec(text)?.[1];
  if (whole !== undefined) return settings[whole] ?? [];
  const places: Readonly<Record<string, string>> = { __dirname: folder, HOME: home, DESKTOP: join(home, "Desktop"), DOCUMENTS: join(home, "Documents"), DOWNLOADS: join(home, "Downloads"), pathSeparator: "/", "/": "/" };
  return [text.replace(/\$\{([^}]+)\}/g, (placeholder, name: string) => places[name] ?? (name.startsWith("user_config.") ? (settings[name.slice(12)] ?? []).join(",") : placeholder))];
}
