/** What a call names outside itself, as the slots of its tool tell: what policies see of it, and what an answer may be narrowed to. */
import { dirname, resolve } from "node:path";
import { checkPath, followed } from "../guards/arguments/path.ts";
import type { World } from "../guards/arguments/world.ts";
import type { Slot } from "../model.ts";
import type { Places } from "../consent/scope.ts";

type Slots = readonly (readonly [pointer: string, slot: Slot])[];

interface Located {
  readonly pointer: string;
  readonly value: string;
  readonly slot: Slot;
}

export const NOWHERE: Places = { directories: [], origins: [], staysUnder: () => false };

/** Only what is certain: one value that cannot be placed, and no narrower answer is offered. */
export function placesOf(given: unknown, slots: Slots, world: World): Places {
  const found = locate(given, slots);
  const paths = found.filter(isPath).map(({ value }) => value);
  const origins = found.filter(isAddress).map(({ value }) => urlOf(value));
  if (origins.includes(null) || found.some(({ slot: { type } }) => type === "command" || type === "sql")) return NOWHERE;
  const placed = paths.map((path) => placed1(path, world));
  if (placed.includes(null)) return NOWHERE;
  return {
    directories: [...new Set((placed as string[]).map((path) => dirname(path)))],
    origins: [...new Set((origins as URL[]).map(originOf))],
    // Where it led when it was allowed it must lead now: a link put in its place is another directory.
    staysUnder: (directory) => followed(directory, world.files) === directory && paths.every((path) => checkPath(path, { type: "path", roots: [directory] }, { ...world, scratch: [] }) === null),
  };
}

export interface Seen {
  /** Directories, as the kernel would find them; null: one cannot be told. */
  readonly directories: readonly string[] | null;
  /** `NAME:PORT`; null: one cannot be told. */
  readonly hosts: readonly string[] | null;
  /** Pointer -> the path as the kernel would find it. */
  readonly paths: Readonly<Record<string, string>>;
}

/** For policies: they must not be blind to what they forbid. */
export function seenOf(given: unknown, slots: Slots, world: World): Seen {
  const found = locate(given, slots);
  const placed = found.filter(isPath).map(({ pointer, value }) => [pointer, placed1(value, world)] as const);
  const urls = found.filter(isAddress).map(({ value }) => urlOf(value));
  const open = found.some(({ slot: { type } }) => type === "command");
  return {
    directories: open || placed.some(([, path]) => path === null) ? null : [...new Set(placed.map(([, path]) => dirname(path as string)))],
    hosts: open || urls.includes(null) ? null : [...new Set((urls as URL[]).map(hostOf))],
    paths: Object.fromEntries(placed.filter(([, path]) => path !== null)) as Record<string, string>,
  };
}

function isPath({ slot: { type } }: Located): boolean {
  return type === "path" || type === "glob";
}

function isAddress({ slot: { type } }: Located): boolean {
  return type === "url" || type === "host";
}

/** Null where readers could take it for something else. */
function placed1(path: string, { cwd, files }: World): string | null {
  if (/[%~$\\\0]|^file:/i.test(path)) return null;
  return followed(resolve(cwd, path), files);
}

function locate(given: unknown, slots: Slots): Located[] {
  const found: Located[] = [];
  for (const [pointer, slot] of slots) {
    const parts = pointer.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    visit(given, parts, "", (at, value) => found.push({ pointer: at, value, slot }));
  }
  return found;
}

/** Every text at a pointer; `*` stands for each item, and a list in a slot is a list of what the slot says. */
function visit(value: unknown, parts: readonly string[], at: string, tell: (at: string, value: string) => void): void {
  if (parts.length === 0 && typeof value === "string") return tell(at, value);
  if (typeof value !== "object" || value === null) return;
  if (parts.length === 0 && !Array.isArray(value)) return;
  const [part, ...rest] = parts;
  for (const [key, member] of Object.entries(value)) if (part === undefined || part === "*" || part === key) visit(member, rest, `${at}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, tell);
}

function urlOf(value: string): URL | null {
  const text = value.includes("://") ? value : `https://${value.includes("]") || value.split(":").length < 3 ? value : `[${value}]`}`;
  return URL.canParse(text) ? new URL(text) : null;
}

const PORTS: Readonly<Record<string, string>> = { "https:": "443", "http:": "80", "ftp:": "21", "wss:": "443", "ws:": "80" };

function hostOf({ hostname, port, protocol }: URL): string {
  return `${hostname.replace(/\.$/, "")}:${port || (PORTS[protocol] ?? "")}`;
}

function originOf(url: URL): string {
  return `${url.protocol}//${hostOf(url)}`;
}
