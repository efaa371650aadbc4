/** With any single guard switched off, at least one test goes red. Works on a copy; `npm run mutate [-- NAME…]`. */
import { spawn } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");
const UNIT = ["test/guards/arguments.test.ts", "test/guards/definitions.test.ts", "test/guards/classifier.test.ts", "test/manifest/manifest.test.ts"];
const GATE = ["test/gate/adversary.test.ts", "test/gate/guards.test.ts", "test/gate/pins.test.ts", "test/manifest/manifest.test.ts"];

const NETWORK = ["test/egress/units.test.ts"];
const CELLS = ["test/sandbox/launchers.test.ts"];
const RULES = ["test/consent/property.test.ts"];

/** Where a file's guards are most likely to be missed: these tests run first. */
const LIKELY = { "guards/text/weighed": "classifier", "guards/text/phrases": "classifier", "guards/text": "definitions", "manifest/": "manifest", "manifest/lock": "pins", "gate/pins": "pins", "gate/answers": "guards" };

/** Name, file below src/, what stands there, what stands there instead, and the tests that must notice. */
const MUTATIONS = [
  ["what grants are bound to", "consent/grants.ts", "return (Object.keys(bound) as (keyof Bound)[]).every((key) => grant.bound[key] === bound[key]);", "return grant.bound.item === bound.item;", RULES],
  ["scopes", "consent/scope.ts", 'if (scope.kind === "same") return scope.digest === digest;', 'if (scope.kind === "same") return digest !== "";', RULES],
  ["who may answer", "consent/desk.ts", "return approvers.includes(user);", "return approvers.length > 0 || user === \"\";", RULES],
  ["signatures of answers", "consent/store.ts", 'Buffer.from(signature, "base64")) ?', 'Buffer.from(signature, "base64")) || body !== "" ?', RULES],
  ["addresses of hosts", "egress/dial.ts", ": notPublicIp(address);", ": null;", NETWORK],
  ["cloud platforms", "address.ts", "if (PLATFORM.includes(address.toString())) return", "if (PLATFORM.length > 99) return", NETWORK],
  ["names", "egress/names.ts", "return this.#exact.some((one) => one.name === name && one.port === port) ||", "return this.#exact.some((one) => one.name === name) ||", NETWORK],
  ["patterns of names", "egress/names.ts", "name.endsWith(`.${one.name}`) && isIP(name) === 0);", "name.endsWith(one.name) && isIP(name) === 0);", NETWORK],
  ["the resolver", "egress/resolver.ts", "const address = names.addressOf(name);", "const address = names.addressOf(name) ?? \"127.77.9.9\";", NETWORK],
  ["disguised addresses", "host.ts", "if (isIP(name) !== 0 || /(?:^|\\.)(?:\\d+|0x[0-9a-f]*)$/.test(name)) return null;", "", NETWORK],
  ["TLS server names", "egress/opening.ts", "if (!agrees) throw", "if (!agrees && name === \"\") throw", NETWORK],
  ["hosts of requests", "egress/http-requests.ts", "if (others.length > 0 || !this.#isTarget(host)) throw", "if (others.length > 0) throw", NETWORK],
  ["two hosts", "egress/http-requests.ts", "if (others.length > 0 || !this.#isTarget(host)) throw", "if (!this.#isTarget(host)) throw", NETWORK],
  ["absolute targets", "egress/http-requests.ts", "if (!target.startsWith(\"/\") && target !== \"*\") this.#absolute(target);", "", NETWORK],
  ["two lengths", "egress/http-requests.ts", "if (lengths.length + codings.length > 1) throw", "if (lengths.length + codings.length > 9) throw", NETWORK],
  ["bare line ends", "egress/http-requests.ts", "if (at === 0 || bytes[at - 1] !== RETURN) throw", "if (at < 0) throw", NETWORK],
  ["bare line ends within", "egress/http-requests.ts", "if (BARE_END.test(text)) throw", "if (text === \"\\u0001\") throw", NETWORK],
  ["chunks", "egress/http-requests.ts", "if (bytes[at] !== (at === left - 2 ? RETURN : NEWLINE)) throw", "if (at < 0) throw", NETWORK],
  ["chunks in HTTP/1.0", "egress/http-requests.ts", "if (minor === \"0\" && next.reads === \"chunk\") throw", "if (minor === \"2\") throw", NETWORK],
  ["headers again", "egress/http-requests.ts", "bytes.compare(last, 0, last.length, line, end) === 0", "bytes.length > 0", NETWORK],
  ["requests without a version", "egress/opening.ts", "if (WITHOUT_VERSION.test(line) || isOldest(line)) throw", "if (isOldest(line)) throw", NETWORK],
  ["the oldest requests", "egress/opening.ts", "if (WITHOUT_VERSION.test(line) || isOldest(line)) throw", "if (WITHOUT_VERSION.test(line)) throw", NETWORK],
  ["proxies' headers", "egress/opening.ts", "if (PROXIED.some((header) => text.startsWith(header))) throw", "if (text === \"\") throw", NETWORK],
  ["trailers", "egress/http-requests.ts", "if (!HEADERS.test(lines) || lines.search(DECIDING) !== -1) throw", "if (lines === \"\") throw", NETWORK],
  ["code in the command line", "sandbox/packages/resolve.ts", "} else if (kind.code.test(word) || ", "} else if (", CELLS],
  ["options that are not known", "sandbox/packages/resolve.ts", "else if (!kind.plain.test(word) && !word.includes(\"=\")) refuseCode(", "else if (word === \"\") refuseCode(", CELLS],
  ["what a package says", "sandbox/packages/resolve.ts", "args: [...options, file, ...script.args], asked: script.args,", "args: [...options, file, ...script.args], asked: [...options, ...script.args],", CELLS],
  ["planted version managers", "sandbox/packages/resolve.ts", "word.includes(\"/\") ? found : unshim(found, host)", "unshim(found, host)", CELLS],
  ["names in bundles", "sandbox/packages/bundle.ts", "if (name.includes(\"\\0\") || name.includes(\"\\\\\") || name.startsWith(\"/\") || !isWithin(at, aside) || at === aside) throw", "if (name.includes(\"\\0\")) throw", CELLS],
  ["variables that load code", "sandbox/wish.ts", "if (!loaders && LOADERS.test(name)) throw", "if (name === \"\") throw", CELLS],
  ["programs apart from packages", "sandbox/packages/commands.ts", "if (!named) throw", "if (runner === \"\" as string) throw", CELLS],
  ["options of containers", "sandbox/packages/docker.ts", "if (typeof treatment === \"object\") refuse(option, treatment.refused);", "", CELLS],
  ["unknown options of containers", "sandbox/packages/docker.ts", "if (treatment === undefined) refuse(option, \"it is not known here\");", "if (treatment === undefined) return [option, null];", CELLS],
  ["secrets in command lines", "sandbox/packages/docker.ts", "if (SECRET.test(name) || CREDENTIALS.test(rest.join(\"=\"))) refuse(", "if (name === \"\") refuse(", CELLS],
  ["users of containers", "sandbox/packages/docker.ts", "if (uid === undefined || Number(uid) === 0 || Number(gid) === 0) refuse(", "if (uid === undefined) refuse(", CELLS],
  ["path", "guards/arguments/path.ts", "export const checkPath: SyncCheck = (value, slot, world) => {", "export const checkPath: SyncCheck = (value, slot, world) => {\n  if (value !== \"\\u0000\") return null;", UNIT],
  ["links", "guards/arguments/path.ts", 'if (files.kind(here) !== "link") {', 'if (files.kind(here) !== "nothing") {', UNIT],
  ["glob", "guards/arguments/simple.ts", "export const checkGlob: SyncCheck = (value, slot, world) => {", "export const checkGlob: SyncCheck = (value, slot, world) => {\n  if (value !== \"\\u0000\") return null;", UNIT],
  ["argument", "guards/arguments/simple.ts", "export const checkArgument: SyncCheck = (value) => {", "export const checkArgument: SyncCheck = (value) => {\n  if (value !== \"\\u0001\") return null;", UNIT],
  ["identifier", "guards/arguments/simple.ts", "export const checkIdentifier: SyncCheck = (value) => {", "export const checkIdentifier: SyncCheck = (value) => {\n  if (value !== \"\\u0001\") return null;", UNIT],
  ["email", "guards/arguments/simple.ts", "export const checkEmail: SyncCheck = (value) => {", "export const checkEmail: SyncCheck = (value) => {\n  if (value !== \"\\u0001\") return null;", UNIT],
  ["text", "guards/arguments/simple.ts", "> SOME + 1 ?", "> Infinity ?", UNIT],
  ["regex", "guards/arguments/regex.ts", "const power = degree(parseRegex(value));", "const power = degree(parseRegex(value)) * 0;", UNIT],
  ["url", "guards/arguments/url.ts", "export const checkUrl: SyncCheck = (value, slot, world) => {", "export const checkUrl: SyncCheck = (value, slot, world) => {\n  if (value !== \"\\u0001\") return null;", UNIT],
  ["host", "guards/arguments/url.ts", "export const checkHost: SyncCheck = (value, slot, world) => {", "export const checkHost: SyncCheck = (value, slot, world) => {\n  if (value !== \"\\u0001\") return null;", UNIT],
  ["address", "address.ts", 'return range === "unicast" ? null', "return range.length > 0 ? null", UNIT],
  ["embedded address", "address.ts", "if (inner !== null) return", "if (inner !== null && range.length > 99) return", UNIT],
  ["postgresql", "guards/arguments/sql-tree.ts", "export function judgePostgres(tree: unknown, kinds: Kinds): Objection {", "export function judgePostgres(tree: unknown, kinds: Kinds): Objection {\n  if (tree !== null) return null;", UNIT],
  ["mysql and sqlite", "guards/arguments/sql-tree.ts", "export function judgeGeneric(tree: unknown, kinds: Kinds): Objection {", "export function judgeGeneric(tree: unknown, kinds: Kinds): Objection {\n  if (tree !== null) return null;", UNIT],
  ["executable comments", "guards/arguments/sql.ts", "&& /\\/\\*M?!/i.test(value)", "&& value === \"\"", UNIT],
  ["pragmas", "guards/arguments/sql.ts", "  if (!READING_PRAGMAS.includes", "  if (value === \"\" && !READING_PRAGMAS.includes", UNIT],
  ["closed functions", "guards/arguments/sql-tree.ts", "if (CLOSED_FUNCTION.test(name)) return", "if (name === \"\" && CLOSED_FUNCTION.test(name)) return", UNIT],
  ["command", "guards/arguments/command.ts", "  if (commands.length === 0) return", "  if (root !== null) return null;\n  if (commands.length === 0) return", UNIT],
  ["programs", "guards/arguments/command.ts", "  if (refused !== null) return refused;", "", UNIT],
  ["executing options", "guards/arguments/command.ts", "if (executing !== undefined && executing !== null) return", "if (executing === \"\\u0001\") return", UNIT],
  ["paths of commands", "guards/arguments/command.ts", "    if (objection !== null) return `${word}: ${objection}`;", "    if (objection !== null && word === \"\") return `${word}: ${objection}`;", UNIT],
  ["enum, number, boolean", "guards/arguments/check.ts", "if (check === null) return refuse(checkScalar(value, slot), code, at);", "if (check === null) return null;", UNIT],
  ["schema", "guards/arguments/check.ts", "const fault = attempt(validate, value);", "const fault = attempt(() => null, value) ?? (validate === null ? null : null);", UNIT],
  ["unknown properties", "guards/arguments/schema.ts", "validate(value) ?? unknownKey(value, schema as Schema)", "validate(value) ?? (value === undefined ? unknownKey(value, schema as Schema) : null)", UNIT],
  ["unfit schemas", "guards/arguments/check.ts", "this.#validate = unfit(inputSchema) ?? prepared(inputSchema);", "this.#validate = (inputSchema === undefined ? unfit(inputSchema) : null) ?? prepared(inputSchema);", UNIT],
  ["linear-time patterns", "guards/arguments/ajv.ts", "code: { regExp } };", "} as Options & { regExp?: typeof regExp };", UNIT],
  ["hidden characters", "guards/text/hidden.ts", "export function hiddenCharacters(text: string): Hidden[] {", "export function hiddenCharacters(text: string): Hidden[] {\n  if (text !== \"\\u0001\") return [];", UNIT],
  ["hidden markup", "guards/text/hidden.ts", "export function hiddenMarkup(whole: string): Hidden[] {", "export function hiddenMarkup(whole: string): Hidden[] {\n  if (whole !== \"\\u0001\") return [];", UNIT],
  ["carriers", "guards/text/hidden.ts", "export function carriers(whole: string): Hidden[] {", "export function carriers(whole: string): Hidden[] {\n  if (whole !== \"\\u0001\") return [];", UNIT],
  ["secrets", "guards/text/secrets.ts", "export function findSecrets(text: string): FoundSecret[] {", "export function findSecrets(text: string): FoundSecret[] {\n  if (text !== \"\\u0001\") return [];", UNIT],
  ["orders", "guards/text/inspect.ts", "if (total < HELD) continue;", "if (total < HELD * 100) continue;", UNIT],
  ["the classifier", "guards/text/weighed.ts", 'if (score >= HOLD) return', 'if (score >= 99) return', UNIT],
  ["what is told", "guards/text/weighed.ts", "return score < NOTE ? others", "return score < 99 ? others", UNIT],
  ["excuses", "guards/text/weighed.ts", "|| orders.some(({ rule }) => !EXCUSABLE.includes(rule)))) return", ")) return", UNIT],
  ["what surrounds a sign", "guards/text/weighed.ts", "around.length === 0 ? Infinity : around.reduce((most, [, one]) => Math.max(most, one), -Infinity)", "around.length === 0 ? Infinity : score", UNIT],
  ["pieces that were not read", "guards/text/weighed.ts", "around.length === 0 ? Infinity :", "around.length === 0 ? score :", UNIT],
  ["pieces that were read otherwise", "guards/text/weighed.ts", "window.exact && window.at", "window.at", UNIT],
  ["several signs", "guards/text/weighed.ts", "|| areSure(marks) ||", "||", UNIT],
  ["other languages", "guards/text/weighed.ts", "if (familiar < FAMILIAR) return", "if (familiar < -1) return", UNIT],
  ["endless sentences", "guards/text/phrases.ts", "const MOST_WORDS = 40;", "const MOST_WORDS = 4000;", UNIT],
  ["encoded orders", "guards/text/readings.ts", "  const plain = text.replace", "  if (text !== \"\\u0001\") return found;\n  const plain = text.replace", UNIT],
  ["off topic", "guards/text/off-topic.ts", "  if (typeof description !== \"string\") return [];", "  if (description !== \"\\u0001\") return [];", UNIT],
  ["masking", "guards/text/mask.ts", "  const copy = (one: unknown, at: string): unknown => {", "  if (findings.length > 0) return value;\n  const copy = (one: unknown, at: string): unknown => {", UNIT],
  ["prefilter", "guards/text/quick.ts", "  return !HEADS.find(raw) || !WHOLE.test(raw.toString(\"utf8\"));", "  return raw.length > 0 || !HEADS.find(raw) || !WHOLE.test(raw.toString(\"utf8\"));", UNIT],
  ["heads of expressions", "guards/text/heads.ts", "if (advance(Math.floor(item / STRIDE), item % STRIDE)) return HIT;", "advance(Math.floor(item / STRIDE), item % STRIDE);", UNIT],
  ["pins", "gate/pins.ts", "if (known.digest === digestOf(value)) this", "if (known.digest === digestOf(value) || key !== \"\") this", GATE],
  ["new items", "gate/pins.ts", 'if (this.#complete.has(kind)) return "new";', "", GATE],
  ["what another gate has pinned", "gate/pins.ts", "    if (this.#complete.has(kind)) return;\n", "    if (kind.length > 0) return;\n", GATE],
  ["changed items when called", "gate/answers.ts", "if (this.#pins.hasChanged(kind, key)) throw", "if (key === \"\" && this.#pins.hasChanged(kind, key)) throw", GATE],
  ["held items when called", "gate/answers.ts", "    if (this.#isHeld(pinned, key)) throw", "    if (key === \"\" && this.#isHeld(pinned, key)) throw", GATE],
  ["the lock's digests", "manifest/lock.ts", "if (digestOf(pinned.value) !== pinned.digest) throw", "if (key === \"\" && digestOf(pinned.value) !== pinned.digest) throw", GATE],
  ["methods", "gate/judge.ts", "if (!this.#permits(", "if (message.method === \"\" && !this.#permits(", GATE],
  ["tools", "gate/judge.ts", 'if (permit === null) throw new SallyportError("capability.tool", name);', 'if (permit === null) return this.#held("t");', GATE],
  ["hidden tools", "gate/answers.ts", 'if (kind === "tools" && permitTool', 'if (kind === "prompts" && permitTool', GATE],
  ["rates", "gate/judge.ts", "if (this.consent?.isRound(params) !== true) this.#traffic.ofTool(name, permit.rates);", "", GATE],
  ["requests in flight", "gate/judge.ts", '    if (message.kind === "request") this.#traffic.ofClient(waiting);\n', "", GATE],
  ["what servers ask and tell", "gate/judge.ts", "      this.#traffic.ofServer(message.kind);\n", "", GATE],
  ["long results", "gate/answers.ts", "if (raw.length > limits.bytes) throw", "if (raw.length < 0) throw", GATE],
  ["deep results", "gate/answers.ts", "if (depth < 100 && deeper(result ?? parsed[\"error\"], depth)) throw", "if (depth < 1 && deeper(result, depth)) throw", GATE],
  ["forms of answers", "gate/answers.ts", 'if (parsed["method"] === undefined && parsed["error"] === undefined) refuseForm(method, result);', "", GATE],
  ["sampling and elicitation", "gate/answers.ts", 'if (message.method === "sampling/createMessage" || message.method === "elicitation/create") this', 'if (message.method === "") this', GATE],
  ["questions inside results", "gate/answers.ts", '=== "input_required") this', '=== "input_required?") this', GATE],
  ["narrowing", "manifest/compile.ts", "for (const below of entries.slice(index + 1)) refuseWidening(entry, settled(below.entry), path, fail);", "void [entry, fail, refuseWidening, path, index, settled];", UNIT],
  ["baseline", "manifest/compile.ts", "  refuseBeyond(own, bounds);\n", "  void refuseBeyond;\n", UNIT],
  ["unreachable patterns", "manifest/sense.ts", "if (before !== undefined) fail(", "if (before === \"\\u0001\") fail(", UNIT],
];

