/** The grammars of MySQL and SQLite, as WebAssembly. */
import { initSync, parse_sql_to_json_string } from "../../../node_modules/@guanmingchiu/sqlparser-ts/wasm/sqlparser_rs_wasm.js";
import { wasm } from "../../assets.ts";

/** Beyond that, a chain of operators is deeper than the parser's stack. */
const MAX_BYTES = 8 * 1024;

/** Where there may be comments, a changed line end could move code into one, or out of it. */
export const hasComments = (sql: string): boolean => /--|#|\/\*/.test(sql);

/** Words that the grammar does not know where they may stand, and that reach nothing. */
const IDLE: Readonly<Record<"mysql" | "sqlite", RegExp>> = { mysql: /\bWITH\s+ROLLUP\b/gi, sqlite: /(?<=\bESCAPE\s*'(?:''|[^'])'\s*)COLLATE\s+(?:NOCASE|BINARY|RTRIM)\b/gi };

let started = false;
let broken = false;

/** The parse tree. Throws with the parser's message; after a crash inside it, always. */
export async function parseGeneric(sql: string, dialect: "mysql" | "sqlite"): Promise<unknown> {
  if (broken) throw new Error("its parser has crashed; restart the session");
  if (sql.length > MAX_BYTES) throw new Error(`it is longer than ${MAX_BYTES} characters`);
  if (!started) initSync({ module: wasm("@guanmingchiu/sqlparser-ts/wasm/sqlparser_rs_wasm_bg.wasm") });
  started = true;
  try {
    return JSON.parse(parse_sql_to_json_string(dialect, hasComments(sql) ? sql : sql.replaceAll(IDLE[dialect], (words) => " ".repeat(words.length))));
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) broken = !answers();
    throw error instanceof Error ? error : new Error(messageOf(error));
  }
}

function messageOf(error: unknown): string {
  return typeof error === "string" ? error : ((error as { message?: string }).message ?? "syntax error");
}

function answers(): boolean {
  try {
    parse_sql_to_json_string("sqlite", "select 1");
    return true;
  } catch {
    return false;
  }
}
