/**
 * A path stays under its roots however the server may read it: as it is, decoded, with a home put in, with other slashes
 * and dots, and through symbolic links. Each reading must be contained (CWE-22, CWE-59).
 */
import { resolve } from "node:path";
import { isWithin } from "../../paths.ts";
import type { Files, SyncCheck, World } from "./world.ts";

const MAX_LINKS = 40;
/** Each is looked up on the disk, in every reading. */
const MAX_PARTS = 128;
/** Honest names have a handful. One with more is not looked through by halves. */
const MAX_READINGS = 64;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
/** Characters that look like a slash, or become one when a server normalises. */
const SLASHES = /[\\\u2044\u2215\u29f5\u29f8\u29f9\ufe68\uff0f\uff3c]/g;
/** `..` with what some systems drop: blanks and dots behind it, parameters, characters that show nothing. */
const UP = /^[\s\u200b-\u200f\u2060\ufeff]*\.[\s\u200b-\u200f\u2060\ufeff]*\.(?:[\s\u200b-\u200f\u2060\ufeff][\s.\u200b-\u200f\u2060\ufeff]*|;.*)?$/;

/** What offices keep beside a file that is open: `~$Budget 2026.xlsx`, `~WRL0001.tmp`. */
const OF_AN_OFFICE = /^~(?:\$(?!HOME\b|\()[\p{L}\p{N} ._()-]+\.[a-z0-9]{1,5}|WRL\d{4}\.tmp)$/iu;

export const checkPath: SyncCheck = (value, slot, world) => {
  if (CONTROL.test(value)) return "it holds a control character";
  if (/^[a-z]:/i.test(value) && (value.length === 2 || /[\\/]/.test(value[2] ?? ""))) return "it names a drive";
  if (value.split("/").length > MAX_PARTS) return `it has more than ${MAX_PARTS} parts`;
  if (/^[\s\ufeff"']*(?:[a-z]+:)?file:\/\/(?!localhost\/)[^/]/i.test(value)) return "it names a file of another host";
  const roots = slot.roots ?? (slot.access === "write" ? world.writable : [...world.readable, ...world.writable]);
  // What is private to the cell holds nothing of the host's.
  const inside = roots.map((root) => followed(root, world.files));
  const mounted = [...world.readable, ...world.writable].map((root) => followed(root, world.files));
  const isScratch = (real: string): boolean => slot.roots === undefined && world.scratch.some((root) => isWithin(real, root)) && !mounted.some((root) => isWithin(real, root));
  const all = readings(value, world);
  if (all.length > MAX_READINGS) return "it can be read in too many ways";
  for (const reading of all) {
    if (CONTROL.test(reading)) return "decoded, it holds a control character";
    if (/^\$(?!\{?HOME\b)\{?\w+\}?\//i.test(reading)) return "it starts with a variable";
    if (/^~[^/\\]/.test(reading) && !OF_AN_OFFICE.test(value)) return "it names another user's home";
    if (/^(?!file:)[a-z][a-z0-9+.-]*:\/\//i.test(reading)) return "it is an address, not a path";
    for (const base of reading.startsWith("/") ? [""] : [world.cwd, ...roots]) {
      const at = base === "" ? reading : `${base}/${reading}`;
      const outside = [followed(at, world.files), followed(resolve(at), world.files)].find((real) => !inside.some((root) => isWithin(real, root)) && !isScratch(real));
      if (outside !== undefined && slot.access === "write" && world.readable.some((root) => isWithin(outside, followed(root, world.files)))) return `${outside} may be read here, and not written: isolation.write has ${roots.join(", ") || "nothing"}`;
      if (outside !== undefined) return `it leads to ${outside}, outside ${roots.join(", ") || "every root"}`;
    }
  }
  return null;
};

/** Every way in which a server might read the text; all must stay inside, so an odd but honest name harms nobody. */
export function readings(value: string, world: Pick<World, "homes">): string[] {
  const found = new Set<string>([value]);
  const add = (text: string): void => void found.add(text);
  for (const text of found) {
    if (found.size > MAX_READINGS) break;
    if (text.includes("%")) decoded(text).forEach(add);
    const file = /^file:(?:\/\/(?:localhost)?)?(?=\/|[^/])/i.exec(text);
    if (file !== null) add(text.slice(file[0].length));
    add(text.normalize("NFKC"));
    add(text.replace(/^[\s\ufeff"']+|[\s\ufeff"']+$/g, ""));
    add(text.replace(/^jar:/i, "").replace(/!\/.*$/, ""));
    add(text.replace(SLASHES, "/"));
    add(text.split("/").map((part) => (UP.test(part) ? ".." : part)).join("/"));
    const home = /^(?:~|\$HOME|\$\{HOME\}|%(?:HOME|USERPROFILE)%)(?=\/|$)/i.exec(text);
    if (home !== null) for (const at of world.homes) add(`${at}${text.slice(home[0].length)}`);
  }
  return [...found];
}

/** Percent-encoding, also overlong (`%c0%ae`) and `%u002e`, as careless decoders read it. */
function decoded(text: string): string[] {
  const careless = text
    .replace(/%u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/%c0%([89a-f][0-9a-f])|%e0%80%([89a-f][0-9a-f])/gi, (_, a: string | undefined, b: string | undefined) => String.fromCharCode(Number.parseInt((a ?? b) as string, 16) & 0x3f))
    .replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  try {
    return [careless, decodeURIComponent(text)];
  } catch {
    return [careless];
  }
}

/** Where a path leads, link by link, as the kernel walks; what does not exist yet is taken as written. */
export function followed(path: string, files: Files): string {
  const todo = path.split("/").toReversed();
  const at: string[] = [];
  for (let links = 0; todo.length > 0; ) {
    const part = todo.pop() as string;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      at.pop();
      continue;
    }
    const here = `/${[...at, part].join("/")}`;
    if (files.kind(here) !== "link") {
      at.push(part);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) return "a circle of links";
    const target = files.target(here);
    if (target.startsWith("/")) at.length = 0;
    todo.push(...target.split("/").toReversed());
  }
  return `/${at.join("/")}`;
}
