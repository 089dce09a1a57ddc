"""Counters that never fall below a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .container import Container, Write
from .errors import AmountError

if TYPE_CHECKING:
    from typing import Self

__all__ = ["BoundedCounter"]


class BoundedCounter(Container):
    """A shared number that never falls below its bound, offline too.

    Whoever adds gains the right to subtract as much, and rights can be given to other replicas. For stock, seats and
    budgets::

        seats = doc.bounded_counter("seats")
        seats.add(100)
        seats.transfer(other_replica, 40)
        seats.subtract(61)  # RightsError: available 60, asked 61
    """

    __slots__ = ()

    @property
    def value(self) -> int:
        """The value; the bound if nothing was added."""
        with self._doc._lock:
            return self._doc._replica.bounded(self._key)

    def rights(self, replica: str | None = None) -> int:
        """How much a replica may subtract: this one when none is named."""
        with self._doc._lock:
            native = self._doc._replica
            return native.bounded_rights(self._key, native.id if replica is None else replica)

    def create(self, bound: int = 0) -> Write:
        """Sets the bound; needed only if it is not 0."""
        return self._doc._replica.bounded_create(self._key, bound)

    def add(self, by: int = 1) -> Write:
        """Adds, and gives this replica the right to subtract as much."""
        return self._doc._replica.bounded_add(self._key, _amount(by))

    def subtract(self, by: int = 1) -> Write:
        """Subtracts; raises :class:`RightsError` if this replica may not."""
        return self._doc._replica.bounded_sub(self._key, _amount(by))

    def transfer(self, to: str, by: int) -> Write:
        """Gives rights to subtract to another replica; raises :class:`RightsError` if this one has too few."""
        return self._doc._replica.bounded_transfer(self._key, to, _amount(by))

    def adopt(self, replica: str) -> Write:
        """Takes over all rights of a replica that has ended for good.

        Only one replica may do so, and only if the other one never writes again: otherwise the value can fall below
        the bound.
        """
        return self._doc._replica.bounded_adopt(self._key, replica)

    def __int__(self) -> int:
        return self.value

    def __index__(self) -> int:
        return self.value

    def __iadd__(self, by: int) -> Self:
        self.add(by)
        return self

    def __isub__(self, by: int) -> Self:
        self.subtract(by)
        return self

    def __eq__(self, other: object) -> bool:
        if isinstance(other, BoundedCounter):
            return self.value == other.value
        return self.value == other if isinstance(other, int) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # its value changes


def _amount(by: int) -> int:
    if not 0 <= by < 1 << 64:
        raise AmountError(f"{by} is no amount of a bounded counter: those are from 0 to 2**63 - 1")
    return by
