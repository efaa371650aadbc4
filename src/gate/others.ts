/** A tool that takes the name of another server's is told: a model may call the one and mean the other. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readLock, type Lock } from "../manifest/lock.ts";
import type { Host } from "../model.ts";
import type { PinPlace } from "./pins.ts";

/** Names of the tools that other servers have, as far as they are known. */
export function toolsOfOthers(place: PinPlace, host: Host): Set<string> {
  const folder = join(host.dirs.config, "locks");
  const files = [place.file, ...(existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".lock")).map((name) => join(folder, name)) : [])];
  const servers = [...new Set(files)].flatMap((file) => Object.entries(readable(file)?.servers ?? {}).filter(([name]) => file !== place.file || name !== place.name));
  return new Set(servers.flatMap(([, { items }]) => Object.keys(items.tools)));
}

function readable(file: string): Lock | null {
  try {
    return readLock(file);
  } catch {
    return null;
  }
}
