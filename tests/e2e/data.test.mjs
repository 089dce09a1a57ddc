// Real data, not toys: a data set of 44,175 records, imported by the command line, edited and read back by everybody.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PythonActor } from "./lib/actor.mjs";
import { Browser } from "./lib/browser.mjs";
import { Random } from "./lib/random.mjs";
import { open } from "./lib/reader.mjs";
import { Relay } from "./lib/relay.mjs";
import { count, step, tell, until } from "./lib/wait.mjs";
import { fingerprint, postalCodes } from "./records.mjs";

const LEAST_RECORDS = 20_000;
const ROOM = "postal-codes";
/** Records that each of the two editors touches. */
const EDITED = 400;

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

/** Edits of one editor, and the same edits applied to plain objects. */
class Edits {
  list = [];

  constructor(expected) {
    this.expected = expected;
  }

  set(code, field, value) {
    this.list.push(["set", [code, field], value]);
    this.expected[code][field] = value;
  }

  visit(code, times) {
    this.list.push(["increment", [code, "visits"], times]);
    this.expected[code].visits = (this.expected[code].visits ?? 0) + times;
  }

  tag(code, tag) {
    this.list.push(["add", [code, "tags"], tag]);
    this.expected[code].tags = [...new Set([...(this.expected[code].tags ?? []), tag])].sort(byBytes);
  }

  delete(code) {
    this.list.push(["delete", [code], null]);
    delete this.expected[code];
  }
}

/** The order in which a set lists texts: short ones first, then by their bytes. */
function byBytes(one, two) {
  const [first, second] = [Buffer.from(one), Buffer.from(two)];
  return first.length - second.length || first.compare(second);
}

/** Two lists of edits that touch partly the same records: what one deletes the other leaves alone. */
function planEdits(expected) {
  const random = new Random(2);
  const codes = Object.keys(expected);
  const shared = Array.from({ length: EDITED }, () => random.pick(codes));
  const plan = (name, mark) => {
    const edits = new Edits(expected);
    for (const code of shared) {
      edits.visit(code, random.between(-3, 9));
      edits.tag(code, random.pick(["checked", `by ${name}`, mark]));
      edits.set(code, `note by ${name}`, { when: random.between(0, 2 ** 40), text: `seen by ${name} ${mark}`, ok: random.chance(0.5) });
    }
    return edits;
  };
  const [browser, python] = [plan("Chromium", "🌍"), plan("Python", "🐍")];
  const free = codes.filter((code) => !shared.includes(code));
  for (let at = 0; at < EDITED / 2; at++) {
    browser.set(random.pick(free.slice(0, 9_000)), "city", `Renamed ${at}`);
    python.set(random.pick(free.slice(9_000, 18_000)), "latitude", random.next() * 90);
  }
  for (let at = 0; at < EDITED / 4; at++) {
    browser.delete(free[20_000 + 3 * at]);
    python.delete(free[20_001 + 3 * at]);
  }
  return { browser: browser.list, python: python.list };
}

/** Makes edits in a tab, in one transaction, and waits until they are durable. */
function editInTab(tab, edits) {
  return tab.evaluate(async (list) => {
    const { doc } = window;
    const apply = {
      set: (path, value) => doc.register(...path).set(value),
      delete: (path) => doc.map(...path.slice(0, -1)).delete(path.at(-1)),
      add: (path, value) => doc.set(...path).add(value),
      increment: (path, by) => doc.counter(...path).increment(by),
    };
    doc.transact(() => list.forEach(([kind, path, value]) => apply[kind](path, value)), { origin: "test" });
    await window.connection.synced();
  }, edits);
}

/** What each kind of client reads, from a fresh copy, as plain data. */
async function readByAll() {
  const rust = await step("Rust reads (syncline export)", () => relay.command("export", ROOM));
  const node = await step("Node reads", () => open(relay.url, ROOM));
  const tab = await step("Chromium reads", async () => browser.bare(await browser.profile(), relay, ROOM));
  const python = await step("Python reads", () => PythonActor.open(relay.url, ROOM));
  const found = {
    rust: JSON.parse(rust),
    node: node.doc.toJSON(),
    chromium: JSON.parse(await tab.evaluate(() => JSON.stringify(window.doc.toJSON()))),
    python: await python.ask("values"),
  };
  const digests = new Set([node.doc.digest(), await tab.evaluate(() => window.doc.digest()), await python.ask("digest")]);
  assert.equal(digests.size, 1, "one digest");
  tell(`snapshot ${count(node.doc.export().length)} bytes; relay's folder ${count(relay.size())} bytes; digest ${[...digests]}`);
  return { found, node, tab, python };
}

function assertSame(found, expected) {
  const same = fingerprint(expected);
  for (const [who, values] of Object.entries(found)) {
    if (fingerprint(values) === same) continue;
    assert.deepEqual(Object.keys(values).length, Object.keys(expected).length, `${who}: records`);
    assert.deepEqual(values, expected, who);
  }
}

test("44,175 records are imported, edited from a tab and from Python, and the same for everybody", { timeout: 600_000 }, async () => {
  const records = postalCodes();
  assert.ok(records.length >= LEAST_RECORDS);
  const file = join(relay.folder, "codes.json");
  const json = JSON.stringify(records);
  writeFileSync(file, json);
  const expected = Object.fromEntries(JSON.parse(json).map((record) => [record.zip, record]));

  const remark = () => `${count(records.length)} records, ${count(Buffer.byteLength(json))} bytes of JSON`;
  await step("syncline import", () => relay.command("import", ROOM, "--key", "zip", file), remark);
  const { found, node, tab, python } = await readByAll();
  assertSame(found, expected);

  const plan = planEdits(expected);
  const both = () => Promise.all([editInTab(tab, plan.browser), python.ask("edit", plan.python)]);
  await step(`${count(plan.browser.length + plan.python.length)} edits, from Chromium and Python at the same time`, both);
  await step("everybody who was there has them", async () => {
    const same = await until("one digest", async () => {
      const digests = [node.doc.digest(), await tab.evaluate(() => window.doc.digest()), await python.ask("digest")];
      return new Set(digests).size === 1 && digests[0];
    });
    return same;
  }, (digest) => `digest ${digest}`);
  assertSame({ node: node.doc.toJSON(), python: await python.ask("values") }, expected);
  await python.close();
  node.close();

  await relay.kill();
  await step("the relay, killed, starts again", () => relay.start());
  const again = await readByAll();
  assertSame(again.found, expected);
  await again.python.close();
  again.node.close();
});
