/** Clients may call what they know from elsewhere: the gate then asks the server for its list first. */
import type { Pins } from "./pins.ts";

const MAX_PAGES = 200;
type Params = Readonly<Record<string, unknown>>;

export class ListFirst {
  readonly #pins: Pins;
  /** Asks the server; set once there is one. */
  ask: (method: string, params: object) => Promise<string | null> = async () => null;
  /** Lists that were asked for, so that many calls ask once. */
  readonly #asked = new Set<"tools" | "prompts">();
  readonly #asking = new Map<string, Promise<void>>();

  constructor(pins: Pins) {
    this.#pins = pins;
  }

  /** Nothing is known of it, and no list has been seen to its end. */
  mustAsk(kind: "tools" | "prompts", name: string): boolean {
    return this.#pins.get(kind, name) === undefined && !this.#pins.isComplete(kind) && !this.#asked.has(kind);
  }

  async listFirst(method: "tools/list" | "prompts/list", params: Params): Promise<void> {
    const asking = this.#asking.get(method) ?? this.#askAll(method, params);
    this.#asking.set(method, asking);
    await asking;
    this.#asked.add(method === "tools/list" ? "tools" : "prompts");
  }

  async #askAll(method: string, params: Params): Promise<void> {
    const meta = params["_meta"] as Record<string, unknown> | undefined;
    const { progressToken: _, ...envelope } = meta ?? {};
    for (let page = 0, cursor: unknown; page < MAX_PAGES && (page === 0 || typeof cursor === "string"); page += 1) {
      const answer = await this.ask(method, { ...(cursor === undefined ? {} : { cursor }), ...(meta === undefined ? {} : { _meta: envelope }) });
      cursor = answer === null ? null : (JSON.parse(answer) as { result?: { nextCursor?: unknown } }).result?.nextCursor;
    }
  }
}
