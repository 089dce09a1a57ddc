/**
 * `syncline/slim`: the library without a way to find its WASM file. The caller brings it.
 *
 * ```ts
 * import { init, Doc } from "syncline/slim";
 * import url from "syncline/syncline.wasm?url";
 * await init(url);
 * ```
 *
 * Who counts every byte brings `syncline/small.wasm`: it has registers, maps, add-wins sets and counters, connections and
 * change events. Everything else then throws a {@link SynclineError} with the code `"unsupported"`.
 * @module
 */
import * as glue from "./glue.js";
import { install } from "./raw.js";

export * from "./api.js";

/** Where the compiled module comes from. */
export type WasmSource = string | URL | Request | Response | BufferSource | WebAssembly.Module;

/** Loads the module from an address, a response, bytes, or one that is compiled already. Later calls do nothing. */
export async function init(source: WasmSource | Promise<WasmSource>): Promise<void> {
  install(glue, await glue.default({ module_or_path: source }));
}

/** Loads the module at once, from bytes or a compiled module. Browsers refuse large modules on the main thread. */
export function initSync(source: BufferSource | WebAssembly.Module): void {
  install(glue, glue.initSync({ module: source }));
}
