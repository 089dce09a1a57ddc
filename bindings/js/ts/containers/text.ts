import { SynclineError } from "../errors.js";
import type { Engine } from "../engine.js";
import { position } from "../number.js";
import { READ } from "../raw.js";
import type { Write } from "../write.js";

/**
 * A shared text in which concurrent edits merge. Positions and lengths count UTF-16 code units, as in `String`.
 */
export class SyncText {
  readonly #engine: Engine;
  readonly #path: string;

  /** @internal */
  constructor(engine: Engine, path: string) {
    this.#engine = engine;
    this.#path = path;
  }

  /** Returns the text. */
  toString(): string {
    return this.#engine.raw.read(READ.text, this.#path) as string;
  }

  /** The number of UTF-16 code units. */
  get length(): number {
    return this.#engine.raw.read(READ.textLength, this.#path) as number;
  }

  /** Inserts `text` before position `index`. */
  insert(index: number, text: string): Write {
    return this.replace(index, 0, text);
  }

  /** Deletes `count` code units from position `index`. */
  delete(index: number, count: number): Write {
    return this.replace(index, count, "");
  }

  /** Replaces `count` code units from position `index` by `text`. */
  replace(index: number, count: number, text: string): Write {
    const engine = this.#engine;
    if (!engine.raw.text_splice) {
      throw new SynclineError("unsupported", "this WASM was built without texts: load the syncline.wasm of the npm package");
    }
    return engine.write(engine.raw.text_splice(this.#path, position(index), position(count), text, engine.now()));
  }

  /**
   * Turns the text into `next` by replacing only what lies between their common beginning and their common end.
   *
   * Made for input fields that tell the whole text: the edits of others outside the changed range stay in place.
   */
  update(next: string): Write {
    const edit = difference(this.toString(), next);
    return this.replace(edit.index, edit.count, edit.text);
  }

  /** Returns the text. */
  toJSON(): string {
    return this.toString();
  }
}

/** Finds the one replacement that turns `before` into `after`, without cutting a surrogate pair in two. */
function difference(before: string, after: string): { index: number; count: number; text: string } {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before.charCodeAt(start) === after.charCodeAt(start)) start++;
  if (start > 0 && isHighSurrogate(before.charCodeAt(start - 1))) start--;
  let end = 0;
  while (end < most - start && before.charCodeAt(before.length - 1 - end) === after.charCodeAt(after.length - 1 - end)) end++;
  if (end > 0 && isLowSurrogate(before.charCodeAt(before.length - end))) end--;
  return { index: start, count: before.length - end - start, text: after.slice(start, after.length - end) };
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
