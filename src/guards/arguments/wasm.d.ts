/** The part of the standard's interface that the parsers need; Node's own types leave it to the browser's. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  type Imports = Record<string, Record<string, unknown>>;
  class Instance {
    constructor(module: Module, imports: Imports);
    readonly exports: Record<string, unknown>;
  }
  class RuntimeError extends Error {}
}

declare module "libpg-query/wasm/libpg-query.js" {
  const factory: unknown;
  export default factory;
}
