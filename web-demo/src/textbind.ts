import type { ChangeEvent, Doc, Splice, SyncText } from "syncline";
import { throttle } from "./dom";

/** Milliseconds between two drawings: laying out a long text takes longer than merging an edit into it. */
const SHOW_MS = 40;
/** Applied one by one up to this number; a longer burst sets the whole value once. */
const SINGLE_SPLICES = 16;

/**
 * Finds the one splice that turns `before` into `after`. The caret tells which of several equal letters was typed:
 * what follows it is unchanged.
 */
export function findSplice(before: string, after: string, caret: number): Splice | null {
  if (before === after) return null;
  let tail = 0;
  const maxTail = Math.min(before.length, after.length - caret);
  while (tail < maxTail && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
  let head = 0;
  const maxHead = Math.min(before.length, after.length) - tail;
  while (head < maxHead && before[head] === after[head]) head += 1;
  // A surrogate pair is one character: half of it cannot be inserted or deleted.
  if (isLowSurrogate(before, head) || isLowSurrogate(after, head)) head -= 1;
  if (isLowSurrogate(before, before.length - tail) || isLowSurrogate(after, after.length - tail)) tail -= 1;
  return { index: head, delete: before.length - tail - head, insert: after.slice(head, after.length - tail) };
}

const isLowSurrogate = (text: string, at: number): boolean => at > 0 && /[\udc00-\udfff]/.test(text.charAt(at));

/** Moves a position to where it is after a splice made by somebody else. */
export function shift(position: number, splice: Splice): number {
  if (position <= splice.index) return position;
  if (position <= splice.index + splice.delete) return splice.index;
  return position - splice.delete + splice.insert.length;
}

/** A text area shows CRLF as LF, so its positions differ from those of a text that came from elsewhere. */
const shown = (text: string): string => (text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text);

function fromShown(text: string, position: number): number {
  let at = 0;
  for (let seen = 0; seen < position && at < text.length; seen += 1) at += text.startsWith("\r\n", at) ? 2 : 1;
  return at;
}

/**
 * Binds a text area to a shared text. Typing becomes one splice; the edits of others become splices of the area, with
 * the caret and selection kept. While an input method composes, both directions wait.
 */
export class TextBinding {
  private base: string;
  private waiting: Splice[] = [];
  private composing = false;
  private writing = false;
  private readonly showOthers = throttle(SHOW_MS, () => this.composing || this.pull());

  constructor(
    private readonly area: HTMLTextAreaElement,
    private readonly text: SyncText,
    private readonly grown: () => void,
  ) {
    this.base = text.toString();
    area.value = this.base;
    area.addEventListener("compositionstart", () => (this.composing = true));
    area.addEventListener("compositionend", () => {
      this.composing = false;
      this.push();
    });
    area.addEventListener("input", () => this.composing || this.push());
  }

  /** Follows the document; returns the function that stops it. */
  follow(doc: Doc, path: string[]): () => void {
    return doc.subscribe(path, (event) => this.receive(event));
  }

  private receive(event: ChangeEvent): void {
    if (this.writing) return;
    this.waiting.push(...(event.splices ?? [{ index: 0, delete: this.base.length, insert: this.text.toString() }]));
    // After all events of this commit, so that a burst is shown at once.
    queueMicrotask(this.showOthers);
  }

  /** Takes over what was typed. */
  private push(): void {
    const splice = findSplice(shown(this.base), this.area.value, this.area.selectionEnd);
    const caret = splice && this.write(splice);
    if (this.waiting.length > 0) return this.reset(caret);
    this.base = this.base.includes("\r") ? this.text.toString() : this.area.value;
    this.grown();
  }

  /** Writes an edit of the area, carried over the edits of others that it does not show yet; returns where the caret is then. */
  private write(splice: Splice): number | null {
    const plain = !this.base.includes("\r");
    let start = plain ? splice.index : fromShown(this.base, splice.index);
    let end = plain ? start + splice.delete : fromShown(this.base, splice.index + splice.delete);
    for (const other of this.waiting) [start, end] = [shift(start, other), shift(end, other)];
    this.writing = true;
    try {
      this.text.replace(start, end - start, splice.insert);
    } catch (error) {
      // Refused, for example as too long: the area must not show what the document does not hold.
      this.reset(null);
      throw error;
    } finally {
      this.writing = false;
    }
    if (this.waiting.length === 0) return null;
    return shown(this.text.toString().slice(0, start)).length + this.area.selectionEnd - splice.index;
  }

  /** Shows what the others typed. */
  private pull(): void {
    const splices = this.waiting;
    if (splices.length === 0) return;
    const carriage = this.base.includes("\r") || splices.some((splice) => splice.insert.includes("\r"));
    if (splices.length > SINGLE_SPLICES || carriage) return this.reset(null);
    this.waiting = [];
    for (const { index, delete: count, insert } of splices) this.area.setRangeText(insert, index, index + count, "preserve");
    this.base = this.area.value;
    this.grown();
  }

  /** Sets the whole value, and the caret or, where none is given, the selection as the edits of others have moved it. */
  private reset(caret: number | null): void {
    const { area } = this;
    let [start, end] = [area.selectionStart, area.selectionEnd];
    for (const splice of this.waiting) [start, end] = [shift(start, splice), shift(end, splice)];
    if (caret !== null) start = end = caret;
    this.waiting = [];
    this.base = this.text.toString();
    area.value = this.base;
    area.setSelectionRange(start, end);
    this.grown();
  }
}
