/** What this session knows of the server's items: pinned at first sight, compared ever after, before the client sees them. */
import type { Finding } from "../model.ts";
import { KINDS, noItems, pin, parseLock, textOf, writeLock, type Kind, type LockedServer, type Pinned, type PinnedIdentity } from "../manifest/lock.ts";
import { digestOf } from "../manifest/canonical.ts";

export type Standing = "same" | "changed" | "new" | "held";

export interface PinPlace {
  readonly file: string;
  /** The server's name in the lock. */
  readonly name: string;
}

export interface PinOptions {
  readonly place: PinPlace;
  readonly identity: PinnedIdentity;
  readonly argv: readonly string[];
}

export class Pins {
  readonly #options: PinOptions;
  readonly #items: Record<Kind, Map<string, Pinned>>;
  #complete: Set<Kind>;
  /** Items that were last listed otherwise than pinned. */
  readonly #changed: Record<Kind, Set<string>> = { tools: new Set(), prompts: new Set(), templates: new Set(), instructions: new Set() };
  /** What keeps an item back at first sight. */
  inspect: (key: string, value: unknown, own: ReadonlySet<string>) => readonly Finding[] = () => [];
  /** The lock's text as it was read then; null where there was none. */
  readonly text: string | null;
  renewed = false;
  /** The server stood in the lock when the session began. */
  readonly known: LockedServer | null;

  /** Throws `pin.lock`. */
  constructor(options: PinOptions) {
    this.#options = options;
    this.text = textOf(options.place.file);
    this.known = entryOf(options.place, this.text);
    this.#items = mapsOf(this.known?.items ?? noItems());
    this.#complete = new Set(this.known?.complete ?? []);
  }

  /** The person has said that another program takes this one's place; what it offers is compared with what is pinned. */
  renew(): void {
    this.renewed = true;
    this.#write();
  }

  get(kind: Kind, key: string): Pinned | undefined {
    return this.#items[kind].get(key);
  }

  hasChanged(kind: Kind, key: string): boolean {
    return this.#changed[kind].has(key);
  }

  /** Whether lists of this kind were seen to their end. */
  isComplete(kind: Kind): boolean {
    return this.#complete.has(kind);
  }

  /** @param beside names on the same page. Compares, and pins what is seen for the first time while the first list is not at its end. */
  compare(kind: Kind, key: string, value: unknown, beside: ReadonlySet<string> = new Set()): Standing {
    const known = this.#items[kind].get(key);
    if (known !== undefined) {
      if (known.digest === digestOf(value)) this.#changed[kind].delete(key);
      else this.#changed[kind].add(key);
      return this.#changed[kind].has(key) ? "changed" : (known.held?.length ?? 0) > 0 ? "held" : "same";
    }
    if (this.#complete.has(kind)) return "new";
    const held = this.inspect(key, value, new Set([...this.#items.tools.keys(), ...beside])).filter(({ severity }) => severity === "hold").map(({ rule }) => rule);
    this.#items[kind].set(key, pin(value, [...new Set(held)]));
    return held.length > 0 ? "held" : "same";
  }

  /** After a page: what it showed is written, and with the last page the list is closed. Throws `pin.write`. */
  save(kind: Kind, last: boolean): void {
    const was = this.#complete.has(kind);
    if (was) return;
    if (last) this.#complete.add(kind);
    this.#write();
  }

  #write(): void {
    const items = Object.fromEntries(KINDS.map((one) => [one, Object.fromEntries(this.#items[one])])) as unknown as LockedServer["items"];
    writeLock(this.#options.place.file, this.#options.place.name, { identity: this.#options.identity, argv: this.#options.argv, complete: [...this.#complete], items });
  }

  /** Before a list is compared: another gate may have pinned the same server meanwhile, and what stands in the lock then counts. */
  refresh(kind: Kind): void {
    if (this.#complete.has(kind)) return;
    const now = entryOf(this.#options.place, textOf(this.#options.place.file));
    if (now === null) return;
    for (const one of KINDS) {
      if (now.complete.includes(one)) [this.#items[one], this.#complete] = [new Map(Object.entries(now.items[one])), new Set([...this.#complete, one])];
      else for (const [key, pinned] of Object.entries(now.items[one])) this.#items[one].set(key, pinned);
    }
  }
}

function entryOf({ file, name }: PinPlace, text: string | null): LockedServer | null {
  const servers = (text === null ? null : parseLock(text, file))?.servers;
  return servers !== undefined && Object.hasOwn(servers, name) ? (servers[name] as LockedServer) : null;
}

function mapsOf(items: LockedServer["items"]): Record<Kind, Map<string, Pinned>> {
  return Object.fromEntries(KINDS.map((kind) => [kind, new Map(Object.entries(items[kind]))])) as unknown as Record<Kind, Map<string, Pinned>>;
}
