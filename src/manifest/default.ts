/** The profile of a server without a manifest; docs/manifest.md describes it. */
import { compileEntries, type Compiled, type Layer } from "./compile.ts";
import type { Loaded } from "./load.ts";

/** Nothing is refused by name. Only the model's tools are never lent: a server that asks for them drives the model. */
const LAYER: Layer = { origin: "default profile", tools: null, resources: null, prompts: null, flags: { samplingTools: false }, methods: null };

/** Throws `manifest.baseline` where the command line asks for more than the machine's baseline allows. */
export function compileDefault(asked: { readonly read: readonly string[]; readonly write: readonly string[]; readonly isolation: "bubblewrap" | "none" }, baseline: Loaded | null, home: string): Compiled {
  const entry = { isolation: { backend: asked.isolation, reason: "-", read: [...asked.read], write: [...asked.write] } };
  return compileEntries("", [{ entry, layer: LAYER }], baseline, home);
}
