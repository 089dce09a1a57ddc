"""Where data lives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from ._decide import decide, given

__all__ = ["Move", "Node", "Rendezvous", "Ring", "Topology", "hash_key", "jump", "shard"]


@dataclass(frozen=True, slots=True)
class Node:
    """A node that holds keys; its weight is in percent of a usual node. A topology wants its region and zone, too."""

    name: str
    weight: int | None = None
    region: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A step from one map of shards to another: of a shard, the node that gets it, and the one that gives it up."""

    shard: int
    add: str | None
    remove: str | None


def hash_key(key: str) -> str:
    """The hash of a key, 16 hexadecimal digits, which all placement goes by."""
    return cast(str, decide("hash", {"key": key}))


def jump(key: str, buckets: int) -> int:
    """Which of numbered buckets a key belongs to: even and without memory; buckets come and go at the end."""
    return cast(int, decide("jump", {"key": key, "buckets": buckets}))


def shard(key: str, shards: int) -> int:
    """Which of equal shards a key belongs to."""
    return cast(int, decide("shard", {"key": key, "shards": shards}))


class _Table:
    """Nodes, and how they are chosen."""

    _call: str
    _args: dict[str, Any]

    def node(self, key: str) -> str:
        """The node that holds a key."""
        return self.nodes(key, 1)[0]

    def nodes(self, key: str, count: int) -> list[str]:
        """The first ``count`` nodes for a key."""
        return cast("list[str]", decide(self._call, {**self._args, "key": key, "count": count}))

    def bounded(self, key: str, loads: Sequence[int], slack: int) -> str:
        """The node that gets a key if none may hold more than its share and ``slack`` percent.

        ``loads`` is what each node holds, in order.
        """
        args = {**self._args, "key": key, "loads": list(loads), "slack": slack}
        return cast(str, decide(f"{self._call}_bounded", args))


class Ring(_Table):
    """Consistent hashing: nodes on a ring, for hundreds of them.

    ``points`` is how often a node stands on the ring; more is more even. The ring is made anew for each call; for
    millions of keys use the Rust crate.
    """

    _call = "ring"

    def __init__(self, nodes: Iterable[Node | str], *, points: int | None = None) -> None:
        self._args = given(nodes=_named(nodes), points=points)


class Rendezvous(_Table):
    """Rendezvous hashing: the most even choice among nodes with weights, any of which may come and go."""

    _call = "rendezvous"

    def __init__(self, nodes: Iterable[Node | str] | Topology) -> None:
        self._args = {"topology": nodes.to_dict()} if isinstance(nodes, Topology) else {"nodes": _named(nodes)}


class Topology:
    """Regions with their zones, and the nodes in them. Names that are missing, doubled or unknown are refused."""

    def __init__(self, regions: Mapping[str, Sequence[str]], nodes: Iterable[Node]) -> None:
        self._value = {"regions": {name: list(zones) for name, zones in regions.items()}, "nodes": _named(nodes)}
        self.names()

    def names(self) -> list[str]:
        """The names of the nodes, in the order in which all who decide see them."""
        return cast("list[str]", decide("topology", self._value))

    def shard_map(
        self,
        shards: int,
        *,
        replicas: int | None = None,
        spread: Literal["nodes", "zones", "regions"] | None = None,
        slack: int | None = None,
        draining: Sequence[str] | None = None,
    ) -> list[list[str]]:
        """For each shard the nodes that hold it.

        ``replicas`` nodes hold each; those of one shard share as little as they can of what ``spread`` says. A node
        holds at most its share and ``slack`` percent, and none that is ``draining`` holds any.
        """
        options = given(shards=shards, replicas=replicas, spread=spread, slack=slack, draining=draining)
        return cast("list[list[str]]", decide("shard_map", {**options, "topology": self._value}))

    def plan(self, target: Topology, shards: int, *, most: int | None = None, **options: Any) -> list[Move]:
        """The next moves on the way to the map of ``target``, at most ``most`` of them; options as :meth:`shard_map`."""
        args = given(shards=shards, most=most, **options)
        moves = decide("plan", {**args, "topology": self._value, "target": {"topology": target.to_dict()}})
        return [Move(**move) for move in moves]

    def route(self, strategy: Any, steps: Sequence[Mapping[str, Any]], **options: Any) -> list[Any]:
        """What a router decides for each reading and writing step; see ``route`` of :func:`decide`."""
        args = {**options, "strategy": strategy, "steps": [dict(step) for step in steps], "topology": self._value}
        return cast("list[Any]", decide("route", args))

    def to_dict(self) -> dict[str, Any]:
        """The topology as :func:`decide` takes it."""
        return self._value


def _named(nodes: Iterable[Node | str]) -> list[dict[str, Any]]:
    full = (Node(node) if isinstance(node, str) else node for node in nodes)
    return [given(name=node.name, weight=node.weight, region=node.region, zone=node.zone) for node in full]
