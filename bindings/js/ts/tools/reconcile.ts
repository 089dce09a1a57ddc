import { SynclineError } from "../errors.js";
import { decodePath } from "../path.js";
import { newSession, type RawOutcome, type RawSession } from "./decide.js";

/** What a session needs of a document; `Doc` has it. */
export interface Reconcilable {
  save(): Uint8Array;
  version(): Uint8Array;
  digest(): string;
  import(bytes: Uint8Array): unknown;
  mend(saved: Uint8Array): void;
}

/** One event that differed although both sides had seen it, and what became of it here. */
export interface Finding {
  /** Where. */
  readonly path: string[];
  /** Who wrote it: 32 hex digits. */
  readonly replica: string;
  /** The number of the event among those of that replica. */
  readonly seq: number;
  /** Only this side holds it, only the other one does, or both do with different values. */
  readonly kind: "missing-there" | "missing-here" | "differs";
  /**
   * This side's stays; the other side's was taken; it was dropped, or not taken, because a side that is proven to be intact
   * no longer holds it.
   */
  readonly action: "kept" | "taken" | "dropped" | "refused";
}

/** What a {@link ReconcileSession} came to. */
export interface ReconcileOutcome {
  /** Events that were new here. */
  readonly applied: number;
  /** Values dropped because the other side had seen them and no longer held them. */
  readonly dropped: number;
  /** What an audit found: it is made where both sides have seen the same and hold something else. */
  readonly findings: readonly Finding[];
  /** Where the next audit goes on, if this one had to stop: hand it to the answering session. */
  readonly resume?: number;
}

/**
 * One end of a reconciliation: brings two documents together, whatever they have forgotten of each other, for little more
 * than what differs. A document that was emptied or is out of date deletes nothing at the other.
 *
 * How messages travel is up to the program. One side calls {@link open} and sends what it returns; both hand every message to
 * {@link handle} and send what comes back, until both are done. A session that fails leaves the document as it was; begin a
 * new one. The session works on a copy of the document for as long as it lasts.
 *
 * ```ts
 * const session = new ReconcileSession(doc);
 * socket.send(session.open()); // on one of the two sides
 * socket.onmessage = ({ data }) => {
 *   const answer = session.handle(new Uint8Array(data));
 *   if (answer) socket.send(answer);
 *   if (session.isDone) console.log(session.outcome.applied, session.outcome.dropped);
 * };
 * ```
 */
export class ReconcileSession {
  readonly #doc: Reconcilable;
  readonly #raw: RawSession;
  #seen = "";
  #outcome: ReconcileOutcome = { applied: 0, dropped: 0, findings: [] };
  #state: "new" | "open" | "done" | "failed" = "new";

  constructor(doc: Reconcilable, options: { readonly resume?: number } = {}) {
    this.#doc = doc;
    this.#raw = newSession(options.resume ?? 0);
  }

  /** Begins the session, instead of waiting for the other side to do so; returns the first message. */
  open(): Uint8Array {
    if (this.#state !== "new") throw new SynclineError("out-of-turn", "this session has begun already: make a new one");
    const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
    this.#state = "open";
    this.#catchUp();
    return this.#raw.open((high % 2 ** 20) * 2 ** 32 + low);
  }

  /**
   * Takes a message of the other side; returns what to send, `undefined` if there is nothing to say.
   *
   * Throws a {@link SynclineError}, with which the session is over: `"invalid-message"`, `"out-of-turn"`,
   * `"document-changed"` (it was written to at a moment when it must not be), `"refused-delta"`, `"contradiction"`,
   * `"damaged"`, `"too-many-replicas"`, `"in-transaction"`.
   */
  handle(message: Uint8Array): Uint8Array | undefined {
    if (this.#state === "done" || this.#state === "failed") {
      throw new SynclineError("out-of-turn", "this session is over: make a new one");
    }
    try {
      this.#state = "open";
      this.#catchUp();
      const before = this.#raw.state();
      const answer = this.#raw.handle(message);
      const [isDone, ...outcome] = this.#raw.outcome();
      this.#outcome = readOutcome(outcome);
      if (this.#raw.state() !== before) this.#bringBack();
      if (isDone) this.#end("done");
      return answer;
    } catch (error) {
      this.#end("failed");
      throw error;
    }
  }

  /** Whether this end has all it needs and nothing to wait for. */
  get isDone(): boolean {
    return this.#state === "done";
  }

  /** What was done to the document. */
  get outcome(): ReconcileOutcome {
    return this.#outcome;
  }

  /** Takes into the copy what happened to the document. */
  #catchUp(): void {
    const state = stateOf(this.#doc);
    if (state === this.#seen) return;
    this.#raw.load(this.#doc.save());
    this.#seen = state;
  }

  /** Takes into the document what happened to the copy. What an audit mended is no news to an import. */
  #bringBack(): void {
    const saved = this.#raw.save();
    this.#seen = this.#raw.state();
    this.#doc.import(saved);
    if (this.#outcome.findings.length > 0 && stateOf(this.#doc) !== this.#seen) this.#doc.mend(saved);
  }

  #end(state: "done" | "failed"): void {
    if (this.#state !== "done" && this.#state !== "failed") this.#raw.free();
    this.#state = state;
  }
}

function stateOf(doc: Reconcilable): string {
  let version = "";
  for (const byte of doc.version()) version += byte.toString(16).padStart(2, "0");
  return `${doc.digest()} ${version}`;
}

const FINDING_FIELDS = 5;

function readOutcome([applied, dropped, flat, resume]: RawOutcome): ReconcileOutcome {
  const findings: Finding[] = [];
  for (let at = 0; at < flat.length; at += FINDING_FIELDS) {
    findings.push({
      path: decodePath(flat[at] as string),
      replica: flat[at + 1] as string,
      seq: flat[at + 2] as number,
      kind: flat[at + 3] as Finding["kind"],
      action: flat[at + 4] as Finding["action"],
    });
  }
  return { applied, dropped, findings, ...(resume === undefined ? undefined : { resume }) };
}
