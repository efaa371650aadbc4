/** What a compiled manifest says of one method, tool, resource or prompt. Every layer must allow it. */
import type { Side, Slot } from "../model.ts";
import { stricter } from "./asking.ts";
import type { Compiled, Flag, Layer, Rules, ToolRule } from "./compile.ts";
import { matches } from "./pattern.ts";

/** Nothing is refused by name. Only the model's tools are never lent: a server that asks for them drives the model. */
export const OPEN_LAYER: Layer = { origin: "default profile", tools: null, resources: null, prompts: null, flags: { samplingTools: false }, methods: null };

/** What a tool may do when all layers are taken together. */
export interface ToolPermit {
  readonly slots: readonly (readonly [pointer: string, slot: Slot])[];
  readonly rates: readonly { readonly calls: number; readonly seconds: number }[];
  /** The strictest that anybody has said of the tool; null: nobody has. */
  readonly consent: ToolRule["consent"];
  readonly resultBytes: number;
  readonly resultDepth: number;
}

/** Null: refused. */
export function permitTool({ layers, limits }: Compiled, name: string): ToolPermit | null {
  const rules = layers.filter(({ tools }) => tools !== null).map(({ tools }) => find(tools as NonNullable<Layer["tools"]>, name));
  if (rules.some((rule) => rule === null || !rule.allow)) return null;
  const all = rules.filter((rule) => rule !== null);
  return {
    slots: all.flatMap((rule) => Object.entries(rule.arguments)),
    rates: [...all.flatMap(({ rate }) => (rate === null ? [] : [rate]))],
    consent: all.map(({ consent }) => consent).reduce(stricter, null),
    resultBytes: Math.min(limits.resultBytes, ...all.map(({ result }) => result.bytes ?? Infinity)),
    resultDepth: Math.min(limits.resultDepth, ...all.map(({ result }) => result.depth ?? Infinity)),
  };
}

/** A URI is one name: with dot segments, plain or encoded, it would be another for who resolves it. */
export function permitsResource({ layers }: Compiled, uri: string): boolean {
  if (layers.some(({ resources }) => resources !== null) && readings(uri).some((text) => /(?:^|[/\\])\.{1,2}(?:[/\\?#]|$)/.test(text))) return false;
  if (layers.some(({ resources }) => resources !== null) && /%(?:25)*(?:2f|5c)/i.test(uri)) return false;
  return layers.every(({ resources }) => resources === null || find(resources, uri, "/") !== null);
}

function readings(uri: string): string[] {
  const found = [uri];
  for (let times = 0; times < 3; times += 1) {
    try {
      found.push(decodeURIComponent(found.at(-1) as string));
    } catch {
      break;
    }
  }
  return found;
}

export function permitsPrompt({ layers }: Compiled, name: string): boolean {
  return layers.every(({ prompts }) => prompts === null || find(prompts, name) !== null);
}

function find<T>({ exact, patterns }: Rules<T>, name: string, separator = ""): T | null {
  if (Object.hasOwn(exact, name)) return exact[name] as T;
  return patterns.find(([pattern]) => matches(pattern, name, separator))?.[1] ?? null;
}

export function permitsFlag({ layers }: Compiled, flag: Flag): boolean {
  return layers.every(({ flags }) => flags[flag] !== false);
}

type Capability = Flag | "tools" | "resources" | "prompts" | "elicitation" | "always";

/** Methods of the specifications by who sends them, and the capability that each belongs to. */
const METHODS: Readonly<Record<Side, Readonly<Record<string, Capability>>>> = {
  client: {
    initialize: "always",
    ping: "always",
    "server/discover": "always",
    "subscriptions/listen": "always",
    "notifications/initialized": "always",
    "notifications/cancelled": "always",
    "notifications/progress": "always",
    "tools/list": "tools",
    "tools/call": "tools",
    "resources/list": "resources",
    "resources/templates/list": "resources",
    "resources/read": "resources",
    "resources/subscribe": "subscribe",
    "resources/unsubscribe": "subscribe",
    "prompts/list": "prompts",
    "prompts/get": "prompts",
    "completion/complete": "completions",
    "logging/setLevel": "logging",
    "notifications/roots/list_changed": "roots",
    "tasks/get": "tasks",
    "tasks/result": "tasks",
    "tasks/list": "tasks",
    "tasks/cancel": "tasks",
    "tasks/update": "tasks",
    "notifications/tasks/status": "tasks",
  },
  server: {
    ping: "always",
    "notifications/cancelled": "always",
    "notifications/progress": "always",
    "notifications/subscriptions/acknowledged": "always",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
    "elicitation/create": "elicitation",
    "notifications/elicitation/complete": "elicitationUrl",
    "notifications/message": "logging",
    "notifications/tools/list_changed": "tools",
    "notifications/resources/list_changed": "resources",
    "notifications/resources/updated": "subscribe",
    "notifications/prompts/list_changed": "prompts",
    "tasks/get": "tasks",
    "tasks/result": "tasks",
    "tasks/list": "tasks",
    "tasks/cancel": "tasks",
    "notifications/tasks/status": "tasks",
    "notifications/tasks": "tasks",
  },
};

/** Whether a method may be sent at all; which tool, resource or prompt it names is another question. */
export function permitsMethod(compiled: Compiled, from: Side, method: string): boolean {
  const capability = Object.hasOwn(METHODS[from], method) ? METHODS[from][method] : undefined;
  if (capability === "always") return true;
  if (capability === undefined) return compiled.layers.every(({ methods }) => methods === null || methods[from].includes(method));
  return permitsCapability(compiled, capability);
}

/** A method of the specifications, rather than an extension's. */
export function isKnownMethod(from: Side, method: string): boolean {
  return Object.hasOwn(METHODS[from], method);
}

export function permitsCapability(compiled: Compiled, capability: Exclude<Capability, "always">): boolean {
  if (capability === "elicitation") return permitsFlag(compiled, "elicitationForm") || permitsFlag(compiled, "elicitationUrl");
  if (capability !== "tools" && capability !== "resources" && capability !== "prompts") return permitsFlag(compiled, capability);
  return compiled.layers.every((layer) => layer[capability] === null || Object.keys(layer[capability].exact).length + layer[capability].patterns.length > 0);
}
