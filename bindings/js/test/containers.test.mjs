import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Doc, SynclineError } from "syncline";

const code = (expected) => (error) => error instanceof SynclineError && error.code === expected;

describe("map", () => {
  test("has the verbs of Map", () => {
    const map = new Doc().map("users");
    assert.equal(map.size, 0);
    assert.equal(map.get("ada"), undefined);
    map.set("bob", 41);
    map.set("ada", 36);
    assert.equal(map.get("ada"), 36);
    assert.ok(map.has("ada"));
    assert.ok(!map.has("eve"));
    assert.equal(map.size, 2);
    assert.deepEqual(map.keys(), ["ada", "bob"]);
    assert.deepEqual(map.values(), [36, 41]);
    assert.deepEqual(map.entries(), [["ada", 36], ["bob", 41]]);
    assert.deepEqual([...map], [["ada", 36], ["bob", 41]]);
    assert.deepEqual(map.toJSON(), { ada: 36, bob: 41 });
    map.delete("ada");
    assert.ok(!map.has("ada"));
    map.clear();
    assert.equal(map.size, 0);
  });

  test("keys that look like numbers keep their order in entries", () => {
    const map = new Doc().map();
    for (const key of ["b", "10", "9", "a"]) map.set(key, key);
    assert.deepEqual(map.entries().map(([key]) => key), ["10", "9", "a", "b"]);
  });

  test("any string is a key", () => {
    const doc = new Doc();
    const keys = ["", "a.b", "a/b", "\0", "a\0b", "\0\x10", "\0\x7f", "😀", "__proto__", "constructor"];
    for (const key of keys) doc.map("m").set(key, key.length);
    assert.deepEqual(new Set(doc.map("m").keys()), new Set(keys));
    for (const key of keys) assert.equal(doc.map("m").get(key), key.length);
    assert.equal(doc.map("m", "a").size, 0);
  });

  test("nested containers are reached from the map and by path", () => {
    const doc = new Doc();
    const board = doc.map("board");
    board.map("card").set("title", "Plan");
    board.set("tags").add("crdt");
    board.counter("votes").increment(3);
    board.text("notes").insert(0, "hi");
    board.register("owner").set("ada");
    const expected = { card: { title: "Plan" }, tags: ["crdt"], votes: 3, notes: "hi", owner: "ada" };
    assert.deepEqual(board.toJSON(), expected);
    assert.deepEqual(doc.toJSON(), { board: expected });
    assert.deepEqual(JSON.parse(JSON.stringify(doc)), { board: expected });
    assert.equal(doc.text("board", "notes").toString(), "hi");
    assert.deepEqual(board.get("card"), { title: "Plan" });
    assert.deepEqual(board.get("tags"), ["crdt"]);
    assert.equal(board.get("votes"), 3);
    assert.equal(board.get("notes"), "hi");
  });

  test("set replaces what was there as a whole, assign merges", () => {
    const users = new Doc().map("users");
    users.assign({ ada: { name: "Ada", address: { city: "London" } } });
    users.assign({ ada: { address: { street: "St James's" } } });
    assert.deepEqual(users.get("ada"), { name: "Ada", address: { city: "London", street: "St James's" } });
    assert.equal(users.map("ada").map("address").get("city"), "London");
    users.set("ada", { name: "A." });
    assert.deepEqual(users.get("ada"), { name: "A." });
  });

  test("a map can exist while empty", () => {
    const doc = new Doc();
    doc.map("empty").create();
    assert.ok(doc.map().has("empty"));
    assert.deepEqual(doc.toJSON(), { empty: {} });
  });
});

describe("set", () => {
  test("has the verbs of Set", () => {
    const tags = new Doc().set("tags");
    assert.equal(tags.size, 0);
    tags.add("b");
    tags.add("a");
    tags.add("a");
    assert.equal(tags.size, 2);
    assert.ok(tags.has("a"));
    assert.deepEqual(new Set(tags), new Set(["a", "b"]));
    assert.deepEqual(new Set(tags.values()), new Set(["a", "b"]));
    tags.delete("a");
    assert.ok(!tags.has("a"));
    assert.deepEqual(tags.toJSON(), ["b"]);
    tags.clear();
    assert.equal(tags.size, 0);
  });

  test("elements are compared by value", () => {
    const set = new Doc().set("s");
    set.add({ a: [1, 2] });
    set.add(new Uint8Array([1]));
    assert.ok(set.has({ a: [1, 2] }));
    assert.ok(set.has(new Uint8Array([1])));
    assert.ok(!set.has({ a: [2, 1] }));
    assert.ok(!set.has("1"));
  });
});

