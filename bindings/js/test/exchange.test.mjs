import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Doc, SynclineError } from "syncline";

const code = (expected) => (error) => error instanceof SynclineError && error.code === expected;

describe("export and import", () => {
  test("two documents become equal", () => {
    const [ada, bob] = [new Doc(), new Doc()];
    ada.map("users").set("ada", 36);
    ada.counter("votes").increment(2);
    ada.text("notes").insert(0, "hello");
    bob.map("users").set("bob", 41);
    bob.counter("votes").increment(3);
    bob.set("tags").add("x");
    assert.ok(bob.import(ada.export()).applied > 0);
    assert.ok(ada.import(bob.export({ from: ada.version() })).applied > 0);
    assert.deepEqual(ada.toJSON(), bob.toJSON());
    assert.deepEqual(ada.toJSON(), { users: { ada: 36, bob: 41 }, votes: 5, notes: "hello", tags: ["x"] });
    assert.equal(ada.digest(), bob.digest());
    assert.deepEqual(ada.version(), bob.version());
    assert.deepEqual(ada.export(), bob.export());
    assert.match(ada.digest(), /^[0-9a-f]{32}$/);
    assert.equal(ada.import(bob.export()).applied, 0);
  });

  test("export from a version holds only what is new", () => {
    const [ada, bob] = [new Doc(), new Doc()];
    for (let i = 0; i < 1000; i++) ada.map().set(`key ${i}`, i);
    bob.import(ada.export());
    ada.map().set("one more", 1);
    const delta = ada.export({ from: bob.version() });
    assert.ok(delta.length < 300, `${delta.length} bytes`);
    assert.equal(bob.import(delta).applied, 1);
    assert.equal(ada.digest(), bob.digest());
  });

  test("a delta that comes too early is refused and changes nothing", () => {
    const [ada, bob] = [new Doc(), new Doc()];
    ada.map().set("a", 1);
    const from = ada.version();
    ada.map().set("b", 1);
    assert.throws(() => bob.import(ada.export({ from })), code("import-gap"));
    assert.deepEqual(bob.toJSON(), {});
    assert.deepEqual(bob.versionEntries(), []);
  });

  test("damaged bytes are refused and change nothing", () => {
    const doc = new Doc();
    const good = new Doc();
    for (let i = 0; i < 20; i++) good.map("m").set(`k${i}`, i);
    const bytes = good.export();
    assert.throws(() => doc.import(new Uint8Array()), code("invalid-blob"));
    assert.throws(() => doc.import(new Uint8Array([1, 2, 3])), code("invalid-blob"));
    for (let i = 0; i < bytes.length; i += 7) assert.throws(() => doc.import(bytes.subarray(0, i)), code("invalid-blob"));
    assert.throws(() => doc.export({ from: new Uint8Array([255, 255]) }), code("invalid-bytes"));
    assert.deepEqual(doc.toJSON(), {});
  });

  test("concurrent writes are siblings until the next write", () => {
    const [ada, bob] = [new Doc({ now: () => 1000 }), new Doc({ now: () => 2000 })];
    ada.register("title").set("from ada");
    bob.register("title").set("from bob");
    ada.import(bob.export());
    bob.import(ada.export());
    for (const doc of [ada, bob]) {
      assert.equal(doc.register("title").get(), "from bob");
      assert.deepEqual(doc.register("title").siblings(), ["from bob", "from ada"]);
    }
    ada.register("title").set("both");
    bob.import(ada.export());
    assert.deepEqual(bob.register("title").siblings(), ["both"]);
  });

  test("an add wins over a concurrent removal", () => {
    const [ada, bob] = [new Doc(), new Doc()];
    ada.set("tags").add("x");
    bob.import(ada.export());
    ada.set("tags").add("x");
    bob.set("tags").delete("x");
    ada.import(bob.export({ from: ada.version() }));
    bob.import(ada.export({ from: bob.version() }));
    assert.ok(ada.set("tags").has("x"));
    assert.ok(bob.set("tags").has("x"));
  });

  test("a saved document is loaded again, deletions included", () => {
    const doc = new Doc();
    doc.map().set("a", 1);
    doc.map().set("b", 1);
    doc.map().delete("a");
    const copy = new Doc();
    copy.import(doc.save());
    assert.deepEqual(copy.toJSON(), { b: 1 });
    assert.equal(copy.digest(), doc.digest());
    const late = new Doc();
    late.import(copy.export({ from: late.version() }));
    assert.deepEqual(late.toJSON(), { b: 1 });
  });

  test("version entries name each replica once", () => {
    const [ada, bob] = [new Doc(), new Doc()];
    ada.map().set("a", 1);
    bob.map().set("b", 1);
    bob.map().set("b", 2);
    ada.import(bob.export());
    const entries = ada.versionEntries();
    assert.deepEqual(new Set(entries.map((entry) => entry.replica)), new Set([ada.replica, bob.replica]));
    assert.ok(entries.every((entry) => Number.isSafeInteger(entry.seq) && entry.seq > 0));
  });

  test("the statistics count what is held", () => {
    const doc = new Doc();
    for (let i = 0; i < 10; i++) doc.map().set(`k${i}`, i);
    const stats = doc.stats();
    assert.equal(stats.values, 10);
    assert.equal(stats.replicas, 1);
  });
});
