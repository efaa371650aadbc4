/** Pages that come from the source: error codes, the manifest's schema and its reference, rules. `npm run docs` writes them; `npm run check` compares. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

const root = resolve(import.meta.dirname, "..");

/** File -> what it must hold. */
export async function reference() {
  const [{ ERRORS }, { MANIFEST_SCHEMA }, { RULES }, { CEDAR_SCHEMA }] = await Promise.all(["src/errors.ts", "src/manifest/schema.ts", "src/guards/text/rules.ts", "src/policy/schema.ts"].map(load));
  return {
    "docs/errors.md": errors(ERRORS, readFileSync(join(root, "docs/errors.md"), "utf8")),
    "docs/sallyport.schema.json": `${JSON.stringify(plain(MANIFEST_SCHEMA), null, 2)}\n`,
    "docs/manifest.md": between(readFileSync(join(root, "docs/manifest.md"), "utf8"), keys(MANIFEST_SCHEMA)),
    "docs/policies/sallyport.cedarschema": CEDAR_SCHEMA,
    "docs/rules.md": between(readFileSync(join(root, "docs/rules.md"), "utf8"), rules(RULES)),
  };
}

async function load(file) {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-docs-"));
  try {
    const bundle = await rolldown({ input: join(root, file), platform: "node" });
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

if (process.argv[1] === import.meta.filename) for (const [file, text] of Object.entries(await reference())) writeFileSync(join(root, file), text);
