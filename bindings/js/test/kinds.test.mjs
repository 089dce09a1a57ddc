import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Doc, SynclineError } from "syncline";

const code = (expected) => (error) => error instanceof SynclineError && error.code === expected;
const sync = (...docs) => {
  for (const to of docs) for (const from of docs) if (to !== from) to.import(from.export({ from: to.version() }));
};

describe("flag", () => {
  test("enabling wins unless disabling was chosen", () => {
    const [a, b] = [new Doc(), new Doc()];
    const of = (doc, wins) => doc.flag("on", { wins });
    for (const wins of ["enable", "disable"]) of(a, wins).enable();
    sync(a, b);
    for (const wins of ["enable", "disable"]) {
      of(a, wins).disable();
      of(b, wins).enable();
    }
    sync(a, b, a);
    for (const doc of [a, b]) {
      assert.equal(of(doc, "enable").value, true);
      assert.equal(of(doc, "disable").value, false);
      assert.equal(doc.flag("on").value, true);
    }
  });

  test("is reached from a map, shows in JSON and tells of its changes", () => {
    const doc = new Doc();
    const events = [];
    doc.subscribe(({ path, kind, old, new: now }) => events.push({ path, kind, old, now }));
    const flag = doc.map("task").flag("done");
    assert.equal(flag.value, false);
    flag.enable();
    flag.set(false);
    assert.deepEqual(doc.toJSON(), { task: { done: false } });
    assert.deepEqual(events, [
      { path: ["task", "done"], kind: "flag", old: undefined, now: true },
      { path: ["task", "done"], kind: "flag", old: true, now: false },
    ]);
  });
});

describe("sets of other kinds", () => {
  test("what was removed from a two-phase set is refused, and removing from one that grows", () => {
    const doc = new Doc();
    const banned = doc.setOf("two-phase", "banned");
    banned.add("eve");
    banned.delete("eve");
    assert.throws(() => banned.add("eve"), code("removed"));
    const seen = doc.map().setOf("grow-only", "seen");
    seen.add(1);
    assert.throws(() => seen.delete(1), code("grow-only"));
    assert.deepEqual(seen.values(), [1]);
    assert.throws(() => doc.setOf("add-only", "x"), code("invalid-option"));
  });

  test("a removal wins where that was chosen", () => {
    const [a, b] = [new Doc(), new Doc()];
    const both = (doc) => [doc.setOf("remove-wins", "r"), doc.setOf("add-wins", "a")];
    for (const set of both(a)) set.add("x");
    sync(a, b);
    for (const set of both(a)) set.delete("x");
    for (const set of both(b)) set.add("x");
    sync(a, b, a);
    for (const doc of [a, b]) {
      assert.equal(doc.setOf("remove-wins", "r").has("x"), false);
      assert.equal(doc.setOf("remove-wins", "r").size, 0);
      assert.equal(doc.set("a").has("x"), true);
    }
  });
});

describe("list", () => {
  test("has the verbs of a list", () => {
    const list = new Doc().list("todo");
    list.push("b");
    list.insert(0, "a");
    list.push({ deep: [1] });
    list.set(1, "B");
    list.move(0, 2);
    assert.deepEqual(list.values(), ["B", { deep: [1] }, "a"]);
    assert.deepEqual([...list], list.values());
    assert.equal(list.length, 3);
    assert.equal(list.get(2), "a");
    assert.equal(list.get(3), undefined);
    assert.equal(list.get(-1), undefined);
    assert.equal(list.indexOf(list.ids()[2]), 2);
    assert.equal(list.indexOf("00"), -1);
    list.delete(0);
    assert.deepEqual(list.toJSON(), [{ deep: [1] }, "a"]);
    list.clear();
    assert.equal(list.length, 0);
  });

  test("an index that is not there is refused", () => {
    const list = new Doc().list("todo");
    list.push("a");
    for (const edit of [() => list.insert(2, "x"), () => list.delete(1), () => list.set(1, "x"), () => list.move(0, 1), () => list.insert(-1, "x"), () => list.delete(0.5)]) {
      assert.throws(edit, code("out-of-range"));
    }
    assert.throws(() => list.push(undefined), code("invalid-value"));
    assert.deepEqual(list.values(), ["a"]);
  });

  test("an item that is moved here and set there is there once", () => {
    const [a, b] = [new Doc(), new Doc()];
    for (const item of ["a", "b", "c"]) a.list("l").push(item);
    sync(a, b);
    a.list("l").move(0, 2);
    b.list("l").set(0, "A");
    b.list("l").push("d");
    sync(a, b, a);
    assert.deepEqual(a.list("l").values(), b.list("l").values());
    assert.deepEqual(a.list("l").values().sort(), ["A", "b", "c", "d"]);
  });

  test("items hold containers, and changes name the item", () => {
    const doc = new Doc();
    const events = [];
    const list = doc.map("board").list("cards");
    list.push("card");
    const [id] = list.ids();
    doc.subscribe(["board"], (event) => events.push(event));
    list.set(0, "CARD");
    doc.map("board", "cards", id).set("title", "Plan");
    assert.equal(events[0].kind, "list");
    assert.deepEqual([events[0].path, events[0].old, events[0].new], [["board", "cards", id], "card", "CARD"]);
    assert.deepEqual(doc.toJSON(), { board: { cards: [{ title: "Plan" }] } });
  });
});

