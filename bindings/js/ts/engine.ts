import { CHANGE_FIELDS, changeEvent, filter } from "./changes.js";
import { conflict, type Conflict, type ConflictListener, type RawConflict } from "./conflict.js";
import { SynclineError } from "./errors.js";
import type { ChangeEvent, ChangeListener, SubscribeOptions, Unsubscribe } from "./events.js";
import { isWithin } from "./path.js";
import { INPUT, OUTPUT, READ, WRITE, createRaw, refusing, watch, type RawHolder, type RawReplica } from "./raw.js";
import { report } from "./report.js";
import { Resolvers } from "./resolvers.js";
import type { UndoManager } from "./undo.js";
import type { Value } from "./value.js";
import { AckTracker, Committed, InTransaction, type Write } from "./write.js";

/** Rounds of events that listeners may cause by writing, before it is taken for an endless loop. */
const MAX_EVENT_ROUNDS = 1000;
/** How long to wait for a slow network before looking again, in milliseconds. */
const CONGESTED_MS = 20;
/** Events that the core keeps for listeners; of more it drops the oldest. */
const MAX_CHANGES = 1_000_000;
/** The longest time `setTimeout` takes, in milliseconds. */
const MAX_TIMEOUT = 0x7fff_ffff;

/**
 * Receives what the replica wants done, except changes and timers, which the engine does itself.
 * @internal
 */
export type OutputSink = (kind: number, payload: unknown) => void;

interface Subscription {
  readonly path: string;
  readonly listener: ChangeListener;
  readonly wants: ((flat: unknown[], at: number) => boolean) | undefined;
  readonly onLagged: ((missed: number) => void) | undefined;
}

interface ConflictSubscription {
  readonly path: string;
  readonly listener: ConflictListener;
}

/**
 * One WASM replica with all that JavaScript keeps beside it: who listens, who waits, who sends and who stores.
 * @internal
 */
export class Engine implements RawHolder {
  raw: RawReplica;
  readonly acks = new AckTracker();
  readonly resolvers = new Resolvers();
  readonly now: () => number;
  /** Does what concerns the network; set while connected. */
  link: OutputSink | undefined;
  /** Tells whether the network is slower than the writers. */
  isCongested: () => boolean = () => false;
  /** Stores journal entries; set while persisted. */
  journal: OutputSink | undefined;
  /** Writes the store anew; set while persisted. */
  restore: (() => void) | undefined;
  /** Are called when something may have changed, soon and once for many changes. */
  readonly wakers = new Set<() => void>();
  /** The one that undoes now. */
  undoManager: UndoManager | undefined;
  #id: string;
  #waking = false;
  /** Events that were dropped so far. */
  #lost = 0;
  #depth = 0;
  #transaction: InTransaction | undefined;
  #subscriptions: Subscription[] = [];
  #conflictSubscriptions: ConflictSubscription[] = [];
  #delivering = false;
  /** Changes that came while others were being told. */
  readonly #backlog: unknown[][] = [];
  #pumping = false;
  #scheduled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #freed = false;
  readonly #onFree = new Set<() => void>();

  constructor(replica: string | undefined, now: () => number) {
    this.now = now;
    this.raw = createRaw(replica, now());
    this.#id = this.raw.id();
    watch(this);
  }

