/**
 * A command line is parsed by a real shell grammar (CWE-78): programs by name, and only the parts of the grammar that are
 * allowed. The grammar is not bash itself, so what it is known to read differently is refused before it is asked.
 */
import { Language, Parser, type Node } from "web-tree-sitter";
import type { Slot } from "../../model.ts";
import { wasm } from "../../assets.ts";
import { checkPath } from "./path.ts";
import { EXECUTING, FREE_WORDS, READING_PROGRAMS, SYSTEM_PATH } from "./programs.ts";
import { checkGlob } from "./simple.ts";
import type { Objection, World } from "./world.ts";

const MAX_CHARACTERS = 4096;
const MAX_MILLISECONDS = 100;

type Part = NonNullable<Slot["allow"]>[number];

/** Parts of the grammar by the key of the manifest that allows them; null: always allowed. What is not here is refused. */
const PARTS: Readonly<Record<string, Part | null>> = {
  program: null,
  command: null,
  command_name: null,
  word: null,
  number: null,
  string: null,
  string_content: null,
  raw_string: null,
  ansi_c_string: null,
  concatenation: null,
  brace_expression: null,
  comment: null,
  pipeline: "pipe",
  list: "list",
  negated_command: "list",
  redirected_statement: "redirect",
  file_redirect: "redirect",
  file_descriptor: "redirect",
  variable_assignment: "assignment",
  variable_assignments: "assignment",
  variable_name: "substitution",
  special_variable_name: "substitution",
  simple_expansion: "substitution",
  command_substitution: "substitution",
};
const SEPARATORS: Readonly<Record<string, Part>> = { ";": "list", "&": "list", "&&": "list", "||": "list", "|": "pipe" };

let parser: Promise<Parser> | null = null;

async function start(): Promise<Parser> {
  await Parser.init({ wasmBinary: wasm("web-tree-sitter/web-tree-sitter.wasm") });
  const bash = await Language.load(wasm("tree-sitter-bash/tree-sitter-bash.wasm"));
  return new Parser().setLanguage(bash);
}

export async function checkCommand(value: string, slot: Slot, world: World): Promise<Objection> {
  if (value.length > MAX_CHARACTERS) return `it is longer than ${MAX_CHARACTERS} characters`;
  const unclear = /[\u0000-\u0008\u000b-\u001f\u007f-\u00a0\u2028\u2029\u3000\ufeff]|\\\n|<</.exec(value);
  if (unclear !== null) return unclear[0] === "<<" ? "it holds a here-document" : "it holds characters that shells read in different ways";
  parser ??= start();
  const used = await parser;
  const deadline = performance.now() + MAX_MILLISECONDS;
  const tree = used.parse(value, null, { progressCallback: () => performance.now() > deadline });
  if (tree === null) {
    used.reset();
    return "it takes too long to read";
  }
  try {
    return tree.rootNode.hasError ? "it is no shell command that can be checked" : judge(tree.rootNode, slot, world);
  } finally {
    tree.delete();
  }
}

function judge(root: Node, slot: Slot, world: World): Objection {
  const allowed = new Set<Part>(slot.allow ?? []);
  const commands = root.namedChildren.filter((node) => node !== null && node.type !== "comment");
  if (commands.length === 0) return "it holds no command";
  if (commands.length > 1 && !allowed.has("list")) return "it holds several commands";
  const todo: Node[] = [root];
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    const objection = judgeNode(node, allowed, slot, world);
    if (objection !== null) return objection;
    for (const child of node.children) if (child !== null) todo.push(child);
  }
  return null;
}

