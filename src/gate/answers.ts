/**
 * What the server says, before the client sees it: lists are compared with the pins and lose what may not be seen,
 * results are looked through and lose what nobody may see.
 */
import { SallyportError, type Code } from "../errors.ts";
import { inspectValue } from "../guards/text/inspect.ts";
import { masked } from "../guards/text/mask.ts";
import { looksClean } from "../guards/text/quick.ts";
import type { Compiled, Flag } from "../manifest/compile.ts";
import type { Kind, Pinned } from "../manifest/lock.ts";
import { permitTool, permitsCapability, permitsFlag, permitsMethod, permitsPrompt, permitsResource } from "../manifest/permit.ts";
import type { Finding } from "../model.ts";
import { ENVELOPE, deeper, isFormed, marked, refuseForm } from "./answer-forms.ts";
import { ALLOWED, type Ruling } from "./ruling.ts";
import type { Pins, Standing } from "./pins.ts";
import type { Exchange, Waiting } from "./session.ts";

interface ResultLimits {
  readonly bytes: number;
  readonly depth: number;
}

type Json = Readonly<Record<string, unknown>>;
/** Lists by the method that asks for them: where the items stand, and what names one. */
const LISTS: Readonly<Record<string, { readonly member: string; readonly kind: Kind | null; readonly key: string }>> = {
  "tools/list": { member: "tools", kind: "tools", key: "name" },
  "prompts/list": { member: "prompts", kind: "prompts", key: "name" },
  "resources/templates/list": { member: "resourceTemplates", kind: "templates", key: "uriTemplate" },
  "resources/list": { member: "resources", kind: null, key: "uri" },
};

const HIDDEN: Readonly<Record<Standing, Code | null>> = { same: null, changed: "pin.changed", new: "pin.new", held: "pin.held" };

const GREETINGS = ["initialize", "server/discover"];
/** The only requests whose answer may ask back (2026-07-28, multi round-trip requests). */
const ASKING_BACK = new Set(["tools/call", "resources/read", "prompts/get"]);

const NOTHING: readonly never[] = [];

export class Answers {
  readonly #compiled: Compiled;
  readonly #pins: Pins;
  readonly #tell: (line: string) => void;
  readonly #today: () => string;
  readonly #told = new Set<string>();
  #asked: readonly { readonly method: string; readonly params: Json }[] = NOTHING;
  /** Told of a question of the server's in place of an answer. */
  asksBack: (asked: Waiting, result: Json) => void = () => {};

  constructor(compiled: Compiled, pins: Pins, tell: (line: string) => void, today: () => string) {
    this.#compiled = compiled;
    this.#pins = pins;
    this.#tell = tell;
    this.#today = today;
  }

  /** What the last answer asked for inside its result. */
  takeAsked(): readonly { readonly method: string; readonly params: Json }[] {
    const asked = this.#asked;
    this.#asked = NOTHING;
    return asked;
  }

  rule(exchange: Exchange, raw: Buffer, limits: ResultLimits): Ruling {
    const { message, answers } = exchange;
    const method = answers?.method ?? "";
    const listed = Object.hasOwn(LISTS, method);
    if (raw.length > limits.bytes) throw new SallyportError("limit.result", `${raw.length} bytes`);
    if (message.kind === "error" || !(listed || GREETINGS.includes(method))) {
      const clean = looksClean(raw);
      if (clean && isFormed(message, method) && limits.depth >= 100) return ALLOWED;
      return this.#ruleResult(JSON.parse(raw.toString("utf8")) as Json, clean, method, limits, answers);
    }
    const parsed = JSON.parse(raw.toString("utf8")) as { readonly result: unknown };
    if (typeof parsed.result !== "object" || parsed.result === null || Array.isArray(parsed.result)) throw new SallyportError("guard.response-shape", method);
    const { resultType } = parsed.result as Json;
    if (resultType !== undefined && resultType !== "complete") throw new SallyportError("guard.response-shape", `${method}: ${JSON.stringify(resultType)}`);
    if (limits.depth < 100 && deeper(parsed.result, limits.depth)) throw new SallyportError("limit.result", `deeper than ${limits.depth}`);
    const filtered = listed ? this.#list(method, parsed.result as Json) : this.#greeting(parsed.result as Json);
    const { result, reasons } = this.#rest(filtered.result, filtered.reasons, listed ? (LISTS[method]?.member ?? "") : "instructions");
    return result === parsed.result ? ALLOWED : { verdict: { decision: "rewrite", reasons }, rewritten: JSON.stringify({ ...parsed, result }) };
  }

