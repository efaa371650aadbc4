/** Who this user is. */
import { userInfo } from "node:os";
import type { Host } from "../model.ts";

/** By name; by number where there is none. */
export function userOf(host: Host): string {
  try {
    return userInfo().username;
  } catch {
    return String(host.uid);
  }
}
