/**
 * `syncline/tools`: the decisions of the core for those who run several relays or keep single values: placement, limits,
 * quorums, types that merge without a document. A WASM module of its own, which documents do not need.
 *
 * ```ts
 * import { init, Ring, QuorumTracker } from "syncline/tools";
 *
 * await init();
 * new Ring(["a", "b", "c"]).node("room 7");
 * ```
 * @module
 */
import type { WasmSource } from "../slim.js";
import { load } from "./decide.js";

export * from "./api.js";

let loading: Promise<void> | undefined;

/** Loads the module, from beside this file or from `source`; after a failure the next call tries again. */
export function init(source?: WasmSource | Promise<WasmSource>): Promise<void> {
  loading ??= load(source ?? new URL("./tools.wasm", import.meta.url)).catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}
