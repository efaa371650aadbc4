/** WebAssembly files: beside the bundle, where the build puts them, or in the packages that they come from. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";

/** @param specifier of the file in its package, as `package/folder/file.wasm`. */
export function wasm(specifier: string): Uint8Array<ArrayBuffer> {
  const beside = join(import.meta.dirname, basename(specifier));
  const [name = "", ...rest] = specifier.startsWith("@") ? [specifier.split("/").slice(0, 2).join("/"), ...specifier.split("/").slice(2)] : specifier.split("/");
  return new Uint8Array(readFileSync(existsSync(beside) ? beside : join(packageFolder(name), ...rest)));
}

function packageFolder(name: string): string {
  const found = createRequire(import.meta.url).resolve.paths(name)?.map((folder) => join(folder, name)).find((folder) => existsSync(folder));
  if (found === undefined) throw new Error(`${name} is not installed`);
  return found;
}
