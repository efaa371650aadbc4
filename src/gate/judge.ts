/**
 * decide: what manifest, pins, guards and limits say of one exchange. Allowed messages cross as they are; a rewritten one
 * only ever says less; what is refused is thrown. Only a call whose arguments need a grammar loaded first has to wait.
 */
import { SallyportError, type Code } from "../errors.ts";
import { ArgumentGuard } from "../guards/arguments/check.ts";
import type { World } from "../guards/arguments/world.ts";
import type { Compiled } from "../manifest/compile.ts";
import { permitTool, permitsMethod, permitsPrompt, permitsResource, type ToolPermit } from "../manifest/permit.ts";
import type { Verdict } from "../model.ts";
import type { Answers } from "./answers.ts";
import type { Pins } from "./pins.ts";
import type { Exchange } from "./session.ts";
import { Traffic } from "./traffic.ts";

export interface Ruling {
  readonly verdict: Verdict;
  /** The message in place of the one that came; null: that one. */
  readonly rewritten: string | null;
}

export const ALLOWED: Ruling = Object.freeze({ verdict: Object.freeze({ decision: "allow", reasons: Object.freeze([]) }), rewritten: null });

/** What one tool is held to; built at its first call and kept while its definition stays. */
interface Held {
  readonly digest: string;
  readonly permit: ToolPermit;
  readonly guard: ArgumentGuard;
}

type Params = Readonly<Record<string, unknown>>;

export class Judge {
  readonly #compiled: Compiled;
  readonly #pins: Pins;
  readonly #world: World;
  readonly #answers: Answers;
  readonly #traffic: Traffic;
  readonly #tools = new Map<string, Held>();

  constructor(compiled: Compiled, pins: Pins, world: World, answers: Answers, now: () => number) {
    this.#compiled = compiled;
    this.#pins = pins;
    this.#world = world;
    this.#answers = answers;
    this.#traffic = new Traffic(compiled.limits, now);
  }

  /** @param text gives the message's own JSON, where it is needed. Throws the refusal. */
  rule(exchange: Exchange, waiting: number, text: () => string): Ruling | Promise<Ruling> {
    const { message, from } = exchange;
    if (message.kind === "response" || message.kind === "error") return from === "server" ? this.#answers.rule(exchange, text, this.#resultLimits(exchange)) : ALLOWED;
    if (!permitsMethod(this.#compiled, from, message.method)) throw new SallyportError("capability.method", message.method);
    if (from === "server") {
      this.#traffic.ofServer(message.kind);
      return this.#answers.ruleSaid(exchange, text);
    }
    if (message.kind === "request") this.#traffic.ofClient(waiting);
    if (message.method === "tools/call") return this.#call(exchange, paramsOf(text()));
    if (message.method === "resources/read" || message.method === "resources/subscribe" || message.method === "resources/unsubscribe") this.#resource(paramsOf(text()));
    if (message.method === "prompts/get") this.#prompt(exchange, paramsOf(text()));
    return ALLOWED;
  }

  #call(exchange: Exchange, params: Params): Ruling | Promise<Ruling> {
    const { name } = params;
    if (typeof name !== "string") throw new SallyportError("message.params", "the tool's name is missing");
    const { permit, guard } = this.#held(name);
    if (permit.consent) throw new SallyportError("capability.consent", name);
    this.#traffic.ofTool(name, permit.rates);
    if (exchange.asked !== null) exchange.asked.about = name;
    const answer = guard.check(params["arguments"]);
    if (answer === null) return ALLOWED;
    if (!(answer instanceof Promise)) return refuse(answer);
    return answer.then((refused) => (refused === null ? ALLOWED : refuse(refused)));
  }

  #held(name: string): Held {
    const permit = permitTool(this.#compiled, name);
    if (permit === null) throw new SallyportError("capability.tool", name);
    const pinned = this.#pins.get("tools", name);
    if (pinned === undefined) throw new SallyportError(this.#pins.isComplete("tools") ? "pin.new" : "pin.unlisted", name);
    this.#answers.refuseHeld("tools", name, pinned);
    const kept = this.#tools.get(name);
    if (kept?.digest === pinned.digest) return kept;
    const held = { digest: pinned.digest, permit, guard: new ArgumentGuard((pinned.value as { inputSchema?: unknown }).inputSchema ?? {}, permit.slots, this.#world) };
    this.#tools.set(name, held);
    return held;
  }

  #resource({ uri }: Params): void {
    if (typeof uri !== "string") throw new SallyportError("message.params", "the resource's uri is missing");
    if (!permitsResource(this.#compiled, uri)) throw new SallyportError("capability.resource", uri);
  }

  #prompt(exchange: Exchange, { name }: Params): void {
    if (typeof name !== "string") throw new SallyportError("message.params", "the prompt's name is missing");
    if (!permitsPrompt(this.#compiled, name)) throw new SallyportError("capability.prompt", name);
    const pinned = this.#pins.get("prompts", name);
    if (pinned === undefined) throw new SallyportError(this.#pins.isComplete("prompts") ? "pin.new" : "pin.unlisted", name);
    this.#answers.refuseHeld("prompts", name, pinned);
    if (exchange.asked !== null) exchange.asked.about = name;
  }

  #resultLimits({ answers }: Exchange): { bytes: number; depth: number } {
    const permit = answers?.method === "tools/call" && answers.about !== null ? this.#tools.get(answers.about)?.permit : undefined;
    return { bytes: permit?.resultBytes ?? this.#compiled.limits.resultBytes, depth: permit?.resultDepth ?? this.#compiled.limits.resultDepth };
  }
}

function refuse({ code, at, what }: { code: Code; at: string; what: string }): never {
  throw new SallyportError(code, at === "" ? what : `${at}: ${what}`);
}

function paramsOf(text: string): Params {
  const { params } = JSON.parse(text) as { params?: Params };
  return params ?? {};
}