  /** Requests and notifications of the server. */
  ruleSaid({ message }: Exchange, raw: Buffer): Ruling {
    if (message.method === "sampling/createMessage" || message.method === "elicitation/create") this.#refuseAsking(message.method, (JSON.parse(raw.toString("utf8")) as { params?: Json }).params ?? {});
    return looksClean(raw) ? ALLOWED : this.#ruleResult(JSON.parse(raw.toString("utf8")) as Json, false, "", { bytes: Infinity, depth: 100 }, null);
  }

  /** Throws where somebody has to approve it first. */
  refuseHeld(kind: Kind, key: string, pinned: Pinned): void {
    if (this.#pins.hasChanged(kind, key)) throw new SallyportError("pin.changed", `${kind} ${key}`);
    if (this.#isHeld(pinned, key)) throw new SallyportError("pin.held", `${kind} ${key}: ${(pinned.held ?? []).join(", ")}`);
  }

  #isHeld({ held = [] }: Pinned, key: string): boolean {
    return held.some((rule) => !this.#isSilenced(rule, key));
  }

  #isSilenced(rule: string, item: string): boolean {
    return this.#compiled.silence.some((one) => one.rule === rule && (one.item === null || one.item === item) && one.until >= this.#today());
  }

  #refuseAsking(method: string, params: Json): void {
    if (method === "sampling/createMessage") {
      if ((params["tools"] !== undefined || params["toolChoice"] !== undefined) && !permitsFlag(this.#compiled, "samplingTools")) throw new SallyportError("capability.method", "sampling with tools");
      return;
    }
    if (!permitsFlag(this.#compiled, params["mode"] === "url" ? "elicitationUrl" : "elicitationForm")) throw new SallyportError("capability.method", `elicitation by ${params["mode"] === "url" ? "url" : "form"}`);
  }

  #ruleResult(parsed: Json, clean: boolean, method: string, { depth }: ResultLimits, asked: Waiting | null): Ruling {
    const { result } = parsed as { result?: unknown };
    if (parsed["method"] === undefined && parsed["error"] === undefined) refuseForm(method, result);
    if (depth < 100 && deeper(result ?? parsed["error"], depth)) throw new SallyportError("limit.result", `deeper than ${depth}`);
    if (typeof result === "object" && result !== null && (result as Json)["resultType"] === "input_required") this.#inputRequests(result as Json, method, asked);
    if (clean) return ALLOWED;
    const findings = inspectValue(parsed).filter(({ rule, severity, at }) => severity !== "note" && !ENVELOPE.has(at) && !this.#isSilenced(rule, asked?.about ?? ""));
    if (findings.length === 0) return ALLOWED;
    const reasons = [...new Set(findings.map(({ rule }) => rule))];
    this.#say(`${reasons.join(", ")} in ${method === "" ? "what the server said" : `an answer to ${method}`}`);
    const copy = masked(parsed, findings) as Json;
    return { verdict: { decision: "rewrite", reasons }, rewritten: JSON.stringify(marked(copy, findings)) };
  }

  /** Questions inside a result (2026-07-28, multi round-trip requests) are held to what the same requests would be. */
  #inputRequests(result: Json, about: string, asked: Waiting | null): void {
    if (!ASKING_BACK.has(about)) throw new SallyportError("guard.response-shape", `${about}: its answer asks back`);
    if (asked !== null) this.asksBack(asked, result);
    const requests = Object.values((result["inputRequests"] ?? {}) as Readonly<Record<string, { method?: unknown; params?: Json } | null>>);
    for (const request of requests) {
      const method = typeof request?.method === "string" ? request.method : "";
      if (!permitsMethod(this.#compiled, "server", method)) throw new SallyportError("capability.method", method);
      const flag: Flag | null = method === "sampling/createMessage" ? "sampling" : method === "roots/list" ? "roots" : null;
      if (flag !== null && !permitsFlag(this.#compiled, flag)) throw new SallyportError("capability.method", method);
      if (method === "elicitation/create" || method === "sampling/createMessage") this.#refuseAsking(method, request?.params ?? {});
    }
    this.#asked = requests.map((one) => ({ method: String(one?.method), params: one?.params ?? {} }));
  }

  #list(method: string, result: Json): { result: Json; reasons: string[] } {
    const { member, kind, key } = LISTS[method] as (typeof LISTS)[string];
    const items = result[member];
    if (kind !== null) this.#pins.refresh(kind);
    if (!Array.isArray(items)) throw new SallyportError("guard.response-shape", `${method}: ${member} is no list`);
    const beside = new Set(kind === "tools" ? items.map((item: unknown) => (item as Json | null)?.["name"]).filter((name) => typeof name === "string") : []);
    const reasons = new Set<string>();
    const seen = new Set<string>();
    const kept = items.filter((item: unknown) => {
      const name = (item as Json | null)?.[key];
      const why = typeof name !== "string" || seen.has(name) ? "guard.response-shape" : this.#whyHiddenOrBroken(kind, name, item, beside);
      if (typeof name === "string") seen.add(name);
      if (why !== null) reasons.add(why);
      if (why !== null) this.#say(`${why}: ${method.split("/")[0]} ${String(name)} is not shown${why.startsWith("pin.") ? "; sallyport lock shows why" : ""}`);
      return why === null;
    });
    if (kind !== null) this.#pins.save(kind, typeof result["nextCursor"] !== "string" || result["nextCursor"] === "");
    if (kept.length === items.length) return { result, reasons: [] };
    // What is left out depends on who asks: no shared cache may keep it (2026-07-28, caching).
    return { result: { ...result, [member]: kept, ...(result["cacheScope"] === undefined ? {} : { cacheScope: "private" }) }, reasons: [...reasons] };
  }

  /** An item that cannot even be looked at is hidden alone. */
  #whyHiddenOrBroken(kind: Kind | null, name: string, item: unknown, beside: ReadonlySet<string>): Code | null {
    try {
      return this.#whyHidden(kind, name, item, beside);
    } catch (error) {
      if (error instanceof SallyportError) throw error;
      return "guard.response-shape";
    }
  }

  #whyHidden(kind: Kind | null, name: string, item: unknown, beside: ReadonlySet<string>): Code | null {
    if (kind === "tools" && permitTool(this.#compiled, name) === null) return "capability.tool";
    if (kind === "prompts" && !permitsPrompt(this.#compiled, name)) return "capability.prompt";
    if (kind === null) {
      if (!permitsResource(this.#compiled, name)) return "capability.resource";
      return inspectValue(item).some(({ rule, severity }: Finding) => severity !== "note" && !this.#isSilenced(rule, name)) ? "guard.blocked" : null;
    }
    const standing: Standing = this.#pins.compare(kind, name, item, beside);
    if (standing === "held") return this.#isHeld(this.#pins.get(kind, name) as Pinned, name) ? "pin.held" : null;
    return HIDDEN[standing];
  }

  /** What stands beside the items is looked through like any answer, and lists that nobody asked for are left out. */
  #rest(result: Json, reasons: readonly string[], member: string): { result: Json; reasons: readonly string[] } {
    const rest = Object.fromEntries(Object.entries(result).filter(([key]) => key !== member && !Object.values(LISTS).some((list) => list.member === key)));
    const findings = inspectValue(rest).filter(({ rule, severity }) => severity !== "note" && !this.#isSilenced(rule, ""));
    const extra = Object.keys(result).length - Object.keys(rest).length - (Object.hasOwn(result, member) ? 1 : 0);
    if (findings.length === 0 && extra === 0) return { result, reasons };
    const told = [...new Set([...reasons, ...findings.map(({ rule }) => rule), ...(extra > 0 ? ["guard.response-shape"] : [])])];
    return { result: { ...(masked(rest, findings) as Json), ...(Object.hasOwn(result, member) ? { [member]: result[member] } : {}) }, reasons: told };
  }

  /** Instructions are pinned like a tool; capabilities that are refused are not offered. */
  #greeting(result: Json): { result: Json; reasons: string[] } {
    const reasons: string[] = [];
    let shown = result;
    const { instructions, capabilities } = result;
    if (instructions !== undefined) {
      const standing = typeof instructions === "string" ? this.#pins.compare("instructions", "instructions", instructions) : "changed";
      const hidden = standing === "held" ? this.#isHeld(this.#pins.get("instructions", "instructions") as Pinned, "instructions") : standing !== "same";
      if (hidden) {
        shown = Object.fromEntries(Object.entries(shown).filter(([key]) => key !== "instructions"));
        reasons.push(HIDDEN[standing] ?? "pin.changed");
        this.#say(`${HIDDEN[standing]}: the server's instructions are not shown; sallyport lock shows why`);
      }
    }
    this.#pins.save("instructions", true);
    if (typeof capabilities !== "object" || capabilities === null) return { result: shown, reasons };
    const offered = Object.entries(capabilities).filter(([name]) => this.#isOffered(name));
    if (offered.length === Object.keys(capabilities).length) return { result: shown, reasons };
    return { result: { ...shown, capabilities: Object.fromEntries(offered) }, reasons: [...reasons, "capability.method"] };
  }

  #isOffered(name: string): boolean {
    return name === "tools" || name === "resources" || name === "prompts" || name === "completions" || name === "logging" || name === "tasks" ? permitsCapability(this.#compiled, name) : true;
  }

  #say(line: string): void {
    if (this.#told.has(line) || this.#told.size > 200) return;
    this.#told.add(line);
    this.#tell(line);
  }
}
