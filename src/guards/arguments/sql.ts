/**
 * SQL is parsed by a real grammar: one statement, of an allowed kind, that reaches no file, program or network (CWE-89).
 * What the grammar does not take is refused: a reader that understands more could do more.
 */
import type { Slot } from "../../model.ts";
import { parsePostgres } from "./postgres.ts";
import { judgeGeneric, judgePostgres } from "./sql-tree.ts";
import { hasComments, parseGeneric } from "./sqlparser.ts";
import type { Objection, World } from "./world.ts";

/** A second of the slowest parser; people's queries are shorter. */
const MAX_BYTES = 16 * 1024;
type Dialect = "postgresql" | "mysql" | "sqlite";

export async function checkSql(value: string, slot: Slot, _world: World): Promise<Objection> {
  if (value.includes("\0")) return "it holds a zero byte, at which some parsers stop";
  if (Buffer.byteLength(value) > MAX_BYTES) return `it is longer than ${MAX_BYTES} bytes`;
  if (value.trim() === "") return "it is empty";
  if ((value.match(/\/\*/g) ?? []).length > 64) return "it holds too many comments";
  if (/\/\*(?:(?!\*\/)[^])*\/\*/.test(value)) return "it holds a comment inside a comment";
  const dialect = slot.dialect ?? "any";
  const statements = slot.statements ?? ["read"];
  if (dialect !== "any") return (await judge(value, dialect, statements)).objection;
  const all = await Promise.all((["postgresql", "mysql", "sqlite"] as const).map((one) => judge(value, one, statements)));
  // Where one of them does not understand it, what the others take for a string or a comment may be code for that one.
  if (all.some(({ parsed }) => !parsed) && /\\|\/\*|--|#|`|\$\w*\$/.test(value)) return "the dialects read it in different ways; name the dialect in the slot";
  const harmful = all.find(({ parsed, objection }) => parsed && objection !== null);
  if (harmful !== undefined) return harmful.objection;
  return all.some(({ parsed }) => parsed) ? null : (all[0]?.objection ?? "no grammar takes it");
}

interface Judged {
  readonly parsed: boolean;
  readonly objection: Objection;
}

async function judge(value: string, dialect: Dialect, kinds: NonNullable<Slot["statements"]>): Promise<Judged> {
  // Comments that MySQL and MariaDB execute depend on the server's version: what runs is not what stands there.
  if (dialect !== "postgresql" && /\/\*M?!/i.test(value)) return { parsed: true, objection: "it holds a comment that the server executes" };
  // The grammar takes every white space of Unicode behind the dashes for the beginning of a comment; servers read on.
  if (dialect === "mysql" && /--[^\t\n\v\f\r -~]/.test(value)) return { parsed: true, objection: "not every server takes what follows -- for a comment" };
  if (dialect === "sqlite") {
    const pragma = judgePragma(value);
    if (pragma !== undefined) return { parsed: true, objection: pragma };
  }
  try {
    const tree = dialect === "postgresql" ? await parsePostgres(value) : await parseGeneric(dialect === "sqlite" ? known(value) : value, dialect);
    return { parsed: true, objection: dialect === "postgresql" ? judgePostgres(tree, kinds) : judgeGeneric(tree, kinds) };
  } catch (error) {
    return { parsed: false, objection: `it is no ${dialect} that can be checked: ${(error as Error).message.slice(0, 120)}` };
  }
}

/** Operators of SQLite that the grammar does not know, as others of the same kind: what the statement does stays the same. */
function known(value: string): string {
  if (hasComments(value)) return value;
  return value
    .replaceAll(/\b(?:glob|match|regexp)\b(?=\s+['"?:@$\w])/gi, "like")
    .replaceAll(/\bis\s+not\b(?!\s+(?:null|true|false|distinct)\b)/gi, "<>")
    .replaceAll(/\bis\b(?!\s+(?:null|not|true|false|distinct)\b)/gi, "=")
    .replaceAll(/<<|>>/g, "+")
    .replaceAll(/\bnot\s+indexed\b(?=\s*(?:$|[);]|where|join|order|group|limit))|\bindexed\s+by\s+\w+(?=\s*(?:$|[);]|where|join|order|group|limit))/gi, " ");
}

const READING_PRAGMAS = ["table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list", "foreign_keys", "database_list", "collation_list", "function_list", "module_list", "pragma_list", "compile_options", "user_version", "schema_version", "application_id", "encoding", "page_count", "page_size", "freelist_count", "journal_mode", "integrity_check", "quick_check", "foreign_key_check"];
const WITH_NAME = /^(?:table_info|table_xinfo|index_list|index_info|index_xinfo|foreign_key_list|foreign_key_check|integrity_check|quick_check)$/;

/** The grammar knows no bare words in pragmas, so the few that only read are told by their form. Undefined: no pragma. */
function judgePragma(value: string): Objection | undefined {
  if (!/^\s*pragma\b/i.test(value)) return undefined;
  const [, name = "", argument] = /^\s*pragma\s+(?:[a-z_]\w*\s*\.\s*)?([a-z_]+)\s*(?:\(\s*([\w.'"`[\] ]+)\s*\))?\s*;?\s*$/i.exec(value) ?? [];
  if (!READING_PRAGMAS.includes(name.toLowerCase())) return name === "" ? "this pragma sets something" : `the pragma ${name} does more than read`;
  return argument === undefined || WITH_NAME.test(name.toLowerCase()) ? null : `the pragma ${name} would be set`;
}
