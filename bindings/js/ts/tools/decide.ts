import { SynclineError } from "../errors.js";
import type { WasmSource } from "../slim.js";
import type { Value } from "../value.js";
import * as glue from "./glue.js";

let ready = false;

/**
 * Makes a decision by name; arguments and answer are plain values. The same calls give the same answers in Rust and Python.
 *
 * The names and their arguments are in the documentation of the Rust crate: `place::decide` (`jump`, `ring`, `rendezvous`,
 * `topology`, `shard`, `shard_map`, `plan`, `route`, `backoff`, `batch`, `bucket`, `throttle`, `breaker`),
 * `quorum::decide` (`quorum`, `frontier`, `write`, `session`) and `standalone::decide` (`vector_clock.compare`,
 * `vector_clock.merge`, `machines`, and each type by its name). Throws a {@link SynclineError} with the code of the Rust error.
 *
 * ```ts
 * decide("jump", { key: "room 7", buckets: 10 }); // 2
 * ```
 */
export function decide(call: string, args: { [name: string]: Value | undefined }): Value {
  assertReady();
  // Properties that are undefined are left out on the way.
  return glue.decide(call, args as Value);
}

/**
 * What the class `Machine` of the compiled module offers.
 * @internal
 */
export type RawMachine = glue.Machine;

/**
 * Starts a state machine.
 * @internal
 */
export function newMachine(kind: string, args: { [name: string]: Value | undefined }): RawMachine {
  assertReady();
  return new glue.Machine(kind, args);
}

/**
 * What the class `Session` of the compiled module offers.
 * @internal
 */
export type RawSession = glue.Session;

/**
 * New events, dropped ones, findings, and where the next audit goes on.
 * @internal
 */
export type RawOutcome = [applied: number, dropped: number, findings: unknown[], resume: number | undefined];

/**
 * Makes one end of a reconciliation.
 * @internal
 */
export function newSession(resume: number): RawSession {
  assertReady();
  return new glue.Session(resume);
}

/**
 * Loads the module.
 * @internal
 */
export async function load(source: WasmSource | Promise<WasmSource>): Promise<void> {
  await glue.default({ module_or_path: source });
  install();
}

/** Loads the module at once, from bytes or a compiled module. */
export function initSync(source: BufferSource | WebAssembly.Module): void {
  glue.initSync({ module: source });
  install();
}

function install(): void {
  if (!ready) glue.set_error_factory((code, message) => new SynclineError(code, message));
  ready = true;
}

function assertReady(): void {
  if (!ready) throw new SynclineError("not-initialized", "syncline/tools is not loaded yet: call `await init()` once before");
}
