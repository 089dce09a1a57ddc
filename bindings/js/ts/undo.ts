import type { Engine } from "./engine.js";
import { SynclineError } from "./errors.js";
import { position } from "./number.js";
import { READ } from "./raw.js";
import type { Write } from "./write.js";

/** Options of {@link Doc.undoManager}. */
export interface UndoOptions {
  /** How many steps are kept; 100 when not said. The oldest go first. */
  depth?: number;
  /** How many bytes all steps may hold; 4 MiB when not said. */
  bytes?: number;
  /**
   * A transaction joins the step of the one before if it begins at most so many milliseconds later; 500 when not said, 0 for
   * never.
   */
  mergeMs?: number;
  /** Only transactions with these origins are undone; all local ones when not said. */
  origins?: readonly string[];
}

/**
 * Takes back what was done here and does it again, leaving alone what others did; made by {@link Doc.undoManager}.
 *
 * What has been overwritten by somebody else since is not brought back. What is final by its kind is not undone: grow-only
 * and two-phase sets and bounded counters. Steps live in memory, for as long as the document does.
 *
 * ```ts
 * const history = doc.undoManager();
 * doc.map("card").set("title", "Plan");
 * history.undo(); // the card has no title
 * history.redo(); // it has one again
 * ```
 */
export class UndoManager {
  readonly #engine: Engine;

  /** @internal */
  constructor(engine: Engine, options: UndoOptions) {
    const { depth = 100, bytes = 4 * 1024 * 1024, mergeMs = 500, origins } = options;
    engine.raw.read(READ.keepUndo, "", [position(depth), position(bytes), position(mergeMs), origins && [...origins]]);
    this.#engine = engine;
    engine.undoManager = this;
  }

  /**
   * Takes back the last step, in a transaction of the origin `"undo"`. Returns the handle of that write, or `undefined` if
   * there is no step. Throws a {@link SynclineError} with the code `"in-transaction"` inside a transaction.
   */
  undo(): Write | undefined {
    return this.#go(READ.undo);
  }

  /** Does again what the last {@link undo} took back, in a transaction of the origin `"redo"`; otherwise like it. */
  redo(): Write | undefined {
    return this.#go(READ.redo);
  }

  /** How many steps can be undone. */
  get undoDepth(): number {
    return this.#depths()[0];
  }

  /** How many steps can be done again. */
  get redoDepth(): number {
    return this.#depths()[1];
  }

  /** Whether there is something to undo. */
  get canUndo(): boolean {
    return this.undoDepth > 0;
  }

  /** Whether there is something to do again. */
  get canRedo(): boolean {
    return this.redoDepth > 0;
  }

  /** Ends the present step: the next transaction begins another one however soon it comes. */
  closeStep(): void {
    this.#raw(READ.closeUndoGroup);
  }

  /** Forgets all steps and keeps no more. A manager that a newer one has replaced is closed already. */
  close(): void {
    if (this.#engine.undoManager !== this) return;
    this.#engine.undoManager = undefined;
    if (!this.#engine.freed) this.#engine.raw.read(READ.keepUndo, "");
  }

  /** Closes the manager at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  #go(what: number): Write | undefined {
    const seq = this.#raw(what, this.#engine.now()) as number | undefined;
    return seq === undefined ? undefined : this.#engine.write(seq);
  }

  #depths(): [number, number] {
    return this.#raw(READ.undoDepth) as [number, number];
  }

  #raw(what: number, value?: number): unknown {
    if (this.#engine.undoManager !== this) {
      throw new SynclineError("closed", "this undo manager was closed or replaced: doc.undoManager() makes a new one");
    }
    return this.#engine.raw.read(what, "", value);
  }
}
