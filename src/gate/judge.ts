/**
 * decide: what manifest, pins, guards and limits say of one exchange. Allowed messages cross as they are; a rewritten one
 * only ever says less; what is refused is thrown. Only a call whose arguments need a grammar loaded first has to wait.
 */
import { SallyportError, type Code } from "../errors.ts";
import { ArgumentGuard } from "../guards/arguments/check.ts";
import type { World } from "../guards/arguments/world.ts";
import type { Compiled } from "../manifest/compile.ts";
import type { Pinned } from "../manifest/lock.ts";
import { isKnownMethod, permitTool, permitsMethod, permitsPrompt, permitsResource, type ToolPermit } from "../manifest/permit.ts";
import type { Side } from "../model.ts";
import type { Answers } from "./answers.ts";
import type { Consent } from "./consent.ts";
import { ListFirst } from "./list-first.ts";
import type { Pins } from "./pins.ts";
import { ALLOWED, type Ruling } from "./ruling.ts";
import type { Exchange, Waiting } from "./session.ts";
import { Traffic } from "./traffic.ts";

/** What one tool is held to; built at its first call and kept while its definition stays. */
interface Held {
  readonly digest: string;
  readonly permit: ToolPermit;
  readonly guard: ArgumentGuard;
}

const KEPT_METHODS = 64;
const NO_MESSAGE = Buffer.from("{}");

type Params = Readonly<Record<string, unknown>>;

const ASKED_BY_SERVER: Readonly<Record<string, "sample" | "elicit" | undefined>> = { "sampling/createMessage": "sample", "elicitation/create": "elicit" };

export class Judge {
  readonly #compiled: Compiled;
  readonly #pins: Pins;
  readonly #world: World;
  readonly answers: Answers;
  readonly #traffic: Traffic;
  /** Who decides where manifest and pins leave it open; null: nobody, nothing is asked. */
  consent: Pick<Consent, "rule" | "greet" | "hasPolicies" | "isRound"> | null = null;
  readonly #tools = new Map<string, Held>();
  readonly #lists: ListFirst;
  readonly #methods: Record<Side, Map<string, boolean>> = { client: new Map(), server: new Map() };

  constructor(compiled: Compiled, pins: Pins, world: World, answers: Answers, now: () => number) {
    this.#compiled = compiled;
    this.#pins = pins;
    this.#world = world;
    this.answers = answers;
    this.#traffic = new Traffic(compiled.limits, now);
    this.#lists = new ListFirst(pins);
  }

  /** Asks the server for a list; set once there is a server. */
  set ask(ask: ListFirst["ask"]) {
    this.#lists.ask = ask;
  }

  /** @param raw the message's own JSON. Throws the refusal. */
  rule(exchange: Exchange, waiting: number, raw: Buffer): Ruling | Promise<Ruling> {
    const { message, from } = exchange;
    if (message.kind === "response" || message.kind === "error") return from === "server" ? this.#ofAnswer(exchange, raw) : ALLOWED;
    if (!this.#permits(from, message.method)) throw new SallyportError("capability.method", message.method);
    if (from === "server") {
      this.#traffic.ofServer(message.kind);
      return this.#ofServer(exchange, raw);
    }
    if (message.kind === "request") this.#traffic.ofClient(waiting);
    return this.#ofClient(exchange, raw);
  }

  #ofClient(exchange: Exchange, raw: Buffer): Ruling | Promise<Ruling> {
    switch (exchange.message.method) {
      case "tools/call":
        return this.#call(exchange, raw);
      case "resources/read":
      case "resources/subscribe":
      case "resources/unsubscribe":
        return this.#resource(exchange, paramsOf(raw), raw);
      case "completion/complete":
        return this.#completion(exchange, paramsOf(raw));
      case "prompts/get":
        return this.#prompt(exchange, paramsOf(raw), raw);
      case "subscriptions/listen":
        return this.#listen(exchange, paramsOf(raw));
      case "initialize":
        this.consent?.greet(paramsOf(raw));
        return ALLOWED;
      default:
        return this.consent?.hasPolicies !== true || isKnownMethod("client", exchange.message.method) ? ALLOWED : this.#permitted("callMethod", exchange.message.method, {}, exchange.asked);
    }
  }

