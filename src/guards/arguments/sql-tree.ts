/** What a statement does, told by its parse tree. Trees are walked without recursion: legal ones are ten thousand deep. */
import type { Slot } from "../../model.ts";
import type { Objection } from "./world.ts";

type Kinds = NonNullable<Slot["statements"]>;
type Kind = Kinds[number];
type Tree = Readonly<Record<string, unknown>>;

/** Functions that reach files, programs, the network, other sessions or settings, or only wait; of all dialects, plain or as prefix. */
const CLOSED_FUNCTION = new RegExp(
  `^(?:${[
    "pg_(?:read|ls|stat_file|file|logdir|sleep|terminate|cancel|reload|rotate|promote|switch|start_backup|stop_backup|backup|create|drop|copy|logical|replication|wal|export|notify|advisory|try_advisory|current_logfile|import|log_|walinspect|get_wal|read_|execute|write|prewarm|surgery|amcheck|hba|ident)\\w*",
    "crosstab\\w*|aws_\\w+|url_get|heap_force_\\w+|postgres_fdw_\\w+|pg_show_\\w+|lo_\\w*|lowrite|loread|dblink\\w*|http\\w*|set_config|nextval|setval|currval_?set|query_to_xml\\w*|table_to_xml\\w*|schema_to_xml\\w*|database_to_xml\\w*|cursor_to_xml\\w*|xpath_table|ts_stat|ts_rewrite|txid_\\w*|file_fdw\\w*|plpy\\w*|plperl\\w*|sys_\\w*|cron_?\\w*|net_?http\\w*",
    "load_file|sleep|benchmark|get_lock|release_(?:all_)?locks?|is_(?:free|used)_lock|master_pos_wait|source_pos_wait|wait_for_executed_gtid_set|extractvalue|updatexml|lib_mysqludf\\w*|do_system|make_set_user",
    "load_extension|readfile|writefile|edit|fsdir|lsmode|fts3_tokenizer|zipfile\\w*|sqlite_dbpage|sqlar_\\w*|eval|shell|csv|system|xp_\\w*|sp_\\w*|open(?:rowset|query|datasource|xml)|read_(?:csv|parquet|json|text|blob|ndjson)\\w*|parquet_\\w*|getenv",
  ].join("|")})$`,
  "i",
);
/** Of those, the ones that are called like a column. */
const CALLED = /^(?:pg_(?:read|ls|stat_file|sleep|terminate|cancel|reload|file)\w*|lo_(?:import|export)\w*|dblink\w*|query_to_xml\w*)$/i;
/** Tables that hold credentials or files' contents. */
const CLOSED_TABLE = /^(?:pg_authid|pg_shadow|pg_user_mappings?|pg_largeobject(?:_metadata)?|pg_hba_file_rules|pg_ident_file_mappings|pg_file_settings|user_mapping_options|decrypted_secrets|processlist|pg_subscription|pg_read_file|sqlite_dbpage|fsdir|zipfile|csv|mysql\.(?:user|db|global_priv)|user_privileges)$/i;

const PG_KINDS: Readonly<Record<string, Kind>> = {
  SelectStmt: "read",
  VariableShowStmt: "read",
  InsertStmt: "insert",
  UpdateStmt: "update",
  DeleteStmt: "delete",
  CreateStmt: "define",
  CreateTableAsStmt: "define",
  ViewStmt: "define",
  IndexStmt: "define",
  AlterTableStmt: "define",
  RenameStmt: "define",
  DropStmt: "define",
  TruncateStmt: "define",
  CommentStmt: "define",
};

export function judgePostgres(tree: unknown, kinds: Kinds): Objection {
  const statements = (tree as { stmts: readonly { stmt: Tree }[] }).stmts;
  if (statements.length !== 1) return `it holds ${statements.length} statements`;
  let [name, body] = only((statements[0] as { stmt: Tree }).stmt);
  if (name === "ExplainStmt") [name, body] = only((body as { query: Tree }).query);
  const top = PG_KINDS[name];
  if (top === undefined) return `${words(name)} is not allowed`;
  if (!kinds.includes(top)) return `it would ${verb(top)}, and may only ${kinds.map(verb).join(", ")}`;
  return walk(body, (key, value) => {
    const inner = PG_KINDS[key];
    if (inner !== undefined && inner !== "read" && !kinds.includes(inner)) return `inside, it would ${verb(inner)}`;
    if (key.endsWith("Stmt") && inner === undefined && key !== "selectStmt") return `${words(key)} is not allowed inside`;
    if (key === "intoClause" && !kinds.includes("define")) return "it would write a table (INTO)";
    if (key === "lockingClause" && !kinds.includes("update")) return "it would lock rows";
    if (key === "funcname") return closedFunction(names(value));
    // \`('x'::text).f\` and \`t.f\` call f.
    if (key === "indirection") return names(value).map((called) => closedFunction([called])).find((objection) => objection !== null) ?? null;
    if (key === "ColumnRef" && names((value as { fields?: unknown }).fields ?? []).length > 1) return CALLED.test(names((value as { fields?: unknown }).fields).at(-1) ?? "") ? "a column of it is a function that is closed" : null;
    if (key === "onConflictClause" && (value as { action?: unknown }).action === "ONCONFLICT_UPDATE" && !kinds.includes("update")) return "it would update rows";
    if (key === "relname" && CLOSED_TABLE.test(String(value))) return `the table ${String(value)} is closed`;
    if (key === "A_Expr" && ((value as { name?: unknown[] }).name?.length ?? 0) > 1) return "it names an operator of a schema";
    return null;
  });
}

