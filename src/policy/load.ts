/** Reads policies, each with its place; what Cedar or the schema do not accept is refused with file, line and column. */
import { hash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { SallyportError } from "../errors.ts";
import { faultsOf, parsed, split, type Fault, type PolicyJson } from "./cedar.ts";
import { CEDAR_SCHEMA } from "./schema.ts";

/** Where policies stand, and what they are told beside the request. */
export interface PolicySource {
  /** The manifest, or the folder, that names them. */
  readonly origin: string;
  /** Files, and folders whose `*.cedar` count. */
  readonly files: readonly string[];
  readonly groups: Readonly<Record<string, readonly string[]>>;
}

export interface LoadedPolicy {
  readonly id: string;
  readonly text: string;
  readonly json: PolicyJson;
  readonly consent: "ask" | "always" | "never" | null;
  readonly approvers: readonly string[] | null;
  readonly quorum: number;
  readonly reason: string;
}

export interface PolicyLayer {
  readonly source: PolicySource;
  readonly policies: readonly LoadedPolicy[];
  /** Changes with every byte of every file. */
  readonly digest: string;
}

/** What a look at the files costs as little as possible for: whether anything has changed. */
export function stampOf(sources: readonly PolicySource[]): string {
  return sources.flatMap(({ files }) => files.flatMap(expanded)).map((file) => {
    const { mtimeMs, size, ino } = statSync(file, { throwIfNoEntry: false }) ?? { mtimeMs: 0, size: 0, ino: 0 };
    return `${file}:${mtimeMs}:${size}:${ino}`;
  }).join("|");
}

/** Throws `policy.missing`, `policy.syntax`, `policy.schema`, `policy.annotation`. @param cache folder where what was found valid is remembered. */
export function loadLayer(source: PolicySource, cache: string | null): PolicyLayer {
  const files = source.files.flatMap(expanded).map((file) => ({ file, text: textOf(file) }));
  if (files.length === 0) throw new SallyportError("policy.missing", `${source.files.join(", ")}: there is no *.cedar`);
  const digest = hash("sha256", JSON.stringify([CEDAR_SCHEMA, source.groups, files]), "hex");
  const placed = files.flatMap(({ file, text }) => placesOf(file, text, source));
  const policies = placed.map(({ id, text, fail }) => annotated(id, text, source, fail));
  const twice = policies.find(({ id }, index) => policies.findIndex((one) => one.id === id) !== index);
  if (twice !== undefined) throw new SallyportError("policy.syntax", `two policies are called ${twice.id}`);
  if (!wasValid(cache, digest)) {
    for (const [id, fault] of faultsOf(Object.fromEntries(policies.map((policy) => [policy.id, policy.text])))) {
      (placed.find((one) => one.id === id)?.fail ?? refuse(source.origin))("policy.schema", fault);
    }
    remember(cache, digest);
  }
  return { source, policies, digest };
}

/** Files, and what folders hold. */
export function expanded(file: string): string[] {
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory() !== true) return [file];
  return readdirSync(file).filter((name) => name.endsWith(".cedar")).sort().map((name) => join(file, name));
}

function textOf(file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    throw new SallyportError("policy.missing", `${file}: ${(error as Error).message}`, { cause: error });
  }
}

type Fail = (code: "policy.syntax" | "policy.schema" | "policy.annotation", fault: Fault) => never;

interface Placed {
  readonly id: string;
  readonly text: string;
  readonly fail: Fail;
}

function refuse(where: string): Fail {
  return (code, { message }) => {
    throw new SallyportError(code, `${where}: ${message}`);
  };
}

function placesOf(file: string, text: string, { origin }: PolicySource): Placed[] {
  const failAt = (start: number): Fail => (code, { at, message }) => {
    const before = text.slice(0, start + (at ?? 0)).split("\n");
    throw new SallyportError(code, `${file}:${before.length}:${(before.at(-1) as string).length + 1}: ${message}`);
  };
  const { policies, faults } = split(text);
  if (faults.length > 0) failAt(0)("policy.syntax", faults[0] as Fault);
  let from = 0;
  return policies.map((policy, index) => {
    // Cedar gives each policy's text back as it stands, in the order of the file.
    const found = text.indexOf(policy, from);
    const start = found === -1 ? from : found;
    from = start + policy.length;
    const name = relative(dirname(origin), file).replace(/\.cedar$/, "");
    const id = parsed(policy).annotations?.["id"];
    return { id: id === undefined || id === "" ? `${name}.${index + 1}` : id, text: policy, fail: failAt(start) };
  });
}

function annotated(id: string, text: string, { groups }: PolicySource, fail: Fail): LoadedPolicy {
  const json = parsed(text);
  const { consent, approvers, quorum = "1", reason = "" } = json.annotations ?? {};
  const own = json.annotations ?? {};
  const unknown = Object.keys(own).find((name) => !ANNOTATIONS.includes(name));
  if (unknown !== undefined) fail("policy.annotation", { at: Math.max(0, text.indexOf(`@${unknown}`)), message: `@${unknown}: there are ${ANNOTATIONS.map((name) => `@${name}`).join(", ")}` });
  const idle = json.effect === "forbid" ? ["consent", "approvers", "quorum"].find((name) => Object.hasOwn(own, name)) : undefined;
  if (idle !== undefined) fail("policy.annotation", { at: Math.max(0, text.indexOf(`@${idle}`)), message: `@${idle} means something of a permit only` });
  const at = (name: string): number => Math.max(0, text.indexOf(`@${name}`));
  if (consent !== undefined && consent !== "ask" && consent !== "always" && consent !== "never") fail("policy.annotation", { at: at("consent"), message: `@consent("${consent}"): ask, always or never` });
  if (!/^[1-9]\d?$/.test(quorum)) fail("policy.annotation", { at: at("quorum"), message: `@quorum("${quorum}"): how many people, from 1 to 99` });
  const names = approvers === undefined ? null : approvers.split(/[\s,]+/).filter(Boolean).flatMap((name) => {
    if (!name.startsWith("group:")) return [name];
    const group = name.slice("group:".length);
    return Object.hasOwn(groups, group) ? (groups[group] as readonly string[]) : fail("policy.annotation", { at: at("approvers"), message: `there is no group ${group}; policies.groups of the manifest names them` });
  });
  if (names !== null && new Set(names).size < Number(quorum)) fail("policy.annotation", { at: at("quorum"), message: `${names.length} approvers cannot be ${quorum} people` });
  return { id, text, json, consent: consent ?? null, approvers: names, quorum: Number(quorum), reason };
}

const ANNOTATIONS = ["id", "consent", "approvers", "quorum", "reason"];

function wasValid(cache: string | null, digest: string): boolean {
  return cache !== null && statSync(join(cache, digest), { throwIfNoEntry: false }) !== undefined;
}

function remember(cache: string | null, digest: string): void {
  if (cache === null) return;
  try {
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    writeFileSync(join(cache, digest), "", { mode: 0o600 });
  } catch {
    // It is validated again next time.
  }
}
