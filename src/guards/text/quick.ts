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
  ...words("us call ans resp you do", "before "),
  ...words("do_not don.t dont never must_not no_need need_not should_not without avoid not_to", "", " "),
  ...words("needn.t mustn.t shouldn.t refrain keep_th keep_it between_us behind_the_scenes in_the_background invisibl transparently unobtrusiv hide hidden conceal omit leave_out suppress"),
  ...words("ot_be n.t_be ot_know n.t_know ot_see n.t_see ot_notice n.t_notice ot_learn n.t_learn ot_hear n.t_hear ot_find_out n.t_find_out ot_need_to n.t_need_to ot_have_to n.t_have_to"),
  ...words("discard set_aside nevermind stop_following despite contrary_to whatever no_matter irrespective even_when even_though priority_over preference_over replace outrank prior_to at_the_start at_the_beginning for_every on_every first_in_every first_before first_always"),
  ...words("before after following when whenever time with alongside ahead_of use you ing of").flatMap((what) => words("any all every each another other the_other", `${what} `)),
  ...words("use call invoke run execute make do perform start answer respond reply take").flatMap((verb) => words("any all every each another other the_other", `you ${verb} `)),
  ...words("dialog transcript context_window so_far chain_of_thought reasoning scratchpad verbatim guidelines clipboard contacts address_book inbox cookie browser home_director passphrase recovery_code recovery_phrase seed_phrase connection_string card_number social_security one-time_code otp_code pin_code signing_key ssh_key env_var access.key accesskey"),
  ...words("history log context thread", "message "), ...words("history log context thread transcript token id cookie", "session "), ...words("your own hidden active full current complete original", "", " memory"), ...words("above in_this", "messages "),
  ...words("notice: note: notes: #_hidden #hidden hereby binding obey mandatory privileged higher order command your_own coming_from trusted_source security_team"), "human ?:",
  ...words("root security legal platform vendor anthropic openai google microsoft it_department internal", "", "[ -][nmoipduacr]"),
  ...words("env ssh npmrc netrc aws kube git-credentials pgpass docker gnupg pypirc pem p12 kdbx", "\\.", "\\b"),
  ...["~\\/\\.", "authorized_keys", "known_hosts", "\\.bash_history", "\\.zsh_history", "id_rsa", "id_ed25519", "id_ecdsa", "keychain", "wallet\\.dat", "login data", "mcp\\.json", "session[ _-]?id", "\\/etc\\/", "\\/proc\\/", "\\/root\\/", "\\$HOME", "%APPDATA", "\\/\\*", "%%"],
  // the same in other languages, as far as it is spelt in ASCII
  ...words("ignor olvid descart desconsider dimentic oubli missacht vergiss verwirf werkzeug funktion aufruf antwort aktion strument herramienta ferramenta outil llamada chiamata appel rispost respuesta reponse fonction funcion funcao"),
  ...words("person kunde mensch auftraggeber anwender cliente humano humain heimlich stillschweigend unbemerkt ohne_ silenc silenz segredo nascosto discret sin_que"),
  ...words("verlauf unterhaltung konversation gespr umgebungsvariable geheimnis anmeldedaten zugangsdaten contrase senha mot_de_passe mots_de_passe clave chave chiav cle\\b cles\\b identifiant variables_d variabili segreti historial historico cronologia historique conversa compte consigne environnement credenc credenz zuerst als_erstes utent client variable_d variaveis averti lui\\b"),
  ...["\\\\[^nt\"\\\\]", "<[!|a-z/]", "!\\[", "&#", "\\\\n\\\\n\\\\n\\\\n(?:\\\\n){4}", "%[0-9a-f][0-9a-f][\\w.~-]{0,14}(?:%[0-9a-f]{2}[\\w.~-]{0,14}){3}"],
  ...words("INST SYS \\/\\/ comment hidden _\\]", "\\["),
  ...["\\w[ .\\-_]\\w[ .\\-_]\\w[ .\\-_]\\w[ .\\-_](?:\\w[ .\\-_]){2}", "http:\\/\\/(?:(?!https?:\\/\\/)[^\\s\"])*[{?]", "https:\\/\\/(?:(?!https?:\\/\\/)[^\\s\"])*[{?]", ":\\/\\/[^\\s/\"@]+@"],
  ...["AKIA", "ASIA", "ABIA", "ACCA", "_key", "gh[pousr]_", "github_pat_", "xox", "xapp-", "sk-", "[sr]k_live", "[sr]k_test", "whsec_", "AIza", "ya29", "GOCSPX", "AccountKey"],
  ...words("ptt pat rt dt ft soat imt", "gl", "-"),
  ...["npm_", "pypi-", "hf_", "SG\\.", "SK[0-9a-f][0-9a-f][0-9a-f][0-9a-f]", "do[opr]_v1", "shp", "hv[sbr]\\.", "lin_api", "ntn_", "AGE-", "eyJ", ":AA[\\w-]{33}"],
];
/** What has no beginning of its own: long words, and rows of digits or spaces. */
const LONG = ["[MNO][\\w-]{23,27}\\.", "[A-Za-z0-9+/]{40}", "(?:[0-9a-f]{2}[ :,]{0,2}){16}", "(?:\\d{2,3}[ ,]{1,2}){15}", " {40}", "[^\\t\\n\\r -~]"];
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
