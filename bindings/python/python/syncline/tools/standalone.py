"""Types that merge, without a document.

Each is a value in memory. It is changed on any number of replicas, travels as bytes by whatever way there is, and
:meth:`Mergeable.merge` brings all of them to the same state, whatever arrived how often and in which order. A change
returns a *delta*: bytes that merge like the whole value and are enough to bring another replica up to date.

A change costs as much as the value is large; for large data use documents.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, cast

from .._syncline import new_replica_id
from ..types import Input, Value
from ._decide import decide

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "Causality",
    "Clock",
    "DwFlag",
    "EwFlag",
    "GCounter",
    "GSet",
    "LwwMap",
    "LwwRegister",
    "LwwSet",
    "Mergeable",
    "MvRegister",
    "OrMap",
    "OrSet",
    "PnCounter",
    "RwSet",
    "Time",
    "TwoPhaseSet",
    "VectorClock",
    "compare_clocks",
    "merge_clocks",
    "play",
]

Clock: TypeAlias = Mapping[str, int]
"""What has been seen: of each replica (32 hexadecimal digits) the number of its last event."""

Causality: TypeAlias = Literal["before", "after", "equal", "concurrent"]

Time: TypeAlias = int | tuple[int, int]
"""When something was written: milliseconds since the Unix epoch, with a counter for those within one millisecond."""


def compare_clocks(left: Clock, right: Clock) -> Causality:
    """What happened before what."""
    return cast(Causality, decide("vector_clock.compare", {"left": dict(left), "right": dict(right)}))


def merge_clocks(left: Clock, right: Clock) -> dict[str, int]:
    """What either has seen."""
    return cast("dict[str, int]", decide("vector_clock.merge", {"left": dict(left), "right": dict(right)}))


def play(kind: str, replicas: Mapping[str, str], steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Plays the steps of several replicas on a type; gives of each replica its ``value`` and its ``bytes`` in hex.

    ``replicas`` maps names to ids. A step has ``on``, ``op`` and more; ``standalone::decide`` of the Rust crate has all.
    """
    args = {"replicas": dict(replicas), "steps": [dict(step) for step in steps]}
    return cast("dict[str, Any]", decide(kind, args))


class Mergeable:
    """What all types share. ``data`` are bytes of another copy to go on from.

    ``replica`` is the id under which this copy changes the value, a new one unless given. It belongs to one running
    copy: a process that starts, and whoever copies a value to go on from there, takes a new one.
    """

    _kind: ClassVar[str]

    def __init__(self, data: bytes | None = None, *, replica: str | None = None) -> None:
        self.replica = new_replica_id(time.time_ns() // 1_000_000, os.urandom(16)) if replica is None else replica
        self._data = b""
        self._value: Any = None
        self._play([] if data is None else [{"on": "me", "op": "load", "bytes": bytes(data).hex()}])

    @property
    def value(self) -> Any:
        """The value."""
        return self._value

    def to_bytes(self) -> bytes:
        """The state as bytes, equal where the state is."""
        return self._data

    def merge(self, other: Self | bytes) -> None:
        """Takes over what another copy, its bytes or a delta know."""
        data = other if isinstance(other, bytes) else other.to_bytes()
        self._play([self._load(), {"on": "me", "op": "load", "bytes": data.hex()}])

    def __bytes__(self) -> bytes:
        return self._data

    def __eq__(self, other: object) -> bool:
        return self._data == other._data if type(self) is type(other) and isinstance(other, Mergeable) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # its value changes

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._value!r}>"

    def _change(self, op: str, **args: Any) -> bytes:
        """Makes a change and returns its delta."""
        change = {"on": "me", "op": op, **args}
        return self._play([self._load(), change, {"on": "delta", "op": "apply", "step": 1}])

    def _load(self) -> dict[str, Any]:
        return {"on": "me", "op": "load", "bytes": self._data.hex()}

    def _play(self, steps: list[dict[str, Any]]) -> bytes:
        end = play(self._kind, {"me": self.replica, "delta": self.replica}, steps)
        self._data = bytes.fromhex(end["me"]["bytes"])
        self._value = end["me"]["value"]
        return bytes.fromhex(end["delta"]["bytes"])


class _Elements(Mergeable):
    """The reading side of sets. Any value can be an element; the order is the same everywhere."""

    def __contains__(self, value: object) -> bool:
        return any(type(value) is type(element) and value == element for element in self._value)

    def __iter__(self) -> Iterator[Value]:
        return iter(list(self._value))

    def __len__(self) -> int:
        return len(self._value)


class VectorClock(Mergeable):
    """Numbers of events by replica: the greater number wins."""

    _kind = "vector_clock"

    def increment(self) -> bytes:
        """Counts one event of this replica."""
        return self._change("increment")

    def compare(self, other: VectorClock | Clock) -> Causality:
        """What happened before what."""
        return compare_clocks(self.value, other.value if isinstance(other, VectorClock) else other)


