/** What a call names outside itself, as the slots of its tool tell: the directories and hosts that an answer may be narrowed to. */
import { dirname } from "node:path";
import { checkPath } from "../guards/arguments/path.ts";
import type { World } from "../guards/arguments/world.ts";
import type { Slot } from "../model.ts";
import type { Places } from "../consent/scope.ts";

type Slots = readonly (readonly [pointer: string, slot: Slot])[];

export const NOWHERE: Places = { directories: [], hosts: [], staysUnder: () => false };

export function placesOf(given: unknown, slots: Slots, world: World): Places {
  const found = slots.flatMap(([pointer, slot]) => valuesAt(given, pointer).map((value) => [slot, value] as const));
  const paths = found.filter(([{ type }]) => type === "path" || type === "glob").map(([, value]) => value);
  const addresses = found.filter(([{ type }]) => type === "url" || type === "host").map(([, value]) => value);
  const [hosts, relative] = [addresses.map(hostOf), paths.some((path) => !path.startsWith("/"))];
  // What cannot be placed with certainty offers no narrower answer.
  if (hosts.includes(null) || found.some(([{ type }]) => type === "command" || type === "sql")) return NOWHERE;
  return {
    directories: relative ? [] : [...new Set(paths.map((path) => dirname(path)))],
    hosts: [...new Set(hosts as string[])],
    staysUnder: (directory) => !relative && paths.every((path) => checkPath(path, { type: "path", roots: [directory] }, { ...world, scratch: [] }) === null),
  };
}

/** Every text at a pointer; `*` stands for each item, and a list in a slot is a list of what the slot says. */
function valuesAt(given: unknown, pointer: string): string[] {
  const parts = pointer.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  return parts.reduce<unknown[]>(step, [given]).flat(8).filter((value) => typeof value === "string");
}

function step(values: readonly unknown[], part: string): unknown[] {
  return values.flatMap((value) => {
    if (typeof value !== "object" || value === null) return [];
    if (part === "*") return Object.values(value);
    return Object.hasOwn(value, part) ? [(value as Record<string, unknown>)[part]] : [];
  });
}

function hostOf(value: string): string | null {
  try {
    return new URL(value.includes("://") ? value : `https://${value}`).host;
  } catch {
    return null;
  }
}
