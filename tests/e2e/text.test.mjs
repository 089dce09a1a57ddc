// Real data, not toys: more than 100,000 single edits typed into one text, read back by everybody.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { PythonActor } from "./lib/actor.mjs";
import { Browser } from "./lib/browser.mjs";
import { open } from "./lib/reader.mjs";
import { Relay } from "./lib/relay.mjs";
import { count, seconds, step, tell, until } from "./lib/wait.mjs";
import { TypingSession } from "./typing.mjs";

const SEED = Number(process.env.SYNCLINE_SEED ?? 1);
const LEAST_EDITS = 100_000;
/** Edits between two looks at the network: the typist is fast, but lets the connection work. */
const EDITS_PER_TURN = 50;
/** Edits that may wait for the relay's disk before the typist pauses. */
const MOST_UNSAVED = 2_000;

const ROOM = "typing";
let relay;
let browser;

before(async () => {
  relay = await Relay.start();
  browser = await Browser.launch();
});

after(async () => {
  await browser?.close();
  await relay?.stop();
});

/** Types the whole session into a text, each edit in a transaction of its own, and returns how many there were. */
async function type({ doc, connection }, session) {
  const text = doc.text("declaration");
  let edits = 0;
  let last = 0;
  for (const { index, remove, insert } of session) {
    const { seq } = remove > 0 ? text.delete(index, remove) : text.insert(index, insert);
    assert.ok(seq > last, "each edit is a transaction of its own");
    [edits, last] = [edits + 1, seq];
    if (edits % EDITS_PER_TURN === 0) await turn();
    while (edits % EDITS_PER_TURN === 0 && connection.status.unsaved > MOST_UNSAVED) await turn();
  }
  return edits;
}

test("100,000 single edits of one text are the same for everybody", { timeout: 600_000 }, async () => {
  const watching = await browser.bare(await browser.profile(), relay, ROOM);
  const typist = await open(relay.url, ROOM);
  const session = new TypingSession(SEED);

  const begin = performance.now();
  const edits = await type(typist, session);
  const typed = performance.now() - begin;
  assert.ok(edits >= LEAST_EDITS, `only ${edits} edits: the model must make more mistakes`);
  await typist.connection.synced();
  const saved = performance.now() - begin;
  const { text } = session;
  tell(`typing ${count(edits)} edits: ${seconds(typed)}, durable after ${seconds(saved)}, ${count(Math.round((edits * 1000) / saved))} edits/s`);

  assert.equal(typist.doc.text("declaration").toString(), text, "the typist's own copy");
  const digest = typist.doc.digest();
  await step("the tab that watched has it", () => until("the same state in the tab", () => watching.evaluate((same) => window.doc.digest() === same, digest)));
  assert.equal(await watching.evaluate(() => window.doc.text("declaration").toString()), text, "the tab that watched");
  const entries = typist.doc.versionEntries();
  assert.deepEqual(entries.map(({ replica }) => replica), [typist.doc.replica], "one client has typed it all");

  const printed = await step("Rust reads it (syncline get)", () => relay.command("get", ROOM, "declaration"));
  assert.equal(JSON.parse(printed), text, "Rust");
  const exported = await step("Rust exports it (syncline export)", () => relay.command("export", ROOM));
  assert.deepEqual(JSON.parse(exported), { declaration: text });
  const node = await step("Node reads it", () => open(relay.url, ROOM));
  assert.equal(node.doc.text("declaration").toString(), text, "Node");
  const tab = await step("Chromium reads it", async () => browser.bare(await browser.profile(), relay, ROOM));
  assert.equal(await tab.evaluate(() => window.doc.text("declaration").toString()), text, "Chromium");
  const python = await step("Python reads it", () => PythonActor.open(relay.url, ROOM));
  assert.equal(await python.ask("text", "declaration"), text, "Python");

  const digests = [node.doc.digest(), await tab.evaluate(() => window.doc.digest()), await python.ask("digest")];
  assert.deepEqual(digests, [digest, digest, digest]);
  tellSizes(text, node.doc);
  await python.close();
  node.close();
  typist.close();
});

function tellSizes(text, doc) {
  const snapshot = doc.export().length;
  const plain = Buffer.byteLength(text);
  tell(`text ${count(text.length)} UTF-16 units, ${count(plain)} bytes of UTF-8; snapshot ${count(snapshot)} bytes; relay's folder ${count(relay.size())} bytes`);
}

test("the text is there after the relay was killed, and can be edited by all", { timeout: 120_000 }, async () => {
  await relay.kill();
  await step("the relay starts again", () => relay.start());
  const node = await step("Node reads the text from disk", () => open(relay.url, ROOM));
  const tab = await browser.bare(await browser.profile(), relay, ROOM);
  const python = await PythonActor.open(relay.url, ROOM);
  const before = node.doc.text("declaration").toString();

  const [first, last] = ["Python 🐍 was here. ", " Chromium was here 🌍."];
  await Promise.all([
    python.ask("edit", [["insert", ["declaration"], [0, first]]]),
    tab.evaluate((words) => {
      const text = window.doc.text("declaration");
      return text.insert(text.length, words).acked();
    }, last),
  ]);
  const expected = first + before + last;
  await until("both edits in Node", () => node.doc.text("declaration").toString() === expected);
  assert.equal(JSON.parse(await relay.command("get", ROOM, "declaration")), expected);
  await until("both edits in Python", async () => (await python.ask("text", "declaration")) === expected);
  await until("both edits in Chromium", () => tab.evaluate((same) => window.doc.text("declaration").toString() === same, expected));
  await python.close();
  node.close();
});
