/** Draws the guide's pictures from what the commands really print: `npm run pictures`. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const said = execFileSync(process.execPath, [join(root, "examples/protect/protect.mjs")], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
const [, screen] = said.split(/(?=\nmemory {2})/);
const lines = ["$ sallyport protect --secrets file", ...screen.split(/\n(?=\nthinking)/)[0].split("\n"), "", "Protect it? [y]es, [n]o, [q]uit: y"];
writeFileSync(join(root, "docs/guide/protect.svg"), picture(lines));

function picture(rows) {
  const folded = rows.flatMap((row) => (row.length <= 118 ? [row] : row.match(/.{1,118}/g)));
  const height = 20 + folded.length * 18;
  const shown = folded.map((row, index) => `<text x="14" y="${26 + index * 18}" fill="${colour(row)}"${/^(?:\$|\w+ {2}\w)/.test(row) ? ' font-weight="bold"' : ""}>${escape(row)}</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 ${height}" font-family="monospace" font-size="13.5" xml:space="preserve" role="img" aria-label="A terminal">\n<rect width="1000" height="${height}" rx="8" fill="#10151c"/>\n${shown.join("\n")}\n</svg>\n`;
}

function colour(row) {
  return row.startsWith("  + ") ? "#7ee2a8" : row.startsWith("  - ") ? "#ff9a9a" : row.startsWith("$") ? "#9cc4ff" : "#d7dee8";
}

function escape(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(" ", "\u00a0");
}
