/**
 * One look at the JSON of a message: most hold nothing that any rule could find, and need not be parsed. Whatever is
 * escaped, not ASCII, or could be a piece of a finding is looked at closely.
 */
const CLOSE = /~\/\.|\.(?:env|ssh|npmrc|netrc|aws|kube|git-credentials)\b|authorized_keys|\/etc\/|\/proc\/|[^\t\n\r -~]|\\(?![nt"\\/])|<[!|a-z/]|!\[|\[(?:INST|SYS|\/\/|comment)|https?:\/\/[^\s"]*[{?]|\b(?:ignore|disregard|forget|overrid|bypass|supersed|silent|secret|quiet|covert|discreet|assistant|agent|model|llm|claude|gpt|copilot|gemini|instruct|system|developer|tell|mention|inform|notif|reveal|disclos|user|usu[aá]ri|utente|utilisat|nutzer|precedence|tool|function|passw|token|api.?key|private|credential|conversation|chat|prompt|environment|before (?:any|us|call|ans|resp)|(?:do not|don.t|never|must not|no need|needn.t|should not|without) |regardless|even if|instead of|admin|compliance|operator)|AKIA|ASIA|ABIA|ACCA|passw|secret|token|_key|gh[pousr]_|github_pat_|gl(?:pat|ptt|rt|dt|ft|soat|imt)-|xox|xapp-|sk-|[sr]k_(?:live|test)|whsec_|AIza|ya29|GOCSPX|AccountKey|npm_|pypi-|hf_|SG\.|SK[0-9a-f]|do[opr]_v1|shp|hv[sbr]\.|lin_api|ntn_|AGE-|eyJ|:AA[\w-]{33}|:\/\/[^\s/"@]+@|[MNO][\w-]{23,27}\.|[A-Za-z0-9+/]{40}|(?:[0-9a-f]{2}[ :,]?){16}|(?:\b\w[ .\-_]){6}|(?:%[0-9a-f]{2}[\w.~-]{0,14}){4}|&#| {40}|(?:\\n){8}/i;

/** Whether no rule could find anything in a message; false says only that it must be looked through. */
export function looksClean(raw: string): boolean {
  return !CLOSE.test(raw);
}

/** Whether an answer has, as far as its text shows, the form that its request asks for; false: parse it. */
export function looksFormed(raw: string, method: string): boolean {
  if (raw.includes("input")) return false;
  if (method === "tools/call") return raw.includes('"content":[') || raw.includes('"error":{');
  return method !== "prompts/get" && method !== "resources/read" && method !== "completion/complete";
}
