import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Doc, SynclineError } from "syncline";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { uncaught } from "./support/uncaught.mjs";

const MS = 1_700_000_000_000;
const code = (expected) => (error) => error instanceof SynclineError && error.code === expected;

function makePair() {
  return [new Doc({ now: () => MS }), new Doc({ now: () => MS + 10 })];
}

function sync(one, two) {
  two.import(one.export());
  one.import(two.export());
}

/** Both write, then hear of it; the later value is "later". */
function clash([one, two]) {
  one.register("price").set("earlier");
  two.register("price").set("later");
  sync(one, two);
  return one;
}

function longest(siblings) {
  const lengths = siblings.map((sibling) => String(sibling.value).length);
  return lengths.indexOf(Math.max(...lengths));
}

describe("conflicts", () => {
  test("siblings tell where they are from", () => {
    const pair = makePair();
    pair[1].setSource("shop");
    const doc = clash(pair);
    assert.deepEqual(doc.register("price").siblingsWithOrigin(), [
      { value: "later", replica: pair[1].replica, seq: 1, at: MS + 10, source: "shop" },
      { value: "earlier", replica: pair[0].replica, seq: 1, at: MS },
    ]);
  });

  test("are told with their values and what becomes of them, at and below a path", () => {
    const pair = makePair();
    const [told, elsewhere, changes] = [[], [], []];
    const off = pair[0].onConflict((conflict) => told.push(conflict));
    pair[0].onConflict(["other"], (conflict) => elsewhere.push(conflict));
    pair[0].setPolicy([], { sourcePriority: ["erp"] });
    clash(pair);
    assert.deepEqual(told.map(({ path, siblings }) => [path, siblings.map(({ value }) => value)]), [[["price"], ["later", "earlier"]]]);
    assert.ok(code("unknown-source")(told[0].resolution));
    assert.deepEqual(elsewhere, []);
    pair[0].register("price").set("both");
    pair[0].subscribe((change) => changes.push(change));
    off();
    off();
    clash(pair);
    assert.equal(told.length, 1);
    assert.ok(changes.length > 0);
  });

  test("come also where the value stays the same, and not twice", () => {
    const pair = makePair();
    const [told, changes] = [[], []];
    pair[1].register("price").set("later");
    pair[1].onConflict((conflict) => told.push(conflict.resolution));
    pair[1].subscribe((change) => changes.push(change));
    pair[0].register("price").set("earlier");
    sync(...pair);
    sync(...pair);
    assert.deepEqual(told, [{ type: "value", value: "later" }]);
    assert.deepEqual(changes, []);
  });

  test("what happened before anyone listened is not told", () => {
    const pair = makePair();
    pair[0].subscribe(() => {});
    clash(pair);
    const told = [];
    pair[0].onConflict((conflict) => told.push(conflict));
    pair[0].map().set("a", 1);
    assert.deepEqual(told, []);
  });

  test("come after the changes; a listener may read, write, stop and free", () => {
    const pair = makePair();
    const order = [];
    pair[0].onConflict(({ path }) => {
      order.push(`conflict ${path}`);
      assert.equal(pair[0].register("price").get(), "later");
      pair[0].register("price").set("settled");
    });
    pair[0].subscribe((change) => order.push(`change ${change.new}`));
    clash(pair);
    assert.deepEqual(order, ["change earlier", "change later", "conflict price", "change settled"]);
    assert.deepEqual(pair[0].register("price").siblings(), ["settled"]);
    const other = makePair();
    other[0].onConflict(() => other[0].free());
    other[0].register("x").set(1);
    other[1].register("x").set(2);
    other[0].import(other[1].export());
    assert.throws(() => other[0].digest(), code("freed"));
  });

  test("a listener that throws disturbs nobody", async () => {
    const pair = makePair();
    const told = [];
    pair[0].onConflict(() => {
      throw new Error("mine");
    });
    pair[0].onConflict(() => told.push(true));
    const errors = await uncaught(() => clash(pair));
    assert.deepEqual([told, errors.map((error) => error.message)], [[true], ["mine"]]);
  });
});

/** A document whose resolver holds it. */
function makeSelfish() {
  const doc = new Doc();
  doc.registerResolver("own", (siblings) => siblings.findIndex((sibling) => sibling.replica === doc.replica));
  return doc;
}

describe("resolvers", () => {
  test("a function picks the value", () => {
    const doc = clash(makePair());
    doc.setPolicy(["price"], { custom: "longest" });
    assert.throws(() => doc.resolve(["price"]), code("no-resolver"));
    assert.equal(doc.register("price").get(), "later");
    doc.registerResolver("longest", longest);
    assert.equal(doc.register("price").get(), "earlier");
    assert.deepEqual(doc.resolve(["price"]), { type: "value", value: "earlier" });
    assert.deepEqual(doc.toJSON(), { price: "earlier" });
    doc.registerResolver("longest", () => 0);
    assert.equal(doc.register("price").get(), "later");
  });

  test("what it picks is what conflicts tell", () => {
    const pair = makePair();
    const told = [];
    pair[0].registerResolver("longest", longest);
    pair[0].setPolicy([], { custom: "longest" });
    pair[0].onConflict(({ resolution }) => told.push(resolution));
    clash(pair);
    assert.deepEqual(told, [{ type: "value", value: "earlier" }]);
  });

  test("a function that fails is reported, and the last writer's value shown", async () => {
    const doc = clash(makePair());
    doc.setPolicy([], { custom: "broken" });
    for (const broken of [() => 7, () => -1, () => 0.5, () => "x", () => undefined, () => Number.NaN]) {
      doc.registerResolver("broken", broken);
      assert.throws(() => doc.resolve(["price"]), code("resolver-choice"));
      assert.equal(doc.register("price").get(), "later");
    }
    doc.registerResolver("broken", () => {
      throw new Error("mine");
    });
    const errors = await uncaught(() => assert.equal(doc.register("price").get(), "later"));
    assert.deepEqual(errors.map((error) => error.message), ["mine"]);
    assert.throws(() => doc.registerResolver("broken", "longest"), code("invalid-option"));
  });

  test("a function cannot use its document, which works on afterwards", () => {
    const doc = clash(makePair());
    let refused = 0;
    doc.registerResolver("curious", () => {
      const uses = [() => doc.digest(), () => doc.register("price").get(), () => doc.map().set("a", 1), () => doc.free()];
      for (const use of uses) {
        assert.throws(use, code("resolving"));
        refused++;
      }
      return 1;
    });
    doc.setPolicy([], { custom: "curious" });
    assert.deepEqual(doc.toJSON(), { price: "earlier" });
    assert.ok(refused >= 4);
    assert.equal(doc.digest(), doc.digest());
    doc.map().set("a", 1);
    assert.equal(doc.map().get("a"), 1);
    doc.free();
  });

  test("a function keeps no document alive", async () => {
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc");
    const alive = new WeakRef(makeSelfish());
    for (let round = 0; round < 50 && alive.deref(); round++) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      gc();
    }
    assert.equal(alive.deref(), undefined);
  });
});
