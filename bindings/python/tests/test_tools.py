"""Decisions without a document, and types that merge."""

import doctest
import types
from typing import Any

import pytest

from syncline import DecisionError, tools
from syncline.tools import (
    DwFlag,
    EwFlag,
    GCounter,
    GSet,
    LwwMap,
    LwwRegister,
    LwwSet,
    Member,
    Mergeable,
    MvRegister,
    Node,
    OrMap,
    OrSet,
    PnCounter,
    QuorumState,
    QuorumTracker,
    Rendezvous,
    Ring,
    RwSet,
    Topology,
    TwoPhaseSet,
    VectorClock,
    compare_clocks,
    decide,
    frontier,
    hash_key,
    is_seen,
    jump,
    merge_clocks,
    play,
    quorum,
    shard,
)

ADA, BOB = "018bcfe5680000000000000000000a01", "018bcfe5680000000000000000000b02"


@pytest.mark.parametrize(
    ("call", "args", "code"),
    [
        ("fly", {}, "unknown_call"),
        ("jump", {"key": "a"}, "argument"),
        ("jump", {"key": "a", "buckets": 0}, "no_buckets"),
        ("or_set", {"replicas": {}, "steps": [{"on": "a", "op": "add"}]}, "argument"),
    ],
)
def test_what_cannot_be_decided_says_why(call: str, args: Any, code: str) -> None:
    with pytest.raises(DecisionError) as refusal:
        decide(call, args)
    assert refusal.value.code == code
    assert isinstance(refusal.value, ValueError)


@pytest.mark.parametrize("table", [Ring, Rendezvous])
def test_a_key_keeps_its_node_when_another_leaves(table: Any) -> None:
    everyone, fewer = table(["a", "b", Node("c", 200)]), table(["a", Node("c", 200)])
    for key in (f"room {number}" for number in range(100)):
        if everyone.node(key) != "b":
            assert fewer.node(key) == everyone.node(key)
    assert set(everyone.nodes("room 7", 3)) == {"a", "b", "c"}
    assert everyone.bounded("room 7", [0, 1000, 0], 10) in ("a", "c")
    with pytest.raises(DecisionError):
        table([]).node("x")


def test_hashes_buckets_and_shards() -> None:
    assert hash_key("") == "ef46db3751d8e999"
    assert jump("room 7", 10) == 2
    assert shard("room 7", 16) < 16


def test_a_topology_gives_shards_to_nodes_and_says_how_to_get_there() -> None:
    zones = {"eu": ["x", "y"]}
    nodes = [Node("a", region="eu", zone="x"), Node("b", region="eu", zone="y")]
    before, after = Topology(zones, nodes), Topology(zones, [*nodes, Node("c", region="eu", zone="y")])
    assert sorted(after.names()) == ["a", "b", "c"]
    assert [len(held) for held in before.shard_map(8, replicas=2)] == [2] * 8
    moves = before.plan(after, 8, replicas=1)
    assert moves
    assert {move.add for move in moves} == {"c"}
    assert len(Rendezvous(after).nodes("k", 2)) == 2
    with pytest.raises(DecisionError) as refusal:
        Topology({"eu": ["x"]}, [Node("a", region="eu", zone="z")])
    assert refusal.value.code == "unknown"


def test_a_quorum_counts_members_not_acknowledgements() -> None:
    tracker = QuorumTracker(["a", "b", "c"], "quorum")
    assert [tracker.ack(member) for member in ("a", "a", "stranger")] == [False] * 3
    assert (tracker.done, tracker.reachable, tracker.acked) == (False, True, frozenset("a"))
    assert tracker.ack("c")
    with pytest.raises(DecisionError):
        QuorumTracker(["a", "a"], "quorum")


def test_levels_changes_of_members_and_sessions() -> None:
    assert quorum(["a", "b"], "all", ["a"]) == QuorumState(done=False, reachable=True)
    assert not quorum(["a", "b"], "quorum", ["a", "b"], next=["c", "d", "e"]).done
    assert quorum([Member("a", "eu"), Member("b", "us")], "local_quorum", ["a"], local="eu").done
    assert frontier(["a", "b", "c"], "quorum", {"a": 7, "b": 5, "c": 1}) == 5
    assert frontier(["a"], 2, {"a": 7}) is None
    assert not is_seen({ADA: 3}, {ADA: 2})


