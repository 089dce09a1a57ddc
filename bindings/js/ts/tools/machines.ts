import type { Value } from "../value.js";
import { newMachine, type RawMachine } from "./decide.js";

/** The last output of every call: nothing before the time `until`, when {@link Machine.tick} is due, or the next input. */
export interface Idle {
  readonly type: "idle";
  readonly until: number | null;
}

/** What a {@link Coordinator} wants done. Records must reach the disk in the order of the outputs. */
export type CoordinatorOutput =
  /** Put the record into the log with fsync, then call {@link Coordinator.forced}. */
  | { readonly type: "force"; readonly tx: string; readonly record: Uint8Array }
  /** Put the record into the log some time. */
  | { readonly type: "note"; readonly tx: string; readonly record: Uint8Array }
  /** Send the message to the room `to`; `says` is what it says, for logs. */
  | { readonly type: "send"; readonly to: string; readonly says: "prepare" | "commit" | "abort"; readonly message: Uint8Array }
  /** Tell the program: it is in all rooms. */
  | { readonly type: "finished"; readonly tx: string; readonly outcome: "committed" }
  /** Tell the program: it is in none, because a room refused. */
  | { readonly type: "finished"; readonly tx: string; readonly outcome: "refused"; readonly room: string; readonly reason: string }
  /** Tell the program: it is in none, because these rooms were silent. */
  | { readonly type: "finished"; readonly tx: string; readonly outcome: "timed-out"; readonly rooms: string[] }
  | Idle;

/** What a {@link Participant} wants done. Records must reach the disk in the order of the outputs. */
export type ParticipantOutput =
  /** Check whether the room could take this and reserve what it needs, then call {@link Participant.validated}. */
  | { readonly type: "validate"; readonly tx: string; readonly payload: Uint8Array }
  /** Put the record into the log with fsync, then call {@link Participant.forced}. */
  | { readonly type: "force"; readonly tx: string; readonly record: Uint8Array }
  /** Write payload and record in one transaction of the store with fsync, then call {@link Participant.applied}. */
  | { readonly type: "apply"; readonly tx: string; readonly payload: Uint8Array; readonly record: Uint8Array }
  /** Give back what was reserved, and put the record into the log some time. */
  | { readonly type: "release"; readonly tx: string; readonly record: Uint8Array }
  /** Send the message to the coordinator `to`; `says` is what it says, for logs. */
  | { readonly type: "send"; readonly to: string; readonly says: "yes" | "no" | "ack" | "inquire"; readonly message: Uint8Array }
  | Idle;

/** What a {@link RetirementDriver} wants done. */
export type RetirementOutput =
  /** Send the message to a member. */
  | {
      readonly type: "send";
      readonly to: number;
      readonly says: "fence" | "settle" | "retire" | "abort" | "query";
      readonly message: Uint8Array;
      /** With `"settle"`: ids that stay. */
      readonly keep?: string[];
      /** With `"settle"`: ids that go, each with the number of its last event. */
      readonly finals?: { readonly [replica: string]: number };
    }
  /** The horizon is in force. */
  | { readonly type: "done"; readonly horizon: number; readonly retired: number }
  /** The round came to nothing; a later one, with a later horizon, may succeed. */
  | { readonly type: "failed"; readonly horizon: number; readonly reason: "late" | "apart" }
  /** A member is bound to another round: recover that one first. */
  | { readonly type: "failed"; readonly horizon: number; readonly reason: "bound"; readonly bound: number }
  | Idle;

/** Options of both sides of a transaction. */
export interface CommitOptions {
  /** The records of its log, in order, to go on where it was; call {@link Machine.tick} once then. */
  readonly log?: Uint8Array[];
  /** How long the coordinator waits for votes, in milliseconds; 5,000 when not said. */
  readonly prepareMs?: number;
  /** How long either side waits before it says something again, in milliseconds; 500 when not said. */
  readonly retryMs?: number;
}

let last = 0n;

/**
 * Returns the id of a new transaction: 32 hex digits that begin with the time. Each try of a transaction has its own.
 *
 * A {@link Coordinator} takes only ids later than those before. Without `now` each is later than the one before; with it, in
 * milliseconds since 1970, let it grow.
 */
export function newTx(now?: number): string {
  let id = BigInt(now ?? Date.now()) & 0xffff_ffff_ffffn;
  for (const part of crypto.getRandomValues(new Uint16Array(5))) id = (id << 16n) | BigInt(part);
  if (now === undefined) {
    if (id <= last) id = last + 1n;
    last = id;
  }
  return id.toString(16).padStart(32, "0");
}

/** What the state machines have in common. Times are milliseconds since 1970. */
export class Machine<Input extends { readonly type: string }, Output> {
  readonly #raw: RawMachine;

  /** @internal */
  constructor(kind: string, args: { [name: string]: Value | undefined }) {
    this.#raw = newMachine(kind, args);
  }

  /**
   * Takes an input; returns what is to be done, in order. Throws a {@link SynclineError} if the input is not as expected or is
   * refused.
   */
  handle(input: Input | { readonly type: "tick" }, now: number): Output[] {
    return this.#raw.handle(input, now) as Output[];
  }

