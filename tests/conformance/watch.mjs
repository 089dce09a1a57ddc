// The steps of vectors that watch a document, keep a place in it, or go back; see tests/src/vectors/watch.rs.
// Texts are counted in code points in the files and in UTF-16 units by the API.

import { difference, read } from "./notation.mjs";

/** What steps keep by name, and by document, for later ones. */
export class Kept {
  #cursors = {};
  #versions = {};
  /** For each document: the events since it is watched, and its texts as the events have it, by path. */
  #watched = new Map();
  #managers = new Map();

  /** Whether `op` is one of these steps. */
  does(op) {
    return Object.hasOwn(STEPS, op);
  }

  /** Does one step; returns what differs. */
  step(doc, step) {
    return STEPS[step.op](this, doc, step);
  }

  watch(doc) {
    const watched = { events: [], texts: new Map() };
    doc.subscribe((event) => watched.events.push(event));
    this.#watched.set(doc, watched);
  }

  changes(doc, { is }) {
    const { events, texts } = this.#watched.get(doc);
    const found = events.splice(0).map((event) => eventOf(event, texts));
    for (const [path, text] of texts) {
      const problem = difference(doc.text(...JSON.parse(path)).toString(), text, `the text that the splices make of ${path}`);
      if (problem) return problem;
    }
    return difference(is.map(wantedEvent), found, "changes");
  }

  cursor(doc, { path, index, assoc, as, is }) {
    const text = doc.text(...path);
    this.#cursors[as] = text.cursor(unitsOf(text.toString(), index), assoc);
    return difference(is, toHex(this.#cursors[as]), "cursor");
  }

  cursorIndex(doc, { path, cursor, is }) {
    const text = doc.text(...path);
    const index = text.cursorIndex(this.#cursors[cursor]);
    return difference(is, index === undefined ? null : pointsOf(text.toString(), index), "cursor-index");
  }

  keepVersion(doc, { as }) {
    this.#versions[as] = doc.version();
  }

  since(doc, { of, is }) {
    const { complete, removed, changes } = doc.changesSince(this.#versions[of]);
    return difference({ ...is, changes: is.changes.map(wantedEvent) }, { complete, removed, changes }, "since");
  }

  keepUndo(doc, { merge = 0 }) {
    this.#managers.set(doc, doc.undoManager({ mergeMs: merge }));
  }

  goBack(doc, { op, is = true }) {
    return difference(is, this.#managers.get(doc)[op]() !== undefined, op);
  }
}

const STEPS = {
  runs: (_, doc, { path, is }) => difference(is.map(([text, marks]) => [text, read(marks)]), runsOf(doc.text(...path)), "runs"),
  cursor: (kept, doc, step) => kept.cursor(doc, step),
  "cursor-index": (kept, doc, step) => kept.cursorIndex(doc, step),
  watch: (kept, doc) => kept.watch(doc),
  changes: (kept, doc, step) => kept.changes(doc, step),
  version: (kept, doc, step) => kept.keepVersion(doc, step),
  since: (kept, doc, step) => kept.since(doc, step),
  "keep-undo": (kept, doc, step) => kept.keepUndo(doc, step),
  undo: (kept, doc, step) => kept.goBack(doc, step),
  redo: (kept, doc, step) => kept.goBack(doc, step),
};

/** Where the code point of a number is, in UTF-16 units. */
export function unitsOf(text, index) {
  return [...text].slice(0, index).join("").length;
}

export function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function pointsOf(text, index) {
  return [...text.slice(0, index)].length;
}

function runsOf(text) {
  return text.runs().map(({ text: letters, attributes }) => [letters, attributes]);
}

/** An event of a file, with its values read. */
function wantedEvent(event) {
  const values = ["old", "new"].filter((name) => name in event).map((name) => [name, read(event[name])]);
  return { ...event, ...Object.fromEntries(values) };
}

/** An event as the files write it. Brings `texts` up to date. */
function eventOf({ path, kind, by, origin, splices, ...values }, texts) {
  const event = { path, kind, by, origin: origin.type, ...values };
  if (origin.name !== undefined) event.name = origin.name;
  if (splices === undefined) return event;
  const key = JSON.stringify(path);
  let text = texts.get(key) ?? "";
  event.splices = splices.map((splice) => {
    const written = spliceOf(splice, text);
    text = text.slice(0, splice.index) + splice.insert + text.slice(splice.index + splice.delete);
    return written;
  });
  texts.set(key, text);
  return event;
}

function spliceOf(splice, text) {
  const points = (length) => pointsOf(text.slice(splice.index), length);
  const written = { at: pointsOf(text, splice.index) };
  if (splice.delete > 0) written.delete = points(splice.delete);
  if (splice.retain !== undefined) written.retain = points(splice.retain);
  if (splice.insert !== "") written.insert = splice.insert;
  if (splice.attributes !== undefined) written.attributes = splice.attributes;
  return written;
}
