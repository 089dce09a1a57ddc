import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Doc } from "syncline";

function code(expected) {
  return (error) => error.name === "SynclineError" && error.code === expected;
}

/** A document whose clock moves only by `tick`. */
function clocked() {
  let now = 1_000_000;
  const doc = new Doc({ now: () => now });
  return { doc, tick: (ms) => (now += ms) };
}

describe("the undo manager", () => {
  test("takes back step by step and does it again", () => {
    const { doc, tick } = clocked();
    const history = doc.undoManager();
    const title = doc.register("title");
    title.set("one");
    tick(1_000);
    title.set("two");
    assert.deepEqual([history.undoDepth, history.canRedo], [2, false]);
    assert.ok(history.undo().seq > 0);
    assert.equal(title.get(), "one");
    history.undo();
    assert.equal(title.get(), undefined);
    assert.equal(history.undo(), undefined);
    history.redo();
    history.redo();
    assert.equal(title.get(), "two");
    assert.deepEqual([history.canUndo, history.redo(), history.redoDepth], [true, undefined, 0]);
  });

  test("leaves alone what others did", () => {
    const [ada, bob] = [new Doc(), new Doc()];
    const history = ada.undoManager();
    ada.text("note").insert(0, "Hello");
    bob.import(ada.export());
    bob.text("note").insert(5, " world");
    ada.import(bob.export());
    history.undo();
    assert.equal(ada.text("note").toString(), " world");
  });

  test("joins quick steps unless they are closed, and keeps to its origins", () => {
    const { doc, tick } = clocked();
    const history = doc.undoManager({ mergeMs: 100, origins: ["typing"] });
    const count = doc.counter("n");
    const type = () => doc.transact(() => count.increment(), { origin: "typing" });
    type();
    tick(50);
    type();
    history.closeStep();
    type();
    count.increment(10);
    assert.equal(history.undoDepth, 2);
    history.undo();
    assert.equal(count.value, 12);
    history.undo();
    assert.equal(count.value, 10);
  });

  test("keeps as many steps as it may", () => {
    const doc = new Doc();
    const history = doc.undoManager({ depth: 3, mergeMs: 0 });
    for (let i = 0; i < 10; i++) doc.register("x").set(i);
    assert.equal(history.undoDepth, 3);
    while (history.undo());
    assert.equal(doc.register("x").get(), 6);
    assert.throws(() => doc.undoManager({ depth: -1 }), code("out-of-range"));
  });

  test("tells listeners and streams what it did", () => {
    const doc = new Doc();
    const history = doc.undoManager();
    doc.register("x").set(1);
    const events = [];
    doc.subscribe((event) => events.push(event));
    const stream = doc.stream();
    history.undo();
    assert.deepEqual(events.map(({ path, old, origin }) => ({ path, old, origin })), [
      { path: ["x"], old: 1, origin: { type: "local", name: "undo" } },
    ]);
    assert.deepEqual(stream.next()?.change, events[0]);
    history.redo();
    assert.deepEqual(events[1].origin, { type: "local", name: "redo" });
  });

  test("is one for a document, and can be closed", () => {
    const doc = new Doc();
    const first = doc.undoManager();
    doc.register("x").set(1);
    assert.throws(() => doc.transact(() => first.undo()), code("in-transaction"));
    const second = doc.undoManager();
    assert.throws(() => first.undo(), code("closed"));
    first.close();
    assert.equal(second.canUndo, false);
    second.close();
    assert.throws(() => second.canUndo, code("closed"));
  });
});