class GCounter(Mergeable):
    """A number that only grows: all steps are counted."""

    _kind = "g_counter"

    def increment(self, by: int = 1) -> bytes:
        """Adds an amount, which is not negative."""
        return self._change("increment", by=by)


class PnCounter(Mergeable):
    """A number: all steps are counted; a reset takes away just what it saw."""

    _kind = "pn_counter"

    def add(self, by: int = 1) -> bytes:
        """Adds an amount, which may be negative."""
        return self._change("add", by=by)

    def reset(self) -> bytes:
        """Takes away what was counted, as far as it is known here."""
        return self._change("reset")


class LwwRegister(Mergeable):
    """One value: the last writer wins, by time, then replica, then content."""

    _kind = "lww_register"

    def set(self, value: Input, *, at: Time) -> bytes:
        """Writes the value."""
        return self._change("set", value=value, at=_time(at))


class LwwSet(_Elements):
    """A set in which the later one counts of an addition and a removal."""

    _kind = "lww_set"

    def add(self, value: Input, *, at: Time) -> bytes:
        """Adds an element."""
        return self._change("add", value=value, at=_time(at))

    def remove(self, value: Input, *, at: Time) -> bytes:
        """Removes an element."""
        return self._change("remove", value=value, at=_time(at))


class LwwMap(Mergeable):
    """A map in which the last writer of a key wins. Its value is a list of pairs, since any value can be a key."""

    _kind = "lww_map"

    def set(self, key: Input, value: Input, *, at: Time) -> bytes:
        """Writes the value of a key."""
        return self._change("set", key=key, value=value, at=_time(at))

    def remove(self, key: Input, *, at: Time) -> bytes:
        """Removes a key."""
        return self._change("remove", key=key, at=_time(at))


class MvRegister(Mergeable):
    """All values that were written concurrently, until someone who has seen them writes."""

    _kind = "mv_register"

    def set(self, value: Input) -> bytes:
        """Writes the value, over all that are known here."""
        return self._change("set", value=value)

    def clear(self) -> bytes:
        """Takes away all values that are known here."""
        return self._change("clear")


class GSet(_Elements):
    """A set that only grows."""

    _kind = "g_set"

    def add(self, value: Input) -> bytes:
        """Adds an element."""
        return self._change("add", value=value)


class TwoPhaseSet(_Elements):
    """A set in which a removal is for ever."""

    _kind = "two_phase_set"

    def add(self, value: Input) -> bytes:
        """Adds an element, unless it was removed."""
        return self._change("add", value=value)

    def remove(self, value: Input) -> bytes:
        """Removes an element for ever."""
        return self._change("remove", value=value)


class OrSet(_Elements):
    """A set in which the addition wins over a removal that had not seen it."""

    _kind = "or_set"

    def add(self, value: Input) -> bytes:
        """Adds an element."""
        return self._change("add", value=value)

    def remove(self, value: Input) -> bytes:
        """Removes an element, as far as its additions are known here."""
        return self._change("remove", value=value)

    def clear(self) -> bytes:
        """Removes all elements that are known here."""
        return self._change("clear")


class RwSet(_Elements):
    """A set in which the removal wins over a concurrent addition."""

    _kind = "rw_set"

    def add(self, value: Input) -> bytes:
        """Adds an element."""
        return self._change("add", value=value)

    def remove(self, value: Input) -> bytes:
        """Removes an element."""
        return self._change("remove", value=value)


class _Truth(Mergeable):
    """What flags share."""

    def enable(self) -> bytes:
        """Makes it true."""
        return self._change("enable")

    def disable(self) -> bytes:
        """Makes it false."""
        return self._change("disable")

    def __bool__(self) -> bool:
        return cast(bool, self._value)


class EwFlag(_Truth):
    """A truth in which enabling wins."""

    _kind = "ew_flag"


class DwFlag(_Truth):
    """A truth in which disabling wins."""

    _kind = "dw_flag"


class OrMap(Mergeable):
    """A map of add-wins sets; removing a key takes away just what was seen below it. Its value is a list of pairs."""

    _kind = "or_map"

    def add(self, key: Input, value: Input) -> bytes:
        """Adds an element to the set of a key."""
        return self._change("add", key=key, value=value)

    def discard(self, key: Input, value: Input) -> bytes:
        """Removes an element from the set of a key."""
        return self._change("discard", key=key, value=value)

    def remove(self, key: Input) -> bytes:
        """Removes a key with its set, as far as it is known here."""
        return self._change("remove", key=key)


def _time(at: Time) -> Any:
    return at if isinstance(at, int) else list(at)
