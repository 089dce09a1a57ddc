/**
 * The border to WASM: what the compiled class offers, and the one module that is loaded.
 * @module
 */
import { SynclineError } from "./errors.js";
import type { Value } from "./value.js";

/**
 * The class `Replica` of the compiled module. Paths are encoded (see path.ts), times are milliseconds since 1970, and
 * writes return their sequence number: 0 inside a transaction or if nothing changed.
 * @internal
 */
export interface RawReplica {
  free(): void;
  id(): string;
  begin(now: number, origin: string | undefined): void;
  commit(): number;
  rollback(): void;

  get(path: string): Value | undefined;
  siblings(path: string): Value[];
  view(path: string): Value | undefined;
  has(path: string): boolean;
  keys(path: string): string[];
  entries(path: string): (string | Value)[];
  size(path: string): number;
  set_has(path: string, value: Value): boolean;
  set_values(path: string): Value[];
  set_size(path: string): number;
  counter(path: string): number;
  text(path: string): string;
  text_length(path: string): number;

  set_f64(path: string, value: number, now: number): number;
  set_str(path: string, value: string, now: number): number;
  set_bool(path: string, value: boolean, now: number): number;
  set_null(path: string, now: number): number;
  set_value(path: string, value: unknown, now: number): number;
  assign(path: string, value: unknown, now: number): number;
  create_map(path: string, now: number): number;
  remove(path: string, now: number): number;
  set_add(path: string, value: unknown, now: number): number;
  set_remove(path: string, value: unknown, now: number): number;
  counter_add(path: string, by: number, now: number): number;
  text_splice(path: string, index: number, count: number, text: string, now: number): number;

  export(): Uint8Array;
  export_from(version: Uint8Array): Uint8Array;
  save(): Uint8Array;
  import(bytes: Uint8Array): number;
  version(): Uint8Array;
  version_entries(): (string | number)[];
  digest(): string;
  stats(): number[];
  observe(on: boolean): void;
  take_changes(): unknown[];

  open(room: string, agent: string, token: string | undefined): void;
  close(): void;
  journaling(on: boolean): void;
  online(on: boolean, now: number): void;
  connected(now: number): void;
  frame(bytes: Uint8Array, now: number): void;
  disconnected(code: number, now: number): void;
  presence(state: Value | undefined, now: number): void;
  tick(now: number): void;
  status(): RawStatus;
  poll(now: number): number;
  payload(): unknown;
}

/**
 * State, unsaved, time of the next attempt, relay.
 * @internal
 */
export type RawStatus = [number, number, number | undefined, string | undefined];

/**
 * What {@link RawReplica.poll} returns; {@link RawReplica.payload} then hands over what comes with it.
 * @internal
 */
export const OUTPUT = {
  idle: 0,
  connect: 1,
  disconnect: 2,
  send: 3,
  journal: 4,
  changes: 5,
  acked: 6,
  presence: 7,
  status: 8,
  error: 9,
} as const;

/**
 * The compiled module, once its memory exists.
 * @internal
 */
export interface RawModule {
  readonly Replica: new (id: string | undefined, birth: number) => RawReplica;
  set_error_factory(make: (code: string, message: string) => Error): void;
  set_panic_handler(handler: (message: string) => void): void;
}

let loaded: RawModule | undefined;
let broken: SynclineError | undefined;
const holders = new Set<WeakRef<RawHolder>>();
const forgotten = new FinalizationRegistry<WeakRef<RawHolder>>((holder) => holders.delete(holder));

/**
 * Owns a raw replica, and is told when WASM has failed and the replica with it.
 * @internal
 */
export interface RawHolder {
  fail(error: SynclineError): void;
}

/**
 * Makes `module` the one that documents are created with. Later calls do nothing.
 * @internal
 */
export function install(module: RawModule): void {
  if (loaded) return;
  loaded = module;
  module.set_error_factory((code, message) => new SynclineError(code, message));
  module.set_panic_handler((message) => {
    broken = new SynclineError("internal", `syncline failed inside and cannot go on; reload the page or restart. Please report this: ${message}`);
    for (const holder of holders) holder.deref()?.fail(broken);
    holders.clear();
  });
}

/**
 * Creates a raw replica.
 * @internal
 */
export function createRaw(id: string | undefined, birth: number): RawReplica {
  if (broken) throw broken;
  if (!loaded) {
    throw new SynclineError("not-initialized", "syncline is not loaded yet: call `await init()` once before creating a Doc");
  }
  return new loaded.Replica(id, birth);
}

/**
 * Lets a failure of WASM reach `owner`, without keeping it alive.
 * @internal
 */
export function watch(owner: RawHolder): void {
  const holder = new WeakRef(owner);
  holders.add(holder);
  forgotten.register(owner, holder);
}

/**
 * Returns a stand-in for a replica that is gone: every use throws `error`.
 * @internal
 */
export function refusing(error: SynclineError): RawReplica {
  return new Proxy({} as RawReplica, {
    get() {
      throw error;
    },
  });
}
