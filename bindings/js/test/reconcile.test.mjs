import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { IDBFactory } from "fake-indexeddb";
import { Doc, SynclineError, persist } from "syncline";
import { ReconcileSession, init } from "syncline/tools";

await init();
const code = (expected) => (error) => error instanceof SynclineError && error.code === expected;

/** Lets two documents reconcile; `one` opens. */
function reconcile(one, two, resume) {
  const [opening, answering] = [new ReconcileSession(one), new ReconcileSession(two, { resume })];
  let message = opening.open();
  for (let turn = 1; message; turn = 1 - turn) message = [opening, answering][turn].handle(message);
  assert.ok(opening.isDone && answering.isDone);
  return [opening.outcome, answering.outcome];
}

function filled(keys) {
  const doc = new Doc();
  for (let key = 0; key < keys; key++) doc.map().set(`${key}`, key);
  return doc;
}

/** Two documents of which one has deleted and forgotten that it did. */
function pruned() {
  const [ada, bob] = [filled(50), new Doc()];
  bob.import(ada.export());
  ada.map().delete("7");
  assert.equal(ada.prune(), 1);
  assert.equal(ada.prune(ada.version()), 0);
  bob.map().set("new", true);
  bob.text("notes").insert(0, "hello");
  return [ada, bob];
}

describe("reconciliation", () => {
  test("finds deletions whose records were pruned", () => {
    const [ada, bob] = pruned();
    const changes = [];
    bob.subscribe((change) => changes.push([change.path, change.new]));
    const outcomes = reconcile(ada, bob);
    assert.equal(bob.map().has("7"), false);
    assert.deepEqual(ada.export(), bob.export());
    assert.deepEqual(outcomes[0], { applied: 2, dropped: 0, findings: [] });
    assert.deepEqual(outcomes[1], { applied: 1, dropped: 1, findings: [] });
    assert.deepEqual(changes, [[["7"], undefined]]);
    assert.deepEqual(reconcile(bob, ada).map(({ applied, dropped }) => [applied, dropped]), [[0, 0], [0, 0]]);
  });

  test("an emptied peer deletes nothing", () => {
    const ada = filled(50);
    ada.map().delete("7");
    ada.prune();
    for (const isOpening of [true, false]) {
      const emptied = new Doc();
      reconcile(...(isOpening ? [emptied, ada] : [ada, emptied]));
      assert.equal(ada.map().size, 49);
      assert.equal(emptied.digest(), ada.digest());
    }
  });

  test("a damaged message is a typed error, ends the session and changes nothing", () => {
    const [ada, bob] = pruned();
    const before = [ada.save(), bob.save()];
    const message = new ReconcileSession(ada).open();
    for (const damaged of [new Uint8Array(), message.subarray(0, 9), new Uint8Array([99, ...message.subarray(1)])]) {
      const session = new ReconcileSession(bob);
      assert.throws(() => session.handle(damaged), code("invalid-message"));
      assert.equal(session.isDone, false);
      assert.throws(() => session.handle(message), code("out-of-turn"));
    }
    const opening = new ReconcileSession(ada);
    opening.open();
    assert.throws(() => opening.open(), code("out-of-turn"));
    assert.throws(() => opening.handle(message), code("out-of-turn"));
    assert.deepEqual([ada.save(), bob.save()], before);
    assert.throws(() => ada.prune(new Uint8Array([255])), code("invalid-bytes"));
  });

  test("a document that changes meanwhile is noticed, and nothing is lost", () => {
    const [ada, bob] = pruned();
    const [opening, answering] = [new ReconcileSession(ada), new ReconcileSession(bob)];
    const answer = answering.handle(opening.open());
    ada.map().set("meanwhile", 1);
    assert.throws(() => opening.handle(answer), code("document-changed"));
    reconcile(bob, ada);
    assert.deepEqual([ada.digest(), bob.map().get("meanwhile"), bob.map().has("7")], [bob.digest(), 1, false]);
  });

  test("inside a transaction it is refused, and the document stays as it was", () => {
    const [ada, bob] = pruned();
    const [opening, answering] = [new ReconcileSession(ada), new ReconcileSession(bob)];
    const answer = answering.handle(opening.open());
    const next = opening.handle(answer);
    const before = bob.save();
    bob.transact(() => assert.throws(() => answering.handle(next), code("in-transaction")));
    assert.equal(answering.isDone, false);
    assert.deepEqual(bob.save(), before);
    reconcile(ada, bob);
    assert.equal(ada.digest(), bob.digest());
  });

  test("what was dropped is gone from the store as well", async () => {
    const [factory, [ada, bob]] = [new IDBFactory(), pruned()];
    const store = await persist(bob, { name: "b", indexedDB: factory });
    await store.flushed();
    reconcile(bob, ada);
    await store.close();
    const again = new Doc();
    await (await persist(again, { name: "b", indexedDB: factory })).close();
    assert.equal(again.digest(), ada.digest());
  });
});

describe("an audit", () => {
  const replica = "018bcfe5680000000000000000000a01";

  /** Two documents that wrote under one id, which is not allowed: they have seen the same and hold something else. */
  function forked() {
    const docs = ["one", "two"].map((value) => {
      const doc = new Doc({ replica, now: () => 1_700_000_000_000 });
      for (let key = 0; key < 20; key++) doc.map().set(`${key}`, key === 5 ? value : key);
      return doc;
    });
    assert.deepEqual(docs[0].version(), docs[1].version());
    return docs;
  }

  test("finds and mends what differs under one name, and tells of it", async () => {
    const [one, two] = forked();
    const factory = new IDBFactory();
    const store = await persist(one, { name: "one", indexedDB: factory });
    const changes = [];
    one.subscribe((change) => changes.push([change.path, change.old, change.new]));
    const outcomes = reconcile(one, two);
    assert.deepEqual(one.export(), two.export());
    assert.equal(one.map().get("5"), "two");
    const finding = { path: ["5"], replica, seq: 6, kind: "differs" };
    assert.deepEqual(outcomes[0], { applied: 0, dropped: 0, findings: [{ ...finding, action: "taken" }] });
    assert.deepEqual(outcomes[1], { applied: 0, dropped: 0, findings: [{ ...finding, action: "kept" }] });
    assert.deepEqual(changes, [[["5"], "one", "two"]]);
    await store.close();
    const again = new Doc();
    await (await persist(again, { name: "one", indexedDB: factory })).close();
    assert.equal(again.digest(), one.digest());
  });

  test("what is mended must be a copy at the same version", () => {
    const [one] = forked();
    const other = new Doc();
    other.import(one.save());
    one.mend(other.save());
    other.map().set("more", 1);
    const before = one.digest();
    assert.throws(() => one.mend(other.save()), code("document-changed"));
    assert.throws(() => one.mend(new Uint8Array([1, 2])), code("invalid-blob"));
    assert.equal(one.digest(), before);
  });
});
