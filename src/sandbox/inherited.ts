/**
 * Descriptors that the gate's parent left open would be inherited by the server, past every mount and namespace.
 * Node marks its own close-on-exec; whatever is not marked came from outside, and the gate has no use for it.
 */
import { closeSync, readFileSync, readdirSync } from "node:fs";

const CLOSE_ON_EXEC = 0o2000000;

export function closeInherited(): void {
  for (const name of readdirSync("/proc/self/fd")) {
    const descriptor = Number(name);
    if (descriptor <= 2) continue;
    try {
      const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, "utf8"))?.[1] ?? "0";
      if ((Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0) closeSync(descriptor);
    } catch {
      // The listing's own descriptor is gone by now.
    }
  }
}
