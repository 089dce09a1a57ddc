import { siblings, type Sibling } from "../conflict.js";
import type { Engine } from "../engine.js";
import { READ, WRITE } from "../raw.js";
import type { Value } from "../value.js";
import type { Write } from "../write.js";

/** A single shared value: the later write wins, and concurrent writes stay readable until the next one. */
export class SyncRegister {
  readonly #engine: Engine;
  readonly #path: string;

  /** @internal */
  constructor(engine: Engine, path: string) {
    this.#engine = engine;
    this.#path = path;
  }

  /** Returns the value; `undefined` if none is set. */
  get(): Value | undefined {
    return this.#engine.raw.get(this.#path);
  }

  /** Sets the value, over all that this replica has seen. */
  set(value: Value): Write {
    return this.#engine.setValue(this.#path, value);
  }

  /** Deletes the value. */
  delete(): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(WRITE.remove, this.#path, undefined, engine.now()));
  }

  /** Returns all values that were written concurrently and not yet replaced, newest first; usually one. */
  siblings(): Value[] {
    return this.#engine.raw.read(READ.siblings, this.#path) as Value[];
  }

  /** Returns the same as {@link siblings} with who wrote them and when. */
  siblingsWithOrigin(): Sibling[] {
    return siblings(this.#engine.raw.read(READ.siblingsWithOrigin, this.#path) as unknown[]);
  }

  /**
   * Returns the value if it is a vector: in one copy out of the document, faster than {@link get}. `undefined` if there
   * is none or something else.
   */
  vector(): Float32Array | undefined {
    return this.#engine.raw.read(READ.vector, this.#path) as Float32Array | undefined;
  }

  /** Returns the value; `null` if none is set. */
  toJSON(): Value {
    return this.get() ?? null;
  }
}
