import { attributes } from "../changes.js";
import { SynclineError } from "../errors.js";
import type { Engine } from "../engine.js";
import type { Attributes } from "../events.js";
import { position } from "../number.js";
import { READ, WRITE, hasTexts } from "../raw.js";
import type { Write } from "../write.js";

/** A part of a text whose characters have the same marks. */
export interface TextRun {
  /** The characters. */
  readonly text: string;
  /** What they are marked with. */
  readonly attributes: Attributes;
}

/** What a cursor clings to: the character before it, or the one after it. */
export type CursorSide = "before" | "after";

const SIDES: readonly CursorSide[] = ["after", "before"];

/**
 * A shared text in which concurrent edits merge. Positions and lengths count UTF-16 code units, as in `String`.
 *
 * Parts can be marked with attributes, and a cursor keeps its place while others type:
 *
 * ```ts
 * const notes = doc.text("notes");
 * notes.insert(0, "Hello world");
 * notes.format(6, 5, { bold: true });
 * notes.runs(); // [{ text: "Hello ", attributes: {} }, { text: "world", attributes: { bold: true } }]
 * const cursor = notes.cursor(6);
 * notes.insert(0, "> ");
 * notes.cursorIndex(cursor); // 8
 * ```
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

  /**
   * Inserts `text` before position `index`: with just these marks, or with those of the character before it when none are
   * said.
   */
  insert(index: number, text: string, attributes?: Attributes): Write {
    if (attributes === undefined) return this.replace(index, 0, text);
    return this.#mark(WRITE.textInsert, index, text, attributes);
  }

  /** Deletes `count` code units from position `index`. */
  delete(index: number, count: number): Write {
    return this.replace(index, count, "");
  }

  /** Replaces `count` code units from position `index` by `text`. */
  replace(index: number, count: number, text: string): Write {
    const engine = this.#engine;
    if (!hasTexts()) {
      throw new SynclineError("unsupported", "this WASM was built without texts: load the syncline.wasm of the npm package");
    }
    return engine.write(engine.raw.text_splice(this.#path, position(index), position(count), text, engine.now()));
  }

  /**
   * Gives marks to `count` code units from position `index`; one that is `null` is taken away, others stay. Throws a
   * {@link SynclineError} with the code `"invalid-attribute"` for what is not a name and a scalar.
   */
  format(index: number, count: number, attributes: Attributes): Write {
    return this.#mark(WRITE.textFormat, index, position(count), attributes);
  }

  /** Returns the text in parts, each as long as its marks stay the same. */
  runs(): TextRun[] {
    const flat = this.#engine.raw.read(READ.runs, this.#path) as unknown[];
    const runs: TextRun[] = [];
    for (let i = 0; i < flat.length; i += 2) runs.push({ text: flat[i] as string, attributes: attributes(flat[i + 1]) });
    return runs;
  }

  /**
   * Returns a cursor at position `index`: bytes that keep their place however the text changes, for {@link cursorIndex} here
   * or on any other copy. They are those of a relative position of Yjs, and fit into a presence.
   */
  cursor(index: number, side: CursorSide = "after"): Uint8Array {
    const number = SIDES.indexOf(side);
    if (number < 0) throw new SynclineError("invalid-option", `a cursor clings to what is "before" or "after", not ${String(side)}`);
    return this.#engine.raw.read(READ.cursor, this.#path, [position(index), number]) as Uint8Array;
  }

  /**
   * Returns where a cursor is now; where its character was, if that is deleted. `undefined` if that character has not arrived
   * here, or if the text was deleted as a whole.
   */
  cursorIndex(cursor: Uint8Array): number | undefined {
    return this.#engine.raw.read(READ.cursorIndex, this.#path, cursor) as number | undefined;
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

  #mark(what: number, index: number, text: string | number, attributes: Attributes): Write {
    const engine = this.#engine;
    return engine.write(engine.raw.write(what, this.#path, [text, attributes], engine.now(), position(index)));
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
