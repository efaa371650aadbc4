/**
 * One look at the JSON of a message: most hold nothing that any rule could find, and need not be parsed. Whatever is
 * escaped, not ASCII, or could be a piece of a finding is looked at closely.
 */
import { Heads, type Run } from "./heads.ts";

const words = (text: string, before = "", after = ""): string[] => text.split(" ").map((word) => `${before}${word.replaceAll("_", " ")}${after}`);

/** What orders, hidden text and secrets are made of; each starts with two plain characters or classes at least. */
export const CLOSE: readonly string[] = [
  ...words("ignore disregard forget overrid bypass supersed silent secret quiet covert discreet assistant agent model llm claude gpt copilot gemini instruct system developer"),
  ...words("tell mention inform notif reveal disclos user usuari utente utilisat nutzer precedence tool function private credential conversation chat prompt environment"),
  ...words("passw token apikey api.key admin compliance operator regardless even_if instead_of"),
  ...words("any us call ans resp", "before "),
  ...words("do_not don.t never must_not no_need needn.t should_not without", "", " "),
  ...words("env ssh npmrc netrc aws kube git-credentials", "\\.", "\\b"),
  ...["~\\/\\.", "authorized_keys", "\\/etc\\/", "\\/proc\\/"],
  ...["\\\\[^nt\"\\\\/]", "<[!|a-z/]", "!\\[", "&#", "\\\\n\\\\n\\\\n\\\\n(?:\\\\n){4}", "%[0-9a-f][0-9a-f][\\w.~-]{0,14}(?:%[0-9a-f]{2}[\\w.~-]{0,14}){3}"],
  ...words("INST SYS \\/\\/ comment", "\\["),
  ...["\\w[ .\\-_]\\w[ .\\-_]\\w[ .\\-_]\\w[ .\\-_](?:\\w[ .\\-_]){2}", "http:\\/\\/[^\\s\"]*[{?]", "https:\\/\\/[^\\s\"]*[{?]", ":\\/\\/[^\\s/\"@]+@"],
  ...["AKIA", "ASIA", "ABIA", "ACCA", "_key", "gh[pousr]_", "github_pat_", "xox", "xapp-", "sk-", "[sr]k_live", "[sr]k_test", "whsec_", "AIza", "ya29", "GOCSPX", "AccountKey"],
  ...words("ptt pat rt dt ft soat imt", "gl", "-"),
  ...["npm_", "pypi-", "hf_", "SG\\.", "SK[0-9a-f][0-9a-f][0-9a-f][0-9a-f]", "do[opr]_v1", "shp", "hv[sbr]\\.", "lin_api", "ntn_", "AGE-", "eyJ", ":AA[\\w-]{33}"],
];
/** What has no beginning of its own: long words, and rows of digits or spaces. */
const LONG = ["[MNO][\\w-]{23,27}\\.", "[A-Za-z0-9+/]{40}", "(?:[0-9a-f]{2}[ :,]?){16}", " {40}", "[^\\t\\n\\r -~]"];
const RUNS: readonly [Run, Run] = [
  { of: "[\\w+/-]", length: 24 },
  { of: "[0-9a-f :,]", length: 32 },
];

/** A test holds the two against each other: whatever the second finds, the first has seen begin. */
export const HEADS = new Heads(CLOSE, RUNS);
export const WHOLE = new RegExp([...CLOSE, ...LONG].join("|"), "i");

/** Whether no rule could find anything in a message; false says only that it must be looked through. */
export function looksClean(raw: Buffer): boolean {
  return !HEADS.find(raw) || !WHOLE.test(raw.toString("utf8"));
}
