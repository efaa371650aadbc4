/** Checkpoints: C2SP `tlog-checkpoint` inside C2SP `signed-note`. Text, so that anybody's tool can verify them. */
import type { Signer, Verifier } from "./key.ts";
import { toBase64, type Hash } from "./tree.ts";

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  /** Root hash, base64. */
  readonly root: string;
}

export function sessionOrigin(session: string): string {
  return `sallyport/session/${session}`;
}

export const CHAIN_ORIGIN = "sallyport/chain";

/** The signed note for a tree of `size` leaves. */
export function signCheckpoint(origin: string, size: number, root: Hash, signer: Signer): string {
  const text = `${origin}\n${size}\n${toBase64(root)}\n`;
  const signature = Buffer.concat([Buffer.from(signer.id, "hex"), signer.sign(text)]).toString("base64");
  return `${text}\n\u2014 ${signer.name} ${signature}\n`;
}

/** Why a note is not to be believed; a sentence for a person. */
export class NoteError extends Error {}

/** Reads a note and verifies its signature; every number is printed again and compared, so that there is one spelling. Throws NoteError. */
export function openCheckpoint(note: string, verifier: Verifier): Checkpoint {
  const [, text, name, data] = /^([^]*\n)\n\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})\n$/.exec(note) ?? [];
  if (text === undefined || name === undefined || data === undefined) throw new NoteError("the checkpoint is not a signed note");
  const signature = Buffer.from(data, "base64");
  const id = signature.subarray(0, 4).toString("hex");
  if (name !== verifier.name || id !== verifier.id) throw new NoteError(`the checkpoint is signed by another key (${name}+${id}, expected ${verifier.name}+${verifier.id})`);
  if (signature.length !== 68 || !verifier.verify(text, signature.subarray(4))) throw new NoteError("the checkpoint's signature is wrong");
  const [origin = "", size = "", root = "", end] = text.split("\n");
  if (end !== "" || text.split("\n").length !== 4 || String(Number(size)) !== size || !Number.isSafeInteger(Number(size)) || Buffer.from(root, "base64").toString("base64") !== root) {
    throw new NoteError("the checkpoint's text is malformed");
  }
  return { origin, size: Number(size), root };
}