  /** The id of the replica, which takes another one when the relay has retired it. */
  get id(): string {
    if (!this.#freed && !this.resolvers.running) this.#id = this.raw.id();
    return this.#id;
  }

  /** Whether the replica is gone, freed or broken. */
  get freed(): boolean {
    return this.#freed;
  }

  /** Sets the value at `path` by the cheapest call there is for it. */
  setValue(path: string, value: Value | undefined): Write {
    const { raw } = this;
    const now = this.now();
    switch (typeof value) {
      case "number":
        return this.write(raw.set_f64(path, value, now));
      case "string":
        return this.write(raw.set_str(path, value, now));
      default:
        return this.write(raw.write(WRITE.set, path, value, now));
    }
  }

  /** Returns the handle of a write that has just been made and, unless a transaction is open, tells everybody. */
  write(seq: number): Write {
    if (this.#transaction) return this.#transaction;
    if (seq > 0) this.announce();
    return new Committed(this.acks, seq);
  }

  /** Runs `body` in a transaction: all of its writes happen, or none. */
  transact<T>(body: () => T, origin: string | undefined): T {
    this.raw.begin(this.now(), origin);
    this.#depth++;
    this.#transaction ??= new InTransaction(this.acks);
    let result: T;
    try {
      result = body();
      if (isThenable(result)) {
        throw new SynclineError("async-transaction", "a transaction must not be async: do the awaiting before or after transact()");
      }
    } catch (error) {
      this.#leave(false);
      throw error;
    }
    this.#leave(true);
    return result;
  }

  #leave(success: boolean): void {
    const transaction = this.#transaction;
    const outermost = --this.#depth === 0;
    if (outermost) this.#transaction = undefined;
    let seq = 0;
    let committed = false;
    try {
      if (success) {
        seq = this.raw.commit();
        committed = true;
      } else {
        this.raw.rollback();
      }
    } finally {
      if (outermost) transaction?.settle(committed, seq);
    }
    if (outermost && seq > 0) this.announce();
  }

  /** Delivers the events of what has just changed, and sees to it that it is sent and stored. */
  announce(): void {
    this.#wake();
    if (this.#isObserved) this.#deliver();
    this.schedule();
  }

  #wake(): void {
    if (this.#waking || this.wakers.size === 0) return;
    this.#waking = true;
    queueMicrotask(() => {
      this.#waking = false;
      for (const wake of this.wakers) wake();
    });
  }

  subscribe(path: string, listener: ChangeListener, options: SubscribeOptions): Unsubscribe {
    const subscription = { path, listener, wants: filter(path, options), onLagged: options.onLagged };
    this.raw.observe(true);
    this.#subscriptions = [...this.#subscriptions, subscription];
    return () => {
      this.#subscriptions = this.#subscriptions.filter((other) => other !== subscription);
      if (!this.#freed) this.raw.observe(this.#isObserved);
    };
  }

  onConflict(path: string, listener: ConflictListener): Unsubscribe {
    const subscription = { path, listener };
    // What came before is nobody's; builds without conflicts refuse this.
    if (this.#conflictSubscriptions.length === 0) this.raw.read(READ.conflicts, "");
    this.raw.observe(true);
    this.#conflictSubscriptions = [...this.#conflictSubscriptions, subscription];
    return () => {
      this.#conflictSubscriptions = this.#conflictSubscriptions.filter((other) => other !== subscription);
      if (!this.#freed) this.raw.observe(this.#isObserved);
    };
  }

  get #isObserved(): boolean {
    return this.#subscriptions.length > 0 || this.#conflictSubscriptions.length > 0;
  }

  /** Delivers what happened, also what the listeners themselves cause by writing. */
  #deliver(changes?: unknown[]): void {
    if (changes) this.#backlog.push(changes);
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      for (let round = 0; !this.#freed; round++) {
        const next = this.#backlog.shift() ?? this.raw.take_changes();
        const conflicts = this.#takeConflicts();
        if (next.length === 0 && conflicts.length === 0) return;
        if (round === MAX_EVENT_ROUNDS) {
          report(new SynclineError("event-loop", "the change listeners keep writing in answer to their own changes; their last changes were not announced"));
          return;
        }
        if (next.length >= MAX_CHANGES * CHANGE_FIELDS) this.#tellLagged();
        for (let i = 0; i < next.length; i += CHANGE_FIELDS) this.#tell(next, i);
        for (const raw of conflicts) this.#tellConflict(raw);
      }
    } finally {
      this.#backlog.length = 0;
      this.#delivering = false;
    }
  }

  #tell(changes: unknown[], at: number): void {
    const path = changes[at] as string;
    let event: ChangeEvent | undefined;
    for (const subscription of this.#subscriptions) {
      if (!isWithin(path, subscription.path) || !this.#subscriptions.includes(subscription)) continue;
      if (subscription.wants && !subscription.wants(changes, at)) continue;
      event ??= changeEvent(changes, at);
      try {
        subscription.listener(event);
      } catch (error) {
        report(error);
      }
    }
  }

  #takeConflicts(): RawConflict[] {
    return this.#conflictSubscriptions.length === 0 ? [] : (this.raw.read(READ.conflicts, "") as RawConflict[]);
  }

  #tellConflict(raw: RawConflict): void {
    let event: Conflict | undefined;
    for (const subscription of this.#conflictSubscriptions) {
      if (!isWithin(raw[0], subscription.path) || !this.#conflictSubscriptions.includes(subscription)) continue;
      event ??= conflict(raw);
      try {
        subscription.listener(event);
      } catch (error) {
        report(error);
      }
    }
  }

  /** Tells those who asked how many events were dropped. */
  #tellLagged(): void {
    const lost = this.raw.read(READ.lost, "") as number;
    const missed = lost - this.#lost;
    this.#lost = lost;
    if (missed === 0) return;
    for (const { onLagged } of this.#subscriptions) {
      try {
        onLagged?.(missed);
      } catch (error) {
        report(error);
      }
    }
  }

