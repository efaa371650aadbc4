/**
 * Teaches the classifier of definitions (src/guards/text/classifier.ts) with our own samples: logistic regression, in which
 * a definition is as suspicious as its most suspicious piece. `npm run train` writes the weights, and prints what they find
 * of samples that they were not taught with; `--check` compares.
 */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { load } from "./reference.mjs";

const root = resolve(import.meta.dirname, "..");
const FILE = join(root, "src/guards/text/classifier.txt");
/** What is hidden or in other languages is for the rules; here English is learnt. */
const NOT_ENGLISH = ["foreign", "hidden-unicode", "encoded", "ansi", "hidden-markup", "emoji-scripts", "honest-foreign"];

const PASSES = 150;
const STEP = 0.3;
/** How hard weights are pulled to nothing. */
const DECAY = 0.01;
/** How much the loudest piece outweighs the others. */
const SHARPNESS = 2;
/** Phrases of fewer definitions than this say nothing. */
const FEWEST = 3;
/** Weights that are left out, in units of the file. */
const LEAST = 3;
const FOLDS = 5;

const [{ norm, parse, UNIT }, { windowsOf }, { signsIn }] = await Promise.all(["src/guards/text/classifier.ts", "src/guards/text/phrases.ts", "src/guards/text/inspect.ts"].map(load));

export function samples() {
  const folder = join(root, "test/vectors/definitions");
  const early = JSON.parse(readFileSync(join(root, "test/vectors/definitions.json"), "utf8")).filter(({ kind }) => !NOT_ENGLISH.includes(kind));
  const sets = readdirSync(folder).sort().flatMap((name) => readFileSync(join(folder, name), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line)));
  return [...early, ...sets].map((sample) => ({ ...sample, windows: windowsIn(sample) })).filter(({ windows }) => windows.length > 0);
}

export function windowsIn({ tool, instructions, own = [] }) {
  const context = { others: new Set(), own: new Set(own) };
  const one = (key, value) => windowsOf(key, value, context.own, signsIn(key, value, context).marks);
  return [...one(tool.name, tool), ...(instructions === undefined ? [] : one("instructions", instructions))];
}

/** @param lessons definitions with their windows and whether they are hostile. */
export function teach(lessons) {
  const places = numbered(lessons);
  const definitions = lessons.map(({ windows, hostile }) => ({ hostile, pieces: windows.map((window) => ({ at: Int32Array.from([...window.phrases].map((phrase) => places.get(phrase) ?? -1).filter((place) => place >= 0)), scale: 1 / norm(window) })) }));
  const weights = new Float64Array(places.size);
  const slope = new Float64Array(places.size);
  const past = new Float64Array(places.size).fill(1e-6);
  let bias = -2;
  let biasPast = 1e-6;
  for (let pass = 0; pass < PASSES; pass += 1) {
    slope.fill(0);
    let biasSlope = 0;
    for (const { hostile, pieces } of definitions) {
      const scores = pieces.map(({ at, scale }) => bias + scale * at.reduce((sum, place) => sum + weights[place], 0));
      const loudest = Math.max(...scores);
      const shares = scores.map((score) => Math.exp((score - loudest) * SHARPNESS));
      const whole = shares.reduce((sum, one) => sum + one, 0);
      const off = 1 / (1 + Math.exp(-(loudest + Math.log(whole) / SHARPNESS))) - (hostile ? 1 : 0);
      biasSlope += off;
      for (const [index, { at, scale }] of pieces.entries()) {
        const pull = (off * shares[index] * scale) / whole;
        if (Math.abs(pull) > 1e-7) for (const place of at) slope[place] += pull;
      }
    }
    biasSlope /= definitions.length;
    biasPast += biasSlope ** 2;
    bias -= (STEP * biasSlope) / Math.sqrt(biasPast);
    for (let place = 0; place < weights.length; place += 1) {
      const down = (slope[place] + DECAY * weights[place]) / definitions.length;
      past[place] += down ** 2;
      weights[place] -= (STEP * down) / Math.sqrt(past[place]);
    }
  }
  return { bias, weights: new Map([...places].map(([phrase, place]) => [phrase, weights[place]])) };
}

function numbered(lessons) {
  const counts = new Map();
  for (const { windows } of lessons) for (const phrase of new Set(windows.flatMap(({ phrases }) => [...phrases]))) counts.set(phrase, (counts.get(phrase) ?? 0) + 1);
  return new Map([...counts].filter(([, count]) => count >= FEWEST).map(([phrase], index) => [phrase, index]));
}

/** As in the file: whole numbers of units, what is too light to matter left out. */
function print({ bias, weights }) {
  const lines = new Map();
  for (const [phrase, weight] of weights) {
    const whole = Math.round(weight * UNIT);
    if (Math.abs(whole) >= LEAST) lines.set(whole, [...(lines.get(whole) ?? []), phrase]);
  }
  const sorted = [...lines].sort(([one], [other]) => other - one).map(([weight, phrases]) => [weight, ...phrases.sort()].join("\t"));
  return `${[Math.round(bias * UNIT), ...sorted].join("\n")}\n`;
}

function weightsIn(text) {
  return new Map(text.trimEnd().split("\n").slice(1).map((line) => line.split("\t")).flatMap(([weight, ...phrases]) => phrases.map((phrase) => [phrase, Number(weight)])));
}

export function scoreOf({ bias, weights }, windows) {
  return Math.max(...windows.map((window) => bias + [...window.phrases].reduce((sum, phrase) => sum + (weights.get(phrase) ?? 0), 0) / norm(window)));
}

/** Each sample's score by a classifier that has not seen it. */
export function crossValidated(all) {
  const fold = (index) => (Math.imul(index + 1, 0x9e3779b1) >>> 16) % FOLDS;
  return Array.from({ length: FOLDS }, (_, left) => left).flatMap((left) => {
    const one = parse(print(teach(all.filter((__, index) => fold(index) !== left))));
    return all.filter((__, index) => fold(index) === left).map((sample) => ({ ...sample, score: scoreOf(one, sample.windows) }));
  });
}

function figures(judged) {
  const honest = judged.filter(({ hostile }) => !hostile).map(({ score }) => score).sort((one, other) => other - one);
  const hostile = judged.filter((one) => one.hostile);
  return [0.005, 0.01, 0.02, 0.05].map((rate) => {
    const above = honest[Math.floor(honest.length * rate)];
    return `of honest ones ${(100 * rate).toFixed(1).padStart(4)} %, of hostile ones ${((100 * hostile.filter(({ score }) => score > above).length) / hostile.length).toFixed(1)} % (above ${above.toFixed(2)})`;
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const all = samples();
  const text = print(teach(all));
  if (process.argv.includes("--check")) {
    const [now, before] = [weightsIn(text), weightsIn(readFileSync(FILE, "utf8"))];
    // Releases of V8 may round the last digit differently.
    const others = [...new Set([...now.keys(), ...before.keys()])].filter((phrase) => Math.abs((now.get(phrase) ?? 0) - (before.get(phrase) ?? 0)) > LEAST);
    if (others.length > 0) console.error(`src/guards/text/classifier.txt is not what the samples teach (${others.slice(0, 5).join(", ")}); run \`npm run train\``);
    process.exitCode = others.length > 0 ? 1 : 0;
  } else {
    writeFileSync(FILE, text);
    console.log(`${all.length} samples, ${weightsIn(text).size} phrases, ${(text.length / 1024).toFixed(0)} KiB; of samples left out:`);
    for (const line of figures(crossValidated(all))) console.log(`  ${line}`);
  }
}
