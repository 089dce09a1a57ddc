"""Sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSet
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Literal

from .container import Container, Write

if TYPE_CHECKING:
    from typing import Self

    from .doc import Doc

__all__ = ["Set", "SetKind"]

SetKind = Literal["add-wins", "remove-wins", "last-writer-wins", "grow-only", "two-phase"]
"""What becomes of an element that some add and others remove at the same time.

``add-wins``: it stays, unless the removal had seen the addition. ``remove-wins``: it goes. ``last-writer-wins``: the
later one counts. ``grow-only``: nothing is ever removed (:class:`GrowOnlyError`). ``two-phase``: what was removed never
comes back (:class:`RemovedError`).
"""

KINDS: tuple[SetKind, ...] = ("add-wins", "remove-wins", "last-writer-wins", "grow-only", "two-phase")


class Set(Container, MutableSet[Any]):
    """A set: unless another kind was chosen, the add wins of a concurrent add and remove of one element.

    It behaves like Python's ``set``, with two differences. Any value can be an element, lists and dicts too. And
    ``True`` and ``1`` are two elements, as they are for the other languages; ``1`` and ``1.0`` are one.
    """

    __slots__ = ("_kind",)

    def __init__(self, doc: Doc, path: tuple[str, ...], kind: SetKind = "add-wins") -> None:
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of set: use one of {', '.join(KINDS)}")
        super().__init__(doc, path)
        self._kind = kind

    @property
    def kind(self) -> SetKind:
        """The kind of set; sets of several kinds at one path are several sets."""
        return self._kind

    @classmethod
    def _from_iterable(cls, it: Iterable[Any]) -> set[Any]:
        return set(it)

    def __contains__(self, value: object) -> bool:
        with self._doc._lock:
            try:
                return self._doc._replica.set_contains(self._key, self._kind, value)
            except (TypeError, ValueError, OverflowError):
                return False  # what cannot be stored is no element

    def __iter__(self) -> Iterator[Any]:
        return iter(self._elements())

    def __len__(self) -> int:
        with self._doc._lock:
            return self._doc._replica.set_len(self._key, self._kind)

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]  # its content changes

    def add(self, value: Any) -> Write:  # type: ignore[override]  # a receipt instead of None
        """Adds an element."""
        return self._doc._replica.set_add(self._key, self._kind, value)

    def discard(self, value: Any) -> Write:  # type: ignore[override]  # a receipt instead of None
        """Removes an element if it is there."""
        return self._doc._replica.set_remove(self._key, self._kind, value)

    def update(self, *others: Iterable[Any]) -> Write:
        """Adds all elements of the others in one transaction."""
        with self._doc.transaction() as write:
            for other in others:
                for value in other:
                    self.add(value)
        return write

    def clear(self) -> None:
        """Removes all elements that this replica has seen, whatever the kind."""
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
            return self._doc._replica.set_elements(self._key, self._kind)
