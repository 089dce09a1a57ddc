// The part of the generated module that the entry points use; the build copies it to dist/glue.js.
import type { RawModule } from "./raw.js";

export const Replica: RawModule["Replica"];
export const set_error_factory: RawModule["set_error_factory"];
export const set_panic_handler: RawModule["set_panic_handler"];
export function initSync(options: { module: BufferSource | WebAssembly.Module }): object;
export default function load(options: { module_or_path: WasmSource | Promise<WasmSource> }): Promise<object>;

type WasmSource = string | URL | Request | Response | BufferSource | WebAssembly.Module;