  /** Pumps soon, once for all that is written until then. */
  schedule(): void {
    if (this.#scheduled || (!this.link && !this.journal)) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.pump();
    });
  }

  /** Does everything that the replica wants done, and sets the timer for the next time. */
  pump(): void {
    if (this.#pumping || this.#freed) return;
    if (this.isCongested() && !this.journal) {
      // What is not polled is sent in fewer, larger frames later. A store must not wait for the network, though.
      this.#wakeAt(this.now() + CONGESTED_MS);
      return;
    }
    this.#pumping = true;
    try {
      while (!this.#freed) {
        const kind = this.raw.poll(this.now());
        const payload = this.raw.payload();
        if (kind === OUTPUT.idle) {
          this.#wake();
          this.#wakeAt(payload as number | undefined);
          // A conflict may leave the value as it is, and then comes without a change.
          if (this.#conflictSubscriptions.length > 0) this.#deliver();
          return;
        }
        if (kind === OUTPUT.renewed) this.acks.renew((payload as [string, number, string])[1]);
        if (kind === OUTPUT.changes) this.#deliver(payload as unknown[]);
        else if (kind === OUTPUT.journal) this.journal?.(kind, payload);
        else this.link?.(kind, payload);
      }
    } finally {
      this.#pumping = false;
    }
  }

  #wakeAt(time: number | undefined): void {
    clearTimeout(this.#timer);
    if (time === undefined) return;
    const delay = Math.min(Math.max(time - this.now(), 0), MAX_TIMEOUT);
    this.#timer = setTimeout(() => {
      if (this.#freed) return;
      this.raw.input(INPUT.tick, undefined, this.now());
      this.pump();
    }, delay);
  }

  /** Calls `stop` before the replica is freed, or after it has failed; the result takes it back. */
  onFree(stop: () => void): () => void {
    this.#onFree.add(stop);
    return () => this.#onFree.delete(stop);
  }

  free(): void {
    if (this.#freed) return;
    this.resolvers.assertIdle();
    for (const stop of this.#onFree) stop();
    const { raw } = this;
    this.#end(new SynclineError("freed", "this Doc was freed; create a new one"));
    raw.free();
  }

  /** Gives up after a failure inside WASM: nothing can be saved or freed any more. */
  fail(error: SynclineError): void {
    if (this.#freed) return;
    this.#end(error);
    for (const stop of this.#onFree) stop();
  }

  #end(error: SynclineError): void {
    this.#freed = true;
    clearTimeout(this.#timer);
    this.#subscriptions = [];
    this.#conflictSubscriptions = [];
    this.raw = refusing(error);
    this.acks.close(error);
  }
}

function isThenable(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