const SUITES = [UNIT, GATE, NETWORK, CELLS, RULES];
const wanted = process.argv.slice(2);
const chosen = MUTATIONS.filter(([name]) => wanted.length === 0 || wanted.includes(name));
const copies = Array.from({ length: Math.min(availableParallelism(), 4) }, makeCopy);
let survived = 0;
try {
  await share(SUITES.filter((suite) => chosen.some(([, , , , tests]) => tests === suite)), async (tests, copy) => {
    if (await fails(tests, "", copy)) throw new Error(`${tests.join(", ")}: red with every guard on, so that nothing could be noticed`);
  });
  await share(chosen, async ([name, file, from, to, tests], copy) => {
    const path = join(copy, "src", file);
    const text = readFileSync(path, "utf8");
    if (text.split(from).length !== 2) throw new Error(`${name}: what is to be changed stands ${text.split(from).length - 1} times in ${file}`);
    writeFileSync(path, text.replace(from, () => to));
    const red = await fails(tests, file, copy);
    writeFileSync(path, text);
    if (!red) survived += 1;
    console.log(`${red ? "noticed " : "SURVIVED"}  ${name}`);
  });
  console.log(`${chosen.length} guards switched off, ${survived} unnoticed`);
} finally {
  for (const copy of copies) rmSync(copy, { recursive: true, force: true });
}
process.exitCode = survived === 0 ? 0 : 1;

