"""Counters and registers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ._syncline import Vector
from .container import Container, Write
from .policies import Resolution, Sibling, resolution_of
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
        return self._doc._replica.counter_add(self._key, by)

    def decrement(self, by: int = 1) -> Write:
        """Subtracts from the counter."""
        return self.increment(-by)

    def grow(self, by: int = 1) -> Write:
        """Adds like :meth:`increment`, but raises :class:`ShrinksError` if the amount is negative."""
        return self._doc._replica.counter_grow(self._key, by)

    def reset(self) -> Write:
        """Sets the counter to zero as far as this replica has seen it: what others add at the same time stays."""
        return self._doc._replica.counter_reset(self._key)

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
    """One value. Of concurrent writes the last one counts, or what the policy of the place says; all can be seen."""

    __slots__ = ()

    def get(self, default: Any = None) -> Any:
        """The value, or the default if none was written."""
        with self._doc._lock:
            return self._doc._replica.get(self._key, default)

    def set(self, value: Input) -> Write:
        """Writes the value; replaces what stands at and below this place."""
        return self._doc._replica.set(self._key, value)

    def siblings(self) -> list[Value]:
        """All values that were written concurrently and not replaced since, newest first."""
        with self._doc._lock:
            return cast("list[Value]", self._doc._replica.siblings(self._key))

    def siblings_with_origin(self) -> list[Sibling]:
        """The same with who wrote them and when."""
        with self._doc._lock:
            return [Sibling(*raw) for raw in self._doc._replica.siblings_with_origin(self._key)]

    def resolve(self) -> Resolution:
        """What the policy of this place makes of the values.

        Raises :class:`ResolveError` if it cannot be applied; :meth:`get` then gives the last writer's value.
        """
        with self._doc._lock:
            found = resolution_of(self._doc._replica.resolve(self._key))
        if isinstance(found, Resolution):
            return found
        raise found

    def vector(self) -> Vector | None:
        """The value if it is a vector, in one copy out of the document; ``None`` if there is another or none.

        ``memoryview(vector)`` and ``numpy.frombuffer(vector, dtype="float32")`` read it without a further copy.
        """
        with self._doc._lock:
            return self._doc._replica.vector(self._key)
