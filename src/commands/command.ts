/** What every command file needs: parsed flags with clear errors, tables, and colour only where a person looks. */
import { parseArgs, styleText, type ParseArgsConfig } from "node:util";
import { SallyportError, escapeControls } from "../errors.ts";
import type { Host } from "../model.ts";
import { nearest } from "../nearest.ts";

/** Flags in, one call, rendering out; returns the exit code. */
export type Command = (args: readonly string[], host: Host) => Promise<number> | number;

type Flags = NonNullable<ParseArgsConfig["options"]>;

/** Throws `usage.option`, with the nearest flag where one was misspelt. @param operands how many words that are no flags are taken. */
export function parseFlags<const T extends Flags>(args: readonly string[], options: T, operands = 0): { values: ReturnType<typeof parseArgs<{ options: T; allowPositionals: true }>>["values"]; positionals: string[] } {
  const parsed = parse(args, options);
  if (parsed.positionals.length > operands) throw new SallyportError("usage.option", `${parsed.positionals[operands]} is one word too many`);
  return parsed;
}

function parse<const T extends Flags>(args: readonly string[], options: T): ReturnType<typeof parseFlags<T>> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const given = /'(-[^' ]+)/.exec((error as Error).message)?.[1] ?? "";
    const near = nearest(given.replace(/^-+/, ""), Object.keys(options));
    throw new SallyportError("usage.option", near === null ? (error as Error).message.split(". ")[0] : `${given} is not one; did you mean --${near}?`, { cause: error });
  }
}

/** Names and paths come from peers, so control characters are escaped; colour is added after that, cell by cell. */
export function table(rows: readonly (readonly string[])[], dress: (cell: string, column: number, row: number) => string = (cell) => cell): string {
  const safe = rows.map((row) => row.map(escapeControls));
  const widths = (safe[0] ?? []).map((_, column) => Math.max(...safe.map((row) => (row[column] ?? "").length)));
  const lines = safe.map((row, index) => row.map((cell, column) => dress(column === row.length - 1 ? cell : cell.padEnd(widths[column] as number), column, index)).join("  "));
  return lines.map((line) => line.trimEnd()).join("\n");
}

export type Paint = (style: "green" | "red" | "yellow" | "dim" | "bold", text: string) => string;

/** Plain when piped, with NO_COLOR or with --no-color. */
export function painter(host: Host, plain: boolean | undefined): Paint {
  const colour = plain !== true && host.stdout.isTTY && (host.env["NO_COLOR"] ?? "") === "";
  return (style, text) => (colour ? styleText(style, text) : text);
}

export const COMMON_FLAGS = { json: { type: "boolean" }, "no-color": { type: "boolean" }, help: { type: "boolean", short: "h" } } as const;
