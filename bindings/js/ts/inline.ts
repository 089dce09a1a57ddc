/**
 * `syncline/inline`: the library with the WASM module inside, for bundlers that copy no files. It is a third larger,
 * and ready on import.
 * @module
 */
import { initSync } from "./slim.js";
import { WASM_BASE64 } from "./wasm-base64.js";

export * from "./api.js";

initSync(Uint8Array.from(atob(WASM_BASE64), (char) => char.charCodeAt(0)));

/** Resolves at once. */
export function init(): Promise<void> {
  return Promise.resolve();
}
