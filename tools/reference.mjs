/** Pages that come from the source: error codes, the manifest's schema and its reference, rules. `npm run docs` writes them; `npm run check` compares. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

const root = resolve(import.meta.dirname, "..");

/** File -> what it must hold. */
export async function reference() {
  const [{ ERRORS }, { MANIFEST_SCHEMA }, { RULES }, { CEDAR_SCHEMA }, { CLIENTS }] = await Promise.all(["src/errors.ts", "src/manifest/schema.ts", "src/guards/text/rules.ts", "src/policy/schema.ts", "src/clients/table.ts"].map(load));
  const helps = await helpTexts();
  return {
    "docs/errors.md": errors(ERRORS, readFileSync(join(root, "docs/errors.md"), "utf8")),
    "docs/sallyport.schema.json": `${JSON.stringify(plain(MANIFEST_SCHEMA), null, 2)}\n`,
    "docs/manifest.md": between(readFileSync(join(root, "docs/manifest.md"), "utf8"), keys(MANIFEST_SCHEMA)),
    "docs/policies/sallyport.cedarschema": CEDAR_SCHEMA,
    "docs/clients.md": between(readFileSync(join(root, "docs/clients.md"), "utf8"), clients(CLIENTS)),
    "docs/commands.md": `# Commands\n\nWhat \`--help\` says of each. Completions for a shell: \`sallyport completion bash\`; a manual page: [man/sallyport.1](man/sallyport.1).\n\n${helps.map(([name, text]) => `## ${name === "" ? "sallyport" : name}\n\n\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`).join("\n")}`,
    "docs/man/sallyport.1": manual(helps),
    "docs/rules.md": between(readFileSync(join(root, "docs/rules.md"), "utf8"), rules(RULES)),
  };
}