describe("bounded counter", () => {
  test("never falls below its bound, and rights move", () => {
    const [a, b] = [new Doc(), new Doc()];
    const [here, there] = [a.boundedCounter("seats"), b.map().boundedCounter("seats")];
    here.create(5);
    here.add(10);
    sync(a, b);
    assert.throws(() => there.subtract(1), code("rights"));
    here.transfer(b.replica, 4);
    assert.throws(() => here.subtract(7), code("rights"));
    sync(a, b);
    there.subtract(4);
    sync(a, b);
    assert.deepEqual([here.value, there.value, here.rights(), here.rights(b.replica)], [11, 11, 6, 0]);
    there.adopt(a.replica);
    assert.equal(there.rights(), 6);
    assert.deepEqual(a.toJSON(), { seats: 11 });
    assert.throws(() => here.add(-1), code("invalid-value"));
    assert.throws(() => here.transfer("nobody", 1), code("invalid-option"));
  });

  test("tells of its changes", () => {
    const doc = new Doc();
    const kinds = [];
    doc.subscribe(({ kind, new: now }) => kinds.push([kind, now]));
    doc.boundedCounter("n").add(3);
    assert.deepEqual(kinds, [["bounded", 3]]);
  });
});

describe("counter", () => {
  test("a reset takes what was seen", () => {
    const [a, b] = [new Doc(), new Doc()];
    a.counter("n").increment(5);
    sync(a, b);
    a.counter("n").reset();
    b.counter("n").increment(2);
    sync(a, b, a);
    assert.deepEqual([a.counter("n").value, b.counter("n").value], [2, 2]);
    assert.throws(() => a.counter("n").grow(-1), code("shrinks"));
    a.counter("n").grow(1);
    assert.equal(a.counter("n").value, 3);
  });

  test("what all have seen is folded into one", () => {
    const [a, b] = [new Doc(), new Doc()];
    for (const by of [1, 2, 3]) {
      a.counter("n").increment(by);
      sync(a, b);
    }
    assert.equal(a.stats().values, 3);
    a.fold([b.version()]);
    assert.deepEqual([a.stats().values, a.counter("n").value], [1, 6]);
    assert.throws(() => a.fold([new Uint8Array([255])]), code("invalid-bytes"));
  });
});

describe("policy", () => {
  test("decides what is read of concurrent values", () => {
    const [a, b] = [new Doc({ now: () => 1000 }), new Doc({ now: () => 2000 })];
    a.setPolicy(["votes"], "keep-all");
    a.setPolicy(["title"], { sourcePriority: ["eu", "us"] });
    a.setSource("eu");
    b.setSource("us");
    for (const doc of [a, b]) for (const key of ["votes", "title", "plain"]) doc.register(key, "x").set(doc === a ? "a" : "b");
    sync(a, b, a);
    assert.deepEqual(a.resolve(["votes", "x"]), { type: "all", values: ["b", "a"] });
    assert.deepEqual(b.resolve(["title", "x"]), { type: "value", value: "a" });
    assert.deepEqual(b.resolve(["plain", "x"]), { type: "value", value: "b" });
    assert.deepEqual(b.resolve(["nothing"]), { type: "absent" });
    assert.equal(b.register("title", "x").get(), "a");
    assert.equal(b.source(a.replica), "eu");
    assert.deepEqual(b.policy(["title", "x"]), { sourcePriority: ["eu", "us"] });
    b.setPolicy(["title"], null);
    assert.equal(b.policy(["title"]), "last-writer-wins");
    assert.equal(b.register("title", "x").get(), "b");
  });

  test("what cannot be applied is an error when asked for, and the last writer's is shown", () => {
    const [a, b] = [new Doc({ now: () => 1000 }), new Doc({ now: () => 2000 })];
    a.setPolicy([], { custom: "longest" });
    for (const doc of [a, b]) doc.register("x").set(doc === a ? "long" : "b");
    sync(a, b, a);
    assert.throws(() => a.resolve(["x"]), code("no-resolver"));
    assert.equal(a.register("x").get(), "b");
    assert.deepEqual(a.policy(["x"]), { custom: "longest" });
    assert.throws(() => a.setPolicy(["x"], "nobody-wins"), code("invalid-value"));
  });
});

test("a vector is read in one copy that stays as it is", () => {
  const doc = new Doc();
  const vector = Float32Array.from([1.5, -2, 3e30]);
  doc.register("embedding").set(vector);
  const read = doc.vector("embedding");
  assert.deepEqual(read, vector);
  doc.register("embedding").set(new Float32Array(0));
  assert.deepEqual(read, vector);
  assert.equal(doc.register("embedding").vector().length, 0);
  doc.register("embedding").set("no vector");
  assert.equal(doc.vector("embedding"), undefined);
});

test("a transaction takes back all kinds", () => {
  const doc = new Doc();
  const before = doc.digest();
  assert.throws(() =>
    doc.transact(() => {
      doc.list("l").push(1);
      doc.flag("f").enable();
      doc.boundedCounter("b").add(2);
      doc.setOf("two-phase", "s").add(3);
      doc.boundedCounter("b").subtract(3);
    }), code("rights"));
  assert.equal(doc.digest(), before);
  assert.deepEqual(doc.toJSON(), {});
});
