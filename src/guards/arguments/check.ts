/**
 * One tool's arguments: its schema first, then what stands in each slot. Everything that no slot types is text. The answer
 * is there at once, unless a grammar or a validator has to be loaded first.
 */
import type { Code } from "../../errors.ts";
import type { Slot, SlotType } from "../../model.ts";
import { checkPath } from "./path.ts";
import { compileSchema, unfit, type Validate } from "./schema.ts";
import { checkArgument, checkEmail, checkGlob, checkIdentifier, checkText } from "./simple.ts";
import type { Check, Objection, World } from "./world.ts";

export interface Refused {
  readonly code: Code;
  /** JSON pointer into the arguments. */
  readonly at: string;
  readonly what: string;
}

export type Answer = Refused | null | Promise<Refused | null>;

/** What each type of slot is checked by, and the code of its refusals; the grammars are loaded when first needed. */
const CHECKS: Readonly<Record<SlotType, readonly [code: Code, check: Check | null]>> = {
  text: ["argument.text", checkText],
  secret: ["argument.text", checkText],
  path: ["argument.path", checkPath],
  glob: ["argument.path", checkGlob],
  url: ["argument.url", (value, slot, world) => import("./url.ts").then(({ checkUrl }) => checkUrl(value, slot, world))],
  host: ["argument.url", (value, slot, world) => import("./url.ts").then(({ checkHost }) => checkHost(value, slot, world))],
  sql: ["argument.sql", (value, slot, world) => import("./sql.ts").then(({ checkSql }) => checkSql(value, slot, world))],
  command: ["argument.command", (value, slot, world) => import("./command.ts").then(({ checkCommand }) => checkCommand(value, slot, world))],
  argument: ["argument.argument", checkArgument],
  identifier: ["argument.argument", checkIdentifier],
  regex: ["argument.regex", (value, slot, world) => import("./regex.ts").then(({ checkRegex }) => checkRegex(value, slot, world))],
  email: ["argument.email", checkEmail],
  enum: ["argument.value", null],
  number: ["argument.value", null],
  boolean: ["argument.value", null],
};

const TEXT: Slot = { type: "text" };
const MAX_TEXT = 1024 * 1024;
const MAX_OTHER = 4096;
const MAX_CHECKED = 64 * 1024;

/** The slots as a tree along the pointers' parts. */
interface Node {
  readonly slots: Slot[];
  readonly members: Map<string, Node>;
}

const NOWHERE: readonly Node[] = [];

function hasSlots({ slots }: Node): boolean {
  return slots.length > 0;
}

/** One part of a pointer further. A list in a slot is a list of what the slot says. */
function below(nodes: readonly Node[], key: string, isList: boolean): readonly Node[] {
  if (nodes.length === 0) return NOWHERE;
  const next: Node[] = [];
  for (const node of nodes) {
    const named = node.members.get(key);
    const any = node.members.get("*");
    if (named !== undefined) next.push(named);
    if (any !== undefined) next.push(any);
    if (isList && hasSlots(node)) next.push(node);
  }
  return next;
}

export class ArgumentGuard {
  readonly #validate: Validate | Promise<Validate> | string;
  readonly #tree: Node = { slots: [], members: new Map() };
  readonly #world: World;
  /** Characters of the call that were checked by something slower than text. */
  #spent = 0;

  constructor(inputSchema: unknown, slots: readonly (readonly [pointer: string, slot: Slot])[], world: World) {
    this.#world = world;
    for (const [pointer, slot] of slots) this.#plant(pointer, slot);
    this.#validate = unfit(inputSchema) ?? prepared(inputSchema);
  }

  /** @param given the arguments of a call; undefined where there are none. */
  check(given: unknown): Answer {
    const value = given === undefined ? {} : given;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return { code: "argument.schema", at: "", what: "the arguments are no object" };
    if (typeof this.#validate === "string") return { code: "argument.schema-unfit", at: "", what: this.#validate };
    if (this.#validate instanceof Promise) return this.#validate.then((validate) => this.#checkWith(validate, value), (error: unknown) => ({ code: "argument.schema-unfit", at: "", what: (error as Error).message }));
    return this.#checkWith(this.#validate, value);
  }

  #checkWith(validate: Validate, value: unknown): Answer {
    this.#spent = 0;
    const fault = attempt(validate, value);
    if (fault !== null) return { code: "argument.schema", at: fault[0], what: fault[1] };
    const pending: Promise<Refused | null>[] = [];
    const refused = this.#walk(value, this.#isUntyped ? NOWHERE : [this.#tree], "", pending);
    if (refused !== null || pending.length === 0) return refused;
    return Promise.all(pending).then((answers) => answers.find((answer) => answer !== null) ?? null);
  }

  get #isUntyped(): boolean {
    return this.#tree.members.size === 0 && this.#tree.slots.length === 0;
  }

