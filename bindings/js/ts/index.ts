/**
 * `syncline` in browsers and bundlers: call {@link init} once before the first `Doc`.
 *
 * ```ts
 * import { init, Doc, connect, persist } from "syncline";
 *
 * await init();
 * const doc = new Doc();
 * await persist(doc, { name: "board" });
 * const connection = connect("wss://relay.example.org", { room: "board", doc });
 * doc.subscribe((event) => render(event.path, event.new));
 * await doc.map("cards", "1").set("title", "Plan").acked();
 * ```
 * @module
 */
import { init as initFrom, type WasmSource } from "./slim.js";

export * from "./api.js";
export type { WasmSource } from "./slim.js";

let loading: Promise<void> | undefined;

/**
 * Loads the WASM module, from beside this file or from `source`. Everybody who calls it waits for the same loading;
 * after a failure the next call tries again.
 */
export function init(source?: WasmSource | Promise<WasmSource>): Promise<void> {
  loading ??= initFrom(source ?? new URL("./syncline.wasm", import.meta.url)).catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}
