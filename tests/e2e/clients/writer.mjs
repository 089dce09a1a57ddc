/**
 * The Node client of the kill test. The three writers (this one, `writer.py`, `../writer`) do the same:
 *
 *     writer URL ROOM LOG NAME
 *
 * Every few milliseconds a writer makes change number n = 0, 1, 2, … in a transaction of its own. By n modulo 4:
 *
 *   0  sets the register `log/NAME/n` to n
 *   1  adds `NAME:n` to the set `members`
 *   2  adds 1 to the counter `counts/NAME`
 *   3  appends `[NAME:n]` to the text `story`
 *
 * It notes in LOG, as soon as it knows: `w SEQ N` (change n was written as its own sequence number SEQ) and `a durable SEQ`
 * (the relay has said that all its changes up to SEQ are durable).
 *
 * Commands on the standard input, a word a line: `online` (reconnect now), `finish` (write no more), `state` (print a line
 * of JSON: state, unsaved, digest, changes), `dump` (print the document as a line of JSON), `quit`.
 */

import { closeSync, openSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { Doc, connect } from "syncline";
import { Random } from "../lib/random.mjs";

/** Most milliseconds between two changes, the least being 1. */
const PAUSE_MS = 9;

const [url, room, logFile, name] = process.argv.slice(2);
const log = openSync(logFile, "a");
const note = (line) => writeSync(log, `${line}\n`);
const random = new Random(name.length);
const doc = new Doc();
const connection = connect(url, { room, doc });
let changes = 0;
let timer;

connection.on("ack", ({ level, seq }) => {
  if (level === "durable") note(`a durable ${seq}`);
});

function apply(n) {
  if (n % 4 === 0) return doc.map("log", name).set(String(n), n);
  if (n % 4 === 1) return doc.set("members").add(`${name}:${n}`);
  if (n % 4 === 2) return doc.counter("counts", name).increment();
  const story = doc.text("story");
  return story.insert(story.length, `[${name}:${n}]`);
}

function write() {
  const n = changes++;
  note(`w ${apply(n).seq} ${n}`);
  timer = setTimeout(write, random.between(1, PAUSE_MS));
}

const print = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const COMMANDS = {
  online: () => connection.online(),
  finish: () => clearTimeout(timer),
  state: () => print({ ...connection.status, digest: doc.digest(), changes }),
  dump: () => print(doc.toJSON()),
  quit: () => {
    connection.close();
    closeSync(log);
    process.exit();
  },
};

createInterface({ input: process.stdin })
  .on("line", (line) => COMMANDS[line]())
  .on("close", COMMANDS.quit);
write();
