import { SynclineError } from "./errors.js";
import type { AckLevel } from "./value.js";

/** Options of {@link Write.acked}. */
export interface AckOptions {
  /** How safe the write must be; `"durable"` when not said. */
  level?: AckLevel;
  /** Gives up after so many milliseconds, with the code `"ack-timeout"`; waits without limit when not said. */
  timeout?: number;
}

/**
 * The handle of a write: what to wait for when it matters that the change is safe.
 *
 * The write itself has happened when the handle is returned. Writes of one transaction share a handle.
 */
export interface Write {
  /**
   * The number of this write among those of this replica, from 1; 0 when nothing had to be written (a missing key was
   * deleted), while its transaction is open, and after a rollback.
   */
  readonly seq: number;
  /**
   * Resolves when the relay has the write at the given level.
   *
   * Waits through offline times. Rejects with a {@link SynclineError}: `"ack-timeout"`, `"rolled-back"` when the
   * transaction did not commit, `"stopped"` when the relay refuses this client for good, `"freed"`.
   */
  acked(options?: AckOptions): Promise<void>;
}

const LEVELS: readonly AckLevel[] = ["accepted", "stored", "durable"];

interface Waiter {
  readonly seq: number;
  readonly renewals: number;
  readonly level: number;
  resolve(): void;
  reject(error: SynclineError): void;
}

/**
 * Knows how far the relay has acknowledged this replica's writes, and who waits for more.
 * @internal
 */
export class AckTracker {
  readonly #reached = [0, 0, 0];
  /** Of each id before the present one, up to where the relay knew its writes. */
  readonly #taken: number[] = [];
  #waiters = new Set<Waiter>();
  #closed: SynclineError | undefined;

  /** Notes that every own write up to `seq` is at `level` (and so at the weaker ones). */
  advance(level: AckLevel, seq: number): void {
    for (let i = LEVELS.indexOf(level); i >= 0; i--) this.#reached[i] = Math.max(this.#reached[i] ?? 0, seq);
    this.#resolve((waiter) => this.#isReached(waiter));
  }

  /** How often the replica has taken another id. */
  get renewals(): number {
    return this.#taken.length;
  }

  /** Notes that writes are counted anew, under another id; those before up to `taken` were at the relay. */
  renew(taken: number): void {
    this.#taken.push(taken);
    this.#reached.fill(0);
    this.#resolve((waiter) => this.#isReached(waiter));
  }

  /** Notes that everything here is durable at the relay, also what was renamed. */
  saved(): void {
    this.#resolve((waiter) => waiter.renewals < this.renewals);
    this.#taken.fill(Infinity);
  }

  #isReached({ seq, level, renewals }: Omit<Waiter, "resolve" | "reject">): boolean {
    return (renewals < this.renewals ? this.#taken[renewals] : this.#reached[level]) as number >= seq;
  }

  #resolve(isDone: (waiter: Waiter) => boolean): void {
    for (const waiter of this.#waiters) if (isDone(waiter)) waiter.resolve();
  }

  /** Resolves when `seq`, of the id after so many renewals, is at `level`. */
  wait(seq: number, renewals: number, options: AckOptions | undefined): Promise<void> {
    const level = LEVELS.indexOf(options?.level ?? "durable");
    if (level < 0) {
      throw new SynclineError("invalid-option", `level must be one of ${LEVELS.join(", ")}, not ${String(options?.level)}`);
    }
    if (this.#isReached({ seq, level, renewals })) return Promise.resolve();
    if (this.#closed) return Promise.reject(this.#closed);
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const settle = (): void => {
        this.#waiters.delete(waiter);
        clearTimeout(timer);
      };
      const waiter: Waiter = {
        seq,
        level,
        renewals,
        resolve: () => (settle(), resolve()),
        reject: (error) => (settle(), reject(error)),
      };
      this.#waiters.add(waiter);
      if (options?.timeout !== undefined) {
        const text = `the relay has not acknowledged write ${seq} as ${LEVELS[level]} within ${options.timeout} ms; it is kept and will be sent`;
        timer = setTimeout(() => waiter.reject(new SynclineError("ack-timeout", text)), options.timeout);
      }
    });
  }

  /** Forgets what another relay or room had acknowledged; those who wait go on waiting. */
  restart(): void {
    this.#reached.fill(0);
    this.reopen();
  }

  /** Lets those who come wait again. */
  reopen(): void {
    this.#closed = undefined;
  }

  /** Rejects those who wait, and those who come, until {@link reopen}. */
  close(error: SynclineError): void {
    this.#closed = error;
    for (const waiter of this.#waiters) waiter.reject(error);
  }
}

/**
 * A write that is committed.
 * @internal
 */
export class Committed implements Write {
  readonly seq: number;
  readonly #acks: AckTracker;
  readonly #renewals: number;

  constructor(acks: AckTracker, seq: number) {
    this.#acks = acks;
    this.#renewals = acks.renewals;
    this.seq = seq;
  }

  acked(options?: AckOptions): Promise<void> {
    return this.#acks.wait(this.seq, this.#renewals, options);
  }
}

/**
 * The handle that all writes of one transaction share.
 * @internal
 */
export class InTransaction implements Write {
  seq = 0;
  readonly #acks: AckTracker;
  #renewals = 0;
  readonly #done: Promise<boolean>;
  #settle!: (committed: boolean) => void;

  constructor(acks: AckTracker) {
    this.#acks = acks;
    this.#done = new Promise((resolve) => (this.#settle = resolve));
  }

  /** Ends the wait for the commit. */
  settle(committed: boolean, seq: number): void {
    this.seq = seq;
    this.#renewals = this.#acks.renewals;
    this.#settle(committed);
  }

  async acked(options?: AckOptions): Promise<void> {
    if (!(await this.#done)) {
      throw new SynclineError("rolled-back", "the transaction of this write was rolled back, so there is nothing to acknowledge");
    }
    return this.#acks.wait(this.seq, this.#renewals, options);
  }
}
