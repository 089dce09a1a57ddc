/**
 * `syncline` in Node, Deno and Bun: the module is loaded on import, {@link init} is there so that code which also runs
 * in browsers can call it.
 * @module
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { initSync } from "./slim.js";
import { setWebSocketFallback } from "./socket.js";

export * from "./api.js";
export type { WasmSource } from "./slim.js";

initSync(readFileSync(new URL("./syncline.wasm", import.meta.url)));

setWebSocketFallback(() => {
  try {
    return createRequire(import.meta.url)("ws") as new (url: string, protocols?: string[]) => WebSocket;
  } catch {
    return undefined;
  }
});

/** Resolves at once. */
export function init(): Promise<void> {
  return Promise.resolve();
}
