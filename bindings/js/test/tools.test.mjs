import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  QuorumTracker,
  Rendezvous,
  Ring,
  SynclineError,
  Topology,
  compareClocks,
  decide,
  frontier,
  hash,
  init,
  isSeen,
  jump,
  mergeClocks,
  play,
  quorum,
  shard,
} from "syncline/tools";

await init();
const code = (expected) => (error) => error instanceof SynclineError && error.code === expected;
const replica = "018bcfe5680000000000000000000a01";

test("a decision that is not known or not possible is a SynclineError", () => {
  assert.throws(() => decide("fly", {}), code("unknown-call"));
  assert.throws(() => decide("jump", { key: "a" }), code("argument"));
  assert.throws(() => decide("jump", { key: "a", buckets: 0 }), code("no-buckets"));
  assert.throws(() => decide("or_set", { replicas: {}, steps: [{ on: "a", op: "add" }] }), code("argument"));
  assert.throws(() => decide("hash", { key: () => 1 }), code("invalid-value"));
});

describe("placement", () => {
  test("a key has a node, which others keep when one leaves", () => {
    const keys = Array.from({ length: 100 }, (_, index) => `room ${index}`);
    for (const Table of [Ring, Rendezvous]) {
      const [all, fewer] = [new Table(["a", "b", { name: "c", weight: 200 }]), new Table(["a", { name: "c", weight: 200 }])];
      for (const key of keys) if (all.node(key) !== "b") assert.equal(fewer.node(key), all.node(key));
      assert.deepEqual(new Set(all.nodes("room 7", 3)), new Set(["a", "b", "c"]));
      assert.ok(["a", "c"].includes(all.bounded("room 7", [0, 1000, 0], 10)));
    }
    assert.throws(() => new Ring([]).node("x"), SynclineError);
  });

  test("hashes, buckets and shards", () => {
    assert.equal(hash(""), "ef46db3751d8e999");
    assert.equal(jump("room 7", 10), 2);
    assert.ok(shard("room 7", 16) < 16);
  });

  test("a topology gives shards to nodes and says how to get there", () => {
    const node = (name, zone) => ({ name, region: "eu", zone });
    const before = new Topology({ eu: ["x", "y"] }, [node("a", "x"), node("b", "y")]);
    const after = new Topology({ eu: ["x", "y"] }, [node("a", "x"), node("b", "y"), node("c", "y")]);
    assert.deepEqual(after.names().sort(), ["a", "b", "c"]);
    assert.equal(before.shardMap({ shards: 8, replicas: 2 }).length, 8);
    for (const move of before.plan(after, { shards: 8, replicas: 1 })) assert.equal(move.add, "c");
    assert.equal(new Rendezvous(after).nodes("k", 2).length, 2);
    assert.throws(() => new Topology({ eu: ["x"] }, [node("a", "z")]), code("unknown"));
  });
});

describe("quorum", () => {
  test("counts members, not acknowledgements", () => {
    const tracker = new QuorumTracker(["a", "b", "c"], "quorum");
    assert.equal(tracker.ack("a"), false);
    assert.equal(tracker.ack("a"), false);
    assert.equal(tracker.ack("stranger"), false);
    assert.equal(tracker.reachable, true);
    assert.equal(tracker.ack("c"), true);
    assert.equal(tracker.done, true);
  });

  test("levels, changes of members and sessions", () => {
    assert.deepEqual(quorum(["a", "b"], "all", ["a"]), { done: false, reachable: true });
    assert.deepEqual(quorum(["a", "b"], "quorum", ["a", "b"], { next: ["c", "d", "e"] }), { done: false, reachable: true });
    assert.equal(frontier(["a", "b", "c"], "quorum", { a: 7, b: 5, c: 1 }), 5);
    assert.equal(frontier(["a"], 2, { a: 7 }), null);
    assert.equal(isSeen({ [replica]: 3 }, { [replica]: 2 }), false);
    const regions = [{ id: "a", region: "eu" }, { id: "b", region: "us" }];
    assert.equal(quorum(regions, "local_quorum", ["a"], { local: "eu" }).done, true);
  });
});

test("standalone types", () => {
  const other = "018bcfe5680000000000000000000b02";
  assert.equal(compareClocks({ [replica]: 1 }, { [other]: 1 }), "concurrent");
  assert.deepEqual(mergeClocks({ [replica]: 1 }, { [other]: 2 }), { [replica]: 1, [other]: 2 });
  const steps = [{ on: "a", op: "add", value: "milk" }, { on: "b", op: "merge", from: "a" }];
  const end = play("or_set", { a: replica, b: other }, steps);
  assert.deepEqual(end.b.value, ["milk"]);
  assert.equal(end.a.bytes, end.b.bytes);
});
