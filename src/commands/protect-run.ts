/** Every open server: started, shown, agreed to, written; one that fails stops no other. */
import { availableParallelism } from "node:os";
import { examine, withMoved, type Allowed, type Examined } from "../clients/examine.ts";
import { readText, type Found, type Survey } from "../clients/find.ts";
import type { ClientFile } from "../clients/places.ts";
import { masked, movable } from "../clients/secrets.ts";
import type { StoreName } from "../secrets/store.ts";
import { manifestOf } from "../clients/gate-words.ts";
import { changed, nameFor, protectFile, type Named } from "../clients/protect.ts";
import { SallyportError, asSallyportError, escapeControls } from "../errors.ts";
import { toolsOfOthers } from "../gate/others.ts";
import type { Host } from "../model.ts";
import { choose } from "./ask.ts";
import type { Paint } from "./command.ts";
import { changeOf, factsOf, screen, type Result } from "./protect-screen.ts";

interface Manner {
  readonly allowed: Allowed;
  readonly yes: boolean;
  readonly dry: boolean;
  readonly quiet: boolean;
  /** Where secrets go that stand in the file; null: they stay. */
  readonly store: StoreName | null;
  readonly paint: Paint;
}

/** Nothing is written before everything was shown and agreed to. */
export async function protect(seen: Survey, manner: Manner, host: Host): Promise<Result[]> {
  const broken = seen.broken.map(({ file, error }): Result => failed(file, "", error));
  const standing = seen.found.filter(({ state }) => state !== "open").map((one): Result => standingResult(one, manner.allowed, host));
  const open = seen.found.filter(({ state, file }) => state === "open" && file.scope !== "managed");
  const managed = seen.found.filter(({ state, file }) => state === "open" && file.scope === "managed").map(({ file, name }) => failed(file, name, new SallyportError("clients.managed", file.path)));
  const taken = new Map<string, string>();
  const examined = await examineAll(open, manner, host);
  const files = new Map<string, { file: ClientFile; named: Named[] }>();
  const results: Result[] = [];
  for (const [index, outcome] of examined.entries()) {
    const { file, name } = open[index] as Found;
    try {
      if (outcome instanceof SallyportError) throw outcome;
      const before = readText(file.path);
      const withStore = (store: StoreName | null): Examined => (store === null ? outcome : withMoved(outcome, movable(outcome.server, before, store)));
      const names = new Map(taken);
      let named = nameFor(withStore(manner.store), names, host);
      const { text } = changed(before, [named], host);
      const result: Result = { ...resultOf(file, name, "left"), name: named.name, found: factsOf(named.examined) };
      if (!manner.quiet) host.stdout.write(`${screen(named, changeOf(before, text, manner.paint, (line) => masked(line, outcome.server)), manner.paint)}\n`);
      const answer = manner.dry ? "n" : await answerOf(manner, manner.store === null && movable(outcome.server, before, "file").length > 0, host);
      if (manner.dry) names.forEach((one, key) => taken.set(key, one));
      if (answer === "n") {
        results.push(manner.dry ? { ...result, state: "would be protected" } : result);
        continue;
      }
      if (answer !== "y") named = nameFor(withStore(answer), taken, host);
      else names.forEach((one, key) => taken.set(key, one));
      const entry = files.get(file.path) ?? { file, named: [] };
      files.set(file.path, { file: entry.file, named: [...entry.named, named] });
      results.push({ ...result, state: "protected" });
    } catch (error) {
      if (error instanceof Quit) {
        for (const left of open.slice(index)) results.push(resultOf(left.file, left.name, "left"));
        break;
      }
      // Whoever stops it means all of it.
      if (error instanceof SallyportError && error.code === "usage.interrupted") throw error;
      results.push(failed(file, name, asSallyportError(error)));
    }
  }
  for (const { file, named } of files.values()) {
    try {
      await protectFile(file, named, host);
    } catch (error) {
      for (const one of results) if (one.file === file.path && one.state === "protected") Object.assign(one, failed(file, one.server, asSallyportError(error)));
    }
  }
  return [...standing, ...results, ...managed, ...broken];
}

