import { catchUp, changeEvent, kindNumbers, sourceNumber } from "./changes.js";
import type { Engine } from "./engine.js";
import { SynclineError } from "./errors.js";
import type { CatchUp, StreamEvent, StreamOptions } from "./events.js";
import { position } from "./number.js";
import { READ } from "./raw.js";

/** Events that a stream keeps when nothing else is said. */
const CAPACITY = 1024;

/**
 * A stream of changes at and below a path, with a bounded buffer; made by {@link Doc.stream}.
 *
 * Take events when it suits, or go through them with `for await`. Who is too slow is told so by an event of the type
 * `"lagged"`, which stands where the gap is; {@link resync} then brings everything up to date. The {@link token} can be kept
 * for {@link Doc.changesSince} in a later session.
 *
 * ```ts
 * using stream = doc.stream(["orders"], { from: "remote" });
 * for await (const event of stream) {
 *   if (event.type === "lagged") for (const change of stream.resync().changes) await index(change.path, change.new);
 *   else await index(event.change.path, event.change.new);
 *   await save(stream.token);
 * }
 * ```
 */
export class ChangeStream implements AsyncIterable<StreamEvent> {
  readonly #engine: Engine;
  readonly #id: number;
  readonly #waiting = new Set<() => void>();
  readonly #unlink: () => void;
  #closed = false;

  /** @internal */
  constructor(engine: Engine, path: string, options: StreamOptions) {
    const { exact = false, kinds = [], from, by, capacity = CAPACITY } = options;
    if (capacity < 1) throw new SynclineError("invalid-option", `the capacity of a stream is at least 1, not ${String(capacity)}`);
    const list = [exact, kindNumbers(kinds), sourceNumber(from), by, position(capacity)];
    this.#engine = engine;
    this.#id = engine.raw.read(READ.openStream, path, list) as number;
    engine.wakers.add(this.#wake);
    this.#unlink = engine.onFree(() => this.close());
  }

  /** Takes the next event; `undefined` if none waits. */
  next(): StreamEvent | undefined {
    this.#assertOpen();
    const raw = this.#engine.raw.read(READ.nextEvent, "", this.#id) as number | unknown[] | undefined;
    if (typeof raw === "number") return { type: "lagged", missed: raw };
    return raw && { type: "change", change: changeEvent(raw, 0) };
  }

  /** Takes up to `most` of the events that wait. */
  take(most = Infinity): StreamEvent[] {
    const events: StreamEvent[] = [];
    while (events.length < most) {
      const event = this.next();
      if (!event) break;
      events.push(event);
    }
    return events;
  }

  /**
   * A version of the document that covers what was taken, and nothing that waits or is missing. With many events in one
   * transaction or import it moves on when the last of them was taken.
   */
  get token(): Uint8Array {
    this.#assertOpen();
    return this.#engine.raw.read(READ.streamVersion, "", this.#id) as Uint8Array;
  }

  /**
   * Brings the stream up to date after a gap: returns the net changes since its {@link token} in its part of the document
   * and empties the buffer. The filters `from` and `by` do not apply to net changes.
   */
  resync(): CatchUp {
    this.#assertOpen();
    return catchUp(this.#engine.raw.read(READ.resync, "", this.#id));
  }

  /** Ends the stream; those who wait for events find its end. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unlink();
    this.#engine.wakers.delete(this.#wake);
    if (!this.#engine.freed) this.#engine.raw.read(READ.closeStream, "", this.#id);
    this.#wake();
  }

  /** Goes through the events as they come, until the stream is closed. Leaving the loop does not close it. */
  async *[Symbol.asyncIterator](): AsyncGenerator<StreamEvent, void, undefined> {
    while (!this.#closed) {
      const event = this.next();
      if (event) yield event;
      else await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Closes the stream at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  readonly #wake = (): void => {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  };

  #assertOpen(): void {
    if (this.#closed) throw new SynclineError("closed", "this stream was closed: doc.stream() makes a new one");
  }
}
