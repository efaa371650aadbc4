/** What a schema cannot say: keys that do not fit together, patterns that nothing reaches, expressions that are none. */
import { RE2JS } from "re2js";
import type { Slot, SlotType } from "../model.ts";
import { notRange } from "../address.ts";
import { notHost, notHostPattern } from "./hosts.ts";
import type { Loaded, Path } from "./load.ts";
import { covers } from "./pattern.ts";
import type { ServerEntry, ToolEntry } from "./schema.ts";

/** Which keys of a slot belong to which types; `maxLength` and `pattern` to every text. */
const KEYS: Readonly<Record<string, readonly SlotType[]>> = {
  roots: ["path", "glob", "command"],
  access: ["path"],
  hosts: ["url", "host"],
  schemes: ["url"],
  dialect: ["sql"],
  statements: ["sql"],
  programs: ["command"],
  allow: ["command"],
  values: ["enum"],
  minimum: ["number"],
  maximum: ["number"],
};
const NO_TEXT: readonly SlotType[] = ["enum", "number", "boolean"];

/** Throws `manifest.value`, `manifest.unreachable`. */
export function checkServer(entry: ServerEntry, path: Path, fail: Loaded["fail"]): void {
  const { isolation, capabilities, silence } = entry;
  if (isolation?.backend === "none" && isolation.reason === undefined) fail("manifest.value", [...path, "isolation", "backend"], "none needs a reason beside it");
  if (entry.args !== undefined && entry.command === undefined) fail("manifest.value", [...path, "args"], "args without command");
  const at = [...path, "capabilities"];
  for (const [name, tool] of Object.entries(capabilities?.tools ?? {})) checkTool(tool, [...at, "tools", name], fail);
  for (const [name, tool] of Object.entries(capabilities?.toolPatterns ?? {})) checkTool(tool, [...at, "toolPatterns", name], fail);
  refuseUnreachable(Object.keys(capabilities?.toolPatterns ?? {}), [...at, "toolPatterns"], "", (pattern) => pattern, fail);
  refuseUnreachable(capabilities?.resources?.patterns ?? [], [...at, "resources", "patterns"], "/", (_, index) => index, fail);
  refuseUnreachable(capabilities?.prompts?.patterns ?? [], [...at, "prompts", "patterns"], "", (_, index) => index, fail);
  if (entry.network !== undefined) checkNetwork(entry.network, [...path, "network"], fail);
  for (const [index, { until }] of (silence ?? []).entries()) if (!isDay(until)) fail("manifest.value", [...path, "silence", index, "until"], `${until} is no day`);
}

function checkNetwork(network: NonNullable<ServerEntry["network"]>, path: Path, fail: Loaded["fail"]): void {
  for (const [index, host] of (network.hosts ?? []).entries()) {
    const why = notHost(host);
    if (why !== null) fail("manifest.value", [...path, "hosts", index], `${host}: ${why}`);
  }
  for (const [index, pattern] of (network.hostPatterns ?? []).entries()) {
    const why = notHostPattern(pattern);
    if (why !== null) fail("manifest.value", [...path, "hostPatterns", index], `${pattern}: ${why}`);
  }
  for (const [index, range] of (network.addresses ?? []).entries()) {
    const why = notRange(range);
    if (why !== null) fail("manifest.value", [...path, "addresses", index], `${range}: ${why}`);
  }
}

function refuseUnreachable(patterns: readonly string[], path: Path, separator: string, key: (pattern: string, index: number) => string | number, fail: Loaded["fail"]): void {
  for (const [index, pattern] of patterns.entries()) {
    if (!pattern.includes("*")) fail("manifest.unreachable", [...path, key(pattern, index)], `${pattern} has no *; exact names stand under their own key`);
    const before = patterns.slice(0, index).find((earlier) => covers(earlier, pattern, separator));
    if (before !== undefined) fail("manifest.unreachable", [...path, key(pattern, index)], `${pattern} is never reached: ${before} stands before it`);
  }
}

function checkTool(tool: ToolEntry, path: Path, fail: Loaded["fail"]): void {
  for (const [pointer, slot] of Object.entries((tool.arguments ?? {}) as Readonly<Record<string, Slot>>)) {
    const at = [...path, "arguments", pointer];
    if (!/^(?:\/(?:[^~/]|~[01])+)+$/.test(pointer)) fail("manifest.value", at, `${pointer} is no JSON pointer; write /${pointer.replace(/^[/.]+/, "").replaceAll(".", "/")}`);
    for (const key of Object.keys(slot)) {
      const types = KEYS[key];
      if (types !== undefined && !types.includes(slot.type)) fail("manifest.value", [...at, key], `${key} belongs to ${types.join(", ")}, not to ${slot.type}`);
      if ((key === "maxLength" || key === "pattern") && NO_TEXT.includes(slot.type)) fail("manifest.value", [...at, key], `${key} belongs to texts, not to ${slot.type}`);
    }
    if (slot.type === "enum" && slot.values === undefined) fail("manifest.value", at, "enum needs values");
    if (slot.pattern !== undefined) checkPattern(slot.pattern, [...at, "pattern"], fail);
  }
}

function checkPattern(pattern: string, path: Path, fail: Loaded["fail"]): void {
  try {
    RE2JS.compile(pattern);
  } catch (error) {
    fail("manifest.value", path, `${pattern} is no RE2 expression: ${(error as Error).message}`);
  }
}

/** The calendar's, which has no 31st of February. */
function isDay(text: string): boolean {
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
