import type { Engine } from "../engine.js";
import { READ, WRITE } from "../raw.js";
import type { Write } from "../write.js";

/** A shared number to which every replica adds; no addition is lost and none is counted twice. */
export class SyncCounter {
  readonly #engine: Engine;
  readonly #path: string;

  /** @internal */
  constructor(engine: Engine, path: string) {
    this.#engine = engine;
    this.#path = path;
  }

  /** The sum of all additions; beyond the safe integers it is rounded. */
  get value(): number {
    return this.#engine.raw.read(READ.counter, this.#path) as number;
  }

  /** Adds `by`, an integer. */
  increment(by = 1): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(WRITE.count, this.#path, by + 0, engine.now()));
  }

  /** Subtracts `by`, an integer. */
  decrement(by = 1): Write {
    return this.increment(-by);
  }

  /** Adds `by` like {@link increment}, but throws a {@link SynclineError} with the code `"shrinks"` if it is negative. */
  grow(by = 1): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(WRITE.grow, this.#path, by + 0, engine.now()));
  }

  /** Sets the counter to zero as far as this replica has seen it: what others add at the same time stays. */
  reset(): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(WRITE.reset, this.#path, null, engine.now()));
  }

  /** Returns the value. */
  toJSON(): number {
    return this.value;
  }
}
