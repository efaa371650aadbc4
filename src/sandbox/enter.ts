/** How a program of the gate's gets into a cell's network namespace, without anything else of the cell. */
import { closeSync, openSync } from "node:fs";
import { delimiter } from "node:path";
import type { Host } from "../model.ts";
import { SallyportError } from "../errors.ts";
import { findProgram } from "./survey.ts";

export interface Entrance {
  readonly argv: readonly string[];
  readonly descriptors: readonly number[];
  readonly ip: string | null;
  readonly sh: string;
  close(): void;
}

const PLACES = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].join(delimiter);
/** The child's first descriptor behind stdin, stdout, stderr and its channel. */
const USER_NAMESPACE = 4;

/**
 * Root enters as it is. Anyone else must first stand in the user namespace that owns the other, and would lose the rights
 * to it with the next exec: bubblewrap keeps them, for the two that are needed and no longer than this program runs.
 * Throws `cell.no-tool`.
 */
export function entrance(pid: number, host: Host): Entrance {
  const find = (name: string): string | null => findProgram(name, `${host.env["PATH"] ?? ""}${delimiter}${PLACES}`, "/");
  const needed = (name: string): string => find(name) ?? missing(name);
  const enter = [needed("nsenter"), `--net=/proc/${pid}/ns/net`, "--"];
  const [sh, ip] = [needed("sh"), find("ip")];
  const bound = [needed("setpriv"), "--pdeathsig", "KILL", "--"];
  if (host.uid === 0) return { argv: [...bound, ...enter], descriptors: [], ip, sh, close: () => {} };
  const descriptor = openSync(`/proc/${pid}/ns/user`, "r");
  const capabilities = ["CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE"].flatMap((name) => ["--cap-add", name]);
  return { argv: [needed("bwrap"), "--userns", String(USER_NAMESPACE), ...capabilities, "--die-with-parent", "--dev-bind", "/", "/", "--", ...enter], descriptors: [descriptor], ip, sh, close: () => closeSync(descriptor) };
}

function missing(name: string): never {
  throw new SallyportError("cell.no-tool", name);
}
