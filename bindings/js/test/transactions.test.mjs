import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Doc, SynclineError } from "syncline";

const code = (expected) => (error) => error instanceof SynclineError && error.code === expected;

describe("transact", () => {
  test("returns what its function returns, and makes all writes together", () => {
    const doc = new Doc();
    const batches = [];
    doc.subscribe((event) => batches.push(event.path.join("/")));
    const result = doc.transact(() => {
      doc.map().set("a", 1);
      assert.equal(doc.map().get("a"), 1, "a transaction sees its own writes");
      assert.deepEqual(batches, [], "no event before the commit");
      doc.map().set("b", 2);
      return "done";
    });
    assert.equal(result, "done");
    assert.deepEqual(batches, ["a", "b"]);
  });

  test("takes everything back when its function throws", () => {
    const doc = new Doc();
    doc.map().set("kept", 1);
    doc.set("tags").add("x");
    doc.counter("votes").increment(5);
    doc.text("notes").insert(0, "abc");
    const before = { json: doc.toJSON(), version: doc.version(), digest: doc.digest() };
    const events = [];
    doc.subscribe((event) => events.push(event));
    const failure = new Error("no");
    const attempt = () =>
      doc.transact(() => {
        doc.map().set("kept", 2);
        doc.map().set("new", 1);
        doc.map().delete("kept");
        doc.set("tags").delete("x");
        doc.counter("votes").increment();
        doc.text("notes").replace(0, 3, "xyz");
        doc.map("deep").assign({ a: { b: 1 } });
        throw failure;
      });
    assert.throws(attempt, (error) => error === failure);
    assert.deepEqual(doc.toJSON(), before.json);
    assert.deepEqual(doc.version(), before.version);
    assert.equal(doc.digest(), before.digest);
    assert.deepEqual(events, []);
    doc.map().set("after", 1);
    assert.equal(doc.map().get("after"), 1);
  });

  test("a nested one joins the outer one", () => {
    const doc = new Doc();
    const events = [];
    doc.subscribe((event) => events.push(event.path[0]));
    doc.transact(() => {
      doc.map().set("a", 1);
      doc.transact(() => doc.map().set("b", 2));
      assert.deepEqual(events, []);
    });
    assert.deepEqual(events, ["a", "b"]);
  });

  test("when a nested one throws, the outer one cannot commit", () => {
    const doc = new Doc();
    const attempt = () =>
      doc.transact(() => {
        doc.map().set("a", 1);
        try {
          doc.transact(() => {
            throw new Error("inner");
          });
        } catch {
          // The outer one goes on as if nothing had happened.
        }
      });
    assert.throws(attempt, code("rolled-back"));
    assert.deepEqual(doc.toJSON(), {});
    doc.map().set("b", 1);
    assert.deepEqual(doc.toJSON(), { b: 1 });
  });

  test("a rolled-back transaction takes no further inner one, and ends with the outer one", () => {
    const doc = new Doc();
    const attempt = () =>
      doc.transact(() => {
        try {
          doc.transact(() => {
            throw new Error("inner");
          });
        } catch {
          doc.transact(() => doc.map().set("a", 1));
        }
      });
    assert.throws(attempt, code("rolled-back"));
    const events = [];
    doc.subscribe((event) => events.push(event.path[0]));
    assert.ok(doc.map().set("b", 1).seq > 0);
    assert.deepEqual(events, ["b"]);
    assert.deepEqual(doc.toJSON(), { b: 1 });
  });

  test("an async function is refused, and nothing is written", () => {
    const doc = new Doc();
    const attempt = () => doc.transact(async () => doc.map().set("a", 1));
    assert.throws(attempt, code("async-transaction"));
    assert.deepEqual(doc.toJSON(), {});
  });

  test("a refused write does not end the transaction", () => {
    const doc = new Doc();
    doc.transact(() => {
      doc.map().set("a", 1);
      assert.throws(() => doc.map().set("b", undefined), code("invalid-value"));
      doc.map().set("c", 3);
    });
    assert.deepEqual(doc.toJSON(), { a: 1, c: 3 });
  });

  test("import within a transaction is refused", () => {
    const doc = new Doc();
    const other = new Doc();
    other.map().set("b", 1);
    assert.throws(() => doc.transact(() => doc.import(other.export())), code("in-transaction"));
    assert.deepEqual(doc.toJSON(), {});
  });
});

describe("write handles", () => {
  test("number the writes of this replica", () => {
    const doc = new Doc();
    const first = doc.map().set("a", 1);
    const second = doc.map().set("a", 2);
    assert.ok(first.seq >= 1);
    assert.ok(second.seq > first.seq);
    const last = doc.versionEntries().find((entry) => entry.replica === doc.replica);
    assert.equal(last.seq, second.seq);
  });

  test("writes of a transaction share one, which is numbered at the commit", () => {
    const doc = new Doc();
    let a, b;
    doc.transact(() => {
      a = doc.map().set("a", 1);
      b = doc.map().set("b", 1);
      assert.equal(a.seq, 0);
    });
    assert.equal(a, b);
    assert.ok(a.seq >= 1);
  });

  test("nothing to write is acknowledged at once", async () => {
    const write = new Doc().map().delete("missing");
    assert.equal(write.seq, 0);
    await write.acked();
  });

  test("acked rejects after a rollback", async () => {
    const doc = new Doc();
    let write;
    assert.throws(() =>
      doc.transact(() => {
        write = doc.map().set("a", 1);
        throw new Error("no");
      }),
    );
    await assert.rejects(write.acked(), code("rolled-back"));
  });

  test("acked gives up after its timeout", async () => {
    const write = new Doc().map().set("a", 1);
    await assert.rejects(write.acked({ timeout: 10 }), code("ack-timeout"));
  });

  test("acked refuses an unknown level", () => {
    const write = new Doc().map().set("a", 1);
    assert.throws(() => write.acked({ level: "carved in stone" }), code("invalid-option"));
  });

  test("acked rejects when the document is freed", async () => {
    const doc = new Doc();
    const waiting = doc.map().set("a", 1).acked();
    doc.free();
    await assert.rejects(waiting, code("freed"));
  });
});
