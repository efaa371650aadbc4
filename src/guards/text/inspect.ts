/** Looks through what a server says, string by string. Pure: the same text gives the same findings. */
import { escapeControls } from "../../errors.ts";
import type { Finding } from "../../model.ts";
import { unfit } from "../arguments/schema.ts";
import { FOREIGN_SIGNS, looksForeign } from "./foreign.ts";
import { likenessOf, taught } from "./classifier.ts";
import { carriers, hiddenCharacters, hiddenMarkup } from "./hidden.ts";
import { skeletonOf } from "./look-alike.ts";
import { firstSentence, isOwn, offTopic, tradesIn, tradesInTalk } from "./off-topic.ts";
import { HELD, SIGNS, type Sign } from "./orders.ts";
import { windowsOf, type Mark } from "./phrases.ts";
import { POLITE_SIGNS } from "./polite.ts";
import { readingsOf, type Reading } from "./readings.ts";
import { RULES, type RuleId } from "./rules.ts";
import { secretsIn } from "./secrets.ts";
import { walkStrings } from "./walk.ts";
import { weighed } from "./weighed.ts";

/** Where a text stands: what the model reads as definition of its tools, or anything else that crosses. */
export type Place = "definition" | "elsewhere";

/** Texts are looked through for orders up to so many characters, from both ends: longer ones are data. */
const MAX_ORDERS = 128 * 1024;
const MAX_FINDINGS = 100;
const EVIDENCE = 100;

export function inspectText(text: string, place: Place, at = "", topic: Topic | null = null): Finding[] {
  return look(text, place, at, topic).found;
}

/** What was found in a text, and the signs of orders in it, which may be too weak alone. */
interface Looked {
  readonly found: readonly Finding[];
  readonly marks: readonly Mark[];
}

function look(text: string, place: Place, at: string, topic: Topic | null): { found: Finding[]; marks: readonly Mark[] } {
  if (text === "") return { found: [], marks: [] };
  const found: Finding[] = [];
  const add = (rule: RuleId, range: readonly [number, number], evidence: string, severity = RULES[rule][place]): void => {
    if (severity === "mask" || found.length < MAX_FINDINGS) found.push({ rule, severity, at, range, evidence: escapeControls(evidence).slice(0, EVIDENCE) });
  };
  for (const { rule, severity, range, what } of [...hiddenCharacters(text), ...hiddenMarkup(text), ...carriers(text)]) add(rule as RuleId, range, `${what}: ${text.slice(...range)}`, severity === "note" ? "note" : RULES[rule as RuleId][place]);
  for (const { id, range } of secretsIn(text)) add(id === "likely" ? "secret.likely" : "secret.known", range, id);
  const { found: ordered, marks } = orders(text.length > MAX_ORDERS ? `${text.slice(0, MAX_ORDERS / 2)}\n${text.slice(-MAX_ORDERS / 2)}` : text, place, at, topic);
  for (const order of ordered) add(order.rule, order.range, order.evidence);
  return { found, marks };
}

/** In what somebody took the trouble to encode inside a definition, two of these are no coincidence. */
const TELLING = /\b(?:send|tokens?|keys?|secrets?|passwords?|prompts?|users?|instructions?|reveal|ignore|read|files?|tools?|mention|tell|copy|upload|forward|never|always|pass|call|run|first|include|conversation|messages?|server)\b/gi;

/** What comes before an honest example. */
const SAMPLE = /\b(?:example|e\.g|such as|like|sample|returns?|encodes?|decodes?|for instance|becomes|gives|output|input)\b[^\n]{0,30}$/i;

interface Order {
  readonly rule: RuleId;
  readonly range: readonly [number, number];
  readonly evidence: string;
}