/** `[{"String":{"sval":"pg_catalog"}}, …]` → the parts. */
function names(value: unknown): string[] {
  return (value as { String?: { sval?: string } }[]).map((part) => part.String?.sval ?? "");
}

function closedFunction(parts: readonly string[]): Objection {
  const name = parts.at(-1) ?? "";
  if (CLOSED_FUNCTION.test(name)) return `the function ${name} is closed`;
  return parts.slice(0, -1).some((part) => /^(?:dblink|http|net|cron|plpy|sys|xp|dbms_\w+|utl_\w+)$/i.test(part)) ? `the function ${parts.join(".")} is closed` : null;
}

const GENERIC_KINDS: Readonly<Record<string, Kind>> = {
  Query: "read",
  ExplainTable: "read",
  ShowTables: "read",
  ShowDatabases: "read",
  ShowSchemas: "read",
  ShowColumns: "read",
  ShowCreate: "read",
  ShowVariables: "read",
  ShowStatus: "read",
  ShowVariable: "read",
  ShowCollation: "read",
  ShowFunctions: "read",
  ShowViews: "read",
  Insert: "insert",
  Update: "update",
  Delete: "delete",
  CreateTable: "define",
  CreateView: "define",
  CreateIndex: "define",
  AlterTable: "define",
  Drop: "define",
  Truncate: "define",
};
/** Keys of the tree that only statements have; inside another one they change something. */
const INNER: Readonly<Record<string, Kind>> = { Insert: "insert", Update: "update", Delete: "delete", Merge: "update" };

export function judgeGeneric(tree: unknown, kinds: Kinds): Objection {
  const statements = tree as readonly unknown[];
  if (statements.length !== 1) return `it holds ${statements.length} statements`;
  let [name, body] = only(statements[0]);
  if (name === "Explain") [name, body] = only((body as { statement: unknown }).statement);
  const top = GENERIC_KINDS[name];
  if (top === undefined) return `${words(name)} is not allowed`;
  if (!kinds.includes(top)) return `it would ${verb(top)}, and may only ${kinds.map(verb).join(", ")}`;
  return walk(body, (key, value, path) => {
    const inner = INNER[key];
    if (inner !== undefined && typeof value === "object" && value !== null && !kinds.includes(inner)) return `inside, it would ${verb(inner)}`;
    if (((key === "replace_into" && value === true) || (key === "or" && value !== null && top !== "read") || (key === "on" && top === "insert" && typeof value === "object" && value !== null)) && !kinds.includes("update")) return "it would update rows";
    if (key === "into" && value !== null && value !== false && top === "read") return "it would write what it reads (INTO)";
    if (key === "locks" && Array.isArray(value) && value.length > 0 && !kinds.includes("update")) return "it would lock rows";
    if (key === "optimizer_hints" && Array.isArray(value) && value.length > 0) return "it holds an optimizer hint, which can set variables";
    if (key === "Function" || key === "TableFunction") return closedFunction(identifiers((value as { name?: unknown }).name));
    if (key === "op" && value === "Assignment") return "it sets a variable";
    if (key === "Table" && (path === "relation" || path === "table")) return closedTable(value as { name?: unknown; args?: unknown });
    return null;
  });
}

function closedTable({ name, args }: { name?: unknown; args?: unknown }): Objection {
  const parts = identifiers(name);
  if (CLOSED_TABLE.test(parts.join(".")) || CLOSED_TABLE.test(parts.at(-1) ?? "")) return `the table ${parts.join(".")} is closed`;
  return args === undefined || args === null ? null : closedFunction(parts);
}

/** An ObjectName, `[{"Identifier":{"value":"db"}}, …]` → the parts. */
function identifiers(name: unknown): string[] {
  return Array.isArray(name) ? name.map((part: { Identifier?: { value?: string } }) => part.Identifier?.value ?? "") : [];
}

/** The one member of a node that is named by its key; a bare name has no body. */
function only(node: unknown): [string, unknown] {
  if (typeof node === "string") return [node, {}];
  return Object.entries(node as Tree)[0] ?? ["", {}];
}

/** Calls for every member of every object, until an objection. */
function walk(root: unknown, visit: (key: string, value: unknown, parent: string) => Objection): Objection {
  const todo: [unknown, string][] = [[root, ""]];
  for (let one = todo.pop(); one !== undefined; one = todo.pop()) {
    const [node, parent] = one;
    if (typeof node !== "object" || node === null) continue;
    for (const [key, value] of Object.entries(node)) {
      const objection = Array.isArray(node) ? null : visit(key, value, parent);
      if (objection !== null) return objection;
      todo.push([value, Array.isArray(node) ? parent : key]);
    }
  }
  return null;
}

function words(name: string): string {
  return name.replace(/Stmt$/, "").replaceAll(/([a-z])([A-Z])/g, "$1 $2").toUpperCase();
}

function verb(kind: Kind): string {
  return { read: "read", insert: "insert rows", update: "update rows", delete: "delete rows", define: "change tables" }[kind];
}
