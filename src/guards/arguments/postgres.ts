/** PostgreSQL's own parser as WebAssembly. An instance in which anything but a syntax error happened is thrown away. */
import factory from "libpg-query/wasm/libpg-query.js";
import { wasm } from "../../assets.ts";

interface Instance {
  lengthBytesUTF8(text: string): number;
  stringToUTF8(text: string, at: number, size: number): void;
  UTF8ToString(at: number): string;
  getValue(at: number, type: "i32"): number;
  _malloc(size: number): number;
  _free(at: number): void;
  _wasm_parse_query_raw(at: number): number;
  _wasm_free_parse_result(at: number): void;
}

let compiled: WebAssembly.Module | null = null;
let instance: Promise<Instance> | null = null;

/** The parse tree. Throws with the parser's message. @param sql without zero bytes. */
export async function parsePostgres(sql: string): Promise<unknown> {
  compiled ??= new WebAssembly.Module(wasm("libpg-query/wasm/libpg-query.wasm"));
  instance ??= start(compiled);
  const used = await instance;
  const size = used.lengthBytesUTF8(sql) + 1;
  const text = used._malloc(size);
  let result = 0;
  try {
    used.stringToUTF8(sql, text, size);
    result = used._wasm_parse_query_raw(text);
    const error = used.getValue(result + 8, "i32");
    if (error !== 0) throw new SyntaxError(used.UTF8ToString(used.getValue(error, "i32")));
    return JSON.parse(used.UTF8ToString(used.getValue(result, "i32")));
  } catch (error) {
    // Its memory may be in any state.
    if (!(error instanceof SyntaxError)) instance = null;
    throw error;
  } finally {
    if (instance !== null) {
      used._free(text);
      if (result !== 0) used._wasm_free_parse_result(result);
    }
  }
}

function start(module: WebAssembly.Module): Promise<Instance> {
  return (factory as (options: object) => Promise<Instance>)({
    print: () => {},
    printErr: () => {},
    instantiateWasm: (imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void) => {
      const made = new WebAssembly.Instance(module, imports);
      done(made, module);
      return made.exports;
    },
  });
}