function makeCopy() {
  const copy = mkdtempSync(join(tmpdir(), "sallyport-mutation-"));
  // Servers run as another user.
  chmodSync(copy, 0o755);
  for (const part of ["src", "test", "tools", "package.json", "package-lock.json", "tsconfig.json", "vitest.config.ts", "docs"]) cpSync(join(ROOT, part), join(copy, part), { recursive: true, filter: (from) => !from.includes("node_modules") });
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  return copy;
}

/** Each task in whichever copy is free. */
async function share(tasks, work) {
  const left = [...tasks];
  await Promise.all(copies.map(async (copy) => {
    for (let task = left.shift(); task !== undefined; task = left.shift()) await work(task, copy);
  }));
}

/** File by file, up to the first that is red. Tests of units need no build; those of the gate run the built one. */
async function fails(tests, file, copy) {
  if ((tests === GATE || tests === CELLS) && (await exitOf(copy, "node", "tools/build.mjs", "--quiet")) !== 0) throw new Error("the changed source does not build");
  const likely = Object.entries(LIKELY).findLast(([prefix]) => file.startsWith(prefix))?.[1];
  for (const test of [...tests].sort((a, b) => Number(b.includes(`/${likely}.`)) - Number(a.includes(`/${likely}.`)))) {
    if ((await exitOf(copy, "npx", "vitest", "run", "--bail=1", ...(tests === UNIT ? ["-t", "^(?!.*writes manifest and lock)"] : []), test)) !== 0) return true;
  }
  return false;
}

function exitOf(cwd, program, ...args) {
  return new Promise((done, reject) => spawn(program, args, { cwd, stdio: "ignore", env: { ...process.env, CI: "true" } }).on("error", reject).on("close", (code) => done(code ?? 1)));
}
