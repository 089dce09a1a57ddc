/**
 * `syncline` in Cloudflare Workers: the platform compiles the module, so it is ready on import.
 * @module
 */
import { initSync } from "./slim.js";
// @ts-expect-error: only workerd can import WASM as a compiled module
import module from "./syncline.wasm";

export * from "./api.js";
export type { WasmSource } from "./slim.js";

initSync(module as WebAssembly.Module);

/** Resolves at once. */
export function init(): Promise<void> {
  return Promise.resolve();
}
