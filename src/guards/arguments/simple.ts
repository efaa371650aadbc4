/** Slots whose values are checked by their letters alone. */
import { expandBraces } from "./braces.ts";
import { checkPath, readings } from "./path.ts";
import type { SyncCheck } from "./world.ts";

/** Everything but the white space of texts, and the escape that terminals' own text holds. */
const SELDOM_IN_TEXT = /[\u0000-\u0008\u000e-\u001a\u001c-\u001f]/;
/** A text may quote some of them; more are no text. */
const SOME = 16;
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Free: bounded in length by the caller, and in what texts seldom hold. */
export const checkText: SyncCheck = (value) => (SELDOM_IN_TEXT.test(value) && value.split(SELDOM_IN_TEXT).length > SOME + 1 ? "it holds control characters as no text does" : null);

/** What any of the rules for arguments could be about: most values hold none of it. */
const SUSPECT_ARGUMENT = /[^ -~]|[`;|&<>$*\\]|^\s*[-!]|[\s'"]-/;

/** One value for a program: never an option of it (CWE-88), nor anything that a shell would act on (CWE-78). */
export const checkArgument: SyncCheck = (value) => {
  if (!SUSPECT_ARGUMENT.test(value)) return null;
  const text = value.normalize("NFKC").trimStart();
  if (CONTROL.test(value)) return "it holds a line end or control character";
  if (/^[-\u2010-\u2015\u2212]/.test(text)) return "it starts like an option";
  if (/[\s'"]-{1,2}[A-Za-z]/.test(text)) return "it holds an option";
  const shell = /[`;|&<>]|\$[({\w]|\*\*|^\s*!|[\\]\s*$/.exec(text);
  return shell === null ? null : `it holds ${shell[0]}, on which a shell acts`;
};

/** Ids of many interfaces are base64; other names that end so set a variable to nothing. */
const BASE64_END = /(?<=^(?:[\w+-]{4})+[\w+-]{2})==$|(?<=^(?:[\w+-]{4})+[\w+-]{3})=$/;

export const checkIdentifier: SyncCheck = (value) => {
  if (value.length > 256) return "it is longer than 256 characters";
  if (/(?:^|\/)\.\.?(?:\/|$)/.test(value)) return "it is a path";
  return /^@?[\p{L}\p{N}_](?:[\p{L}\p{N}\p{M}_.$:@/+-]*[\p{L}\p{N}\p{M}_$+])?$/u.test(value.replace(BASE64_END, "")) && !/\/\/|::.*::.*::|--/.test(value) ? null : "it is no name";
};

/** Shells may take `.?` and `.*` for the directory above; libraries do not. */
const ABOVE = /^\.(?:[?*]|\[[^\]]*\])+$/;

/** A pattern for files: every name that it could mean stays under the roots. */
export const checkGlob: SyncCheck = (value, slot, world) => {
  if (value.length > 1024) return "it is longer than 1,024 characters";
  if (CONTROL.test(value)) return "it holds a control character";
  if ((value.match(/\*+/g) ?? []).length > 16 || /\*{3,}/.test(value) || (value.match(/[({]/g) ?? []).length > 16) return "it has too many alternatives";
  const all = expandBraces(value.replace(/^!/, ""));
  if (all === null) return "it has too many alternatives";
  // Some take braces around one word away.
  for (const one of [...all, ...all.filter((each) => each.includes("{")).map((each) => each.replaceAll(/[{}]/g, ""))]) {
    for (const reading of readings(one, world)) if (reading.split("/").some((part) => /^\[?\.\]?\[?\.\]?$/.test(part) && part.replaceAll(/[[\]]/g, "") === "..")) return "it leaves the directory";
    if (/[@?*+!]\((?:[^)]*\|)?(?:\.{1,2}[|)]|\.[?*[])/.test(one)) return "it leaves the directory";
    const parts = one.split("/");
    const asShells = parts.map((part) => (ABOVE.test(part) ? ".." : /[*?[(]/.test(part) ? "x" : part)).join("/");
    if (parts.some((part) => ABOVE.test(part)) && checkPath(asShells, slot, world) !== null) return "it leaves the directory";
    const literal = one.slice(0, /[*?[(]/.exec(one)?.index ?? one.length);
    const fixed = literal.slice(0, literal.lastIndexOf("/") + 1) || (literal === one ? one : ".");
    const objection = checkPath(fixed, slot, world);
    if (objection !== null) return objection;
  }
  return null;
};

export const checkEmail: SyncCheck = (value) => {
  const text = value.trim();
  if (CONTROL.test(value)) return "it holds a line end or control character";
  if (text.length > 320 || text.startsWith("-")) return "it is no address";
  // A name may stand in front, in quotes where it holds a comma; encoded ones (RFC 2047) may hold anything.
  const bare = /^(?:[^<>"@,;]*|"(?!\s*-|[^"]*(?:,[^"]*,|[;`|]|\$\(|\s-))[^<>"@\\]*"\s*)<([^<>]+)>$/.exec(text)?.[1] ?? text;
  if (text.includes("=?") || /^[|/]/.test(bare)) return "it is no single address";
  return /^[\p{L}\p{N}!#$&'*+/=?^_{|}~-]+(?:\.[\p{L}\p{N}!#$&'*+/=?^_{|}~-]+)*(?:\[bot\])?@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+[\p{L}][\p{L}\p{N}-]+$/u.test(bare) && !bare.startsWith("-") ? null : "it is no single address";
};
