import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Doc, SynclineError } from "syncline";
import { uncaught } from "./support/uncaught.mjs";

/** Collects the events of a document, without what differs from run to run. */
function collect(doc, ...path) {
  const events = [];
  doc.subscribe(path, (event) => events.push(event));
  return events;
}

describe("change events", () => {
  test("come synchronously, with who, where from, old and new", () => {
    const doc = new Doc();
    const events = collect(doc);
    doc.map("users").set("ada", 36);
    assert.deepEqual(events, [
      { path: ["users", "ada"], kind: "register", by: doc.replica, origin: { type: "local" }, new: 36 },
    ]);
    doc.transact(() => doc.map("users").set("ada", 37), { origin: "form" });
    assert.deepEqual(events[1].origin, { type: "local", name: "form" });
    assert.equal(events[1].old, 36);
    assert.equal(events[1].new, 37);
    doc.map("users").delete("ada");
    assert.equal(events[2].old, 37);
    assert.ok(!("new" in events[2]));
  });

  test("tell the elements of a set", () => {
    const doc = new Doc();
    const events = collect(doc);
    doc.set("tags").add("x");
    doc.set("tags").delete("x");
    assert.deepEqual(events.map(({ path, kind, old, new: now }) => ({ path, kind, old, now })), [
      { path: ["tags"], kind: "set", old: undefined, now: "x" },
      { path: ["tags"], kind: "set", old: "x", now: undefined },
    ]);
  });

  test("tell the value of a counter", () => {
    const doc = new Doc();
    doc.counter("votes").increment(2);
    const events = collect(doc);
    doc.counter("votes").increment(3);
    assert.equal(events[0].kind, "counter");
    assert.deepEqual([events[0].old, events[0].new], [2, 5]);
  });

  test("tell the splices of a text", () => {
    const doc = new Doc();
    doc.text("notes").insert(0, "abc");
    const events = collect(doc);
    doc.text("notes").insert(3, "def");
    assert.equal(events.length, 1);
    assert.equal(events[0].kind, "text");
    assert.deepEqual(events[0].splices, [{ index: 3, delete: 0, insert: "def" }]);
    assert.ok(!("old" in events[0]) && !("new" in events[0]));
  });

  test("the splices of a text lead from the old to the new one", () => {
    const doc = new Doc();
    const text = doc.text("notes");
    text.insert(0, "hello 😀 world");
    let copy = text.toString();
    doc.subscribe((event) => {
      for (const { index, delete: count, insert } of event.splices) copy = copy.slice(0, index) + insert + copy.slice(index + count);
    });
    text.replace(0, 5, "HELLO");
    doc.transact(() => {
      text.delete(0, 2);
      text.insert(4, "é");
    });
    text.update("quite different");
    assert.equal(copy, text.toString());
  });

  test("of an import name the writer and the import", () => {
    const [ada, bob] = [new Doc(), new Doc()];
    ada.map().set("a", 1);
    const events = collect(bob);
    bob.import(ada.export());
    assert.deepEqual(events, [{ path: ["a"], kind: "register", by: ada.replica, origin: { type: "import" }, new: 1 }]);
    bob.import(ada.export());
    assert.equal(events.length, 1);
  });

  test("reach those who listen at or above the path, until they stop", () => {
    const doc = new Doc();
    const seen = [];
    const stop = doc.subscribe(["a"], (event) => seen.push(`a:${event.path.join("/")}`));
    doc.subscribe(["a", "b"], (event) => seen.push(`ab:${event.path.join("/")}`));
    doc.map("a").set("b", 1);
    doc.map("a", "b").set("c", 1);
    doc.map("a").set("bb", 1);
    doc.map().set("ab", 1);
    assert.deepEqual(seen, ["a:a/b", "ab:a/b", "a:a/b/c", "ab:a/b/c", "a:a/bb"]);
    stop();
    stop();
    doc.map("a").set("b", 2);
    assert.deepEqual(seen.slice(5).filter((text) => text.startsWith("a:")), []);
  });

  test("a listener may write; the events of that follow", () => {
    const doc = new Doc();
    const seen = [];
    doc.subscribe(["a"], (event) => {
      seen.push(`first ${event.new}`);
      doc.map().set("double", event.new * 2);
      assert.equal(doc.map().get("double"), event.new * 2);
      seen.push("written");
    });
    doc.subscribe((event) => seen.push(`${event.path} ${event.new}`));
    doc.map().set("a", 2);
    assert.deepEqual(seen, ["first 2", "written", "a 2", "double 4"]);
  });

  test("a listener may stop others and itself", () => {
    const doc = new Doc();
    const seen = [];
    const stops = [];
    stops.push(doc.subscribe(() => (seen.push(1), stops.forEach((stop) => stop()))));
    stops.push(doc.subscribe(() => seen.push(2)));
    doc.map().set("a", 1);
    doc.map().set("a", 2);
    assert.deepEqual(seen, [1]);
  });

  test("a listener that throws disturbs neither the writer nor the others", async () => {
    const doc = new Doc();
    const seen = [];
    doc.subscribe(() => {
      throw new Error("mine");
    });
    doc.subscribe((event) => seen.push(event.new));
    const errors = await uncaught(() => doc.map().set("a", 1));
    assert.deepEqual(seen, [1]);
    assert.deepEqual(errors.map((error) => error.message), ["mine"]);
  });

  test("listeners that answer each other for ever are stopped", async () => {
    const doc = new Doc();
    doc.subscribe((event) => doc.map().set("n", (event.new ?? 0) + 1));
    const errors = await uncaught(() => doc.map().set("n", 0));
    assert.equal(errors.length, 1);
    assert.ok(errors[0] instanceof SynclineError);
    assert.equal(errors[0].code, "event-loop");
    assert.ok(doc.map().get("n") >= 1000);
  });

  test("what happened before anyone listened is not told", () => {
    const doc = new Doc();
    doc.map().set("a", 1);
    const events = collect(doc);
    doc.map().set("b", 1);
    assert.deepEqual(events.map((event) => event.path), [["b"]]);
  });

  test("a listener may free the document", () => {
    const doc = new Doc();
    doc.subscribe(() => doc.free());
    doc.map().set("a", 1);
    assert.throws(() => doc.map().get("a"), (error) => error.code === "freed");
  });
});
