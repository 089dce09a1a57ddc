import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Doc, SynclineError } from "syncline";

/** Writes a value and reads it back. */
function roundTrip(value) {
  const doc = new Doc();
  doc.map().set("key", value);
  return doc.map().get("key");
}

function refuses(work, code) {
  assert.throws(work, (error) => {
    assert.ok(error instanceof SynclineError, String(error));
    assert.equal(error.code, code);
    assert.ok(error.message.length > 10);
    return true;
  });
}

describe("values come back as they went in", () => {
  const values = {
    null: null,
    true: true,
    false: false,
    zero: 0,
    integer: 42,
    negative: -42,
    "largest safe integer": Number.MAX_SAFE_INTEGER,
    "smallest safe integer": Number.MIN_SAFE_INTEGER,
    fraction: 0.1,
    "beyond safe": 2 ** 60,
    "minus zero": -0,
    infinity: Infinity,
    NaN: NaN,
    "largest bigint": 2n ** 63n - 1n,
    "smallest bigint": -(2n ** 63n),
    "empty string": "",
    string: "é😀\0",
    bytes: new Uint8Array([0, 1, 255]),
    date: new Date(1_700_000_000_123),
    vector: new Float32Array([1.5, -2, 0]),
    list: [1, "two", [null, true]],
    object: { a: 1, nested: { b: [1, 2] } },
  };
  for (const [name, value] of Object.entries(values)) {
    test(name, () => {
      const back = roundTrip(value);
      assert.deepStrictEqual(back, value);
      assert.ok(Object.is(typeof back, typeof value));
    });
  }

  test("a bigint that a number can hold comes back as a number", () => {
    assert.strictEqual(roundTrip(5n), 5);
  });

  test("a number beyond the safe integers stays a number", () => {
    assert.strictEqual(roundTrip(2 ** 53), 2 ** 53);
    assert.strictEqual(roundTrip(2n ** 53n), 2n ** 53n);
  });

  test("a Buffer comes back as Uint8Array", () => {
    const back = roundTrip(Buffer.from("hi"));
    assert.strictEqual(Object.getPrototypeOf(back), Uint8Array.prototype);
    assert.deepStrictEqual([...back], [104, 105]);
  });

  test("undefined properties are left out", () => {
    assert.deepStrictEqual(roundTrip({ a: undefined, b: 1 }), { b: 1 });
  });

  test("objects without prototype and of other realms are plain", async () => {
    const { runInNewContext } = await import("node:vm");
    const bare = Object.create(null);
    bare.a = 1;
    assert.deepStrictEqual(roundTrip(bare), { a: 1 });
    assert.deepStrictEqual(roundTrip(runInNewContext("({ a: [1, { b: 2 }] })")), { a: [1, { b: 2 }] });
  });

  test("a key named __proto__ is a key like any other", () => {
    const value = JSON.parse('{"__proto__": {"polluted": true}, "a": 1}');
    const back = roundTrip(value);
    assert.deepStrictEqual(Object.keys(back).sort(), ["__proto__", "a"]);
    assert.strictEqual(Object.getPrototypeOf(back), Object.prototype);
    assert.strictEqual({}.polluted, undefined);
  });
});

describe("what cannot be stored is refused", () => {
  class Money {
    amount = 1;
  }
  const loop = [];
  loop.push(loop);
  const values = {
    undefined,
    "undefined in a list": [undefined],
    function: () => 1,
    symbol: Symbol("x"),
    "class instance": new Money(),
    map: new Map(),
    "other typed array": new Float64Array(1),
    buffer: new ArrayBuffer(4),
    "invalid date": new Date(NaN),
    "bigint over 64 bits": 2n ** 63n,
    "value that contains itself": loop,
  };
  for (const [name, value] of Object.entries(values)) {
    test(name, () => {
      const doc = new Doc();
      refuses(() => doc.map().set("key", value), "invalid-value");
      refuses(() => doc.set("tags").add(value), "invalid-value");
      assert.deepStrictEqual(doc.toJSON(), {});
    });
  }

  test("a counter takes safe integers only", () => {
    const counter = new Doc().counter("votes");
    for (const by of [0.5, NaN, Infinity, 2 ** 53]) refuses(() => counter.increment(by), "invalid-value");
  });

  test("assign takes objects only", () => {
    refuses(() => new Doc().map("a").assign([1]), "invalid-value");
  });
});
