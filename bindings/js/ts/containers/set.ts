import { SynclineError } from "../errors.js";
import type { Engine } from "../engine.js";
import { READ, WRITE, ofKind } from "../raw.js";
import type { Value } from "../value.js";
import type { Write } from "../write.js";

/**
 * What becomes of an element that some add and others remove at the same time.
 *
 * - `"add-wins"`: it stays, unless the removal had seen the addition. Nothing is left of what was removed.
 * - `"remove-wins"`: it goes.
 * - `"last-writer-wins"`: the later one counts.
 * - `"grow-only"`: nothing is ever removed; {@link SyncSet.delete} throws `"grow-only"`.
 * - `"two-phase"`: what was removed never comes back; {@link SyncSet.add} then throws `"removed"`.
 */
export type SetKind = "add-wins" | "remove-wins" | "last-writer-wins" | "grow-only" | "two-phase";

const KINDS: readonly SetKind[] = ["add-wins", "remove-wins", "last-writer-wins", "grow-only", "two-phase"];

/**
 * A shared set of values, in the manner of `Set`. Unless another {@link SetKind} was chosen, adding wins: an element is in
 * it if some replica added it and no replica that had seen that addition removed it.
 *
 * Elements are compared by value, also bytes, lists and objects: `set.has({ a: 1 })` is true after `set.add({ a: 1 })`.
 */
export class SyncSet implements Iterable<Value> {
  readonly #engine: Engine;
  readonly #path: string;
  readonly #kind: number;

  /** @internal */
  constructor(engine: Engine, path: string, kind: SetKind = "add-wins") {
    this.#engine = engine;
    this.#path = path;
    this.#kind = KINDS.indexOf(kind);
    if (this.#kind < 0) throw new SynclineError("invalid-option", `a set is one of ${KINDS.join(", ")}, not ${String(kind)}`);
  }

  /** Adds `value`; adding again renews it against removals that go on elsewhere. */
  add(value: Value): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(ofKind(WRITE.setAdd, this.#kind), this.#path, value, engine.now()));
  }

  /** Removes `value`. */
  delete(value: Value): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(ofKind(WRITE.setRemove, this.#kind), this.#path, value, engine.now()));
  }

  /** Removes all elements that this replica has seen, for good whatever the kind. */
  clear(): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(WRITE.remove, this.#path, undefined, engine.now()));
  }

  /** Tells whether `value` is in the set. */
  has(value: Value): boolean {
    return this.#engine.raw.read(ofKind(READ.setHas, this.#kind), this.#path, value) as boolean;
  }

  /** The number of elements. */
  get size(): number {
    return this.#engine.raw.read(ofKind(READ.setSize, this.#kind), this.#path) as number;
  }

  /** Returns the elements, in an order that is the same on every replica. */
  values(): Value[] {
    return this.#engine.raw.read(ofKind(READ.setValues, this.#kind), this.#path) as Value[];
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
