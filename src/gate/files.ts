/** How the checks of arguments look at the host's files: names and links, never contents. What cannot be read is not there. */
import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import type { Files } from "../guards/arguments/world.ts";

export const HOST_FILES: Files = {
  kind: (path) => {
    try {
      return lstatSync(path).isSymbolicLink() ? "link" : "other";
    } catch {
      return "none";
    }
  },
  target: (path) => readlinkSync(path),
  names: (path) => {
    try {
      return readdirSync(path);
    } catch {
      return [];
    }
  },
};