class Quit extends Error {}

/** `y`, `n`, or yes and its secrets into that store. */
async function answerOf({ yes }: Manner, hasSecrets: boolean, host: Host): Promise<"y" | "n" | StoreName> {
  if (yes) return "y";
  const question = hasSecrets ? "Protect it? [y]es, yes and its secrets into an encrypted [f]ile or the [k]eyring, [N]o, [q]uit: " : "Protect it? [y]es, [N]o, [q]uit: ";
  const word = await choose(question, hasSecrets ? ["no", "yes", "file", "keyring", "quit"] : ["no", "yes", "quit"], host);
  if (word === "quit") throw new Quit();
  return word === "file" || word === "keyring" ? word : word === "yes" ? "y" : "n";
}

/** A few at once, in the order in which they stand; one that fails stops no other. */
async function examineAll(open: readonly Found[], { allowed, quiet }: Manner, host: Host): Promise<(Examined | SallyportError)[]> {
  const outcomes: (Examined | SallyportError)[] = [];
  const left = [...open.entries()];
  const signals = new Set<(signal: NodeJS.Signals) => void>();
  const stopped = new AbortController();
  host.onSignal((signal) => (stopped.abort(), signals.forEach((one) => one(signal))));
  const inside: Host = { ...host, onSignal: (listener) => void signals.add(listener) };
  const others = toolsOfOthers({ file: "", name: "" }, host);
  let done = 0;
  const say = (text: string): void => void (quiet && !host.stderr.isTTY ? null : host.stderr.write(text));
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined && !stopped.signal.aborted; next = left.shift()) {
      const [index, { server, name, file }] = next;
      outcomes[index] = await examine(server as NonNullable<Found["server"]>, allowed, others, inside).catch((error: unknown) => asSallyportError(error));
      done += 1;
      say(`sallyport: [${done}/${open.length}] ${escapeControls(name)} (${file.client.title}): ${outcomes[index] instanceof SallyportError ? "could not be listed" : "listed"}\n`);
    }
  };
  if (open.length > 0) say(`sallyport: starting ${open.length} ${open.length === 1 ? "server" : "servers"}, each in a closed cell\n`);
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, work));
  if (stopped.signal.aborted) throw new SallyportError("usage.interrupted");
  return outcomes;
}

function resultOf(file: ClientFile, server: string, state: Result["state"]): Result {
  return { client: file.client.id, scope: file.scope, file: file.path, server, state, name: null, detail: "", next: file.client.reload, code: null, found: null };
}

function failed(file: ClientFile, server: string, error: SallyportError): Result {
  return { ...resultOf(file, server, "failed"), detail: error.message, next: error.hint, code: error.code };
}

function standingResult({ file, name, state, detail }: Found, allowed: Allowed, host: Host): Result {
  const asks = Object.values(allowed).some(({ length }: readonly string[]) => length > 0);
  if (state === "protected" && asks) return { ...resultOf(file, name, "failed"), detail: `it is protected already; what it may reach stands in ${manifestOf(file, host)}`, next: `change it there, or take it out first: sallyport unprotect --server ${name}`, code: "clients.entry" };
  const what = state === "protected" ? "already protected" : state === "remote" ? "remote" : "failed";
  if (state === "other") return { ...resultOf(file, name, "failed"), detail, next: `sallyport unprotect --client ${file.client.id} --server ${name}, then protect again`, code: "clients.entry" };
  return { ...resultOf(file, name, what), detail, next: state === "remote" ? "it has a network layer of its own; the gate is for servers over STDIO" : state === "unreadable" ? "write the command line in the client's usual form" : "", code: state === "unreadable" ? "clients.entry" : null };
}
