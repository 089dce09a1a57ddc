import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Doc } from "syncline";

function code(expected, text = /./) {
  return (error) => error.name === "SynclineError" && error.code === expected && text.test(error.message);
}

describe("plain JSON", () => {
  test("goes out with every kind of value and comes in again", () => {
    const doc = new Doc();
    doc.map("values").assign({
      text: 'é"\\\n', big: 2n ** 63n - 1n, bytes: new Uint8Array([0, 255]), nan: NaN, least: -Infinity, zero: -0,
      at: new Date(5), vector: new Float32Array([0.5, -2]), list: [null, true, { $x: 1 }, {}],
    });
    doc.register("values", "object").set({ $bytes: "not bytes", more: 1 });
    doc.register("values", "alike").set({ $int: "5" });
    const json = doc.exportJSON();
    assert.equal(json, '{"values":{"alike":{"$map":{"$int":"5"}},"at":{"$timestamp":5},"big":{"$int":"9223372036854775807"},' +
      '"bytes":{"$bytes":"AP8="},"least":{"$float":"-Infinity"},"list":[null,true,{"$map":{"$x":1}},{}],"nan":{"$float":"NaN"},' +
      '"object":{"$bytes":"not bytes","more":1},"text":"é\\"\\\\\\n","vector":{"$vector":[0.5,-2]},"zero":{"$float":"-0"}}}');
    const other = new Doc();
    other.importJSON([], json);
    assert.deepEqual(other.toJSON(), doc.toJSON());
    assert.equal(other.exportJSON(["values", "at"]), '{"$timestamp":5}');
    assert.equal(other.exportJSON(["nothing"]), undefined);
  });

  test("shows containers as what they hold", () => {
    const doc = new Doc();
    doc.counter("n").increment(3);
    doc.set("s").add("x");
    doc.text("t").insert(0, "hi");
    doc.list("l").push(1);
    assert.equal(doc.exportJSON(), '{"l":[1],"n":3,"s":["x"],"t":"hi"}');
  });

  test("merges with what is there, in one transaction", () => {
    const doc = new Doc();
    doc.map("users", "ada").set("age", 36);
    const { seq } = doc.importJSON(["users"], '{"ada": {"name": "Ada"}, "bob": {}}');
    assert.ok(seq > 0);
    assert.deepEqual(doc.toJSON(), { users: { ada: { age: 36, name: "Ada" }, bob: {} } });
  });

  test("does not round large integers, nor touch digits in strings", () => {
    const doc = new Doc();
    doc.importJSON([], '{"a": 9007199254740993, "b": [-9223372036854775808], "c": "12345678901234567890\\" 9007199254740993", "d": 1e20}');
    assert.deepEqual(doc.toJSON(), {
      a: 9007199254740993n, b: [-(2n ** 63n)], c: '12345678901234567890" 9007199254740993', d: 1e20,
    });
    assert.throws(() => doc.importJSON([], '{"a": 9223372036854775808}'), code("invalid-json", /64 bits/));
  });

  test("keeps names that JavaScript treats in its own way", () => {
    const doc = new Doc();
    doc.importJSON([], '{"m": [{"__proto__": 1}]}');
    assert.equal(doc.exportJSON(), '{"m":[{"__proto__":1}]}');
  });

  test("that is refused changes nothing", () => {
    const doc = new Doc();
    const bad = {
      '{"a": tru}': "invalid-json", '{"a": {"$bytes": "%"}}': "invalid-json", '{"a": {"$float": "x"}}': "invalid-json",
      '{"a": {"$vector": ["x"]}}': "invalid-json", "[1]": "root",
      [`{"a": {"$timestamp": ${2 ** 53 - 1}}}`]: "invalid-json",
    };
    for (const [json, expected] of Object.entries(bad)) assert.throws(() => doc.importJSON([], json), code(expected), json);
    assert.throws(() => doc.importJSON([], "[".repeat(200_000)), code("invalid-json"));
    const late = `{"a": {"early": 1, "late": {"$timestamp": ${2 ** 52}}}}`;
    assert.throws(() => doc.importJSON([], late), code("invalid-value", /late/));
    assert.equal(doc.exportJSON(), "{}");
  });

  test("that is refused takes back the transaction around it", () => {
    const doc = new Doc();
    const late = `{"early": 1, "late": {"$timestamp": ${2 ** 52}}}`;
    assert.throws(() => doc.transact(() => {
      doc.register("x").set(1);
      assert.throws(() => doc.importJSON(["a"], late), code("invalid-value"));
    }), code("rolled-back"));
    assert.deepEqual(doc.toJSON(), {});
  });
});

describe("plain CBOR", () => {
  test("goes out and comes in again", () => {
    const doc = new Doc();
    doc.importJSON([], '{"a": {"b": [1, 2.5, "x"]}}');
    const bytes = doc.exportCBOR();
    assert.deepEqual(Buffer.from(bytes).toString("hex"), "a16161a161628301f941006178");
    const other = new Doc();
    other.importCBOR([], bytes);
    assert.deepEqual(other.toJSON(), doc.toJSON());
    assert.equal(doc.exportCBOR(["nothing"]), undefined);
  });

  test("that is damaged names the byte", () => {
    const doc = new Doc();
    assert.throws(() => doc.importCBOR([], new Uint8Array([0xa0, 0])), code("invalid-cbor", /byte 1/));
    assert.throws(() => doc.importCBOR([], "a0"), code("invalid-value"));
  });
});

describe("what a document takes", () => {
  test("is estimated part by part", () => {
    const doc = new Doc();
    const empty = doc.memory().total;
    doc.register("x").set(new Uint8Array(1_000));
    const { total, ...parts } = doc.memory();
    assert.ok(parts.values > 1_000 && total > empty + 1_000);
    assert.equal(total, Object.values(parts).reduce((sum, part) => sum + part, 0));
    assert.deepEqual(Object.keys(parts), ["keys", "values", "log", "deletes", "version"]);
  });
});
