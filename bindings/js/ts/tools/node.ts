/**
 * `syncline/tools` in Node, Deno and Bun: loaded on import.
 * @module
 */
import { readFileSync } from "node:fs";
import { initSync } from "./decide.js";

export * from "./api.js";

initSync(readFileSync(new URL("./tools.wasm", import.meta.url)));

/** Resolves at once. */
export function init(): Promise<void> {
  return Promise.resolve();
}
