// The part of the generated module that the entry points use; the build copies it to dist/tools/glue.js.
import type { Value } from "../value.js";

export function decide(call: string, args: Value): Value;
/** A state machine that takes and gives plain values. */
export class Machine {
  constructor(kind: string, args: unknown);
  free(): void;
  handle(input: unknown, now: number): unknown;
  state(): unknown;
}
/** One end of a reconciliation, with the copy of a document that it works on. */
export class Session {
  constructor(resume: number);
  free(): void;
  load(saved: Uint8Array): void;
  open(seed: number): Uint8Array;
  handle(message: Uint8Array): Uint8Array | undefined;
  save(): Uint8Array;
  /** Digest and version of the copy. */
  state(): string;
  outcome(): [isDone: boolean, applied: number, dropped: number, findings: unknown[], resume: number | undefined];
}
export function set_error_factory(make: (code: string, message: string) => Error): void;
export function initSync(options: { module: BufferSource | WebAssembly.Module }): unknown;
export default function load(options: { module_or_path: WasmSource | Promise<WasmSource> }): Promise<unknown>;

type WasmSource = string | URL | Request | Response | BufferSource | WebAssembly.Module;
