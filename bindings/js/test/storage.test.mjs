import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { IDBFactory } from "fake-indexeddb";
import { Doc, SynclineError, persist } from "syncline";

const code = (expected) => (error) => error instanceof SynclineError && error.code === expected;

/** Opens what is stored, as a later visit to the page would. */
async function reopen(indexedDB, name = "doc") {
  const doc = new Doc();
  const store = await persist(doc, { name, indexedDB });
  return { doc, store };
}

/** Opens the database behind a document. */
function database(indexedDB, name = "doc") {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(`syncline:${name}`);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function entries(indexedDB, name) {
  const db = await database(indexedDB, name);
  const request = db.transaction("entries").objectStore("entries").getAll();
  await new Promise((resolve) => (request.onsuccess = resolve));
  db.close();
  return request.result;
}

async function append(indexedDB, bytes) {
  const db = await database(indexedDB);
  const transaction = db.transaction("entries", "readwrite");
  transaction.objectStore("entries").add(bytes);
  await new Promise((resolve) => (transaction.oncomplete = resolve));
  db.close();
}

/** A database in which adding fails while `failing.with` is set. */
function breakable() {
  const indexedDB = new IDBFactory();
  const failing = { with: undefined };
  const open = indexedDB.open.bind(indexedDB);
  indexedDB.open = (...args) => {
    const request = open(...args);
    request.addEventListener("success", () => {
      const db = request.result;
      const begin = db.transaction.bind(db);
      db.transaction = (...of) => {
        if (failing.with) throw failing.with;
        return begin(...of);
      };
    });
    return request;
  };
  return { indexedDB, failing };
}

describe("persist", () => {
  test("what is written without any connection is there at the next visit", async () => {
    const indexedDB = new IDBFactory();
    const first = await reopen(indexedDB);
    first.doc.map("users").set("ada", 36);
    first.doc.transact(() => {
      first.doc.set("tags").add("x");
      first.doc.counter("votes").increment(3);
      first.doc.text("notes").insert(0, "hi");
    });
    await first.store.flushed();
    first.doc.free();

    const second = await reopen(indexedDB);
    assert.deepEqual(second.doc.toJSON(), { users: { ada: 36 }, tags: ["x"], votes: 3, notes: "hi" });
    second.doc.map("users").delete("ada");
    await second.store.close();

    const third = await reopen(indexedDB);
    assert.deepEqual(third.doc.toJSON(), { tags: ["x"], votes: 3, notes: "hi" });
    assert.notEqual(third.doc.replica, second.doc.replica);
  });

  test("flushed means that it is in the database", async () => {
    const indexedDB = new IDBFactory();
    const { doc, store } = await reopen(indexedDB);
    assert.equal((await entries(indexedDB)).length, 0);
    doc.map().set("a", 1);
    await store.flushed();
    assert.equal((await entries(indexedDB)).length, 1);
    await store.flushed();
    assert.equal((await entries(indexedDB)).length, 1);
  });

  test("what was there before persist is kept and stored", async () => {
    const indexedDB = new IDBFactory();
    const first = await reopen(indexedDB);
    first.doc.map().set("stored", 1);
    await first.store.close();

    const doc = new Doc();
    doc.map().set("early", 1);
    const loading = persist(doc, { name: "doc", indexedDB });
    doc.map().set("meanwhile", 1);
    await (await loading).flushed();
    doc.free();
    const last = await reopen(indexedDB);
    assert.deepEqual(last.doc.toJSON(), { early: 1, meanwhile: 1, stored: 1 });
  });

  test("what was imported is stored too", async () => {
    const indexedDB = new IDBFactory();
    const other = new Doc();
    other.map().set("a", 1);
    const { doc, store } = await reopen(indexedDB);
    doc.import(other.export());
    await store.flushed();
    assert.deepEqual((await reopen(indexedDB)).doc.toJSON(), { a: 1 });
  });

  test("loading is announced as an import", async () => {
    const indexedDB = new IDBFactory();
    const first = await reopen(indexedDB);
    first.doc.map().set("a", 1);
    await first.store.close();
    const doc = new Doc();
    const events = [];
    doc.subscribe((event) => events.push(event));
    await persist(doc, { name: "doc", indexedDB });
    assert.deepEqual(events.map((event) => [event.path, event.origin.type, event.by]), [[["a"], "import", first.doc.replica]]);
  });

  test("many changes are put into one entry", async () => {
    const indexedDB = new IDBFactory();
    const { doc, store } = await reopen(indexedDB);
    for (let i = 0; i < 2000; i++) doc.map().set(`key ${i % 50}`, i);
    await store.flushed();
    for (let i = 0; i < 1500; i++) {
      doc.map().set("n", i);
      if (i % 3 === 0) await store.flushed();
    }
    await store.flushed();
    const stored = await entries(indexedDB);
    assert.ok(stored.length < 600, `${stored.length} entries`);
    assert.deepEqual((await reopen(indexedDB)).doc.toJSON(), doc.toJSON());
    assert.ok((await entries(indexedDB)).length <= Math.min(stored.length, 32));
  });

  test("tabs share a name, and nothing is lost when one of them compacts", async () => {
    const indexedDB = new IDBFactory();
    const tabs = [await reopen(indexedDB), await reopen(indexedDB), await reopen(indexedDB)];
    for (let round = 0; round < 700; round++) {
      for (const [i, tab] of tabs.entries()) {
        tab.doc.map().set(`tab ${i}`, round);
        tab.doc.counter("rounds").increment();
      }
      if (round % 2 === 0) await Promise.all(tabs.map((tab) => tab.store.flushed()));
    }
    await Promise.all(tabs.map((tab) => tab.store.close()));
    const { doc } = await reopen(indexedDB);
    assert.deepEqual(doc.toJSON(), { "tab 0": 699, "tab 1": 699, "tab 2": 699, rounds: 2100 });
  });

  test("documents of different names are apart", async () => {
    const indexedDB = new IDBFactory();
    const [a, b] = [await reopen(indexedDB, "a"), await reopen(indexedDB, "b")];
    a.doc.map().set("in a", 1);
    await a.store.close();
    await b.store.close();
    assert.deepEqual((await reopen(indexedDB, "b")).doc.toJSON(), {});
  });

  test("after close the document lives on, unstored, and can be persisted again", async () => {
    const indexedDB = new IDBFactory();
    const { doc, store } = await reopen(indexedDB);
    doc.map().set("a", 1);
    await store.close();
    doc.map().set("b", 1);
    await store.flushed();
    assert.deepEqual((await reopen(indexedDB)).doc.toJSON(), { a: 1 });
    await (await persist(doc, { name: "doc", indexedDB })).flushed();
    assert.deepEqual((await reopen(indexedDB)).doc.toJSON(), { a: 1, b: 1 });
  });

  test("freeing the document stores what is left", async () => {
    const indexedDB = new IDBFactory();
    const { doc, store } = await reopen(indexedDB);
    doc.map().set("a", 1);
    doc.free();
    await store.flushed();
    assert.deepEqual((await reopen(indexedDB)).doc.toJSON(), { a: 1 });
  });
});

describe("failures of the store", () => {
  test("a full disk is reported by name, nothing is lost, and the next call tries again", async () => {
    const { indexedDB, failing } = breakable();
    const errors = [];
    const doc = new Doc();
    const store = await persist(doc, { name: "doc", indexedDB, onError: (error) => errors.push(error.code) });
    failing.with = new DOMException("full", "QuotaExceededError");
    doc.map().set("a", 1);
    await assert.rejects(store.flushed(), code("quota-exceeded"));
    assert.deepEqual(errors, ["quota-exceeded"]);
    doc.map().set("b", 1);
    await assert.rejects(store.flushed(), code("quota-exceeded"));
    failing.with = undefined;
    doc.map().set("c", 1);
    await store.flushed();
    await store.close();
    assert.deepEqual((await reopen(indexedDB)).doc.toJSON(), { a: 1, b: 1, c: 1 });
  });

  test("other failures say what IndexedDB said", async () => {
    const { indexedDB, failing } = breakable();
    const doc = new Doc();
    const store = await persist(doc, { name: "doc", indexedDB, onError: () => undefined });
    failing.with = new Error("the disk is on fire");
    doc.map().set("a", 1);
    await assert.rejects(store.flushed(), (error) => error.code === "store-failed" && /on fire/.test(error.message));
  });

  test("a damaged entry is refused by number, and kept", async () => {
    const indexedDB = new IDBFactory();
    const first = await reopen(indexedDB);
    first.doc.map().set("a", 1);
    await first.store.close();
    await append(indexedDB, new Uint8Array([1, 2, 3]));
    await assert.rejects(reopen(indexedDB), code("store-corrupt"));
    assert.equal((await entries(indexedDB)).length, 2);
  });

  test("entries in the wrong order are put right; missing ones are reported", async () => {
    const indexedDB = new IDBFactory();
    const doc = new Doc();
    doc.map().set("a", 1);
    const first = { bytes: doc.export(), version: doc.version() };
    doc.map().set("b", 1);
    const second = { bytes: doc.export({ from: first.version }), version: doc.version() };
    await (await reopen(indexedDB)).store.close();
    await append(indexedDB, second.bytes);
    await assert.rejects(reopen(indexedDB), code("store-corrupt"));
    await append(indexedDB, first.bytes);
    assert.deepEqual((await reopen(indexedDB)).doc.toJSON(), { a: 1, b: 1 });
  });

  test("a document is persisted once at a time", async () => {
    const indexedDB = new IDBFactory();
    const doc = new Doc();
    const loading = persist(doc, { name: "doc", indexedDB });
    await assert.rejects(persist(doc, { name: "doc", indexedDB }), code("already-persisted"));
    await loading;
    await assert.rejects(persist(doc, { name: "other", indexedDB }), code("already-persisted"));
  });

  test("a platform without IndexedDB is told what to do instead", async () => {
    await assert.rejects(persist(new Doc(), { name: "doc" }), code("no-indexeddb"));
  });
});