/** What each command says of itself, the whole program's first. */
async function helpTexts() {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-help-"));
  try {
    const bundle = await rolldown({ input: { main: join(root, "src/main.ts") }, platform: "node", resolve: { mainFields: ["module", "main"] }, transform: { define: { SALLYPORT_VERSION: '""' } }, checks: { eval: false } });
    await bundle.write({ dir: folder, format: "esm", entryFileNames: "[name].mjs", chunkFileNames: "[name].mjs" });
    const help = (...args) => execFileSync(process.execPath, [join(folder, "main.mjs"), ...args, "--help"], { encoding: "utf8", env: { PATH: process.env.PATH, HOME: folder } });
    const whole = help();
    return [["", whole], ...[...whole.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map(([, name]) => [name, help(name)])];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** man(7): the help texts as they are, one section each. */
function manual(helps) {
  const roff = (text) => text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^([.'])/gm, "\\&$1");
  const section = ([name, text]) => `.SS ${name}\n.nf\n${roff(text.trimEnd())}\n.fi\n`;
  return `.TH SALLYPORT 1 "" "Sallyport" "User Commands"\n.SH NAME\nsallyport \\- a gate and a cell for MCP servers that speak over STDIO\n.SH SYNOPSIS\n.B sallyport\nCOMMAND [OPTION...]\n.SH COMMANDS\n.nf\n${roff(helps[0][1].split("\n").filter((line) => /^ {2}[a-z]+ {2,}/.test(line)).join("\n"))}\n.fi\n.SH OPTIONS OF EACH\n${helps.slice(1).map(section).join("")}.SH FILES\n.TP\n.I sallyport.yaml\nwhat each server may do and reach; in the project, or in $XDG_CONFIG_HOME/sallyport\n.TP\n.I sallyport.lock\nwhat was seen of each server and approved; beside it\n.TP\n.I $XDG_STATE_HOME/sallyport\njournal, grants, keys, copies of clients' files\n`;
}

const SAMPLES = ["${VAR}", "${VAR:-default}", "$VAR", "${env:VAR}", "${workspaceFolder}", "${input:ID}", "{env:VAR}", "{file:PATH}", "${{ secrets.NAME }}"];

/** What it looks like, rather than the expression. */
function filledIn(placeholder) {
  return placeholder === null ? "nothing" : SAMPLES.filter((one) => one.replace(placeholder, "") === "").map((one) => `\`${one}\``).join(" ");
}

function clients(table) {
  const paths = ({ linux = [], darwin = [], win32 = [], all = [] }) => [[all, ""], [linux, "Linux: "], [darwin, "macOS: "], [win32, "Windows: "]].flatMap(([list, system]) => list.map((path) => `${system}\`${path.replace(/^\$(\w+)\|(.*)$/, "$2` (moved by `$1")}\`${path.startsWith("$") ? ")" : ""}`));
  const rows = table.map(({ id, title, format, keys: under, places, placeholder, minimalPath, inherits, reload, source }) => `| \`${id}\` | ${title} | ${places.flatMap((place) => paths(place).map((path) => `${place.scope}: ${path}`)).join("<br>")} | ${format}, \`${under.map((one) => one.join(".")).join("` or `")}\` | ${filledIn(placeholder)} | ${minimalPath ? "the system's directories" : "as it was started"}; ${{ all: "everything", sdk: "HOME, LOGNAME, PATH, SHELL, TERM, USER", path: "PATH" }[inherits]} | ${reload} | ${source} |`);
  return `| name | client | files | servers stand under | it fills in | PATH and variables that it passes on | to read the file again | read in |\n|---|---|---|---|---|---|---|---|\n${rows.join("\n")}`;
}

/** A module of the source, as it is when bundled. */
export async function load(file) {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-docs-"));
  try {
    const bundle = await rolldown({ input: join(root, file), platform: "node", resolve: { mainFields: ["module", "main"] } });
    await bundle.write({ file: join(folder, "module.mjs"), format: "esm" });
    return await import(pathToFileURL(join(folder, "module.mjs")).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function errors(table, page) {
  const rows = Object.entries(table).map(([code, { fault, text, hint }]) => `| \`${code}\` | ${fault} | ${text} | ${hint} |`);
  return `${page.slice(0, page.indexOf("| code |"))}| code | who | what happened | next step |\n|---|---|---|---|\n${rows.join("\n")}\n`;
}

/** The editor's schema: `missing` and `empty` become part of what is shown. */
function plain(schema) {
  if (Array.isArray(schema)) return schema.map(plain);
  if (typeof schema !== "object" || schema === null) return schema;
  const { missing, empty, description, ...rest } = schema;
  const isSchema = typeof missing === "string" || typeof empty === "string" || typeof description === "string";
  const text = [description, typeof missing === "string" ? `Missing: ${missing}` : null, typeof empty === "string" ? `Empty: ${empty}` : null].filter(Boolean).join(" ");
  const kept = isSchema ? rest : schema;
  return { ...(isSchema && text !== "" ? { description: text } : {}), ...Object.fromEntries(Object.entries(kept).map(([key, value]) => [key, plain(value)])) };
}

const MARK = /<!-- generated -->[^]*<!-- end -->/;

function between(page, text) {
  return page.replace(MARK, () => `<!-- generated -->\n${text}\n<!-- end -->`);
}

function keys(schema) {
  const rows = [];
  const visit = (one, path) => {
    for (const [key, value] of Object.entries(one.properties ?? {})) {
      rows.push([`${path}${key}`, value]);
      inner(value, `${path}${key}`);
    }
  };
  const inner = (value, path) => {
    visit(value, `${path}.`);
    if (typeof value.additionalProperties === "object" && value.additionalProperties.properties !== undefined) visit(value.additionalProperties, `${path}.NAME.`);
    if (value.items?.properties !== undefined) visit(value.items, `${path}[].`);
  };
  visit(schema, "");
  const shown = rows.filter(([path]) => !path.startsWith("baseline.") && !path.includes("toolPatterns.NAME."));
  const table = shown.map(([path, { description = "", missing = "", empty = "", ...type }]) => `| \`${path}\` | ${typeOf(type)} | ${description} | ${missing} | ${empty} |`);
  return `| key | takes | what it says | missing | empty |\n|---|---|---|---|---|\n${table.join("\n")}`;
}

function typeOf({ type, const: only, enum: values, items, additionalProperties, minimum, maximum, pattern }) {
  if (only !== undefined) return JSON.stringify(only);
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(", ");
  if (type === "array") return items.enum === undefined ? (items.properties === undefined ? "list" : "list of objects") : `list of ${items.enum.map((value) => `\`${value}\``).join(", ")}`;
  if (type === "object") return typeof additionalProperties === "object" ? "names and values" : "keys below";
  return [type, minimum === undefined ? "" : `from ${minimum}`, maximum === undefined ? "" : `to ${maximum}`, pattern === undefined ? "" : `\`${pattern}\``].filter(Boolean).join(" ");
}

function rules(table) {
  const rows = Object.entries(table).map(([id, { title, source, definition, elsewhere }]) => `| \`${id}\` | ${title} | ${definition} | ${elsewhere} | ${source} |`);
  return `| rule | what was found | in a definition | elsewhere | source |\n|---|---|---|---|---|\n${rows.join("\n")}`;
}

if (process.argv[1] === import.meta.filename) mkdirSync(join(root, "docs/man"), { recursive: true });
if (process.argv[1] === import.meta.filename) for (const [file, text] of Object.entries(await reference())) writeFileSync(join(root, file), text);
