import { catchUp, netChanges } from "./changes.js";
import type { ConflictListener, Resolver } from "./conflict.js";
import "./dispose.js";
import {
  SyncBoundedCounter,
  SyncCounter,
  SyncFlag,
  SyncList,
  SyncMap,
  SyncRegister,
  SyncSet,
  SyncText,
  type FlagOptions,
  type SetKind,
} from "./containers.js";
import { splitOptions } from "./containers/flag.js";
import { Engine } from "./engine.js";
import type { CatchUp, ChangeListener, NetChange, StreamOptions, SubscribeOptions, Unsubscribe } from "./events.js";
import { encodePath } from "./path.js";
import { readJSON, writeJSON } from "./plain.js";
import { policyFromList, policyToList, resolution, type Policy, type RawResolution, type Resolution } from "./policy.js";
import { READ, WRITE } from "./raw.js";
import { ChangeStream } from "./stream.js";
import { UndoManager, type UndoOptions } from "./undo.js";
import type { Value } from "./value.js";
import type { Write } from "./write.js";

/** Options of a new {@link Doc}. */
export interface DocOptions {
  /**
   * The replica id: 32 hex digits. For tests only: a random id is taken otherwise, and two documents that write under
   * one id corrupt each other.
   */
  replica?: string;
  /** The clock, in milliseconds since 1970; `Date.now` when not said. */
  now?: () => number;
}

/** What {@link Doc.import} did. */
export interface ImportReport {
  /** How many events were new here; 0 when everything was known. */
  readonly applied: number;
}

/** How large a document is. */
export interface Stats {
  /** Values that are held, concurrent ones counted one by one. */
  readonly values: number;
  /** Records of deletions that other replicas may not have seen yet. */
  readonly deletes: number;
  /** Replicas in the version. */
  readonly replicas: number;
}

/** Estimated bytes of memory that a document takes, by part. */
export interface Memory {
  /** Names of what is held. */
  readonly keys: number;
  /** Values. */
  readonly values: number;
  /** The log of who wrote when. */
  readonly log: number;
  /** Records of deletions. */
  readonly deletes: number;
  /** What is known of replicas. */
  readonly version: number;
  /** All parts together. */
  readonly total: number;
}

/** Returns the engine of a document, for the other modules of this package. @internal */
export let engineOf: (doc: Doc) => Engine;

/**
 * A document: a tree of shared containers, held in memory, that merges with its other copies without conflicts.
 *
 * Containers are addressed by path and need no creation. Reads and writes are synchronous. {@link connect} keeps the
 * document in step with a relay, {@link persist} keeps it in the browser.
 *
 * ```ts
 * const doc = new Doc();
 * doc.map("users", "ada").set("age", 36);
 * doc.set("tags").add("crdt");
 * doc.counter("votes").increment();
 * doc.text("notes").insert(0, "Hello");
 * doc.toJSON(); // { users: { ada: { age: 36 } }, tags: ["crdt"], votes: 1, notes: "Hello" }
 * ```
 */
export class Doc {
  readonly #engine: Engine;

  static {
    engineOf = (doc) => doc.#engine;
  }

  constructor(options: DocOptions = {}) {
    this.#engine = new Engine(options.replica, options.now ?? Date.now);
  }

  /**
   * The id of this copy: 32 hex digits. Every `Doc` has its own, new one; it changes when the relay has retired it while this
   * copy was away, see {@link Renewal}.
   */
  get replica(): string {
    return this.#engine.id;
  }

