/**
 * Which libraries a program is linked with, read from its file (ELF, gABI chapter 5) and the linker's own cache. Nothing of the
 * program is loaded to find out: the linker itself can be taken over by the file that it is asked about.
 */
import { execFileSync } from "node:child_process";
import { closeSync, existsSync, fstatSync, openSync, readSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";

const [PT_LOAD, PT_DYNAMIC, PT_INTERP] = [1, 2, 3];
const [DT_NEEDED, DT_STRTAB, DT_STRSZ, DT_RPATH, DT_RUNPATH] = [1n, 5n, 10n, 15n, 29n];
const MAX_STRINGS = 16 * 1024 * 1024;
const MAX_LIBRARIES = 2000;
const STANDARD = ["/lib64", "/usr/lib64", "/lib", "/usr/lib", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/local/lib"];

interface Linked {
  readonly interpreter: string | null;
  readonly needed: readonly string[];
  readonly paths: readonly string[];
}

/** All files that the linker would load for these, with the linker itself; what is no 64-bit ELF file needs nothing. */
export function linkedWith(files: readonly string[]): string[] {
  const known = linkerCache();
  const found = new Set<string>();
  const waiting = [...files];
  for (let file = waiting.pop(); file !== undefined && found.size < MAX_LIBRARIES; file = waiting.pop()) {
    const { interpreter, needed, paths } = linked(file) ?? { interpreter: null, needed: [], paths: [] };
    const origin = dirname(realpathSync(file));
    const places = [...paths.map((path) => path.replaceAll(/\$\{?ORIGIN\}?/g, origin)), ...STANDARD];
    const libraries = needed.map((name) => places.map((place) => join(place, name)).find((at) => existsSync(at)) ?? known.get(name));
    for (const one of [...libraries, ...(interpreter === null ? [] : [interpreter])]) {
      if (one === undefined || found.has(one) || !existsSync(one)) continue;
      found.add(one);
      waiting.push(one);
    }
  }
  return [...found];
}

/** Null where it is none, or not whole. */
function linked(file: string): Linked | null {
  const descriptor = openSync(file, "r");
  try {
    const size = fstatSync(descriptor).size;
    const read = (at: number, length: number): Buffer => {
      if (at < 0 || length < 0 || at + length > size) throw new RangeError("beyond the file");
      const bytes = Buffer.alloc(length);
      readSync(descriptor, bytes, 0, length, at);
      return bytes;
    };
    return parse(read);
  } catch {
    return null;
  } finally {
    closeSync(descriptor);
  }
}

function parse(read: (at: number, length: number) => Buffer): Linked | null {
  const head = read(0, 64);
  if (head.toString("latin1", 0, 4) !== "\u007fELF" || head[4] !== 2 || head[5] !== 1) return null;
  const [table, entry, count] = [Number(head.readBigUInt64LE(32)), head.readUInt16LE(54), head.readUInt16LE(56)];
  const segments = Array.from({ length: Math.min(count, 128) }, (_, index) => read(table + index * entry, 56)).map((bytes) => ({
    type: bytes.readUInt32LE(0),
    offset: Number(bytes.readBigUInt64LE(8)),
    address: Number(bytes.readBigUInt64LE(16)),
    size: Number(bytes.readBigUInt64LE(32)),
  }));
  const interpreter = segments.find(({ type }) => type === PT_INTERP);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  const said = interpreter === undefined ? null : text(read(interpreter.offset, Math.min(interpreter.size, 4096)));
  if (dynamic === undefined) return { interpreter: said, needed: [], paths: [] };
  const bytes = read(dynamic.offset, Math.min(dynamic.size, 1024 * 1024));
  const entries = Array.from({ length: Math.floor(bytes.length / 16) }, (_, index) => [bytes.readBigInt64LE(index * 16), Number(bytes.readBigUInt64LE(index * 16 + 8))] as const);
  const value = (tag: bigint): number => entries.find(([one]) => one === tag)?.[1] ?? 0;
  const address = value(DT_STRTAB);
  const home = segments.find((one) => one.type === PT_LOAD && address >= one.address && address < one.address + one.size);
  if (home === undefined) return { interpreter: said, needed: [], paths: [] };
  const strings = read(address - home.address + home.offset, Math.min(value(DT_STRSZ), MAX_STRINGS));
  const all = (tag: bigint): string[] => entries.filter(([one]) => one === tag).map(([, at]) => text(strings, at));
  return { interpreter: said, needed: all(DT_NEEDED).filter((name) => !name.includes("/")), paths: [...all(DT_RUNPATH), ...all(DT_RPATH)].flatMap((paths) => paths.split(":")).filter(Boolean) };
}

/** Up to the next zero byte. */
function text(bytes: Buffer, at = 0): string {
  return bytes.toString("latin1", at, Math.max(at, bytes.indexOf(0, at)));
}

/** `ldconfig -p`: name -> file, the first for each. */
function linkerCache(): Map<string, string> {
  const program = ["/sbin/ldconfig", "/usr/sbin/ldconfig"].find((at) => existsSync(at));
  const found = new Map<string, string>();
  if (program === undefined) return found;
  const listed = execFileSync(program, ["-p"], { encoding: "utf8", env: {}, stdio: ["ignore", "pipe", "ignore"], maxBuffer: 16 * 1024 * 1024 });
  for (const [, name = "", file = ""] of listed.matchAll(/^\s+(\S+) \(libc6,(?:x86-64|AArch64)[^)]*\) => (\S+)$/gm)) if (!found.has(name)) found.set(name, file);
  return found;
}