  #plant(pointer: string, slot: Slot): void {
    let node = this.#tree;
    for (const part of pointer.split("/").slice(1).map((one) => one.replaceAll("~1", "/").replaceAll("~0", "~"))) {
      const next = node.members.get(part) ?? { slots: [], members: new Map<string, Node>() };
      node.members.set(part, next);
      node = next;
    }
    node.slots.push(slot);
  }

  /** @param nodes where the value stands in the tree; shared and empty where no slot is near. */
  #walk(value: unknown, nodes: readonly Node[], at: string, pending: Promise<Refused | null>[]): Refused | null {
    if (typeof value === "object" && value !== null) return this.#walkMembers(value as Readonly<Record<string, unknown>>, nodes, at, pending);
    if (!nodes.some(hasSlots)) return this.#leaf(value, TEXT, at, pending);
    for (const { slots } of nodes) {
      for (const slot of slots) {
        const refused = this.#leaf(value, slot, at, pending);
        if (refused !== null) return refused;
      }
    }
    return null;
  }

  #walkMembers(value: Readonly<Record<string, unknown>>, nodes: readonly Node[], at: string, pending: Promise<Refused | null>[]): Refused | null {
    const isList = Array.isArray(value);
    for (const key of Object.keys(value)) {
      const place = `${at}/${/[~/]/.test(key) ? key.replaceAll("~", "~0").replaceAll("/", "~1") : key}`;
      const refused = (isList ? null : refuse(checkText(key, TEXT, this.#world), "argument.text", place)) ?? this.#walk(value[key], below(nodes, key, isList), place, pending);
      if (refused !== null) return refused;
    }
    return !isList && nodes.some(hasSlots) ? { code: "argument.value", at, what: "an object stands where a single value belongs" } : null;
  }

  #leaf(value: unknown, slot: Slot, at: string, pending: Promise<Refused | null>[]): Refused | null {
    const [code, check] = CHECKS[slot.type];
    if (value === null) return null;
    if (check !== null && slot.type !== "text" && slot.type !== "secret" && (this.#spent += typeof value === "string" ? value.length : 1) > MAX_CHECKED) return { code, at, what: "there is too much of it in one call" };
    if (check === null) return refuse(checkScalar(value, slot), code, at);
    if (typeof value !== "string") return slot.type === "text" ? null : { code, at, what: "it is no text" };
    const long = value.length > (slot.maxLength ?? (slot.type === "text" || slot.type === "secret" || slot.type === "sql" ? MAX_TEXT : MAX_OTHER)) ? "it is too long" : null;
    const objection = long ?? check(value, slot, this.#world);
    if (objection instanceof Promise) pending.push(objection.then((what) => refuse(what, code, at), (error: unknown) => ({ code, at, what: (error as Error).message })));
    else if (objection !== null) return refuse(objection, code, at);
    if (slot.pattern !== undefined) pending.push(import("./pattern.ts").then(({ checkPattern }) => refuse(checkPattern(value, slot.pattern as string), code, at)));
    return null;
  }
}

function prepared(schema: unknown): Validate | Promise<Validate> | string {
  try {
    return compileSchema(schema);
  } catch (error) {
    return (error as Error).message;
  }
}

/** A schema that goes round in circles ends here. */
function attempt(validate: Validate, value: unknown): ReturnType<Validate> {
  try {
    return validate(value);
  } catch (error) {
    return ["", (error as Error).message];
  }
}

function refuse(what: Objection | Promise<Objection>, code: Code, at: string): Refused | null {
  return typeof what === "string" ? { code, at, what } : null;
}

function checkScalar(value: unknown, slot: Slot): Objection {
  if (slot.type === "enum") return (slot.values ?? []).some((one) => one === value) ? null : `it is none of ${(slot.values ?? []).join(", ")}`;
  if (slot.type === "boolean") return typeof value === "boolean" ? null : "it is neither true nor false";
  if (typeof value !== "number") return "it is no number";
  return value < (slot.minimum ?? -Infinity) || value > (slot.maximum ?? Infinity) ? `it is not between ${slot.minimum ?? "-∞"} and ${slot.maximum ?? "∞"}` : null;
}
