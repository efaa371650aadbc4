/** The journal's Ed25519 key: made on first use, mode 0600; its public half in the form of C2SP `signed-note` verifier keys. */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, verify, type KeyObject } from "node:crypto";
import { closeSync, constants, fchmodSync, fstatSync, linkSync, mkdirSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { SallyportError } from "../errors.ts";

/** Name of the signer in notes. */
export const KEY_NAME = "sallyport";
const ED25519 = 1;

export interface Verifier {
  readonly name: string;
  /** First four bytes of SHA-256(name, newline, algorithm, public key), hexadecimal. */
  readonly id: string;
  /** `name+id+base64(algorithm and key)`: enough for anyone to verify with. */
  readonly vkey: string;
  verify(text: string, signature: Buffer): boolean;
}

export interface Signer extends Verifier {
  sign(text: string): Buffer;
}

/** Opens the key below `state`, making it first where there is none. Two gates that start at once end up with the same key. */
export function openSigner(state: string, uid: number): Signer {
  const folder = join(state, "keys");
  const file = join(folder, "journal.pem");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const pem = readKey(file, uid) ?? (createKey(folder, file), readKey(file, uid));
    if (pem === null) throw new Error("it vanished while it was being read");
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType !== "ed25519") throw new Error("it is not an Ed25519 key");
    return { ...verifierOf(createPublicKey(key)), sign: (text) => sign(null, Buffer.from(text), key) };
  } catch (error) {
    throw new SallyportError("journal.key", `${file}: ${(error as Error).message}`, { cause: error });
  }
}

function readKey(file: string, uid: number): string | null {
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  try {
    const { uid: owner, mode } = fstatSync(descriptor);
    if (owner !== uid) throw new Error(`it belongs to uid ${owner}`);
    if ((mode & 0o077) !== 0) throw new Error(`others may read it (mode ${(mode & 0o777).toString(8)}): chmod 600`);
    return readFileSync(descriptor, "utf8");
  } finally {
    closeSync(descriptor);
  }
}

/** Written aside and linked: the name never shows half a key, and the first of two gates wins. */
function createKey(folder: string, file: string): void {
  const { privateKey } = generateKeyPairSync("ed25519");
  const aside = join(folder, `.journal-${randomBytes(8).toString("hex")}`);
  const descriptor = openSync(aside, "wx", 0o600);
  try {
    fchmodSync(descriptor, 0o600);
    writeSync(descriptor, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
    linkSync(aside, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    closeSync(descriptor);
    unlinkSync(aside);
  }
}

function verifierOf(key: KeyObject, name = KEY_NAME): Verifier {
  const { x } = key.export({ format: "jwk" });
  const encoded = Buffer.concat([Buffer.of(ED25519), Buffer.from(x as string, "base64url")]);
  const id = keyId(name, encoded);
  return {
    name,
    id,
    vkey: `${name}+${id}+${encoded.toString("base64")}`,
    verify: (text, signature) => verify(null, Buffer.from(text), key, signature),
  };
}

/** Reads a verifier key (C2SP `signed-note`, "Verifier keys"). Throws `journal.key`. */
export function parseVerifier(vkey: string): Verifier {
  const [, name, id, data] = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(vkey.trim()) ?? [];
  const encoded = Buffer.from(data ?? "", "base64");
  if (name === undefined || encoded[0] !== ED25519 || encoded.length !== 33 || keyId(name, encoded) !== id) throw new SallyportError("journal.key", "not an Ed25519 verifier key");
  return verifierOf(createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: encoded.subarray(1).toString("base64url") }, format: "jwk" }), name);
}

function keyId(name: string, encoded: Buffer): string {
  return createHash("sha256").update(`${name}\n`).update(encoded).digest("hex").slice(0, 8);
}