  /** Says that time has passed. */
  tick(now: number): Output[] {
    return this.handle({ type: "tick" }, now);
  }

  /** @internal */
  state(): { [name: string]: Value } {
    return this.#raw.state() as { [name: string]: Value };
  }
}

type CommitInput =
  | { readonly type: "message"; readonly message: Uint8Array }
  | { readonly type: "forced"; readonly tx: string };

/** What a {@link Coordinator} takes. */
export type CoordinatorInput =
  | CommitInput
  | { readonly type: "begin"; readonly tx: string; readonly parts: { readonly [room: string]: Uint8Array } };

/** What a {@link Participant} takes. */
export type ParticipantInput =
  | CommitInput
  | { readonly type: "validated"; readonly tx: string; readonly refusal?: string | null }
  | { readonly type: "applied"; readonly tx: string };

class Logged<Input extends { readonly type: string }, Output> extends Machine<Input | CommitInput, Output> {
  /** What a log must hold to recover from; a log may be replaced by it while nothing is being forced or applied. */
  get records(): Uint8Array[] {
    return this.state().records as Uint8Array[];
  }

  /** Takes a message of the other side. */
  message(message: Uint8Array, now: number): Output[] {
    return this.handle({ type: "message", message }, now);
  }

  /** Says that the record of the last `force` for this transaction is on disk. */
  forced(tx: string, now: number): Output[] {
    return this.handle({ type: "forced", tx }, now);
  }
}

/**
 * Decides transactions that write to several rooms or to none: two-phase commit with presumed abort.
 *
 * ```ts
 * const coordinator = new Coordinator("c");
 * perform(coordinator.begin(newTx(), { accounts: debit, stock: delivery }, Date.now()));
 * ```
 */
export class Coordinator extends Logged<CoordinatorInput, CoordinatorOutput> {
  constructor(name: string, options: CommitOptions = {}) {
    super("coordinator", { name, ...commitArgs(options) });
  }

  /**
   * Begins a transaction: what to write in each room. A retry needs a new id of {@link newTx}. Throws a
   * {@link SynclineError} if it cannot begin: `"reused"`, `"rooms"`, `"room"`, `"too-large"`, `"full"`.
   */
  begin(tx: string, parts: { readonly [room: string]: Uint8Array }, now: number): CoordinatorOutput[] {
    return this.handle({ type: "begin", tx, parts }, now);
  }

  /** How many transactions are under way. */
  get active(): number {
    return this.state().active as number;
  }
}

/** Stages the part of transactions that concerns one room, and applies what is committed exactly once. */
export class Participant extends Logged<ParticipantInput, ParticipantOutput> {
  constructor(room: string, options: CommitOptions = {}) {
    super("participant", { room, ...commitArgs(options) });
  }

  /** Answers `"validate"`: the room can take it, or why not. */
  validated(tx: string, now: number, refusal: string | null = null): ParticipantOutput[] {
    return this.handle({ type: "validated", tx, refusal }, now);
  }

  /** Says that what was to be applied is on disk. */
  applied(tx: string, now: number): ParticipantOutput[] {
    return this.handle({ type: "applied", tx }, now);
  }

  /** What is prepared and not decided, with what it would write: reserve for it after a recovery. */
  get inDoubt(): { readonly tx: string; readonly payload: Uint8Array }[] {
    return this.state().in_doubt as { tx: string; payload: Uint8Array }[];
  }
}

/** What a {@link RetirementDriver} takes: a message of a member, or the same in words. */
export type RetirementInput =
  | { readonly type: "message"; readonly from: number; readonly message: Uint8Array }
  | {
      readonly type: "fenced";
      readonly from: number;
      readonly horizon: number;
      readonly attached: string[];
      readonly version: { readonly [replica: string]: number };
    }
  | { readonly type: "settled" | "retired"; readonly from: number; readonly horizon: number }
  | { readonly type: "refused"; readonly from: number; readonly horizon: number; readonly bound: number };

/**
 * Drives one round in which the durable members of a room, the relays, retire the ids of replicas that are gone.
 *
 * Ids born before `horizon` (milliseconds since 1970) are retired, but for those attached at a member. It must be later than
 * that of every round before, also of those that came to nothing. Call {@link Machine.tick} once to begin.
 */
export class RetirementDriver extends Machine<RetirementInput, RetirementOutput> {
  /** With `recover` it brings a round to its end that another driver left behind. */
  constructor(members: readonly number[], horizon: number, now: number, options: { readonly recover?: boolean } = {}) {
    super("retirement", { members: [...members], horizon, now_ms: now, recover: options.recover });
  }

  /** Takes a message of a member. */
  message(from: number, message: Uint8Array, now: number): RetirementOutput[] {
    return this.handle({ type: "message", from, message }, now);
  }

  /** Whether the round is over. */
  get isOver(): boolean {
    return this.state().over as boolean;
  }
}

function commitArgs({ log, prepareMs, retryMs }: CommitOptions): { [name: string]: Value | undefined } {
  return { log, prepare_ms: prepareMs, retry_ms: retryMs };
}
