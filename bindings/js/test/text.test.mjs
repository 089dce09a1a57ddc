import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Doc } from "syncline";

function code(expected) {
  return (error) => error.name === "SynclineError" && error.code === expected;
}

describe("marks of a text", () => {
  test("are given, shown and taken away", () => {
    const text = new Doc().text("t");
    text.insert(0, "a😀 plain");
    text.insert(3, "bold", { bold: true, size: 12 });
    assert.deepEqual(text.runs(), [
      { text: "a😀", attributes: {} },
      { text: "bold", attributes: { bold: true, size: 12 } },
      { text: " plain", attributes: {} },
    ]);
    text.format(3, 7, { bold: null, href: "x" });
    assert.deepEqual(text.runs(), [
      { text: "a😀", attributes: {} },
      { text: "bold", attributes: { size: 12, href: "x" } },
      { text: " pl", attributes: { href: "x" } },
      { text: "ain", attributes: {} },
    ]);
    assert.equal(text.toString(), "a😀bold plain");
  });

  test("are taken over by what is typed behind them, unless it brings its own", () => {
    const text = new Doc().text("t");
    text.insert(0, "x", { bold: true });
    text.insert(1, "y");
    text.insert(2, "z", {});
    assert.deepEqual(text.runs(), [{ text: "xy", attributes: { bold: true } }, { text: "z", attributes: {} }]);
  });

  test("come with events, as splices that lead from old to new", () => {
    const doc = new Doc();
    const [text, splices] = [doc.text("t"), []];
    doc.subscribe((event) => event.kind === "text" && splices.push(...event.splices));
    text.insert(0, "abc", { bold: true });
    text.format(1, 1, { bold: null });
    assert.deepEqual(splices, [
      { index: 0, delete: 0, insert: "abc", attributes: { bold: true } },
      { index: 1, delete: 0, insert: "", retain: 1, attributes: { bold: null } },
    ]);
  });

  test("that are none are refused and change nothing", () => {
    const doc = new Doc();
    const text = doc.text("t");
    text.insert(0, "abc");
    const digest = doc.digest();
    for (const attributes of [{ "": 1 }, { a: [1] }, { a: new Date() }, { a: Infinity }, 5, null]) {
      assert.throws(() => text.format(0, 1, attributes), code("invalid-attribute"), JSON.stringify(attributes));
      assert.throws(() => text.insert(0, "x", attributes), code("invalid-attribute"));
    }
    assert.throws(() => text.format(2, 2, { a: 1 }), code("out-of-range"));
    assert.throws(() => text.insert(0, 5, { a: 1 }), code("invalid-value"));
    assert.equal(doc.digest(), digest);
  });
});

describe("a cursor", () => {
  test("keeps its place while others type", () => {
    const [doc, other] = [new Doc(), new Doc()];
    const text = doc.text("t");
    text.insert(0, "a😀bc");
    const [after, before] = [text.cursor(3), text.cursor(3, "before")];
    text.insert(3, "--");
    assert.deepEqual([text.cursorIndex(after), text.cursorIndex(before)], [5, 3]);
    assert.equal(other.text("t").cursorIndex(after), undefined);
    other.import(doc.export());
    other.text("t").delete(0, 6);
    assert.equal(other.text("t").cursorIndex(after), 0);
    doc.text("t").delete(0, 7);
    assert.equal(text.cursorIndex(text.cursor(0)), 0);
  });

  test("that cannot be is refused", () => {
    const text = new Doc().text("t");
    text.insert(0, "😀");
    assert.throws(() => text.cursor(1), code("split-character"));
    assert.throws(() => text.cursor(3), code("out-of-range"));
    assert.throws(() => text.cursor(0, "left"), code("invalid-option"));
    assert.throws(() => text.cursorIndex(new Uint8Array([7, 7])), code("invalid-bytes"));
    assert.throws(() => text.cursorIndex("x"), code("invalid-bytes"));
  });
});
