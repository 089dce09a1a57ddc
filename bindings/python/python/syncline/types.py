"""The shapes that Syncline takes and gives."""

from __future__ import annotations

import datetime
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias

from ._syncline import Timestamp, Vector

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "ABSENT",
    "Absent",
    "AckLevel",
    "Attributes",
    "ChangeEvent",
    "ContainerKind",
    "ImportReport",
    "Input",
    "Memory",
    "Origin",
    "Renewal",
    "Run",
    "Splice",
    "State",
    "Stats",
    "Status",
    "Value",
]


class SupportsIndex(Protocol):
    """A whole number of another library, such as ``numpy.int64``."""

    def __index__(self) -> int: ...


Value: TypeAlias = (
    None
    | bool
    | int
    | float
    | str
    | bytes
    | datetime.datetime
    | Vector
    | Timestamp
    | list["Value"]
    | dict[str, "Value"]
)
"""What reading gives. Instants are aware datetimes in UTC (:class:`Timestamp` beyond the year 9999)."""

Input: TypeAlias = "Value | Buffer | SupportsIndex | Sequence[Input] | Mapping[str, Input]"
"""What can be stored. A buffer is a one-dimensional array of float32, such as numpy's, or of bytes."""

AckLevel: TypeAlias = Literal["accepted", "stored", "durable"]
"""How safe a change is at the relay: in memory, surviving a killed process, surviving a power failure."""

ContainerKind: TypeAlias = Literal["map", "set", "counter", "register", "text", "flag", "list", "bounded"]

State: TypeAlias = Literal["offline", "connecting", "syncing", "live", "stopped"]


class Absent(enum.Enum):
    """The type of :data:`ABSENT`."""

    ABSENT = "absent"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent.ABSENT
"""Stands for "no value", where ``None`` would be a value."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a change came from: a local transaction (with the name it was given), an import, or the connection."""

    type: Literal["local", "import", "link"]
    name: str | None = None


Attributes: TypeAlias = Mapping[str, "None | bool | int | float | str"]
"""What parts of a text are marked with, such as ``{"bold": True}``."""


@dataclass(frozen=True, slots=True)
class Run:
    """A part of a text whose characters have the same attributes."""

    text: str
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Splice:
    """One edit of a text: at ``index``, ``delete`` code points made way for ``insert``.

    ``attributes`` are those of what was inserted; or, if ``retain`` is not 0, those that so many code points got, with
    ``None`` for those they lost.
    """

    index: int
    delete: int
    insert: str
    retain: int = 0
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """One change of a document, told after it happened.

    For a register ``old`` and ``new`` are its values; for a set, ``new`` is an element that was added and ``old`` one
    that was removed; for a counter both are its sums; for an item of a list, whose path ends with its id, both are its
    value, which is the same if it was moved. A text has ``splices`` instead. What does not apply is
    :data:`ABSENT`. ``by`` is the id of the replica that wrote.
    """

    path: tuple[str, ...]
    kind: ContainerKind
    by: str
    origin: Origin
    old: Value | Absent = ABSENT
    new: Value | Absent = ABSENT
    splices: tuple[Splice, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did: ``applied`` is the number of events that were new here."""

    applied: int


@dataclass(frozen=True, slots=True)
class Stats:
    """Sizes of a document: replicas known, places with a value, live events, delete records kept."""

    replicas: int
    leaves: int
    events: int
    deletes: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Estimated bytes of memory by part; texts that are put together for reading are not counted."""

    keys: int
    values: int
    log: int
    deletes: int
    version: int

    @property
    def total(self) -> int:
        """All parts together."""
        return self.keys + self.values + self.log + self.deletes + self.version


@dataclass(frozen=True, slots=True)
class Status:
    """How a connection stands.

    ``unsaved`` counts the changes that the relay is not known to hold durably. ``retry_at`` is when the next attempt
    to connect is made, in milliseconds since the Unix epoch. ``relay`` is how the relay names itself.
    """

    state: State
    unsaved: int
    retry_at: int | None = None
    relay: str | None = None


@dataclass(frozen=True, slots=True)
class Renewal:
    """A replica writes under another id from now on, and its changes are counted anew.

    That happens to one which comes back after the relay has retired the ids of those who are gone, or which is a copy of
    another. Its changes up to number ``taken`` of the id ``old`` were at the relay; those after it were renamed, and reach
    it exactly once. The rights of bounded counters stay with the old id until :meth:`BoundedCounter.adopt`.
    """

    old: str
    taken: int
    new: str


def event_of(raw: tuple[Any, ...]) -> ChangeEvent:
    """Makes an event of the native part's tuple."""
    path, kind, by, origin, name, old, new, splices = raw
    return ChangeEvent(
        path,
        kind,
        by,
        Origin(origin, name),
        old[0] if old else ABSENT,
        new[0] if new else ABSENT,
        tuple(Splice(*splice) for splice in splices),
    )