describe("counter", () => {
  test("counts up and down", () => {
    const votes = new Doc().counter("votes");
    assert.equal(votes.value, 0);
    votes.increment();
    votes.increment(10);
    votes.decrement();
    votes.decrement(3);
    assert.equal(votes.value, 7);
    assert.equal(JSON.stringify(votes), "7");
  });
});

describe("register", () => {
  test("holds one value, and the concurrent ones", () => {
    const register = new Doc().register("title");
    assert.equal(register.get(), undefined);
    assert.deepEqual(register.siblings(), []);
    register.set("Plan");
    assert.equal(register.get(), "Plan");
    assert.deepEqual(register.siblings(), ["Plan"]);
    assert.equal(register.toJSON(), "Plan");
    register.delete();
    assert.equal(register.get(), undefined);
    assert.equal(register.toJSON(), null);
  });
});

describe("text", () => {
  test("is edited by position", () => {
    const text = new Doc().text("notes");
    assert.equal(text.length, 0);
    assert.equal(String(text), "");
    text.insert(0, "Hello world");
    text.insert(5, ",");
    text.delete(0, 1);
    text.replace(0, 0, "J");
    assert.equal(text.toString(), "Jello, world");
    assert.equal(text.length, 12);
    assert.equal(JSON.stringify(text), '"Jello, world"');
  });

  test("positions count UTF-16 code units", () => {
    const text = new Doc().text("notes");
    text.insert(0, "a😀b");
    assert.equal(text.length, 4);
    text.insert(3, "-");
    assert.equal(text.toString(), "a😀-b");
  });

  test("update makes the smallest edit", () => {
    const doc = new Doc();
    const text = doc.text("notes");
    text.insert(0, "The cat sat.");
    const edits = [];
    doc.subscribe((event) => edits.push(...event.splices));
    text.update("The dog sat.");
    text.update("The dog sat!");
    text.update("The dog sat!");
    text.update("");
    assert.equal(text.toString(), "");
    assert.deepEqual(edits[0].index, 4);
    const touched = edits.reduce((sum, edit) => sum + edit.delete + edit.insert.length, 0);
    assert.equal(touched, 3 + 3 + 1 + 1 + 12);
  });

  test("update cuts no surrogate pair in two", () => {
    const text = new Doc().text("notes");
    for (const next of ["a😀b", "a😁b", "a😀😁b", "😁", "😀"]) {
      text.update(next);
      assert.equal(text.toString(), next);
    }
  });

  test("positions outside the text are refused and change nothing", () => {
    const text = new Doc().text("notes");
    text.insert(0, "abc");
    for (const [index, count] of [[4, 0], [0, 4], [3, 1]]) {
      assert.throws(() => text.replace(index, count, "x"), code("out-of-range"));
    }
    for (const index of [-1, 0.5, NaN, 2 ** 40]) {
      assert.throws(() => text.insert(index, "x"), code("out-of-range"));
    }
    assert.equal(text.toString(), "abc");
  });
});

describe("limits", () => {
  test("a path that is too long or too deep is refused", () => {
    const doc = new Doc();
    assert.throws(() => doc.map().set("x".repeat(10_000), 1), code("invalid-path"));
    assert.throws(() => doc.register(...Array(100).fill("a")).set(1), code("invalid-path"));
  });

  test("a freed document says so", () => {
    const doc = new Doc();
    const map = doc.map();
    doc.free();
    doc.free();
    assert.throws(() => map.get("a"), code("freed"));
    assert.throws(() => doc.export(), code("freed"));
  });

  test("a replica id must be 32 hex digits", () => {
    assert.throws(() => new Doc({ replica: "abc" }), code("invalid-option"));
    const replica = "0123456789abcdef0123456789abcdef";
    assert.equal(new Doc({ replica }).replica, replica);
    assert.match(new Doc().replica, /^[0-9a-f]{32}$/);
    assert.notEqual(new Doc().replica, new Doc().replica);
  });
});
