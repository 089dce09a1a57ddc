"""Sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSet
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

from .container import Container, Write

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Set"]


class Set(Container, MutableSet[Any]):
    """A set: of a concurrent add and remove of one element, the add wins.

    It behaves like Python's ``set``, with two differences. Any value can be an element, lists and dicts too. And
    ``True`` and ``1`` are two elements, as they are for the other languages; ``1`` and ``1.0`` are one.
    """

    __slots__ = ()

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> set[Any]:
        return set(it)

    def __contains__(self, value: object) -> bool:
        with self._doc._lock:
            try:
                return self._doc._replica.set_contains(self._key, value)
            except (TypeError, ValueError, OverflowError):
                return False  # what cannot be stored is no element

    def __iter__(self) -> Iterator[Any]:
        return iter(self._elements())

    def __len__(self) -> int:
        with self._doc._lock:
            return self._doc._replica.set_len(self._key)

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]  # its content changes

    def add(self, value: Any) -> Write:  # type: ignore[override]  # a receipt instead of None
        """Adds an element."""
        return self._doc._write(self._doc._replica.set_add, self._key, value)

    def discard(self, value: Any) -> Write:  # type: ignore[override]  # a receipt instead of None
        """Removes an element if it is there."""
        return self._doc._write(self._doc._replica.set_remove, self._key, value)

    def update(self, *others: Iterable[Any]) -> Write:
        """Adds all elements of the others in one transaction."""
        with self._doc.transaction() as write:
            for other in others:
                for value in other:
                    self.add(value)
        return write

    def clear(self) -> None:
        """Removes all elements."""
        self.delete()

    def __ior__(self, other: AbstractSet[Any]) -> Self:  # type: ignore[misc]
        with self._doc.transaction():
            return super().__ior__(other)

    def __iand__(self, other: AbstractSet[Any]) -> Self:
        with self._doc.transaction():
            for value in self._elements():
                if value not in other:
                    self.discard(value)
        return self

    def __ixor__(self, other: AbstractSet[Any]) -> Self:  # type: ignore[misc]
        with self._doc.transaction():
            return super().__ixor__(other)

    def __isub__(self, other: AbstractSet[Any]) -> Self:
        with self._doc.transaction():
            return super().__isub__(other)

    def _elements(self) -> list[Any]:
        with self._doc._lock:
            return self._doc._replica.set_elements(self._key)
