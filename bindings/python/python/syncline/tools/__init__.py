"""The decisions of the core for those who run several relays or keep single values, without documents.

>>> from syncline.tools import OrSet, QuorumTracker, Ring, decide
>>> Ring(["a", "b", "c"]).nodes("room 7", 2) == decide(
...     "ring", {"nodes": [{"name": name} for name in "abc"], "key": "room 7", "count": 2}
... )
True
>>> write = QuorumTracker(["a", "b", "c"], "quorum")
>>> write.ack("a"), write.ack("a"), write.ack("c")
(False, False, True)
>>> here, there = OrSet(), OrSet()
>>> _ = here.add("milk")
>>> there.merge(here)
>>> there.value
['milk']

Placement: :class:`Ring`, :class:`Rendezvous`, :class:`Topology`, :func:`jump`, :func:`shard`, :func:`hash_key`. Quorums:
:class:`QuorumTracker`, :func:`quorum`, :func:`frontier`, :func:`is_seen`. Types that merge: :class:`VectorClock`,
:class:`GCounter`, :class:`PnCounter`, :class:`LwwRegister` and the like. State machines: :class:`Coordinator` and
:class:`Participant` of two-phase commit, :class:`RetirementDriver`. Everything else, by name: :func:`decide`.
"""

from __future__ import annotations

from ._decide import decide
from .machines import Coordinator, Machine, Output, Participant, RetirementDriver, new_tx
from .place import Move, Node, Rendezvous, Ring, Topology, hash_key, jump, shard
from .quorum import Level, Member, QuorumState, QuorumTracker, frontier, is_seen, quorum
from .standalone import (
    Causality,
    Clock,
    DwFlag,
    EwFlag,
    GCounter,
    GSet,
    LwwMap,
    LwwRegister,
    LwwSet,
    Mergeable,
    MvRegister,
    OrMap,
    OrSet,
    PnCounter,
    RwSet,
    Time,
    TwoPhaseSet,
    VectorClock,
    compare_clocks,
    merge_clocks,
    play,
)

__all__ = [
    "Causality",
    "Clock",
    "Coordinator",
    "DwFlag",
    "EwFlag",
    "GCounter",
    "GSet",
    "Level",
    "LwwMap",
    "LwwRegister",
    "LwwSet",
    "Machine",
    "Member",
    "Mergeable",
    "Move",
    "MvRegister",
    "Node",
    "OrMap",
    "OrSet",
    "Output",
    "Participant",
    "PnCounter",
    "QuorumState",
    "QuorumTracker",
    "Rendezvous",
    "RetirementDriver",
    "Ring",
    "RwSet",
    "Time",
    "Topology",
    "TwoPhaseSet",
    "VectorClock",
    "compare_clocks",
    "decide",
    "frontier",
    "hash_key",
    "is_seen",
    "jump",
    "merge_clocks",
    "new_tx",
    "play",
    "quorum",
    "shard",
]
