import type { Engine } from "../engine.js";
import { amount } from "../number.js";
import { READ, WRITE } from "../raw.js";
import type { Write } from "../write.js";

/**
 * A shared number that never falls below its bound, offline too: whoever adds gains the right to subtract as much, and
 * rights can be given to other replicas. For stock, seats and budgets.
 *
 * ```ts
 * const seats = doc.boundedCounter("seats");
 * seats.add(100);
 * seats.transfer(otherReplica, 40);
 * seats.subtract(61); // throws a SynclineError with the code "rights"
 * ```
 */
export class SyncBoundedCounter {
  readonly #engine: Engine;
  readonly #path: string;

  /** @internal */
  constructor(engine: Engine, path: string) {
    this.#engine = engine;
    this.#path = path;
  }

  /** The value; the bound if nothing was added. Beyond the safe integers it is a rounded number. */
  get value(): number {
    return Number(this.#engine.raw.read(READ.bounded, this.#path));
  }

  /** Returns how much a replica may subtract: this one when none is named. */
  rights(replica: string = this.#engine.id): number {
    return this.#engine.raw.read(READ.rights, this.#path, replica) as number;
  }

  /** Sets the bound, an integer; needed only if it is not 0. */
  create(bound = 0): Write {
    return this.#write(WRITE.bounded, bound + 0, 0);
  }

  /** Adds `by`, and gives this replica the right to subtract as much. */
  add(by = 1): Write {
    return this.#write(WRITE.boundedAdd, null, amount(by));
  }

  /** Subtracts `by`; throws a {@link SynclineError} with the code `"rights"` if this replica may not. */
  subtract(by = 1): Write {
    return this.#write(WRITE.boundedSubtract, null, amount(by));
  }

  /** Gives rights to subtract `by` to another replica; throws as {@link subtract} does. */
  transfer(to: string, by: number): Write {
    return this.#write(WRITE.boundedTransfer, to, amount(by));
  }

  /**
   * Takes over all rights of a replica that has ended for good. Only one replica may do so, and only if the other one
   * never writes again: otherwise the value can fall below the bound.
   */
  adopt(from: string): Write {
    return this.#write(WRITE.boundedAdopt, from, 0);
  }

  /** Returns the value. */
  toJSON(): number {
    return this.value;
  }

  #write(what: number, value: string | number | null, index: number): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(what, this.#path, value, engine.now(), index));
  }
}