function orders(text: string, place: Place, at: string, topic: Topic | null): { found: Order[]; marks: Mark[] } {
  const found: Order[] = [];
  const marks: Mark[] = [];
  for (const reading of place === "definition" ? readingsOf(text, true) : quickReadings(text)) {
    const signs = weigh(reading.text, place, at, reading.by === null ? topic : null);
    const total = signs.reduce((sum, { weight }) => sum + weight, 0);
    const [heaviest] = [...signs].sort((a, b) => b.weight - a.weight);
    const encoded = reading.by !== null && reading.by !== "normalised";
    if (encoded) {
      if (total >= HELD / 2 || (place === "definition" && (reading.text.match(TELLING)?.length ?? 0) >= 2)) found.push({ rule: "encoded.order", range: reading.range, evidence: `${reading.by}: ${reading.text}` });
      else if (place === "definition" && reading.text.trim().split(/\s+/).length >= 4 && !SAMPLE.test(text.slice(Math.max(0, reading.range[0] - 60), reading.range[0]))) found.push({ rule: "encoded.prose", range: reading.range, evidence: `${reading.by}: ${reading.text}` });
      else if (reading.range[1] - reading.range[0] < text.length && reading.text.split(/\s+/).length >= 4) found.push({ rule: "encoded.text", range: reading.range, evidence: `${reading.by}: ${reading.text}` });
      continue;
    }
    if (heaviest === undefined) continue;
    marks.push(...signs.map(({ id, weight, range }) => ({ at, id, weight, range })));
    if (total < HELD) continue;
    found.push({ rule: `order.${heaviest.id}` as RuleId, range: reading.by === null ? heaviest.range : reading.range, evidence: heaviest.evidence });
    break;
  }
  return { found, marks };
}

/** Letters in base64 are hardly ever broken by a slash, as paths are. */
const ENCODED = /[A-Za-z0-9]{32}|(?:[0-9a-f]{2}[ :,\\x]{0,2}){16}|(?:%[0-9a-f]{2}[\w.~-]{0,14}){4}|&#x?[0-9a-f]{2,6};|(?:\d{2,3}[ ,]{1,2}){15}|\\[ux]\{?[0-9a-f]{2}/i;

/** What crosses in bulk is only decoded where something looks encoded. */
function quickReadings(text: string): Reading[] {
  return /[^\u0000-\u00ff]/.test(text) || text.length < 4096 || ENCODED.test(text) ? readingsOf(text, false) : [{ text, by: null, range: [0, text.length] }];
}

interface Weighed {
  readonly id: string;
  readonly weight: number;
  readonly range: readonly [number, number];
  readonly evidence: string;
}

/** The heaviest sign of each kind. In a parameter's description, asking for data weighs more: it is what gets filled in. */
function weigh(text: string, place: Place, at: string, topic: Topic | null): Weighed[] {
  const found = new Map<string, Weighed>();
  const parameter = at.includes("/properties/");
  const signs: readonly Sign[] = [...SIGNS, ...(place === "definition" ? POLITE_SIGNS : []), ...(looksForeign(text) ? FOREIGN_SIGNS : [])];
  for (const sign of signs) {
    const { id, weight } = sign;
    if (place === "elsewhere" && !ELSEWHERE.has(id)) continue;
    const heavier = id === "capture" && parameter ? weight * 1.5 : weight;
    if ((found.get(id)?.weight ?? 0) >= heavier) continue;
    for (const match of sign.matches(text)) {
      const range = [match.index, match.index + match[0].length] as const;
      const lighter = heavier * (topic === null ? 1 : lightened(sign, match[0], range, text, at, topic));
      if (lighter > (found.get(id)?.weight ?? 0)) found.set(id, { id, weight: lighter, range, evidence: match[0] });
      // What its surroundings excuse in one place, they need not in the next.
      if (lighter === heavier) break;
    }
  }
  return [...found.values()];
}

