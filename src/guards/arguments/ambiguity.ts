/**
 * In how many ways a backtracking engine can take one text (Weber and Seidl, "On the degree of ambiguity of finite automata",
 * 1991): by loops that part and meet again, exponentially many; by loops behind one another, a power of its length.
 */
import { BLANK, overlaps } from "./classes.ts";
import { components } from "./components.ts";
import type { Parsed, Tree } from "./regex-tree.ts";

/** An automaton without empty moves (Glushkov): a state for each place of a character. */
interface Places {
  /** By place: the number of its class. */
  readonly classes: number[];
  readonly follow: Set<number>[];
  /** Loops that can be gone through in two ways at once, as in `(a+)+`. */
  readonly doubled: [number, number][];
  /** Parts that can be empty in more than one way. */
  empty: number;
  /** Places that a reference back stands for. */
  readonly again: Set<number>;
}

interface Piece {
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly nullable: boolean;
}

const MAX_PLACES = 2000;
const MAX_STEPS = 500_000;
/** Counts up to that are written out where they repeat one character. */
const WRITTEN_OUT = 8;
const FEW = 4;
const NOTHING: Piece = { first: [], last: [], nullable: true };

/** What a loop costs that takes over from another: by how many characters that takes, as texts seldom hold a long one again and again. */
const COST = [0, 4, 3, 2, 1] as const;
const COST_IN_BLANKS = 2;
const COST_AGAIN = 4;
const ANY = "[^]";

/**
 * Infinity: exponentially many ways; otherwise a measure of the power of the text's length that an engine may need, four
 * for each factor. Throws RangeError where it takes too long to tell.
 */
export function degree({ tree, asides, anchored, open, ignoresCase }: Parsed): number {
  return Math.max(degreeOf(tree, !anchored, open, ignoresCase), ...asides.map((one) => degreeOf(one, false, false, ignoresCase)));
}

/** @param anywhere it is tried from every character of the text on, as by a loop in front of it. */
function degreeOf(tree: Tree, anywhere: boolean, open: boolean, ignoresCase: boolean): number {
  const sources: string[] = [ANY, BLANK];
  const places: Places = { classes: [], follow: [], doubled: [], empty: 0, again: new Set() };
  const skipped: Tree = { kind: "repeat", part: { kind: "one", of: ANY }, least: 0, most: Infinity };
  const whole = build(anywhere ? { kind: "row", parts: [skipped, tree] } : tree, places, sources, false);
  const classes = overlaps(sources, ignoresCase);
  const meets = (a: number, b: number): boolean => classes.meet(places.classes[a] as number, places.classes[b] as number);
  const component = components(places.follow.length, (place) => places.follow[place] as Set<number>);
  if (places.doubled.some(([from, to]) => component[from] === component[to]) || partsAndMeets(places, meets, component)) return Infinity;
  const ends = new Set(open ? whole.last : []);
  return longestChain(places, meets, component, (from, to, length) => {
    if (ends.has(to)) return 0;
    const [one, other] = [places.classes[from] as number, places.classes[to] as number];
    const cost = one !== other && classes.blank(one, other) ? COST_IN_BLANKS : (COST[Math.min(length, COST.length - 1)] as number);
    return cost + (places.again.has(to) ? COST_AGAIN : 0);
  });
}

function build(tree: Tree, places: Places, sources: string[], again: boolean): Piece {
  switch (tree.kind) {
    case "empty":
      return NOTHING;
    case "one": {
      const known = sources.indexOf(tree.of);
      const place = places.classes.push(known === -1 ? sources.push(tree.of) - 1 : known) - 1;
      if (place >= MAX_PLACES) throw new RangeError("too long to be followed");
      places.follow.push(new Set());
      if (again) places.again.add(place);
      return { first: [place], last: [place], nullable: false };
    }
    case "again":
      // Some engines let it be empty where its group took nothing.
      return { ...build(tree.part, places, sources, true), nullable: true };
    case "choice": {
      const parts = tree.parts.map((part) => build(part, places, sources, again));
      if (parts.filter(({ nullable }) => nullable).length > 1) places.empty += 1;
      return { first: parts.flatMap(({ first }) => first), last: parts.flatMap(({ last }) => last), nullable: parts.some(({ nullable }) => nullable) };
    }
    case "row":
      return row(tree.parts.map((part) => (): Piece => build(part, places, sources, again)), places);
    case "repeat":
      return repeated(tree, () => build(tree.part, places, sources, again), places);
  }
}

function row(parts: readonly (() => Piece)[], places: Places): Piece {
  return parts.reduce<Piece>((before, make) => {
    const next = make();
    connect(before.last, next.first, places);
    return { first: before.nullable ? [...before.first, ...next.first] : before.first, last: next.nullable ? [...before.last, ...next.last] : next.last, nullable: before.nullable && next.nullable };
  }, NOTHING);
}

