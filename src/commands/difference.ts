/** Two values, place by place, and their texts word by word. */
import { escapeControls } from "../errors.ts";
import type { Paint } from "./command.ts";

const MAX_WORDS = 1500;

/** Lines of what differs; empty where nothing does. */
export function difference(before: unknown, after: unknown, paint: Paint): string[] {
  const [old, now] = [flat(before), flat(after)];
  const pointers = [...new Set([...old.keys(), ...now.keys()])];
  return pointers.flatMap((pointer) => {
    const [was, is] = [old.get(pointer), now.get(pointer)];
    if (was === is) return [];
    const place = pointer === "" ? "text" : escapeControls(pointer);
    if (was === undefined) return [`${place}: ${paint("green", `{+${shown(is ?? "")}+}`)}`];
    if (is === undefined) return [`${place}: ${paint("red", `[-${shown(was)}-]`)}`];
    return [`${place}: ${words(was, is, paint)}`];
  });
}

/** Line ends stay; whoever prints them marks the lines that follow, so that none passes for another's. */
function shown(text: string): string {
  return text.split("\n").map(escapeControls).join("\n");
}

function flat(value: unknown, at = "", found = new Map<string, string>()): Map<string, string> {
  if (typeof value === "object" && value !== null && Object.keys(value).length > 0) for (const [key, member] of Object.entries(value)) flat(member, `${at}/${key}`, found);
  else if (at !== "" || typeof value !== "object") found.set(at, typeof value === "string" ? value : JSON.stringify(value));
  return found;
}

function words(was: string, is: string, paint: Paint): string {
  const a: string[] = was.match(/\S+\s*|\s+/g) ?? [];
  const b: string[] = is.match(/\S+\s*|\s+/g) ?? [];
  const removed = (text: string): string => (text === "" ? "" : paint("red", `[-${shown(text)}-]`));
  const added = (text: string): string => (text === "" ? "" : paint("green", `{+${shown(text)}+}`));
  if (a.length > MAX_WORDS || b.length > MAX_WORDS) return `${removed(was)}${added(is)}`;
  const lengths = table(a, b);
  let text = "";
  let [gone, come] = ["", ""];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      text += removed(gone) + added(come) + shown(a[i] as string);
      [gone, come] = ["", ""];
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && (lengths[i + 1]?.[j] ?? 0) >= (lengths[i]?.[j + 1] ?? 0))) gone += a[i++];
    else come += b[j++];
  }
  return text + removed(gone) + added(come);
}

/** Lengths of the longest common subsequences of all tails. */
function table(a: readonly string[], b: readonly string[]): Uint16Array[] {
  const rows = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) for (let j = b.length - 1; j >= 0; j -= 1) (rows[i] as Uint16Array)[j] = a[i] === b[j] ? ((rows[i + 1] as Uint16Array)[j + 1] as number) + 1 : Math.max((rows[i + 1] as Uint16Array)[j] as number, (rows[i] as Uint16Array)[j + 1] as number);
  return rows;
}
