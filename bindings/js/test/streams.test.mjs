import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Doc } from "syncline";

/** What events say, shortly. */
const brief = (events) => events.map((event) => (event.type === "lagged" ? `lagged ${event.missed}` : event.change.path.join("/")));

function code(expected) {
  return (error) => error.name === "SynclineError" && error.code === expected;
}

describe("a stream", () => {
  test("carries what changes at and below its path, and nothing beside it", () => {
    const doc = new Doc();
    const stream = doc.stream(["users"]);
    doc.map("users").set("ada", 36);
    doc.map("usersettings").set("x", 1);
    doc.map("users", "bob").set("age", 7);
    assert.deepEqual(brief(stream.take()), ["users/ada", "users/bob/age"]);
    assert.equal(stream.next(), undefined);
  });

  test("delivers events that say what kind they are", () => {
    const doc = new Doc();
    const stream = doc.stream();
    doc.transact(() => doc.flag("on").enable(), { origin: "form" });
    const change = { path: ["on"], kind: "flag", by: doc.replica, origin: { type: "local", name: "form" }, new: true };
    assert.deepEqual(stream.next(), { type: "change", change });
    doc.text("note").insert(0, "a");
    assert.deepEqual(stream.next()?.change.splices, [{ index: 0, delete: 0, insert: "a" }]);
  });

  test("filters by place, kind, source and writer", () => {
    const [doc, other] = [new Doc(), new Doc()];
    const streams = {
      exact: doc.stream(["a"], { exact: true }),
      kinds: doc.stream([], { kinds: ["counter", "text"] }),
      local: doc.stream([], { from: "local" }),
      remote: doc.stream([], { from: "remote" }),
      by: doc.stream([], { by: other.replica }),
    };
    doc.register("a").set(1);
    doc.register("a", "b").set(1);
    doc.counter("n").increment();
    other.text("t").insert(0, "x");
    doc.import(other.export());
    const found = Object.fromEntries(Object.entries(streams).map(([name, stream]) => [name, brief(stream.take())]));
    assert.deepEqual(found, { exact: ["a"], kinds: ["n", "t"], local: ["a", "a/b", "n"], remote: ["t"], by: ["t"] });
  });

  test("says where events are missing, and is brought up to date", () => {
    const doc = new Doc();
    const stream = doc.stream(["log"], { capacity: 2 });
    for (let i = 0; i < 5; i++) doc.map("log").set(`${i}`, i);
    doc.map("else").set("x", 1);
    assert.deepEqual(brief(stream.take()), ["log/0", "log/1", "lagged 3"]);
    const { complete, removed, changes } = stream.resync();
    assert.deepEqual({ complete, removed }, { complete: false, removed: [] });
    assert.deepEqual(changes.map(({ path, new: now }) => [path[1], now]), [["2", 2], ["3", 3], ["4", 4]]);
    doc.map("log").set("5", 5);
    assert.deepEqual(brief(stream.take()), ["log/5"]);
  });

  test("has a token from which a later session goes on", () => {
    const doc = new Doc();
    const stream = doc.stream();
    doc.register("a").set(1);
    doc.register("b").set(2);
    stream.next();
    const { token } = stream;
    const later = new Doc();
    later.import(doc.save());
    later.register("c").set(3);
    later.register("a").delete();
    const { removed, changes } = later.changesSince(token);
    assert.deepEqual(removed, [["a"]]);
    assert.deepEqual(changes.map(({ path, new: now }) => [...path, now]), [["b", 2], ["c", 3]]);
  });

  test("is gone through as events come", async () => {
    const doc = new Doc();
    const stream = doc.stream();
    const seen = [];
    const reader = (async () => {
      for await (const event of stream) seen.push(...brief([event]));
    })();
    doc.register("a").set(1);
    await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual(seen, ["a"]);
    const other = new Doc();
    other.register("b").set(2);
    doc.import(other.export());
    doc.register("c").set(2);
    await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual(seen, ["a", "b", "c"]);
    stream.close();
    await reader;
    assert.throws(() => stream.next(), code("closed"));
  });

  test("ends with its document", async () => {
    const doc = new Doc();
    const stream = doc.stream();
    const reader = stream[Symbol.asyncIterator]().next();
    await new Promise((resolve) => setTimeout(resolve, 1));
    doc.free();
    assert.deepEqual(await reader, { done: true, value: undefined });
    stream.close();
  });

  test("refuses what it cannot be", () => {
    const doc = new Doc();
    assert.throws(() => doc.stream([], { capacity: 0 }), code("invalid-option"));
    assert.throws(() => doc.stream([], { kinds: ["tree"] }), code("invalid-option"));
    assert.throws(() => doc.stream([], { from: "moon" }), code("invalid-option"));
    assert.throws(() => doc.stream([], { by: "me" }), code("invalid-option"));
    assert.throws(() => doc.changesSince(new Uint8Array([9])), code("invalid-bytes"));
  });
});

