import type { Engine } from "../engine.js";
import { position } from "../number.js";
import { READ, WRITE } from "../raw.js";
import type { Value } from "../value.js";
import type { Write } from "../write.js";

/**
 * A shared list whose items keep their identity: an item that one replica moves and another sets is there once, at the new
 * place and with the new value.
 *
 * An item can hold containers, at the path of the list followed by the item's id, which outlasts moves:
 *
 * ```ts
 * const todo = doc.list("todo");
 * todo.push("milk");
 * doc.map("todo", todo.ids()[0]).set("done", true);
 * ```
 */
export class SyncList implements Iterable<Value> {
  readonly #engine: Engine;
  readonly #path: string;

  /** @internal */
  constructor(engine: Engine, path: string) {
    this.#engine = engine;
    this.#path = path;
  }

  /** The number of items. */
  get length(): number {
    return this.#engine.raw.read(READ.listLength, this.#path) as number;
  }

  /** Returns the value of the item at `index`; `undefined` if there is none. */
  get(index: number): Value | undefined {
    if (!Number.isInteger(index) || index < 0) return undefined;
    return this.#engine.raw.read(READ.listGet, this.#path, index) as Value | undefined;
  }

  /** Inserts an item before the one at `index`, or at the end. */
  insert(index: number, value: Value): Write {
    return this.#write(WRITE.listInsert, value, position(index));
  }

  /** Inserts an item at the end. */
  push(value: Value): Write {
    return this.#write(WRITE.listPush, value, 0);
  }

  /** Deletes the item at `index`, and what is nested in it. */
  delete(index: number): Write {
    return this.#write(WRITE.listDelete, null, position(index));
  }

  /** Moves the item at `from`, so that its index is `to` afterwards. */
  move(from: number, to: number): Write {
    return this.#write(WRITE.listMove, position(to), position(from));
  }

  /** Sets the value of the item at `index`; what was nested in it is deleted. */
  set(index: number, value: Value): Write {
    return this.#write(WRITE.listSet, value, position(index));
  }

  /** Deletes all items. */
  clear(): Write {
    return this.#write(WRITE.remove, undefined, 0);
  }

  /** Returns the values of all items. */
  values(): Value[] {
    return this.#engine.raw.read(READ.listValues, this.#path) as Value[];
  }

  /** Returns the ids of all items. */
  ids(): string[] {
    return this.#engine.raw.read(READ.listIds, this.#path) as string[];
  }

  /** Returns where the item with an id is now; -1 if it is not in the list. */
  indexOf(id: string): number {
    return (this.#engine.raw.read(READ.listIndex, this.#path, id) as number | undefined) ?? -1;
  }

  /** Goes through the values as they are now. */
  [Symbol.iterator](): IterableIterator<Value> {
    return this.values()[Symbol.iterator]();
  }

  /** Returns the values, and for items with something nested in them that instead. */
  toJSON(): Value[] {
    return (this.#engine.raw.get(this.#path) ?? []) as Value[];
  }

  #write(what: number, value: Value | undefined, index: number): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(what, this.#path, value, engine.now(), index));
  }
}
