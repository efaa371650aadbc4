/** A server of a manifest as it would be started: what `protect` has put there keeps its command in the client's file. */
import { readFileSync } from "node:fs";
import { commandInClient } from "../clients/command-of.ts";
import type { ServerOptions } from "../gate/prepare.ts";
import { load } from "../manifest/load.ts";
import { findManifest } from "../manifest/read.ts";
import type { Host } from "../model.ts";
import { cellOptions } from "./cell-flags.ts";

type Values = Parameters<typeof cellOptions>[0];

/** With the surroundings that the client starts it from. Throws `usage.*`, `manifest.*`. */
export function startedServer(values: Values & { readonly server: string }, host: Host): readonly [ServerOptions, Host] {
  const manifest = findManifest(values.manifest, host);
  const servers = load(manifest, readFileSync(manifest, "utf8")).value.servers ?? {};
  const known = Object.hasOwn(servers, values.server) ? servers[values.server] : undefined;
  const found = known === undefined || known.command !== undefined ? null : commandInClient(values.server, manifest, host);
  return [cellOptions(values, [], found?.command ?? []), found?.host ?? host];
}

/** Names of all that a manifest describes. */
export function serversOf(manifest: string | undefined, host: Host): string[] {
  const file = findManifest(manifest, host);
  return Object.keys(load(file, readFileSync(file, "utf8")).value.servers ?? {});
}
