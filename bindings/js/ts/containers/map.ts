import type { Engine } from "../engine.js";
import { child } from "../path.js";
import { READ, WRITE } from "../raw.js";
import type { Value } from "../value.js";
import type { Write } from "../write.js";
import { SyncBoundedCounter } from "./bounded.js";
import { SyncCounter } from "./counter.js";
import { SyncFlag, type FlagOptions } from "./flag.js";
import { SyncList } from "./list.js";
import { SyncRegister } from "./register.js";
import { SyncSet, type SetKind } from "./set.js";
import { SyncText } from "./text.js";

/**
 * A shared map from strings to values and further containers, in the manner of `Map`.
 *
 * Two replicas that write different keys both keep their change; for one key the later write wins (the concurrent ones
 * stay readable by {@link SyncRegister.siblings}). A map needs no creation: it exists once something is in it, and maps
 * made under the same path by two replicas are one.
 */
export class SyncMap implements Iterable<[string, Value]> {
  readonly #engine: Engine;
  readonly #path: string;

  /** @internal */
  constructor(engine: Engine, path: string) {
    this.#engine = engine;
    this.#path = path;
  }

  /**
   * Returns what is at `key`: the value, or the content of the container there (a map as an object, a set as an array,
   * a counter as a number, a text as a string); `undefined` if there is nothing.
   */
  get(key: string): Value | undefined {
    return this.#engine.raw.get(child(this.#path, key));
  }

  /** Sets `key` to `value`; a container that was there is replaced. Objects are set as a whole: see {@link assign}. */
  set(key: string, value: Value): Write;
  /** Returns the {@link SyncSet} at `key`. */
  set(key: string): SyncSet;
  set(key: string, ...value: [] | [Value]): Write | SyncSet {
    const path = child(this.#path, key);
    return value.length === 0 ? new SyncSet(this.#engine, path) : this.#engine.setValue(path, value[0]);
  }

  /** Deletes what is at `key` and below it. */
  delete(key: string): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(WRITE.remove, child(this.#path, key), undefined, engine.now()));
  }

  /** Deletes all entries. */
  clear(): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(WRITE.remove, this.#path, undefined, engine.now()));
  }

  /** Tells whether anything is at `key` or below it. */
  has(key: string): boolean {
    return this.#engine.raw.read(READ.has, child(this.#path, key)) as boolean;
  }

  /** The number of entries. */
  get size(): number {
    return this.#engine.raw.read(READ.size, this.#path) as number;
  }

  /** Returns the keys, sorted. */
  keys(): string[] {
    return this.#engine.raw.read(READ.keys, this.#path) as string[];
  }

  /** Returns the values in the order of the keys, as {@link get} does. */
  values(): Value[] {
    return this.entries().map((entry) => entry[1]);
  }

  /** Returns the entries, sorted by key. */
  entries(): [string, Value][] {
    const flat = this.#engine.raw.read(READ.entries, this.#path) as (string | Value)[];
    const entries: [string, Value][] = [];
    for (let i = 0; i < flat.length; i += 2) entries.push([flat[i] as string, flat[i + 1] as Value]);
    return entries;
  }

  /** Goes through the entries as they are now; what is written meanwhile is not visited. */
  [Symbol.iterator](): IterableIterator<[string, Value]> {
    return this.entries()[Symbol.iterator]();
  }

  /** Returns the map at `key`. */
  map(key: string): SyncMap {
    return new SyncMap(this.#engine, child(this.#path, key));
  }

  /** Returns the counter at `key`. */
  counter(key: string): SyncCounter {
    return new SyncCounter(this.#engine, child(this.#path, key));
  }

  /** Returns the set of a kind at `key`; {@link set} returns the add-wins one. */
  setOf(kind: SetKind, key: string): SyncSet {
    return new SyncSet(this.#engine, child(this.#path, key), kind);
  }

  /** Returns the list at `key`. */
  list(key: string): SyncList {
    return new SyncList(this.#engine, child(this.#path, key));
  }

  /** Returns the flag at `key`. */
  flag(key: string, options: FlagOptions = {}): SyncFlag {
    return new SyncFlag(this.#engine, child(this.#path, key), options);
  }

  /** Returns the bounded counter at `key`. */
  boundedCounter(key: string): SyncBoundedCounter {
    return new SyncBoundedCounter(this.#engine, child(this.#path, key));
  }

  /** Returns the register at `key`. */
  register(key: string): SyncRegister {
    return new SyncRegister(this.#engine, child(this.#path, key));
  }

  /** Returns the text at `key`. */
  text(key: string): SyncText {
    return new SyncText(this.#engine, child(this.#path, key));
  }

  /**
   * Sets each property of `values`, objects within becoming nested maps; other keys are left alone.
   *
   * ```ts
   * doc.map("users", "ada").assign({ name: "Ada", address: { city: "London" } });
   * doc.map("users", "ada", "address").get("city"); // "London"
   * ```
   */
  assign(values: { [key: string]: Value }): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(WRITE.assign, this.#path, values, engine.now()));
  }

  /** Makes the map exist although nothing is in it. */
  create(): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(WRITE.createMap, this.#path, undefined, engine.now()));
  }

  /** Returns the map and all below it as a plain object. */
  toJSON(): { [key: string]: Value } {
    return (this.#engine.raw.read(READ.view, this.#path) ?? {}) as { [key: string]: Value };
  }
}
