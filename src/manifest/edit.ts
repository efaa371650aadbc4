/** Writes a server into `sallyport.yaml`; comments, order and everything else of an existing file stay. */
import { isMap, parseDocument, type Document, type YAMLMap } from "yaml";
import { SallyportError } from "../errors.ts";
import type { ServerEntry } from "./schema.ts";

const HEADER = "# What each server may do and reach: docs/manifest.md";

/** How a remark begins that goes with its server. */
export const REMARK = "its files name";

/** Reasons by the path of a key below the server: they become comments. */
export type Reasons = readonly (readonly [path: readonly string[], reason: string])[];

/** @param remark stands above the server. @param text of the file; null for a new one. Throws `manifest.value` where the server stands there already. */
export function addServer(text: string | null, name: string, entry: ServerEntry, reasons: Reasons, remark?: string): string {
  const document = parseDocument(text ?? `${HEADER}\nversion: 1\nservers: {}\n`);
  if (document.hasIn(["servers", name])) throw new SallyportError("manifest.value", `the manifest has a server ${name} already; remove it, or take another name`);
  if (!document.has("servers") || document.get("servers") === null) document.set("servers", document.createNode({}));
  const servers = document.get("servers") as YAMLMap;
  servers.flow = false;
  const key = document.createNode(name);
  if (remark !== undefined) key.commentBefore = ` ${remark.replaceAll(/\s+/g, " ")}`;
  servers.set(key, document.createNode(entry));
  for (const [path, reason] of reasons) comment(document, ["servers", name, ...path], reason);
  flowSlots(document, ["servers", name, "capabilities", "tools"]);
  return document.toString({ lineWidth: 140, flowCollectionPadding: true });
}

/** Null where nothing but the frame would stay. */
export function removeServer(text: string, name: string): string | null {
  const document = parseDocument(text);
  forgetRemark(document.get("servers"), name);
  document.deleteIn(["servers", name]);
  const { version, servers, ...rest } = (document.toJS() ?? {}) as Record<string, unknown>;
  const remarks = document.toString().split("\n").some((line) => line.trimStart().startsWith("#") && line !== HEADER);
  const empty = !remarks && version === 1 && Object.keys(rest).length === 0 && Object.keys(servers ?? {}).length === 0;
  return empty ? null : document.toString({ lineWidth: 140, flowCollectionPadding: true });
}

/** What stands above the first entry belongs to the map, as it is read. */
function forgetRemark(servers: unknown, name: string): void {
  if (!isMap(servers) || String(servers.items[0]?.key) !== name) return;
  if (servers.commentBefore?.startsWith(` ${REMARK}`) === true && !servers.commentBefore.includes("\n")) servers.commentBefore = null;
}

function comment(document: Document, path: readonly string[], reason: string): void {
  const node = document.getIn(path, true) as { comment?: string } | undefined;
  if (node !== undefined) node.comment = ` ${reason.replaceAll(/\s+/g, " ")}`;
}

/** A slot is one line. */
function flowSlots(document: Document, path: readonly string[]): void {
  const tools = document.getIn(path) as YAMLMap | undefined;
  for (const tool of tools?.items ?? []) {
    const slots = (tool.value as YAMLMap | null)?.get("arguments") as YAMLMap | undefined;
    for (const slot of slots?.items ?? []) (slot.value as YAMLMap).flow = true;
  }
}
