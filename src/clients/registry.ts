/**
 * `server.json` of the MCP registry (schema 2025-12-11) and `.mcpb` bundles as a server's command line: what they call a secret
 * goes into a store, what they call a path is shown read-only, and what they require is asked for by its name.
 */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { SallyportError } from "../errors.ts";
import type { Host } from "../model.ts";
import { settingsOf } from "../sandbox/packages/bundle.ts";

export interface Source {
  /** A name for the manifest, where the caller gives none. */
  readonly name: string;
  readonly command: readonly string[];
  /** `NAME=VALUE`, or names of the caller's. */
  readonly env: readonly string[];
  /** Variables whose values are to be kept in a store. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly read: readonly string[];
}

interface Input {
  readonly name?: string;
  readonly value?: string;
  readonly default?: string;
  readonly valueHint?: string;
  readonly description?: string;
  readonly isRequired?: boolean;
  readonly isSecret?: boolean;
  readonly isRepeated?: boolean;
  readonly format?: string;
  readonly choices?: readonly string[];
  readonly variables?: Readonly<Record<string, Input>>;
  readonly type?: "positional" | "named";
}

interface Package {
  readonly registryType?: string;
  readonly identifier?: string;
  readonly version?: string;
  readonly runtimeHint?: string;
  readonly runtimeArguments?: readonly Input[];
  readonly packageArguments?: readonly Input[];
  readonly environmentVariables?: readonly Input[];
  readonly transport?: { readonly type?: string };
}

interface ServerJson {
  readonly name?: string;
  readonly packages?: readonly Package[];
}

/** How each kind of package is started: its version is exact, as the schema asks. */
const RUNNERS: Readonly<Record<string, (name: string, version: string, options: readonly string[]) => readonly string[]>> = {
  npm: (name, version, options) => ["npx", "-y", ...options, `${name}@${version}`],
  pypi: (name, version, options) => ["uvx", ...options, `${name}==${version}`],
  oci: (name, version, options) => ["docker", "run", "-i", "--rm", ...options, version === "" || name.includes("@") || /:[^/]+$/.test(name) ? name : `${name}:${version}`],
};

const fail = (what: string): never => {
  throw new SallyportError("registry.file", what);
};

/** @param words KEY=VALUE, by the names that the file gives. Throws `registry.file`. */
export function sourceOfRegistry(path: string, words: readonly string[], host: Host): Source {
  const file = readJson(resolve(host.cwd, path)) as ServerJson;
  const packages = file.packages ?? [];
  const chosen = packages.find(({ registryType, transport }) => Object.hasOwn(RUNNERS, registryType ?? "") && (transport?.type ?? "stdio") === "stdio");
  if (chosen === undefined) return fail(`${path}: none of its packages is of ${Object.keys(RUNNERS).join(", ")} over STDIO`);
  const { registryType = "", identifier = "", version = "", runtimeArguments = [], packageArguments = [], environmentVariables = [] } = chosen;
  if (identifier === "" || identifier.startsWith("-")) return fail(`${path}: the package has no identifier`);
  if (registryType !== "oci" && !/^\d[\w.+-]*$/.test(version)) return fail(`${path}: ${identifier} has no exact version`);
  const said = new Said(words, path, host.env);
  const options = runtimeArguments.filter(({ name }) => !["-y", "--yes", "-i", "--rm"].includes(name ?? "")).flatMap((one) => said.argument(one));
  const args = packageArguments.flatMap((one) => said.argument(one));
  const env = environmentVariables.flatMap((one) => said.variable(one));
  said.refuseLeft();
  return { name: (file.name ?? identifier).split("/").at(-1) as string, command: [...(RUNNERS[registryType] as (typeof RUNNERS)[string])(identifier, version, options), ...args], env, secrets: said.secrets, read: said.paths };
}

/** @param words KEY=VALUE as its `user_config` asks. Throws `launch.bundle`. */
export function sourceOfBundle(path: string, words: readonly string[], host: Host): Source {
  const file = resolve(host.cwd, path);
  const { name, settings } = settingsOf(file, host);
  const secrets: Record<string, string> = {};
  const plain = words.filter((word) => {
    const key = word.slice(0, word.indexOf("="));
    if (!Object.hasOwn(settings, key) || settings[key]?.sensitive !== true) return true;
    secrets[`USER_CONFIG_${key.toUpperCase()}`] = word.slice(key.length + 1);
    return false;
  });
  return { name, command: [file, ...plain], env: [], secrets, read: [] };
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    return fail(`${path}: ${(error as Error).message}`);
  }
}

