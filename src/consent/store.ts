/**
 * Questions, answers and grants as files that all gates of a user share: each written aside and then named, so that nothing
 * is ever half there, and each signed. A question is taken by renaming it: of two who answer at once, one has it.
 */
import { randomBytes } from "node:crypto";
import { linkSync, lstatSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SallyportError } from "../errors.ts";
import type { Answer, Last, Question } from "./question.ts";
import type { Grant } from "./grants.ts";

export interface Signature {
  readonly sign: (text: string) => Buffer;
  readonly verify: (text: string, signature: Buffer) => boolean;
}

export interface Notice {
  readonly question: string;
  readonly code: string;
  readonly trace: string;
}

/** What lies in each folder. */
interface Kept {
  readonly pending: Question;
  readonly taken: Question;
  readonly answers: Answer;
  readonly grants: Grant;
  readonly last: Last;
  readonly notices: Notice;
}

type Kind = keyof Kept;

export class Store {
  readonly folder: string;
  readonly #signature: Signature;

  /** Throws `consent.store`. */
  constructor(folder: string, signature: Signature) {
    this.folder = folder;
    this.#signature = signature;
    this.#make();
  }

  #make(): void {
    try {
      for (const kind of KINDS) mkdirSync(join(this.folder, kind), { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new SallyportError("consent.store", (error as Error).message, { cause: error });
    }
  }

  /** Throws `consent.store`: what cannot be asked is refused. */
  ask(question: Question): void {
    this.#write("pending", question.id, question);
  }

  question(id: string): Question | null {
    return this.#read("pending", id);
  }

  questions(): Question[] {
    return this.#names("pending").flatMap((id) => this.question(id) ?? []);
  }

  /** Whoever gets it answers it, and nobody else can any more; null: it is not there, or no longer. */
  take(id: string): Question | null {
    if (!ID.test(id)) return null;
    try {
      renameSync(this.#file("pending", id), this.#file("taken", id));
    } catch {
      return null;
    }
    return this.#read("taken", id);
  }

  answer(answer: Answer): void {
    this.#write("answers", answer.question, answer);
  }

  /** What was answered; null where nothing was, or what lies there is nobody's word. */
  answered(id: string): Answer | null {
    return this.#read("answers", id);
  }

  hasAnswer(id: string): boolean {
    return this.#exists("answers", id);
  }

  /** The question and all that belongs to it. */
  forget(id: string): void {
    for (const kind of ["pending", "taken", "answers"] as const) remove(this.#file(kind, id));
  }

  /** Somebody has tried what is not allowed: its gate records it. */
  notice(facts: Notice): void {
    this.#write("notices", newId(), facts);
  }

  notices(): (readonly [id: string, notice: Notice])[] {
    return this.#names("notices").flatMap((id) => {
      const notice = this.#read("notices", id);
      return notice === null ? [] : [[id, notice] as const];
    });
  }

  /** Those about one question; they are gone then. */
  takeNotices(question: string): Notice[] {
    const found = this.notices().filter(([, notice]) => notice.question === question);
    for (const [id] of found) this.dropNotice(id);
    return found.map(([, notice]) => notice);
  }

  /** Somebody has it in hand. */
  isBeingAnswered(id: string): boolean {
    return this.#exists("taken", id);
  }

  dropNotice(id: string): void {
    remove(this.#file("notices", id));
  }

  addGrant(grant: Grant): void {
    this.#write("grants", grant.id, grant);
  }

  grants(): Grant[] {
    return this.#names("grants").flatMap((id) => this.#read("grants", id) ?? []);
  }

  revoke(id: string): boolean {
    if (!ID.test(id) || !this.#exists("grants", id)) return false;
    remove(this.#file("grants", id));
    return true;
  }

  /** Changes with every grant that comes or goes. */
  grantsRevision(): string {
    const { mtimeNs, ino } = statSync(join(this.folder, "grants"), { bigint: true, throwIfNoEntry: false }) ?? { mtimeNs: 0n, ino: 0n };
    return `${mtimeNs}.${ino}`;
  }

  /** @param key hexadecimal. What was last allowed, to compare the next call with. */
  last(key: string): Last | null {
    return this.#read("last", key);
  }

  keepLast(key: string, last: Last): void {
    try {
      this.#write("last", key, last);
    } catch {
      // The next question has nothing to compare with, no more.
    }
  }

  #file(kind: Kind, id: string): string {
    return join(this.folder, kind, `${id}.json`);
  }

  #exists(kind: Kind, id: string): boolean {
    return statSync(this.#file(kind, id), { throwIfNoEntry: false }) !== undefined;
  }

  #names(kind: Kind): string[] {
    return listed(join(this.folder, kind)).filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -".json".length)).filter((id) => ID.test(id)).sort();
  }

  /** What the signature covers names its kind and id: one file cannot stand in for another. */
  #write(kind: Kind, id: string, value: object): void {
    const body = JSON.stringify(value);
    const signature = this.#signature.sign(`${kind}/${id}\n${body}`).toString("base64");
    const aside = join(this.folder, kind, `.${id}.${randomBytes(6).toString("hex")}`);
    // Somebody may have tidied up.
    this.#make();
    try {
      writeFileSync(aside, JSON.stringify({ body, signature }), { mode: 0o600, flag: "wx" });
      if (kind === "last") return renameSync(aside, this.#file(kind, id));
      linkSync(aside, this.#file(kind, id));
      unlinkSync(aside);
    } catch (error) {
      rmSync(aside, { force: true });
      throw new SallyportError("consent.store", (error as Error).message, { cause: error });
    }
  }

  #read<K extends keyof Kept>(kind: K, id: string): Kept[K] | null {
    if (!ID.test(id)) return null;
    try {
      const file = this.#file(kind, id);
      const { size } = statSync(file);
      if (!lstatSync(file).isFile() || size > MAX_BYTES) return null;
      const { body, signature } = JSON.parse(readFileSync(file, "utf8")) as { body: string; signature: string };
      // A question keeps its signature when it is taken.
      const signed = kind === "taken" ? "pending" : kind;
      return this.#signature.verify(`${signed}/${id}\n${body}`, Buffer.from(signature, "base64")) ? (JSON.parse(body) as Kept[K]) : null;
    } catch {
      return null;
    }
  }
}

const KINDS: readonly Kind[] = ["pending", "taken", "answers", "grants", "last", "notices"];
/** Longer than any question; what else lies there is not read. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Whatever lies there, and whether or not anything does. */
function remove(file: string): void {
  try {
    rmSync(file, { force: true, recursive: true });
  } catch {
    // Who put it there may keep it.
  }
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

const ID = /^[0-9a-z]{4,64}$/;
const ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz";

/** Without letters and digits that look alike: 31^8 values. */
export function newId(): string {
  return [...randomBytes(64)].filter((byte) => byte < 248).slice(0, 8).map((byte) => ALPHABET[byte % 31]).join("");
}
