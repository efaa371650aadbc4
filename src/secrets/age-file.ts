/**
 * One file of names and values, encrypted with age (age-encryption.org/v1, X25519). It may be copied and backed up: its key
 * lies elsewhere, in the state directory, and is of no use without it. A program that runs as this user can read both.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Decrypter, Encrypter, armor, generateX25519Identity, identityToRecipient } from "age-encryption";
import { FileChanged, replaceFile } from "../atomic.ts";
import type { Host } from "../model.ts";
import type { SecretStore } from "./store.ts";

const fileOf = (host: Host): string => join(host.dirs.config, "secrets.age");
const keyOf = (host: Host): string => join(host.dirs.state, "keys/age.txt");

/** @param make where there is none yet; who only reads must not make one. */
async function identity(make: boolean, host: Host): Promise<string> {
  const file = keyOf(host);
  if (make && !existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    replaceFile(file, `${await generateX25519Identity()}\n`, { mode: 0o600, expected: null });
  }
  return readFileSync(file, "utf8").trim();
}

export async function encrypt(bytes: Uint8Array, host: Host): Promise<string> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(await identityToRecipient(await identity(true, host)));
  return armor.encode(await encrypter.encrypt(bytes));
}

/** Throws where the key is not the one, or the text was changed. */
export async function decrypt(text: string, host: Host): Promise<Uint8Array> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(await identity(false, host));
  return decrypter.decrypt(armor.decode(text));
}

async function all(host: Host): Promise<{ values: Record<string, string>; before: Buffer | null }> {
  const file = fileOf(host);
  if (!existsSync(file)) return { values: {}, before: null };
  const before = readFileSync(file);
  const values = JSON.parse(Buffer.from(await decrypt(before.toString("utf8"), host)).toString("utf8")) as Record<string, string>;
  return { values, before };
}

/** Whoever comes second begins anew with what the first has written. */
async function change(host: Host, edit: (values: Record<string, string>) => Record<string, string>): Promise<void> {
  for (let tries = 5; ; tries -= 1) {
    const { values, before } = await all(host);
    const text = await encrypt(Buffer.from(JSON.stringify(edit(values))), host);
    mkdirSync(dirname(fileOf(host)), { recursive: true, mode: 0o700 });
    try {
      return replaceFile(fileOf(host), text, { mode: 0o600, expected: before });
    } catch (error) {
      if (tries === 0 || !(error instanceof FileChanged)) throw error;
    }
  }
}

export const AGE_FILE: SecretStore = {
  read: async (name, host) => {
    const { values } = await all(host);
    return Object.hasOwn(values, name) ? (values[name] as string) : null;
  },
  write: (name, value, host) => change(host, (values) => ({ ...values, [name]: value })),
  drop: (name, host) => change(host, (values) => Object.fromEntries(Object.entries(values).filter(([key]) => key !== name))),
};