describe("subscribing with a filter", () => {
  test("hears only what is wanted", () => {
    const [doc, other] = [new Doc(), new Doc()];
    const seen = { exact: [], kinds: [], local: [], remote: [], by: [] };
    const to = (name) => (event) => seen[name].push(event.path.join("/"));
    doc.subscribe(["a"], to("exact"), { exact: true });
    doc.subscribe(to("kinds"), { kinds: ["counter"] });
    doc.subscribe(to("local"), { from: "local" });
    doc.subscribe(to("remote"), { from: "remote" });
    doc.subscribe(to("by"), { by: other.replica });
    doc.register("a").set(1);
    doc.register("a", "b").set(1);
    doc.counter("n").increment();
    other.text("t").insert(0, "x");
    doc.import(other.export());
    assert.deepEqual(seen, { exact: ["a"], kinds: ["n"], local: ["a", "a/b", "n"], remote: ["t"], by: ["t"] });
    assert.throws(() => doc.subscribe(() => {}, { kinds: ["tree"] }), code("invalid-option"));
  });

  test("is told when too much changed at once", { timeout: 60_000 }, () => {
    const source = new Doc();
    const keys = 1_000_100;
    for (let key = 0; key < keys; ) {
      source.transact(() => {
        for (const end = Math.min(key + 50_000, keys); key < end; key++) source.map().set(`k${key}`, 1);
      });
    }
    const doc = new Doc();
    const told = [];
    let events = 0;
    doc.subscribe(() => events++, { onLagged: (missed) => told.push([missed, events]) });
    doc.import(source.export());
    assert.deepEqual(told, [[100, 0]]);
    assert.equal(events, 1_000_000);
    doc.register("more").set(1);
    assert.equal(told.length, 1);
  });
});

describe("checkpoints", () => {
  test("tell what changed between them, in both directions", () => {
    const doc = new Doc();
    doc.register("a").set(1);
    doc.text("t").insert(0, "one");
    const before = doc.checkpoint();
    doc.register("a").set(2);
    doc.text("t").insert(3, " two");
    const between = doc.checkpoint();
    doc.set("s").add("x");
    assert.deepEqual(doc.diff(before, between), [
      { path: ["a"], kind: "register", old: 1, new: 2 },
      { path: ["t"], kind: "text", old: "one", new: "one two", splices: [{ index: 3, delete: 0, insert: " two" }] },
    ]);
    assert.deepEqual(doc.diff(between), [{ path: ["s"], kind: "set", new: "x" }]);
    assert.deepEqual(doc.diff(doc.version(), between), [{ path: ["s"], kind: "set", old: "x" }]);
    doc.forgetCheckpoints();
    assert.throws(() => doc.diff(before), code("unknown-version"));
    assert.throws(() => doc.transact(() => doc.checkpoint()), code("in-transaction"));
  });
});

describe("net changes since a version", () => {
  test("name each place once, and deleted ones", () => {
    const doc = new Doc();
    doc.map("m").assign({ x: 1, y: 2 });
    const token = doc.version();
    for (let i = 0; i < 10; i++) doc.counter("n").increment();
    doc.map("m").clear();
    doc.map("m").set("z", 3);
    const { removed, changes, complete, version } = doc.changesSince(token);
    assert.deepEqual(removed, [["m"]]);
    assert.deepEqual(changes, [
      { path: ["m", "z"], kind: "register", new: 3 },
      { path: ["n"], kind: "counter", new: 10 },
    ]);
    assert.equal(complete, false);
    assert.deepEqual(version, doc.version());
  });
});
