/** Servers of a manifest as they would be started: what `protect` has put there keeps its command in the client's file. */
import { readFileSync } from "node:fs";
import { commandInClient } from "../clients/command-of.ts";
import type { ServerOptions } from "../gate/prepare.ts";
import { load } from "../manifest/load.ts";
import { findManifest } from "../manifest/read.ts";
import type { Host } from "../model.ts";
import { cellOptions } from "./cell-flags.ts";

/** One server, or all, each with the surroundings that its client starts it from. Throws `usage.*`, `manifest.*`. */
export function startedServers(values: Parameters<typeof cellOptions>[0], host: Host): (readonly [ServerOptions, Host])[] {
  // Found from here, not from where a client would start it.
  const manifest = findManifest(values.manifest, host);
  const servers = load(manifest, readFileSync(manifest, "utf8")).value.servers ?? {};
  return (values.server === undefined ? Object.keys(servers) : [values.server]).map((server) => {
    const known = Object.hasOwn(servers, server) ? servers[server] : undefined;
    const found = known === undefined || known.command !== undefined ? null : commandInClient(server, manifest, host);
    return [cellOptions({ ...values, server, manifest }, [], found?.command ?? []), found?.host ?? host] as const;
  });
}