  /** Returns the map at a path; the whole document without one. */
  map(...path: string[]): SyncMap {
    return new SyncMap(this.#engine, encodePath(path));
  }

  /** Returns the set at a path, in which additions win; {@link setOf} has the other kinds. */
  set(...path: string[]): SyncSet {
    return new SyncSet(this.#engine, encodePath(path));
  }

  /** Returns the set of a kind at a path. Sets of several kinds at one path are several sets. */
  setOf(kind: SetKind, ...path: string[]): SyncSet {
    return new SyncSet(this.#engine, encodePath(path), kind);
  }

  /** Returns the list at a path. */
  list(...path: string[]): SyncList {
    return new SyncList(this.#engine, encodePath(path));
  }

  /** Returns the flag at a path, in which enabling wins unless `{ wins: "disable" }` follows the path. */
  flag(...path: string[]): SyncFlag;
  flag(...pathAndOptions: [...path: string[], options: FlagOptions]): SyncFlag;
  flag(...args: (string | FlagOptions)[]): SyncFlag {
    const [path, options] = splitOptions(args);
    return new SyncFlag(this.#engine, encodePath(path), options);
  }

  /** Returns the bounded counter at a path. */
  boundedCounter(...path: string[]): SyncBoundedCounter {
    return new SyncBoundedCounter(this.#engine, encodePath(path));
  }

  /** Returns the counter at a path. */
  counter(...path: string[]): SyncCounter {
    return new SyncCounter(this.#engine, encodePath(path));
  }

  /** Returns the register at a path. */
  register(...path: string[]): SyncRegister {
    return new SyncRegister(this.#engine, encodePath(path));
  }

  /** Returns the text at a path. */
  text(...path: string[]): SyncText {
    return new SyncText(this.#engine, encodePath(path));
  }

  /**
   * Runs `body`, whose writes are made together or, if it throws, not at all; then tells the listeners.
   *
   * A transaction within a transaction joins the outer one. If the inner one throws, the outer one cannot commit
   * either, even if it catches the exception. `origin` is a name that the change events carry.
   */
  transact<T>(body: () => T, options: { origin?: string } = {}): T {
    return this.#engine.transact(body, options.origin);
  }

  /**
   * Calls `listener` for each change, in the whole document or at and below a path, until the result is called.
   *
   * Events come synchronously, right after the commit, import or frame that changed something. Listeners may write;
   * the events of that come after the present ones. An exception in a listener disturbs nobody else: it becomes an
   * uncaught one. {@link stream} is for those who cannot keep up with that.
   *
   * ```ts
   * const stop = doc.subscribe(["cards"], (event) => render(event.path), { kinds: ["register"], from: "remote" });
   * ```
   */
  subscribe(listener: ChangeListener, options?: SubscribeOptions): Unsubscribe;
  subscribe(path: readonly string[], listener: ChangeListener, options?: SubscribeOptions): Unsubscribe;
  subscribe(
    first: readonly string[] | ChangeListener,
    second: ChangeListener | SubscribeOptions = {},
    third: SubscribeOptions = {},
  ): Unsubscribe {
    if (typeof first === "function") return this.#engine.subscribe("", first, second as SubscribeOptions);
    return this.#engine.subscribe(encodePath(first), second as ChangeListener, third);
  }

  /**
   * Calls `listener` when a register, in the whole document or at and below a path, comes to hold several concurrent
   * values, until the result is called. Otherwise as {@link subscribe}; a conflict also comes where the value that is shown
   * stays the same.
   *
   * ```ts
   * doc.onConflict(["prices"], ({ path, siblings }) => review(path, siblings));
   * ```
   */
  onConflict(listener: ConflictListener): Unsubscribe;
  onConflict(path: readonly string[], listener: ConflictListener): Unsubscribe;
  onConflict(first: readonly string[] | ConflictListener, second?: ConflictListener): Unsubscribe {
    if (typeof first === "function") return this.#engine.onConflict("", first);
    return this.#engine.onConflict(encodePath(first), second as ConflictListener);
  }

  /**
   * Begins a stream of the changes at and below a path from now on: a bounded buffer, to be read at one's own pace.
   *
   * Ends when it is closed or the document is freed. Throws a {@link SynclineError} with the code `"too-many-streams"` if the
   * document has 100,000 of them.
   *
   * ```ts
   * const stream = doc.stream(["cards"]);
   * for await (const event of stream) {
   *   if (event.type === "lagged") console.log(`${event.missed} events are missing`, stream.resync());
   *   else console.log(event.change.path);
   * }
   * ```
   */
  stream(path: readonly string[] = [], options: StreamOptions = {}): ChangeStream {
    return new ChangeStream(this.#engine, encodePath(path), options);
  }

  /**
   * Returns the net changes since a {@link version} that this copy has seen, such as the token of a stream. Costs what
   * changed, unless the records of deletions since then are gone: then it lists the whole document.
   *
   * ```ts
   * const { removed, changes, version } = doc.changesSince(lastToken);
   * for (const path of removed) index.deleteBelow(path);
   * for (const change of changes) index.put(change.path, change.new);
   * lastToken = version;
   * ```
   */
  changesSince(token: Uint8Array): CatchUp {
    return catchUp(this.#engine.raw.read(READ.changesSince, "", token));
  }

  /**
   * Makes the present version one that {@link diff} knows, and returns it. Costs as much memory as is changed later. At most 64
   * are kept, which may hold 16 MiB; the oldest go first.
   */
  checkpoint(): Uint8Array {
    return this.#engine.raw.read(READ.checkpoint, "") as Uint8Array;
  }

  /**
   * Returns the net changes that lead from one version to another, in the order of their paths. Each version is that of a
   * {@link checkpoint} or the present one; others are refused with the code `"unknown-version"`.
   *
   * ```ts
   * const before = doc.checkpoint();
   * doc.map("card").set("title", "Plan");
   * doc.diff(before); // [{ path: ["card", "title"], kind: "register", new: "Plan" }]
   * ```
   */
  diff(from: Uint8Array, to: Uint8Array = this.version()): NetChange[] {
    return netChanges(this.#engine.raw.read(READ.diff, "", [from, to]) as unknown[]);
  }

  /** Forgets all checkpoints: writes then cost nothing extra. */
  forgetCheckpoints(): void {
    this.#engine.raw.read(READ.forgetCheckpoints, "");
  }

  /** Keeps what is done here from now on so that it can be undone. A document has one manager; a new one replaces it. */
  undoManager(options: UndoOptions = {}): UndoManager {
    return new UndoManager(this.#engine, options);
  }

  /**
   * Sets how concurrent values of registers at a path and below it are resolved when they are read; `null` takes that back.
   * The longest path that something is set for decides. The setting is part of the document and outlasts deletions.
   */
  setPolicy(path: string[], policy: Policy | null): Write {
    const engine = this.#engine;
    const list = policy === null ? null : policyToList(policy);
    return engine.write(engine.raw.write(WRITE.policy, encodePath(path), list, engine.now()));
  }

  /** Returns the policy that holds at a path. */
  policy(path: string[]): Policy {
    return policyFromList(this.#engine.raw.read(READ.policy, encodePath(path)) as string[]);
  }

  /**
   * Names the source of what this copy writes, such as a region, for the policy `sourcePriority`. It is written along with
   * the next change.
   */
  setSource(name: string): void {
    this.#engine.raw.write(WRITE.source, "", name, this.#engine.now());
  }

  /** Returns the source that a replica has named: this one when none is given. */
  source(replica: string = this.replica): string | undefined {
    return this.#engine.raw.read(READ.source, "", replica) as string | undefined;
  }

  /**
   * Makes a function known by the name that the policy `{ custom: name }` refers to; a later one of the name replaces it.
   *
   * All replicas need the same one, and it must depend on nothing but the values: it cannot use this document, whose every
   * method then throws the code `"resolving"`. If it throws, which becomes an uncaught exception, or returns no index, the
   * last writer's value is shown.
   *
   * ```ts
   * doc.registerResolver("highest", (siblings) => {
   *   const bids = siblings.map((sibling) => Number(sibling.value));
   *   return bids.indexOf(Math.max(...bids));
   * });
   * doc.setPolicy(["bids"], { custom: "highest" });
   * ```
   */
  registerResolver(name: string, resolver: Resolver): void {
    this.#engine.resolvers.register(this.#engine, name, resolver);
  }

  /**
   * Returns what the policy of a path makes of the values there. Throws a {@link SynclineError} if it cannot be applied:
   * `"unknown-source"`, `"no-resolver"`, `"resolver-choice"`; {@link SyncRegister.get} then shows the last writer's.
   */
  resolve(path: string[]): Resolution {
    return resolution(this.#engine.raw.read(READ.resolve, encodePath(path)) as RawResolution);
  }

  /** Returns the vector at a path, in one copy; `undefined` if there is none. The same as {@link SyncRegister.vector}. */
  vector(...path: string[]): Float32Array | undefined {
    return this.register(...path).vector();
  }

  /**
   * Folds what this copy counted: of each counter its own increments become one, as far as every one of `stable`, the
   * {@link version}s of all other copies, has seen them. Makes the document smaller; no value changes.
   */
  fold(stable: Uint8Array[]): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(WRITE.fold, "", stable, engine.now()));
  }

  /**
   * Returns the document as bytes for {@link import}. Documents with equal content give equal bytes.
   *
   * With `from`, a {@link version} of the receiver, only what it lacks.
   */
  export(options: { from?: Uint8Array } = {}): Uint8Array {
    return options.from === undefined ? this.#engine.raw.export() : this.#engine.raw.export_from(options.from);
  }

  /** Returns the document as bytes for a local store: an export with the records of deletions that others may lack. */
  save(): Uint8Array {
    return this.#engine.raw.save();
  }

  /**
   * Merges bytes of {@link export} or {@link save} into the document. What is known already changes nothing.
   *
   * Throws a {@link SynclineError}: `"import-gap"` if events before them are missing here, in which case nothing is
   * changed (ask for an export from this {@link version}), `"invalid-blob"` if the bytes are damaged or something else.
   */
  import(bytes: Uint8Array): ImportReport {
    const applied = this.#engine.raw.import(bytes);
    if (applied > 0) this.#engine.announce();
    return { applied };
  }

  /** Returns what this copy has seen, as bytes for {@link export} on another copy. */
  version(): Uint8Array {
    return this.#engine.raw.version();
  }

  /** Returns what this copy has seen: of each replica the number of its last event, sorted by replica. */
  versionEntries(): { replica: string; seq: number }[] {
    const flat = this.#engine.raw.version_entries();
    const entries: { replica: string; seq: number }[] = [];
    for (let i = 0; i < flat.length; i += 2) entries.push({ replica: flat[i] as string, seq: flat[i + 1] as number });
    return entries;
  }

  /** Returns a checksum of the content: 32 hex digits, equal on all copies that have seen the same, in every language. */
  digest(): string {
    return this.#engine.raw.digest();
  }

  /**
   * Forgets the records of deletions that every copy at a version has seen, or all that are known here when none is given;
   * returns how many. Always safe: a copy that has not seen one of them is sent a complete listing instead of a delta, or
   * reconciles (`ReconcileSession` of `syncline/tools`). Connections prune by themselves.
   */
  prune(stable: Uint8Array = this.version()): number {
    return this.#engine.raw.read(READ.prune, "", stable) as number;
  }

  /**
   * Takes over what an audit has mended: bytes of {@link save} of a copy at this version, whatever this document holds. A
   * {@link persist | store} is written anew. Throws the code `"document-changed"` if the copy is at another version.
   */
  mend(saved: Uint8Array): void {
    const engine = this.#engine;
    engine.raw.read(READ.mend, "", saved);
    engine.restore?.();
    engine.announce();
  }

  /** Returns how large the document is. */
  stats(): Stats {
    const [values = 0, deletes = 0, replicas = 0] = this.#engine.raw.stats();
    return { values, deletes, replicas };
  }

  /**
   * Estimates what the document takes in memory, in bytes. It looks at everything, so it is not for every turn; texts that
   * are put together for reading are not counted.
   */
  memory(): Memory {
    const [keys = 0, values = 0, log = 0, deletes = 0, version = 0] = this.#engine.raw.read(READ.memory, "") as number[];
    return { keys, values, log, deletes, version, total: keys + values + log + deletes + version };
  }

  /**
   * Returns what is at and below a path as JSON text that every language reads: keys in order, and what JSON has no form for
   * as an object with one key, such as `{"$bytes": "AP8="}`. `undefined` if there is nothing.
   */
  exportJSON(path: readonly string[] = []): string | undefined {
    const value = this.#engine.raw.read(READ.view, encodePath(path)) as Value | undefined;
    return value === undefined ? undefined : writeJSON(value);
  }

  /** Returns what is at and below a path as deterministic CBOR; `undefined` if there is nothing. */
  exportCBOR(path: readonly string[] = []): Uint8Array | undefined {
    return this.#engine.raw.read(READ.cbor, encodePath(path)) as Uint8Array | undefined;
  }

  /**
   * Writes JSON text at and below a path, all or nothing: objects become maps that merge with what is there, all else
   * registers. Throws a {@link SynclineError} with the code `"invalid-json"`, or that of the write that was refused, with its
   * path.
   *
   * ```ts
   * doc.importJSON([], `{"users": {"ada": {"age": 36}}}`);
   * doc.exportJSON(["users"]); // {"ada":{"age":36}}
   * ```
   */
  importJSON(path: readonly string[], json: string): Write {
    return this.#importPlain(WRITE.plain, path, readJSON(json));
  }

  /** Writes CBOR at and below a path, as {@link importJSON} does; the code of unreadable bytes is `"invalid-cbor"`. */
  importCBOR(path: readonly string[], cbor: Uint8Array): Write {
    return this.#importPlain(WRITE.cbor, path, cbor);
  }

  /** Returns the whole document as a plain object: sets as arrays, counters as numbers, texts as strings. */
  toJSON(): Value {
    return (this.#engine.raw.read(READ.view, "") as Value | undefined) ?? {};
  }

  /**
   * Gives the memory back at once and closes its connection and its store; using the document afterwards throws.
   * A document that is simply dropped is freed by the garbage collector.
   */
  free(): void {
    this.#engine.free();
  }

  /** Frees the document at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.free();
  }

  #importPlain(what: number, path: readonly string[], data: Value): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(what, encodePath(path), data, engine.now()));
  }
}
