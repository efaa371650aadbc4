/** Every string of a value with its place, names included; without recursion, as what a server sends may be deep. */
import { escapeControls } from "../../errors.ts";
import { findSecrets } from "./secrets.ts";

/** Pictures, sound and files travel as base64, which is no text. */
function isBinary(key: string, text: string, parent: unknown): boolean {
  const { type, uri } = (parent ?? {}) as { type?: unknown; uri?: unknown };
  const binary = (key === "data" && (type === "image" || type === "audio")) || (key === "blob" && typeof uri === "string");
  return binary && text.length > 256 && /^[A-Za-z0-9+/=\r\n_-]*$/.test(text);
}

/** A pointer is told and recorded, so that a name with a secret in it does not stand there. */
export function step(at: string, name: string): string {
  const shown = name.length > 200 || findSecrets(name).length > 0 ? "[masked]" : name;
  return `${at}/${escapeControls(shown).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

export function walkStrings(root: unknown, start: string, visit: (text: string, at: string) => void, visitKey: (name: string, at: string) => void): void {
  const todo: [unknown, string, string, unknown][] = [[root, start, "", null]];
  for (let one = todo.pop(); one !== undefined; one = todo.pop()) {
    const [value, at, key, parent] = one;
    if (typeof value === "string") {
      if (!isBinary(key, value, parent)) visit(value, at);
    } else if (typeof value === "object" && value !== null) {
      for (const [name, member] of Object.entries(value).toReversed()) {
        const pointer = step(at, name);
        // As in relative JSON pointers, # is the name instead of the value.
        if (!Array.isArray(value)) visitKey(name, `${pointer}#`);
        todo.push([member, pointer, name, value]);
      }
    }
  }
}
