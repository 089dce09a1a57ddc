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
  /** Reads anything else at a path, see {@link READ}. */
  read(what: number, path: string, value?: unknown): unknown;
  set_f64(path: string, value: number, now: number): number;
  set_str(path: string, value: string, now: number): number;
  /** Writes at a path, see {@link WRITE}; `index` is the place or amount that some need. */
  write(what: number, path: string, value: unknown, now: number, index?: number): number;
  /** Fails in builds without texts, see {@link hasTexts}. */
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
  frame(bytes: Uint8Array, now: number): void;
  /** All other inputs, see {@link INPUT}. */
  input(kind: number, value: Value | undefined, now: number): void;
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
 * What {@link RawReplica.read} is asked for.
 * @internal
 */
export const READ = {
  view: 0,
  siblings: 1,
  has: 2,
  size: 3,
  keys: 4,
  entries: 5,
  setHas: 6,
  setSize: 7,
  setValues: 8,
  counter: 9,
  text: 10,
  textLength: 11,
  listLength: 12,
  listGet: 13,
  listValues: 14,
  listIds: 15,
  listIndex: 16,
  lost: 17,
  flag: 32,
  bounded: 33,
  rights: 34,
  policy: 35,
  resolve: 36,
  source: 37,
  vector: 38,
  memory: 39,
  conflicts: 40,
  siblingsWithOrigin: 41,
  resolver: 42,
  prune: 43,
  mend: 44,
  runs: 48,
  cursor: 49,
  cursorIndex: 50,
  openStream: 64,
  closeStream: 65,
  nextEvent: 66,
  streamVersion: 67,
  resync: 68,
  changesSince: 69,
  checkpoint: 70,
  diff: 71,
  forgetCheckpoints: 72,
  keepUndo: 80,
  undo: 81,
  redo: 82,
  undoDepth: 83,
  closeUndoGroup: 84,
  cbor: 96,
} as const;

/**
 * What {@link RawReplica.write} does with the value.
 * @internal
 */
export const WRITE = {
  set: 0,
  assign: 1,
  setAdd: 2,
  setRemove: 3,
  count: 4,
  createMap: 5,
  remove: 6,
  listInsert: 12,
  listPush: 13,
  listDelete: 14,
  listSet: 15,
  listMove: 16,
  flag: 32,
  bounded: 33,
  boundedAdd: 34,
  boundedSubtract: 35,
  boundedTransfer: 36,
  boundedAdopt: 37,
  policy: 38,
  source: 39,
  grow: 40,
  fold: 41,
  reset: 42,
  textInsert: 48,
  textFormat: 49,
  plain: 96,
  cbor: 97,
} as const;

/**
 * The number of `what` for one of several kinds that share it.
 * @internal
 */
export function ofKind(what: number, kind: number): number {
  return what + (kind << 8);
}

/**
 * What {@link RawReplica.input} tells the replica.
 * @internal
 */
export const INPUT = {
  online: 0,
  connected: 1,
  disconnected: 2,
  presence: 3,
  tick: 4,
  token: 5,
} as const;

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
  renewed: 10,
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
let texts = false;
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
 * Whether the module that is loaded was built with texts.
 * @internal
 */
export function hasTexts(): boolean {
  return texts;
}

/**
 * Makes `module` the one that documents are created with; `exports` is what its WASM really has, which in the small build
 * is less. Later calls do nothing.
 * @internal
 */
export function install(module: RawModule, exports: object): void {
  if (loaded) return;
  loaded = module;
  texts = "replica_text_splice" in exports;
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