/** Counts are loops, unless they are small. */
function repeated({ part, least, most }: Extract<Tree, { kind: "repeat" }>, make: () => Piece, places: Places): Piece {
  if (most === 0) return NOTHING;
  const before = places.empty;
  const one = make();
  if (most === 1) {
    if (one.nullable && least === 0) places.empty += 1;
    return { ...one, nullable: one.nullable || least === 0 };
  }
  if (places.empty > before) throw new RangeError("it repeats what can be empty in two ways");
  // Engines try empty rounds in every order, but for those of a star.
  if (one.nullable && (least > 0 || most !== Infinity) && one.first.length > 0) throw new RangeError("it counts what may be empty");
  const single = part.kind === "one";
  const copies = single && least === most ? Math.min(most, FEW) : most <= (single ? WRITTEN_OUT : endless(part) ? 2 : FEW) ? most : 0;
  if (copies > 0) return writtenOut(Math.min(least, copies), [one, ...Array.from({ length: copies - 1 }, make)], places);
  connect(one.last, one.first, places);
  return { ...one, nullable: one.nullable || least === 0 };
}

function endless(tree: Tree): boolean {
  if (tree.kind === "repeat") return tree.most === Infinity || tree.most > WRITTEN_OUT || endless(tree.part);
  return tree.kind === "row" || tree.kind === "choice" ? tree.parts.some(endless) : tree.kind === "again" && endless(tree.part);
}

/** As `a(?:a(?:a)?)?`: who leaves one out leaves out all behind it. */
function writtenOut(least: number, parts: readonly Piece[], places: Places): Piece {
  parts.forEach((part, index) => connect(parts[index - 1]?.last ?? [], part.first, places));
  return { first: parts[0]?.first ?? [], last: parts.slice(Math.max(0, least - 1)).flatMap(({ last }) => last), nullable: least === 0 || parts.every(({ nullable }) => nullable) };
}

function connect(from: readonly number[], to: readonly number[], { follow, doubled }: Places): void {
  for (const one of from) for (const next of to) {
    const known = follow[one] as Set<number>;
    if (known.has(next)) doubled.push([one, next]);
    known.add(next);
  }
}

/** Whether two ways that part at a place can meet there again, having taken the same text. */
function partsAndMeets({ follow }: Places, meets: (a: number, b: number) => boolean, component: readonly number[]): boolean {
  const size = follow.length;
  let steps = 0;
  // Both ways stay in the loop that they part in.
  const next = (pair: number): number[] => {
    const [a, b] = [Math.floor(pair / size), pair % size];
    const found: number[] = [];
    for (const x of follow[a] as Set<number>) if (component[x] === component[a]) for (const y of follow[b] as Set<number>) {
      steps += 1;
      if (steps > MAX_STEPS) throw new RangeError("too entangled to be followed");
      if (component[y] === component[b] && meets(x, y)) found.push(Math.min(x, y) * size + Math.max(x, y));
    }
    return found;
  };
  const seen = new Map<number, number>();
  const todo = Array.from({ length: size }, (_, place) => place * size + place);
  const nodes: number[] = [];
  for (let pair = todo.pop(); pair !== undefined; pair = todo.pop()) {
    if (seen.has(pair)) continue;
    seen.set(pair, nodes.push(pair) - 1);
    todo.push(...next(pair));
  }
  const of = components(nodes.length, (node) => next(nodes[node] as number).map((pair) => seen.get(pair) as number));
  const straight = new Set(nodes.flatMap((pair, index) => (Math.floor(pair / size) === pair % size ? [of[index]] : [])));
  return nodes.some((pair, index) => Math.floor(pair / size) !== pair % size && straight.has(of[index]));
}

/** The dearest row of loops of which each can take what the one before it takes, and take over within it. */
function longestChain(places: Places, meets: (a: number, b: number) => boolean, component: readonly number[], cost: (from: number, to: number, length: number) => number): number {
  const { follow } = places;
  const looping = follow.flatMap((next, place) => ([...next].some((one) => component[one] === component[place]) ? [place] : []));
  const memo = new Map<number, number>();
  const budget = { steps: 0 };
  const from = (place: number): number => {
    const known = memo.get(place);
    if (known !== undefined) return known;
    memo.set(place, 0);
    // Numbers of components fall along the way.
    const best = looping.reduce((most, other) => {
      const length = component[other] === component[place] ? 0 : handsOver(place, other, places, meets, component, budget);
      return length === 0 ? most : Math.max(most, from(other) + cost(place, other, length));
    }, 0);
    memo.set(place, best);
    return best;
  };
  return Math.max(0, ...looping.map(from));
}

/** Length of the shortest text that leads from a loop's place back to it, from there to the other, and from the other back to that; 0: none. */
function handsOver(p: number, q: number, { follow }: Places, meets: (a: number, b: number) => boolean, component: readonly number[], budget: { steps: number }): number {
  const size = follow.length;
  const key = (a: number, b: number, c: number): number => (a * size + b) * size + c;
  const seen = new Set<number>([key(p, p, q)]);
  const todo: (readonly [number, number, number, length: number])[] = [[p, p, q, 0]];
  for (const [a, b, c, length] of todo) {
    for (const x of follow[a] as Set<number>) if (component[x] === component[p]) for (const z of follow[c] as Set<number>) if (component[z] === component[q] && meets(x, z)) for (const y of follow[b] as Set<number>) {
      budget.steps += 1;
      if (budget.steps > MAX_STEPS) throw new RangeError("too entangled to be followed");
      if (!meets(x, y) || !meets(y, z)) continue;
      if (x === p && y === q && z === q) return length + 1;
      const at = key(x, y, z);
      if (!seen.has(at)) todo.push([x, y, z, length + 1]);
      seen.add(at);
    }
  }
  return 0;
}
