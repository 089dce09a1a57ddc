"""Counters and registers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from .container import Container, Write
from .types import Input, Value

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Counter", "Register"]


class Counter(Container):
    """A number that many replicas change at once: concurrent steps add up."""

    __slots__ = ()

    @property
    def value(self) -> int:
        """The sum of all steps, 0 before the first."""
        with self._doc._lock:
            return self._doc._replica.counter(self._key)

    def increment(self, by: int = 1) -> Write:
        """Adds to the counter."""
        return self._doc._write(self._doc._replica.counter_add, self._key, by)

    def decrement(self, by: int = 1) -> Write:
        """Subtracts from the counter."""
        return self.increment(-by)

    def __int__(self) -> int:
        return self.value

    def __index__(self) -> int:
        return self.value

    def __iadd__(self, by: int) -> Self:
        self.increment(by)
        return self

    def __isub__(self, by: int) -> Self:
        self.decrement(by)
        return self

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Counter):
            return self.value == other.value
        return self.value == other if isinstance(other, int) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # its value changes


class Register(Container):
    """One value. Of concurrent writes the last one counts; the others can still be seen."""

    __slots__ = ()

    def get(self, default: Any = None) -> Any:
        """The value, or the default if none was written."""
        with self._doc._lock:
            return self._doc._replica.get(self._key, default)

    def set(self, value: Input) -> Write:
        """Writes the value; replaces what stands at and below this place."""
        return self._doc._write(self._doc._replica.set, self._key, value)

    def siblings(self) -> list[Value]:
        """All values that were written concurrently and not replaced since, newest first."""
        with self._doc._lock:
            return cast("list[Value]", self._doc._replica.siblings(self._key))