/** What the caller has said, taken word by word. */
class Said {
  readonly #left: Map<string, string[]>;
  readonly #path: string;
  readonly secrets: Record<string, string> = {};
  readonly paths: string[] = [];

  readonly #env: Host["env"];
  readonly #names: string[] = [];

  constructor(words: readonly string[], path: string, env: Host["env"]) {
    this.#path = path;
    this.#env = env;
    this.#left = new Map();
    for (const word of words) {
      const at = word.indexOf("=");
      if (at < 1) fail(`${word}: say KEY=VALUE`);
      const key = word.slice(0, at);
      this.#left.set(key, [...(this.#left.get(key) ?? []), word.slice(at + 1)]);
    }
  }

  argument(input: Input): string[] {
    const { name = "", type = "positional" } = input;
    const key = type === "named" ? name.replace(/^-+/, "") : (input.valueHint ?? "");
    if (input.isSecret === true) return fail(`${this.#path}: ${key} is a secret in a command line, which every program of this machine can read; pass it as a variable`);
    const values = this.#values(input, key);
    if (values.some((value) => type === "positional" && value.startsWith("-") && input.value === undefined)) return fail(`${key}: a value that looks like an option`);
    return type === "named" ? (values.length === 0 && input.value === undefined && input.valueHint === undefined && input.isRequired === true ? [name] : values.flatMap((value) => [name, value])) : values;
  }

  variable(input: Input): string[] {
    const { name = "", isSecret = false } = input;
    if (!/^[A-Za-z_]\w*$/.test(name)) return fail(`${this.#path}: ${JSON.stringify(name)} is no variable`);
    this.#names.push(name);
    if (isSecret && !this.#left.has(name)) {
      if (input.isRequired === true && this.#env[name] === undefined) fail(`it needs ${name}=… behind it, or in the environment${input.description === undefined ? "" : ` (${input.description})`}`);
      return [name];
    }
    const [value] = this.#values(input, name);
    if (value === undefined) return [];
    if (!isSecret) return [`${name}=${value}`];
    this.secrets[name] = value;
    return [];
  }

  /** Said, fixed, or the default; placeholders in curly braces are said by their own names. */
  #values(input: Input, key: string): string[] {
    const { choices } = input;
    this.#names.push(key);
    const said = this.#left.get(key) ?? (input.value === undefined ? undefined : [this.#filled(input.value, input.variables ?? {})]) ?? (input.default === undefined ? undefined : [input.default]);
    this.#left.delete(key);
    if (said === undefined && input.isRequired === true) fail(`it needs ${key}=… behind it${input.description === undefined ? "" : ` (${input.description})`}`);
    const values = said ?? [];
    if (values.length > 1 && input.isRepeated !== true) fail(`${key} is said twice`);
    for (const value of values) if (choices !== undefined && !choices.includes(value)) fail(`${key}: one of ${choices.join(", ")}`);
    // What is not there yet cannot be shown; a directory for it is given with --write.
    if (input.format === "filepath") this.paths.push(...values.filter((path) => existsSync(path)));
    return [...values];
  }

  #filled(text: string, variables: Readonly<Record<string, Input>>): string {
    return text.replaceAll(/\{([A-Za-z_][\w-]*)\}/g, (whole, name: string) => (Object.hasOwn(variables, name) ? (this.#values(variables[name] as Input, name)[0] ?? "") : whole));
  }

  refuseLeft(): void {
    const [left] = this.#left.keys();
    if (left !== undefined) fail(`${left}: ${this.#path} has nothing of that name; there are ${[...new Set(this.#names.filter(Boolean))].join(", ") || "none"}`);
  }
}