function judgeNode(node: Node, allowed: ReadonlySet<Part>, slot: Slot, world: World): Objection {
  const part = node.isNamed ? PARTS[node.type] : (SEPARATORS[node.type] ?? null);
  if (part === undefined) return `its ${node.type.replaceAll("_", " ")} is not allowed`;
  if (part !== null && !allowed.has(part)) return `its ${node.type.replaceAll("_", " ")} is not allowed`;
  // Leaves in which the grammar overlooks what a shell would run.
  if (node.childCount === 0 && node.isNamed && node.type !== "raw_string" && /(?<!\\)(?:\\\\)*(?:\$[({[]|`)/.test(node.text)) return "it hides a substitution";
  if (node.type === "command") return judgeCommand(node, slot, world);
  if (node.type === "file_redirect") return judgeRedirect(node, slot, world);
  return null;
}

function judgeRedirect(node: Node, slot: Slot, world: World): Objection {
  const targets = node.childrenForFieldName("destination").filter((one) => one !== null);
  if (targets.length !== 1) return "it redirects in a way that can be read twice";
  const target = literal(targets[0] as Node);
  if (target === null) return "it redirects to a name that is not written out";
  if (/^\d+$|^-$/.test(target) || target === "/dev/null") return null;
  return checkPath(target, { ...slot, type: "path", access: node.text.includes("<") ? "read" : "write" }, world);
}

function judgeCommand(node: Node, slot: Slot, world: World): Objection {
  const name = node.childForFieldName("name");
  const program = name === null || name.child(0) === null ? null : literal(name.child(0) as Node);
  if (program === null) return "its program is not written out";
  const refused = judgeProgram(program, slot.programs ?? READING_PROGRAMS);
  if (refused !== null) return refused;
  const given = node.childrenForFieldName("argument").filter((one) => one !== null);
  const words = given.map((one) => literal(one));
  const base = program.slice(program.lastIndexOf("/") + 1);
  const executing = words.find((word) => word !== null && EXECUTING[base]?.test(word));
  if (executing !== undefined) return `${base} ${executing} runs other programs`;
  return judgeWords(base, words.map((text, index) => ({ text, braces: hasBareBrace(given[index] as Node) })), slot, world);
}

/** By name where the system's directories find it, or by the path that the manifest names. */
function judgeProgram(program: string, programs: readonly string[]): Objection {
  if (programs.includes(program) && !/[*?[\]{}~]/.test(program)) return null;
  const at = program.lastIndexOf("/");
  if (at > 0 && SYSTEM_PATH.includes(program.slice(0, at)) && programs.includes(program.slice(at + 1))) return null;
  return `the program ${program} is not among ${programs.join(", ") || "none"}`;
}

interface Word {
  /** Null where a part of it is known only when it runs. */
  readonly text: string | null;
  /** It holds braces that no quotes protect, so that the shell makes several words of it. */
  readonly braces: boolean;
}

function hasBareBrace(node: Node): boolean {
  if (node.type === "concatenation") return node.children.some((child) => child !== null && hasBareBrace(child));
  return node.type !== "raw_string" && node.type !== "string" && node.type !== "ansi_c_string" && /[{}]/.test(node.text);
}

/** Every word that could name a file stays under the roots; the first plain word of a search is its pattern. */
function judgeWords(base: string, words: readonly Word[], slot: Slot, world: World): Objection {
  let free = FREE_WORDS[base] ?? 0;
  let plain = false;
  for (const { text: word, braces } of words) {
    if (word === null) continue;
    const fills = braces ? /[*?[{]/ : /[*?[]/;
    if (word === "--" && !plain) {
      plain = true;
      continue;
    }
    const option = !plain && word.startsWith("-") && word.length > 1;
    // A pattern that an option gives leaves every plain word a file.
    if (option && /^-[a-zA-Z]*[ef]|^--(?:reg|fil|expr|from)/.test(word)) free = 0;
    if (!option && free > 0 && !/[*?[{].*\/|\/.*[*?[{]|^~/.test(word)) {
      free -= 1;
      continue;
    }
    const path = option ? optionValue(word) : word;
    if (path === null || path === "" || /^https?:\/\//.test(path)) continue;
    if (/(?:^|\/)\.[*?[]|[*?[][^/]*\//.test(path)) return `${word}: a pattern of directories, which shells fill in different ways`;
    const link = fills.test(path) ? linkAmong(path, braces, slot, world) : null;
    if (link !== null) return link;
    const check = fills.test(path) ? checkGlob : checkPath;
    const objection = check(path, { ...slot, type: "path" }, world);
    if (objection !== null) return `${word}: ${objection}`;
  }
  return null;
}

/** A pattern is filled in with links as well: one that leads outside would be followed. */
function linkAmong(path: string, braces: boolean, slot: Slot, world: World): Objection {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  const base = folder.startsWith("/") ? folder : `${world.cwd}/${folder}`;
  const last = path.slice(folder.length);
  if ((last.match(/\*/g)?.length ?? 0) > 3 || (braces && /[{}]/.test(last))) return "a pattern with too many alternatives";
  const pattern = new RegExp(`^${last.replaceAll(/[.+^$(){}|\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".").replaceAll("[!", "[^")}$`, "s");
  for (const name of world.files.names(base)) {
    if (!pattern.test(name) || world.files.kind(`${base}/${name}`) !== "link") continue;
    const objection = checkPath(`${folder}${name}`, { ...slot, type: "path" }, world);
    if (objection !== null) return `${name} lies there: ${objection}`;
  }
  return null;
}

/** What stands behind `=` of a long option, or behind the letter of a short one where it looks like a path. */
function optionValue(word: string): string | null {
  const long = /^--[^=]+=([^]*)$/.exec(word);
  if (long !== null) return long[1] as string;
  return /^-[A-Za-z]+([/~.][^]*)$/.exec(word)?.[1] ?? null;
}

/** The text that a word stands for, quotes and escapes taken away; null where a part of it is known only when it runs. */
function literal(node: Node): string | null {
  if (node.type === "word" || node.type === "number") return node.text.replaceAll(/\\([^])/g, "$1");
  if (node.type === "raw_string") return node.text.slice(1, -1);
  if (node.type === "ansi_c_string") return ansi(node.text.slice(2, -1));
  if (node.type === "brace_expression") return node.text;
  if (node.type === "string") {
    const inner = node.namedChildren.filter((child) => child !== null);
    return inner.every((child) => child.type === "string_content") ? node.text.slice(1, -1).replaceAll(/\\([$`"\\])/g, "$1") : null;
  }
  if (node.type !== "concatenation") return null;
  const parts = node.children.filter((child) => child !== null).map((child) => (child.isNamed ? literal(child) : child.text));
  return parts.includes(null) ? null : parts.join("");
}

const ANSI: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", a: "\u0007", b: "\b", e: "\u001b", E: "\u001b", f: "\f", v: "\v" };

function ansi(text: string): string {
  return text.replaceAll(/\\(?:x([0-9a-f]{1,2})|u([0-9a-f]{1,4})|U([0-9a-f]{1,8})|([0-7]{1,3})|([^]))/gi, (_, x: string | undefined, u: string | undefined, long: string | undefined, octal: string | undefined, letter: string | undefined) => {
    if (letter !== undefined) return ANSI[letter] ?? letter;
    const point = octal === undefined ? Number.parseInt((x ?? u ?? long) as string, 16) : Number.parseInt(octal, 8);
    return point <= 0x10ffff ? String.fromCodePoint(point) : "\ufffd";
  });
}