  /** What a server asks the client for, policies may forbid or ask about. */
  #ofServer(exchange: Exchange, raw: Buffer): Ruling | Promise<Ruling> {
    const said = this.answers.ruleSaid(exchange, raw);
    const action = ASKED_BY_SERVER[exchange.message.method];
    if (action === undefined || this.consent?.hasPolicies !== true) return said;
    const params = paramsOf(raw);
    const permitted = this.#permitted(action, exchange.message.method, params, exchange.asked);
    return permitted instanceof Promise ? permitted.then(() => said) : said;
  }

  /** What no tool is, policies alone speak of. */
  #permitted(action: "sample" | "elicit" | "callMethod" | "readResource" | "getPrompt", item: string, params: Params, asked: Waiting | null): Ruling | Promise<Ruling> {
    if (this.consent?.hasPolicies !== true) return ALLOWED;
    return this.consent.rule({ action, item, definition: "", arguments: params, permit: null, annotations: {}, asked, params: {}, raw: NO_MESSAGE });
  }

  /** From 2026-07-28 on servers ask inside their results: policies see the same questions there. */
  #ofAnswer(exchange: Exchange, raw: Buffer): Ruling | Promise<Ruling> {
    const ruling = this.answers.rule(exchange, raw, this.#resultLimits(exchange));
    if (this.consent?.hasPolicies !== true) return ruling;
    const asked = this.answers.takeAsked().flatMap(({ method, params }) => (ASKED_BY_SERVER[method] === undefined ? [] : [this.#permitted(ASKED_BY_SERVER[method], method, params, null)]));
    return asked.some((one) => one instanceof Promise) ? Promise.all(asked.map(async (one) => one)).then(() => ruling) : ruling;
  }

  /** Whether it may be done at all was decided; whether somebody must be asked, policies and reach decide. */
  #consented(exchange: Exchange, action: "callTool" | "readResource" | "getPrompt", item: string, params: Params, pinned: Pinned | undefined, permit: ToolPermit | null, raw: Buffer): Ruling | Promise<Ruling> {
    if (this.consent === null || (permit === null && !this.consent.hasPolicies)) return ALLOWED;
    const annotations = ((pinned?.value as { annotations?: unknown } | undefined)?.annotations ?? {}) as Params;
    const given = action === "readResource" ? { uri: params["uri"] } : (params["arguments"] ?? {});
    return this.consent.rule({ action, item, definition: pinned?.digest ?? "", arguments: given, permit, annotations, asked: exchange.asked, params, raw });
  }

  /** Few methods are in use, so that each is looked up once. */
  #permits(from: Side, method: string): boolean {
    const kept = this.#methods[from].get(method);
    if (kept !== undefined) return kept;
    const permitted = permitsMethod(this.#compiled, from, method);
    if (this.#methods[from].size < KEPT_METHODS) this.#methods[from].set(method, permitted);
    return permitted;
  }

  #call(exchange: Exchange, raw: Buffer): Ruling | Promise<Ruling> {
    const { tool: name, given } = exchange.message;
    if (name === null) throw new SallyportError("message.params", "the tool's name is missing");
    if (this.#lists.mustAsk("tools", name)) return this.#lists.listFirst("tools/list", paramsOf(raw)).then(() => this.#call(exchange, raw));
    // Only who may have to be asked sees more of the request than name and arguments.
    const params = this.consent !== null ? paramsOf(raw) : given === null ? { name } : { name, arguments: JSON.parse(given.toString("utf8")) as unknown };
    const { permit, guard } = this.#held(name);
    if (exchange.asked !== null) exchange.asked.about = name;
    const answer = guard.check(params["arguments"]);
    const asked = (): Ruling | Promise<Ruling> => {
      // What is refused reaches no server. The second of two rounds is the same call; what only looks like one is refused as such.
      if (this.consent?.isRound(params) !== true) this.#traffic.ofTool(name, permit.rates);
      return this.#still(name, params["arguments"], this.#consented(exchange, "callTool", name, params, this.#pins.get("tools", name), permit, raw));
    };
    if (answer === null) return asked();
    if (!(answer instanceof Promise)) return refuse(answer);
    return answer.then((refused) => (refused === null ? asked() : refuse(refused)));
  }

  /** While a person thinks, a server may change what the tool is: then it is no longer what was asked about. */
  #still(name: string, given: unknown, ruling: Ruling | Promise<Ruling>): Ruling | Promise<Ruling> {
    if (!(ruling instanceof Promise)) return ruling;
    const { digest } = this.#held(name);
    return ruling.then(async (settled) => {
      const held = this.#held(name);
      if (held.digest !== digest) throw new SallyportError("pin.changed", name);
      // Links may lead elsewhere by now.
      const refused = await held.guard.check(given);
      return refused === null ? settled : refuse(refused);
    });
  }

  #held(name: string): Held {
    const pinned = this.#pins.get("tools", name);
    if (pinned !== undefined) this.answers.refuseHeld("tools", name, pinned);
    const kept = this.#tools.get(name);
    if (kept !== undefined && kept.digest === pinned?.digest) return kept;
    const permit = permitTool(this.#compiled, name);
    if (permit === null) throw new SallyportError("capability.tool", name);
    if (pinned === undefined) throw new SallyportError(this.#pins.isComplete("tools") ? "pin.new" : "pin.unlisted", name);
    refuseLost(name, (pinned.value as { inputSchema?: unknown }).inputSchema, permit);
    const held = { digest: pinned.digest, permit, guard: new ArgumentGuard((pinned.value as { inputSchema?: unknown }).inputSchema ?? {}, permit.slots, this.#world) };
    this.#tools.set(name, held);
    return held;
  }

  #resource(exchange: Exchange, params: Params, raw: Buffer): Ruling | Promise<Ruling> {
    const { uri } = params;
    // Where every resource passes, what is wrong with the request is the server's to say.
    if (typeof uri !== "string" && this.consent?.hasPolicies !== true && this.#compiled.layers.every(({ resources }) => resources === null)) return ALLOWED;
    if (typeof uri !== "string") throw new SallyportError("message.params", "the resource's uri is missing");
    if (!permitsResource(this.#compiled, uri)) throw new SallyportError("capability.resource", uri);
    return this.#consented(exchange, "readResource", uri, params, undefined, null, raw);
  }

  /** What may not be used may not be completed either. */
  #completion({ asked }: Exchange, { ref, argument }: Params): Ruling | Promise<Ruling> {
    const { type, name, uri } = (ref ?? {}) as { type?: unknown; name?: unknown; uri?: unknown };
    if (type === "ref/prompt" && typeof name === "string" && !permitsPrompt(this.#compiled, name)) throw new SallyportError("capability.prompt", name);
    if (type === "ref/resource" && typeof uri === "string" && !permitsResource(this.#compiled, uri)) throw new SallyportError("capability.resource", uri);
    return type === "ref/prompt" && typeof name === "string" ? this.#permitted("getPrompt", name, { argument }, asked) : this.#permitted("readResource", typeof uri === "string" ? uri : "", { argument }, asked);
  }

  /** A subscription to what may not be read tells of it. */
  #listen({ asked }: Exchange, { notifications }: Params): Ruling | Promise<Ruling> {
    const uris = (notifications as { resourceSubscriptions?: unknown } | undefined)?.resourceSubscriptions;
    if (this.consent?.hasPolicies !== true || !Array.isArray(uris)) return ALLOWED;
    const rulings = uris.map((uri) => this.#permitted("readResource", String(uri), { uri: String(uri) }, asked));
    return rulings.some((one) => one instanceof Promise) ? Promise.all(rulings.map(async (one) => one)).then(() => ALLOWED) : ALLOWED;
  }

  #prompt(exchange: Exchange, params: Params, raw: Buffer): Ruling | Promise<Ruling> {
    const { name } = params;
    if (typeof name === "string" && this.#lists.mustAsk("prompts", name)) return this.#lists.listFirst("prompts/list", params).then(() => this.#prompt(exchange, params, raw));
    if (typeof name !== "string") throw new SallyportError("message.params", "the prompt's name is missing");
    if (!permitsPrompt(this.#compiled, name)) throw new SallyportError("capability.prompt", name);
    const pinned = this.#pins.get("prompts", name);
    if (pinned === undefined) throw new SallyportError(this.#pins.isComplete("prompts") ? "pin.new" : "pin.unlisted", name);
    this.answers.refuseHeld("prompts", name, pinned);
    if (exchange.asked !== null) exchange.asked.about = name;
    const ruling = this.#consented(exchange, "getPrompt", name, params, pinned, null, raw);
    if (!(ruling instanceof Promise)) return ruling;
    return ruling.then((settled) => {
      const now = this.#pins.get("prompts", name);
      if (now?.digest !== pinned.digest) throw new SallyportError("pin.changed", name);
      this.answers.refuseHeld("prompts", name, now);
      return settled;
    });
  }

  #resultLimits({ answers }: Exchange): { bytes: number; depth: number } {
    const permit = answers?.method === "tools/call" && answers.about !== null ? this.#tools.get(answers.about)?.permit : undefined;
    return { bytes: permit?.resultBytes ?? this.#compiled.limits.resultBytes, depth: permit?.resultDepth ?? this.#compiled.limits.resultDepth };
  }
}

/** A rule for an argument that the tool does not have checks nothing: most likely it was meant for another. */
function refuseLost(tool: string, schema: unknown, { slots }: ToolPermit): void {
  const { properties, ...rest } = (schema ?? {}) as Record<string, unknown>;
  const open = rest["additionalProperties"] !== undefined && rest["additionalProperties"] !== false;
  if (typeof properties !== "object" || properties === null || open || WIDENING.some((key) => Object.hasOwn(rest, key))) return;
  const lost = slots.map(([pointer]) => pointer).find((pointer) => !Object.hasOwn(properties, (pointer.split("/")[1] ?? "").replaceAll("~1", "/").replaceAll("~0", "~")) && !/^\/?\*/.test(pointer));
  if (lost !== undefined) throw new SallyportError("manifest.value", `${tool}: there is no argument ${lost}; it has ${Object.keys(properties).map((key) => `/${key}`).join(", ") || "none"}`);
}

/** Where these stand, more arguments than those listed may be meant. */
const WIDENING = ["patternProperties", "allOf", "anyOf", "oneOf", "$ref", "if", "dependentSchemas"];

function refuse({ code, at, what }: { code: Code; at: string; what: string }): never {
  throw new SallyportError(code, at === "" ? what : `${at}: ${what}`);
}

function paramsOf(raw: Buffer): Params {
  return (JSON.parse(raw.toString("utf8")) as { params?: Params }).params ?? {};
}
