/**
 * Finds in one pass over bytes whether any of many expressions could begin anywhere: each is held to its head, the plain
 * characters and classes that it starts with. The automaton (subset construction, as in RE2's lazy DFA) makes each of its
 * states when it first gets there, so that it costs nothing at the start and one look-up a byte afterwards.
 */

/** Longer heads seldom tell more, and make more states. */
const MAX_HEAD = 8;
/** An item is a head's number times this, and how many of its atoms were taken. */
const STRIDE = 16;
/** Twice what any text can lead to; beyond, everything would be a hit. */
const MAX_STATES = 4096;
const ASCII = 128;
const UNKNOWN = -1;
const HIT = 0;
const START = 1;
/** A class, an escape or a character that stands for itself, once and not optionally. */
const ATOM = /(\[(?:\\.|[^\]\\])*\]|\\(?:[^\w]|[wds])|[^\\[\](){}?*+|^$])(?![?*+{])/y;

/** So many characters of a class side by side. */
export interface Run {
  readonly of: string;
  readonly length: number;
}

/** The atoms that an expression starts with. Throws RangeError where there are fewer than two: it would begin everywhere. */
export function headOf(source: string): string[] {
  const atoms: string[] = [];
  for (ATOM.lastIndex = 0; atoms.length < MAX_HEAD; ) {
    const atom = ATOM.exec(source);
    if (atom === null) break;
    atoms.push(atom[1] as string);
  }
  if (atoms.length < 2) throw new RangeError(`no head: ${source}`);
  return atoms;
}

export class Heads {
  readonly #heads: readonly (readonly string[])[];
  /** By atom: the classes of bytes that it takes. */
  readonly #takes = new Map<string, ReadonlySet<number>>();
  /** By byte: its class. Bytes that no head tells apart share one. */
  readonly #classes = new Uint8Array(256);
  #width = 0;
  /** By state and class: the state that follows. */
  #next = new Int16Array(0);
  /** By state: how far which heads have come, each as an item. */
  readonly #states: (readonly number[])[] = [[], []];
  readonly #ids = new Map<string, number>([["", START]]);

  /** By byte: a bit for each of the runs that it may stand in. */
  readonly #stands = new Uint8Array(256);
  readonly #runs: readonly [Run, Run];

  /** @param sources expressions (case is ignored); a byte that is no plain ASCII is always a hit, and so is a run that is long enough. */
  constructor(sources: readonly string[], runs: readonly [Run, Run]) {
    this.#runs = runs;
    this.#heads = [...new Map(sources.map(headOf).map((head) => [head.join("\0"), head])).values()];
  }

  /** Not before the first look: most sessions begin with lists, which are looked through in any case. */
  #prepare(): void {
    for (const [bit, { of }] of this.#runs.entries()) for (const [byte, taken] of takenBy(of).entries()) if (taken) this.#stands[byte] = (this.#stands[byte] as number) | (1 << bit);
    const atoms = [...new Set(this.#heads.flat())];
    const taken = atoms.map(takenBy);
    const signatures = new Map<string, number>();
    const members: number[][] = [];
    for (let byte = 0; byte < ASCII; byte += 1) {
      const signature = taken.map((by) => (by[byte] === true ? "1" : "0")).join("");
      const known = signatures.get(signature) ?? signatures.size;
      if (known === signatures.size) members.push([...signature].flatMap((bit, index) => (bit === "1" ? [index] : [])));
      signatures.set(signature, known);
      this.#classes[byte] = known;
    }
    for (let byte = 0; byte < 256; byte += 1) if (!isPlain(byte)) this.#classes[byte] = signatures.size;
    this.#width = signatures.size + 1;
    for (const [index, atom] of atoms.entries()) this.#takes.set(atom, new Set(members.flatMap((its, of) => (its.includes(index) ? [of] : []))));
    this.#next = new Int16Array(64 * this.#width).fill(UNKNOWN);
  }

  /** Whether a head, a run, or a byte that is no plain ASCII stands anywhere in the bytes. */
  find(bytes: Uint8Array): boolean {
    if (this.#width === 0) this.#prepare();
    const classes = this.#classes;
    const stands = this.#stands;
    const width = this.#width;
    const [{ length: first }, { length: second }] = this.#runs;
    let next = this.#next;
    let state = START;
    let firstFrom = 0;
    let secondFrom = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at] as number;
      const bits = stands[byte] as number;
      if ((bits & 1) === 0) firstFrom = at + 1;
      else if (at - firstFrom >= first - 1) return true;
      if ((bits & 2) === 0) secondFrom = at + 1;
      else if (at - secondFrom >= second - 1) return true;
      const of = classes[byte] as number;
      let following = next[state * width + of] as number;
      if (following === UNKNOWN) {
        following = this.#step(state, of);
        next = this.#next;
      }
      if (following === HIT) return true;
      state = following;
    }
    return false;
  }

  #step(state: number, of: number): number {
    const following = this.#follow(state, of);
    if ((this.#states.length + 1) * this.#width > this.#next.length) {
      const grown = new Int16Array(this.#next.length * 2).fill(UNKNOWN);
      grown.set(this.#next);
      this.#next = grown;
    }
    this.#next[state * this.#width + of] = following;
    return following;
  }

  #follow(state: number, of: number): number {
    if (of === this.#width - 1) return HIT;
    const items: number[] = [];
    const advance = (head: number, taken: number): boolean => {
      const atoms = this.#heads[head] as readonly string[];
      if (this.#takes.get(atoms[taken] as string)?.has(of) === true) items.push(head * STRIDE + taken + 1);
      return items.at(-1) === head * STRIDE + atoms.length;
    };
    for (const item of this.#states[state] as readonly number[]) if (advance(Math.floor(item / STRIDE), item % STRIDE)) return HIT;
    for (let head = 0; head < this.#heads.length; head += 1) advance(head, 0);
    const key = items.join();
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    if (this.#states.length >= MAX_STATES) return HIT;
    this.#ids.set(key, this.#states.length);
    return this.#states.push(items) - 1;
  }
}

/** Printable, or white space. */
function isPlain(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

/** Which of the plain ASCII characters an atom takes, by their codes. */
function takenBy(atom: string): readonly boolean[] {
  const one = atom.length === 1 && atom !== "." ? atom.toLowerCase() : null;
  const test = new RegExp(`^${atom.replace(/^[{}]$/, "\\$&")}$`, "is");
  return Array.from({ length: ASCII }, (_, code) => (one === null ? test.test(String.fromCharCode(code)) : String.fromCharCode(code).toLowerCase() === one));
}