def test_clocks_and_histories() -> None:
    assert compare_clocks({ADA: 1}, {BOB: 1}) == "concurrent"
    assert merge_clocks({ADA: 1}, {BOB: 2}) == {ADA: 1, BOB: 2}
    steps = [{"on": "a", "op": "add", "value": "milk"}, {"on": "b", "op": "merge", "from": "a"}]
    end = play("or_set", {"a": ADA, "b": BOB}, steps)
    assert end["b"]["value"] == ["milk"]
    assert end["a"]["bytes"] == end["b"]["bytes"]


CONCURRENT: list[tuple[type[Any], Any, Any, Any, Any]] = [
    (VectorClock, None, lambda it: it.increment(), lambda it: it.increment(), {ADA: 1, BOB: 1}),
    (GCounter, None, lambda it: it.increment(2), lambda it: it.increment(3), 5),
    (PnCounter, lambda it: it.add(10), lambda it: it.reset(), lambda it: it.add(-3), -3),
    (LwwRegister, None, lambda it: it.set("x", at=2), lambda it: it.set("y", at=1), "x"),
    (LwwSet, None, lambda it: it.add("x", at=1), lambda it: it.remove("x", at=(1, 1)), []),
    (LwwMap, None, lambda it: it.set("k", 1, at=1), lambda it: it.set("k", 2, at=2), [["k", 2]]),
    (MvRegister, None, lambda it: it.set("x"), lambda it: it.set("y"), ["x", "y"]),
    (GSet, None, lambda it: it.add("x"), lambda it: it.add("y"), ["x", "y"]),
    (TwoPhaseSet, lambda it: it.add("x"), lambda it: it.remove("x"), lambda it: it.add("x"), []),
    (OrSet, lambda it: it.add("x"), lambda it: it.remove("x"), lambda it: it.add("x"), ["x"]),
    (RwSet, lambda it: it.add("x"), lambda it: it.remove("x"), lambda it: it.add("x"), []),
    (EwFlag, lambda it: it.enable(), lambda it: it.disable(), lambda it: it.enable(), True),
    (DwFlag, lambda it: it.enable(), lambda it: it.disable(), lambda it: it.enable(), False),
    (OrMap, lambda it: it.add("k", 1), lambda it: it.remove("k"), lambda it: it.add("k", 2), [["k", [2]]]),
]


@pytest.mark.parametrize(("kind", "first", "here", "there", "value"), CONCURRENT, ids=lambda it: getattr(it, "_kind", ""))
def test_types_merge(kind: type[Any], first: Any, here: Any, there: Any, value: Any) -> None:
    ada: Mergeable = kind(replica=ADA)
    if first is not None:
        first(ada)
    bob: Mergeable = kind(bytes(ada), replica=BOB)
    assert ada == bob
    deltas = here(ada), there(bob)
    ada.merge(deltas[1])
    bob.merge(ada)
    bob.merge(deltas[0])
    assert ada == bob
    assert ada.to_bytes() == bytes(bob)
    assert ada.value == value


def test_elements_and_truths_read_as_such() -> None:
    seen = OrSet()
    assert seen.add("a")
    seen.add(["list"])
    seen.add(1)
    assert "a" in seen
    assert ["list"] in seen
    assert True not in seen
    assert len(seen) == len(list(seen)) == 3
    seen.clear()
    assert not list(seen)
    flag = EwFlag()
    assert not flag
    flag.enable()
    assert flag
    assert VectorClock(replica=ADA).compare({BOB: 1}) == "before"
    assert OrSet() != RwSet()


def test_all_types_are_tested() -> None:
    def leaves(kind: type[Any]) -> set[type[Any]]:
        return {kind} if not kind.__subclasses__() else {leaf for sub in kind.__subclasses__() for leaf in leaves(sub)}

    assert leaves(Mergeable) == {case[0] for case in CONCURRENT}


def test_the_examples_work() -> None:
    modules = [it for it in vars(tools).values() if isinstance(it, types.ModuleType)]
    for module in [tools, *modules]:
        assert doctest.testmod(module).failed == 0
