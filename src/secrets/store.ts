/** Where secrets are kept that no file of a client's should hold: `file:NAME` (encrypted with age) or `keyring:NAME` (the operating system's). */
import { SallyportError } from "../errors.ts";
import type { Host } from "../model.ts";

export const STORES = ["file", "keyring"] as const;
export type StoreName = (typeof STORES)[number];

export interface SecretStore {
  /** Null where there is none of that name. Throws where the store itself cannot be asked. */
  readonly read: (name: string, host: Host) => Promise<string | null>;
  readonly write: (name: string, value: string, host: Host) => Promise<void>;
  readonly drop: (name: string, host: Host) => Promise<void>;
}

async function storeOf(reference: string): Promise<readonly [store: SecretStore, name: string]> {
  const at = reference.indexOf(":");
  const name = reference.slice(at + 1);
  if (reference.startsWith("file:")) return [(await import("./age-file.ts")).AGE_FILE, name];
  return [(await import("./keyring.ts")).KEYRING, name];
}

/** Throws `secret.missing`, `secret.store`. */
export async function readSecret(reference: string, host: Host): Promise<string> {
  const [store, name] = await storeOf(reference);
  const value = await asked(reference, () => store.read(name, host));
  if (value === null) throw new SallyportError("secret.missing", reference);
  return value;
}

/** Read back before it counts as kept. Throws `secret.store`. */
export async function writeSecret(reference: string, value: string, host: Host): Promise<void> {
  const [store, name] = await storeOf(reference);
  await asked(reference, () => store.write(name, value, host));
  if ((await asked(reference, () => store.read(name, host))) !== value) throw new SallyportError("secret.store", `${reference}: what was written cannot be read back`);
}

/** Throws `secret.store`. */
export async function dropSecret(reference: string, host: Host): Promise<void> {
  const [store, name] = await storeOf(reference);
  await asked(reference, () => store.drop(name, host));
}

/** Errors never carry a value. */
async function asked<T>(reference: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw new SallyportError("secret.store", `${reference}: ${(error as Error).message.split("\n")[0]}`, { cause: error });
  }
}
