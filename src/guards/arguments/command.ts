/**
 * A command line is parsed by a real shell grammar (CWE-78): programs by name, and only the parts of the grammar that are
 * allowed. The grammar is not bash itself, so what it is known to read differently is refused before it is asked.
 */
import { Language, Parser, type Node } from "web-tree-sitter";
import type { Slot } from "../../model.ts";
import { wasm } from "../../assets.ts";
import { expandBraces } from "./braces.ts";
import { checkPath } from "./path.ts";
import { EXECUTING, FREE_WORDS, READING_PROGRAMS, SYSTEM_PATH } from "./programs.ts";
import { checkGlob } from "./simple.ts";
import { RESERVED, shown, wordOf } from "./words.ts";
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
  if (RESERVED.test(value)) return "it holds characters that are nobody's";
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
  const word = wordOf(targets[0] as Node);
  if (word === null || /[*?[{]/.test(word)) return "it redirects to a name that is not written out";
  const target = shown(word);
  if (/^\d+$|^-$/.test(target) || target === "/dev/null") return null;
  return checkPath(target, { ...slot, type: "path", access: node.text.includes("<") ? "read" : "write" }, world);
}

function judgeCommand(node: Node, slot: Slot, world: World): Objection {
  const name = node.childForFieldName("name");
  const program = name === null || name.child(0) === null ? null : wordOf(name.child(0) as Node);
  if (program === null) return "its program is not written out";
  const refused = judgeProgram(program, slot.programs ?? READING_PROGRAMS);
  if (refused !== null) return refused;
  const base = program.slice(program.lastIndexOf("/") + 1);
  const words = node.childrenForFieldName("argument").map((one) => (one === null ? null : wordOf(one)));
  const expanded = words.map((word) => (word === null ? [null] : expandBraces(word)));
  if (expanded.includes(null)) return "it stands for too many words";
  // Not every shell expands braces: it is judged by either reading.
  for (const line of [words, expanded.flatMap((some) => some ?? [])]) {
    const executing = line.find((word) => word !== null && EXECUTING[base]?.test(shown(word)));
    if (executing !== undefined && executing !== null) return `${base} ${shown(executing)} runs other programs`;
    if (base === "curl" && line.some((word) => word !== null && CURL_GLOB.test(shown(word)))) return "curl fills in braces and brackets itself";
    const objection = judgeWords(base, line, slot, world);
    if (objection !== null) return objection;
  }
  return null;
}

/** Addresses in which curl makes something of braces or brackets, whatever the shell does; data in JSON is none. */
const CURL_GLOB = /^(?!\s*[[{]\s*["[{\]}])(?=[^]*[{}[\]])[^]*:[^]*\//;

/** By name where the system's directories find it, or by the path that the manifest names. */
function judgeProgram(program: string, programs: readonly string[]): Objection {
  if (programs.includes(program) && !/[*?[\]{}~]/.test(program)) return null;
  const at = program.lastIndexOf("/");
  if (at > 0 && SYSTEM_PATH.includes(program.slice(0, at)) && programs.includes(program.slice(at + 1))) return null;
  return `the program ${program} is not among ${programs.join(", ") || "none"}`;
}

/** Every word that could name a file stays under the roots; the first plain word of a search is its pattern. */
function judgeWords(base: string, words: readonly (string | null)[], slot: Slot, world: World): Objection {
  let free = FREE_WORDS[base] ?? 0;
  let plain = false;
  for (const hidden of words) {
    if (hidden === null) continue;
    const word = shown(hidden);
    if (word === "--" && !plain) {
      plain = true;
      continue;
    }
    const option = !plain && word.startsWith("-") && word.length > 1;
    // A pattern that an option gives leaves every plain word a file.
    if (option && /^-[a-zA-Z]*[ef]|^--(?:reg|fil|expr|from)/.test(word)) free = 0;
    if (!option && free > 0 && !/[*?[{].*\/|\/.*[*?[{]|^~/.test(hidden)) {
      free -= 1;
      continue;
    }
    const path = option ? optionValue(word) : word;
    if (path === null || path === "" || /^https?:\/\//.test(path)) continue;
    const filled = /[*?[]/.test(hidden);
    if (filled && /(?:^|\/)\.[*?[]|[*?[][^/]*\//.test(path)) return `${word}: a pattern of directories, which shells fill in different ways`;
    const link = filled ? linkAmong(path, slot, world) : null;
    if (link !== null) return link;
    const objection = (filled ? checkGlob : checkPath)(path, { ...slot, type: "path" }, world);
    if (objection !== null) return `${word}: ${objection}`;
  }
  return null;
}

/** A pattern is filled in with links as well: one that leads outside would be followed. */
function linkAmong(path: string, slot: Slot, world: World): Objection {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  const base = folder.startsWith("/") ? folder : `${world.cwd}/${folder}`;
  const last = path.slice(folder.length);
  if ((last.match(/\*/g)?.length ?? 0) > 3) return "a pattern with too many alternatives";
  // What brackets mean differs from shell to shell: behind the first, anything may stand.
  const [plain = "", bracket] = last.split("[", 2);
  const pattern = new RegExp(`^${plain.replaceAll(/[.+^$(){}|\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".")}${bracket === undefined ? "" : ".*"}$`, "s");
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
