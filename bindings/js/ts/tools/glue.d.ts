// The part of the generated module that the entry points use; the build copies it to dist/tools/glue.js.
import type { Value } from "../value.js";

export function decide(call: string, args: Value): Value;
export function set_error_factory(make: (code: string, message: string) => Error): void;
export function initSync(options: { module: BufferSource | WebAssembly.Module }): unknown;
export default function load(options: { module_or_path: WasmSource | Promise<WasmSource> }): Promise<unknown>;

type WasmSource = string | URL | Request | Response | BufferSource | WebAssembly.Module;
