import type { Engine } from "../engine.js";
import { READ, WRITE } from "../raw.js";
import type { Value } from "../value.js";
import type { Write } from "../write.js";

/**
 * A shared set of values, in the manner of `Set`, in which adding wins: an element is in it if some replica added it
 * and no replica that had seen that addition removed it.
 *
 * Elements are compared by value, also bytes, lists and objects: `set.has({ a: 1 })` is true after `set.add({ a: 1 })`.
 */
export class SyncSet implements Iterable<Value> {
  readonly #engine: Engine;
  readonly #path: string;

  /** @internal */
  constructor(engine: Engine, path: string) {
    this.#engine = engine;
    this.#path = path;
  }

  /** Adds `value`; adding again renews it against removals that go on elsewhere. */
  add(value: Value): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(WRITE.setAdd, this.#path, value, engine.now()));
  }

  /** Removes `value`. */
  delete(value: Value): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(WRITE.setRemove, this.#path, value, engine.now()));
  }

  /** Removes all elements. */
  clear(): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(WRITE.remove, this.#path, undefined, engine.now()));
  }

  /** Tells whether `value` is in the set. */
  has(value: Value): boolean {
    return this.#engine.raw.read(READ.setHas, this.#path, value) as boolean;
  }

  /** The number of elements. */
  get size(): number {
    return this.#engine.raw.read(READ.setSize, this.#path) as number;
  }

  /** Returns the elements, in an order that is the same on every replica. */
  values(): Value[] {
    return this.#engine.raw.read(READ.setValues, this.#path) as Value[];
  }

  /** Goes through the elements as they are now. */
  [Symbol.iterator](): IterableIterator<Value> {
    return this.values()[Symbol.iterator]();
  }

  /** Returns the elements, as {@link values}. */
  toJSON(): Value[] {
    return this.values();
  }
}
