/** As root only: what another uid can reach by name, and where it is shown what it cannot. */
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { User } from "./plan.ts";

/** A directory that stands in for sources that the server's uid cannot reach by name. */
export const STAGING = "/run/sallyport";

export function stagedName(index: number): string {
  return join(STAGING, String(index));
}

/** Whether every directory above a path lets the user through; those that do not exist yet do. */
export function isReachable(path: string, { uid, gid }: User): boolean {
  for (let at = dirname(path); ; at = dirname(at)) {
    if (existsSync(at)) {
      const { mode, uid: owner, gid: group } = statSync(at);
      const bit = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001;
      if ((mode & bit) === 0) return false;
    }
    if (at === "/") return true;
  }
}

/** The topmost directory on the way to a path that the user cannot enter; the path itself where there is none. */
export function firstClosed(path: string, user: User): string {
  const above = path.split("/").slice(1).map((_, index, parts) => `/${parts.slice(0, index + 1).join("/")}`);
  return above.find((at) => !isReachable(join(at, "x"), user)) ?? path;
}
