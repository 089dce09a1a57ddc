// The small WASM under the same library: what it has works, everything else says so.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, test } from "node:test";
import { Doc, initSync } from "syncline/slim";

initSync(readFileSync(createRequire(import.meta.url).resolve("syncline/small.wasm")));

const unsupported = (error) => error.name === "SynclineError" && error.code === "unsupported" && /syncline\.wasm/.test(error.message);

describe("the small WASM", () => {
  test("has registers, maps, add-wins sets, counters, events and exchange", () => {
    const [doc, other] = [new Doc(), new Doc()];
    const events = [];
    doc.subscribe((event) => events.push(event.path.join("/")));
    other.map("m").assign({ x: 1, y: { z: [true, "é"] } });
    doc.import(other.export());
    doc.transact(() => {
      doc.set("s").add("a");
      doc.set("s").delete("a");
      doc.set("s").add("b");
      doc.counter("n").increment(2);
      doc.map("m").delete("x");
    });
    assert.deepEqual(doc.toJSON(), { m: { y: { z: [true, "é"] } }, n: 2, s: ["b"] });
    assert.deepEqual(events.slice(0, 2), ["m/x", "m/y/z"]);
    other.import(doc.export({ from: other.version() }));
    assert.equal(other.digest(), doc.digest());
    assert.deepEqual(other.export(), doc.export());
    assert.equal(doc.stats().replicas, 2);
  });

  const doc = new Doc();
  const missing = {
    "a text": () => doc.text("t").insert(0, "a"),
    "reading a text": () => doc.text("t").toString(),
    "a mark": () => doc.text("t").format(0, 1, { bold: true }),
    "a cursor": () => doc.text("t").cursor(0),
    "a list": () => doc.list("l").push(1),
    "reading a list": () => doc.list("l").values(),
    "a flag": () => doc.flag("f").enable(),
    "another kind of set": () => doc.setOf("two-phase", "s").add(1),
    "a bounded counter": () => doc.boundedCounter("b").add(1),
    "a policy": () => doc.setPolicy(["x"], "keep-all"),
    "conflicts": () => doc.onConflict(() => {}),
    "a resolver": () => doc.registerResolver("name", () => 0),
    "siblings with origin": () => doc.register("x").siblingsWithOrigin(),
    "a reset": () => doc.counter("n").reset(),
    "a stream": () => doc.stream(),
    "net changes": () => doc.changesSince(doc.version()),
    "a checkpoint": () => doc.checkpoint(),
    "undo": () => doc.undoManager(),
    "plain JSON coming in": () => doc.importJSON([], "{}"),
    "plain CBOR": () => doc.exportCBOR(),
    "memory": () => doc.memory(),
  };
  for (const [name, use] of Object.entries(missing)) {
    test(`refuses ${name}, and stays usable`, () => {
      assert.throws(use, unsupported);
      doc.counter("uses").increment();
      assert.equal(doc.exportJSON(["uses"]), String(doc.counter("uses").value));
    });
  }
});
