/** The profile of a server without a manifest; docs/manifest.md describes it. */
import { notRange } from "../address.ts";
import { SallyportError } from "../errors.ts";
import { compileEntries, type Compiled } from "./compile.ts";
import type { Loaded } from "./load.ts";
import { OPEN_LAYER } from "./permit.ts";
import type { Asked } from "./read.ts";

/** Throws `manifest.baseline` where the command line asks for more than the machine's baseline allows. */
export function compileDefault(asked: Asked, baseline: Loaded | null, home: string): Compiled {
  for (const range of asked.addresses) if (notRange(range) !== null) throw new SallyportError("usage.option", `--address ${range}: ${notRange(range)}`);
  const entry = { isolation: { backend: asked.isolation, reason: "-", read: [...asked.read], write: [...asked.write] }, network: { hosts: [...asked.hosts], addresses: [...asked.addresses] }, consent: { ask: asked.consent } };
  return compileEntries("", [{ entry, layer: OPEN_LAYER }], baseline, home);
}