/** What a definition's own business makes of a sign: less, or nothing. */
function lightened(sign: Sign, match: string, range: readonly [number, number], text: string, at: string, { name, about, first, detects, trades, own }: Topic): number {
  const { id } = sign;
  if ((id === "precedence" || id === "shadowing") && isOwn(text.slice(range[0], range[1] + 30), own, name)) return 0;
  // Never … without telling; and secrets that are not to be shown.
  if (id === "secrecy" && (/\b(?:never|do not|don't|not|no)\b[^.]{0,40}$/i.test(text.slice(Math.max(0, range[0] - 45), range[0])) && /without/i.test(match))) return 0;
  if (id === "secrecy" && /\b(?:passwords?|secrets?|tokens?|keys?|credentials?|original values?|pin|otp|codes?)\b/i.test(match)) return 0;
  const before = text.slice(Math.max(0, range[0] - 60), range[0]);
  if (id === "override" && /^without/i.test(match) && /\b(?:never|do not|don't|must not|not|cannot|can't)\b[^.]{0,50}$/i.test(before)) return 0;
  if (id === "capture" && (PROTECTING.test(before) || PROTECTING.test(match)) && !/forget|fail|hesitate/i.test(before)) return 0;
  if (id === "capture" && FOREIGN_SIGNS.includes(sign) && PROTECTING_FOREIGN.test(before) && !/[;:]/.test(match)) return 0;
  // A place in time, and what a tool for thinking is for.
  if (id === "capture" && /\b(?:in|within|during) (?:this|the same|the current) (?:conversation|session|chat|thread)$/i.test(match)) return 0;
  if (id === "capture" && /\b(?:think|thought|reason|reflect)/i.test(about) && /\breasoning\b/i.test(match) && !/prompt|instruct|message|guideline|memory|tool|context|conversation|history/i.test(match)) return 0;
  if (id === "secrecy" && /\b(?:instead of|rather than)\b/i.test(`${before.slice(-30)}${match}`)) return 0;
  if (id === "capture" && /\bto the user\b/i.test(match)) return 0;
  if (detects) return SPOKEN_OF.test(before) ? 0 : 0.5;
  if ((id === "capture" && trades) || (id === "redirect" && MONEY.test(about))) return 0.5;
  return at === "/description" && range[1] <= first && (id === "capture" || id === "redirect") ? 0.5 : 1;
}

/** In results and logs, people write to people: only what speaks to the model, or about keeping something from the person, counts. */
export const ELSEWHERE: ReadonlySet<string> = new Set(["secrecy", "override", "precedence", "authority", "capture"]);

/** What a definition is about, as far as that changes how a sign is read. */
interface Topic {
  readonly name: string;
  /** Its name and first sentence. */
  readonly about: string;
  /** It deals with credentials or files by trade. */
  readonly trades: boolean;
  /** Length of the first sentence, which says what the tool does. */
  readonly first: number;
  /** It looks for such texts itself, and quotes them. */
  readonly detects: boolean;
  readonly own: ReadonlySet<string>;
}

/** What must not be passed on, and what is taken out first. */
const PROTECTING = /\b(?:do not|don't|never|must not|should not|cannot|can't|avoid|remove|redact|mask|strip|instead of|rather than)\b[^.\n]{0,40}$|^(?:remove|redact|mask|strip)\b/i;
/** The same in other languages, right before the verb. */
const PROTECTING_FOREIGN = /(?:^|[.:;!?]\s+|\n[ \t]*)(?:no|nunca|jamás|não|non|mai|nicht|niemals)[ \t]+$/i;
/** Speaking of such texts, not speaking so. */
const SPOKEN_OF = /(?:\b(?:such as|like|e\.g\.|for example|for instance|phrases?|typical|texts?|instructions?|requests?|patterns?)\b|which (?:tell|ask|say)|that (?:tell|ask|say|try)|["'“«\u0060(])[^.\n]{0,50}$/i;
const MONEY = /\b(?:iban|account|address|recipient|payee|billing|payment|bank|supplier|redirect|webhook|dns|domain|mail|forward)/i;
const DETECTS = /prompt.?inject|poison|phish|malicious|jailbreak|moderation|guardrail|prompt.?(?:scan|guard|firewall)|\bspam|\bscam/i;

export interface ItemContext {
  /** Names of tools that other servers have. */
  readonly others: ReadonlySet<string>;
  /** Names of the tools that this server lists beside it. */
  readonly own: ReadonlySet<string>;
}

const ASKING = /^(?:system[_-]?prompt|conversation(?:[_-]?(?:history|context|log|id)?)|(?:chat|message)[_-]?(?:history|log|transcript)|context[_-]?window|(?:previous|prior|all|recent)[_-]?messages|full[_-]?context|(?:available|other|all)[_-]?tools|tool[_-]?(?:list|names)|model[_-]?name|user[_-]?(?:password|token|secret|credentials)|env(?:ironment)?[_-]?(?:vars?|variables|dump)|api[_-]?keys|ssh[_-]?keys?|private[_-]?key|side[_-]?note|reasoning|thoughts?|chain[_-]?of[_-]?thought|scratchpad)$/i;

/** A sentence where a value belongs. */
const PROSE = /(?:\S+\s+){4,}\S+/;

/** A value that the model has to give, whatever for. */
function isRequired(value: unknown, name: string): boolean {
  const { required } = ((value as { inputSchema?: unknown } | null)?.inputSchema ?? {}) as { required?: unknown };
  return Array.isArray(required) && required.includes(name.replace(/#$/, ""));
}

/** A tool, prompt, template or the instructions, whole: names, texts, schema, annotations, defaults. */
export function inspectItem(key: string, value: unknown, context: ItemContext): Finding[] {
  const { found, marks } = signsIn(key, value, context);
  return weighed(found, marks, likenessOf(taught(), windowsOf(key, value, context.own, marks)));
}

/** What the rules find, each for itself. */
export function signsIn(key: string, value: unknown, { others, own }: ItemContext): Looked {
  const found: Finding[] = [];
  const note = (rule: RuleId, at: string, evidence: string): void => void found.push({ rule, severity: RULES[rule].definition, at, range: [0, evidence.length], evidence: escapeControls(evidence).slice(0, EVIDENCE) });
  const said = (value as { description?: unknown } | null)?.description;
  const description = typeof said === "string" ? said : "";
  const first = firstSentence(description);
  const about = `${key.replaceAll("_", " ")} ${first}`;
  const topic: Topic = { name: key, about, first: first.length, detects: DETECTS.test(about), trades: tradesIn(about), own };
  // One text may hold more findings than a call takes arguments.
  const marks: Mark[] = [];
  const add = (looked: Looked): void => {
    looked.found.forEach((one) => found.push(one));
    looked.marks.forEach((one) => marks.push(one));
  };
  walkStrings(value, "", (text, at) => add(look(text, "definition", at, topic)), (name, at) => {
    add(look(name, "definition", at, null));
    if (at.includes("/properties/") && ASKING.test(name)) note(tradesInTalk(about) || !isRequired(value, name) || /reason|thought|pad|side|model/i.test(name) ? "name.asking" : "order.capture", at, name);
  });
  walkStrings((value as { inputSchema?: unknown } | null)?.inputSchema, "/inputSchema", (text, at) => {
    if (/\/(?:default|const|enum\/\d+|examples\/\d+)$/.test(at) && PROSE.test(text)) note("schema.prose", at, text);
  }, () => {});
  for (const { rule, at, range, evidence } of offTopic(value, own)) found.push({ rule, severity: RULES[rule].definition, at, range, evidence: escapeControls(evidence).slice(0, EVIDENCE) });
  if (others.has(key)) note("name.shared", "/name", key);
  if (/[^\u0000-\u007f]/.test(key)) {
    const skeleton = skeletonOf(key);
    if (skeleton !== key && !/[^\u0000-\u007f]/.test(skeleton)) note("name.look-alike", "/name", key);
  }
  const schema = (value as { inputSchema?: unknown } | null)?.inputSchema;
  const why = schema === undefined ? null : unfit(schema);
  if (why !== null) note("schema.unfit", "/inputSchema", why);
  return { found, marks };
}

/** Anything else that crosses: results, errors, logs, questions. */
export function inspectValue(value: unknown): Finding[] {
  const found: Finding[] = [];
  const each = (text: string, at: string): void => inspectText(text, "elsewhere", at).forEach((one) => found.push(one));
  walkStrings(value, "", each, each);
  return found;
}
