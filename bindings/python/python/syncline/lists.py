"""Lists whose items keep their identity when they are moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSequence
from typing import TYPE_CHECKING, Any, cast, overload

from .container import Container, Write
from .errors import OutOfRangeError
from .types import Input, Value

if TYPE_CHECKING:
    from typing import Self

__all__ = ["List"]


class List(Container, MutableSequence[Any]):
    """A list that behaves like Python's, and whose items can be moved.

    An item that one replica moves and another sets is there once, at the new place and with the new value. An item can
    hold containers, at the path of the list followed by the item's id, which outlasts moves::

        todo = doc.list("todo")
        todo.append("milk")
        doc.map("todo", todo.ids()[0])["done"] = True
    """

    __slots__ = ()

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        with self._doc._lock:
            if isinstance(index, slice):
                return self.values()[index]
            return self._doc._replica.list_get(self._key, self._at(index))

    @overload
    def __setitem__(self, index: int, value: Any) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[Any]) -> None: ...
    def __setitem__(self, index: int | slice, value: Any) -> None:
        if isinstance(index, slice):
            self._set_slice(index, list(value))
        else:
            with self._doc._lock:
                self.put(self._at(index), value)

    def __delitem__(self, index: int | slice) -> None:
        with self._doc._lock:
            if not isinstance(index, slice):
                self._doc._replica.list_delete(self._key, self._at(index))
                return
            with self._doc.transaction():
                for place in sorted(range(*index.indices(len(self))), reverse=True):
                    self._doc._replica.list_delete(self._key, place)

    def __len__(self) -> int:
        with self._doc._lock:
            return self._doc._replica.list_len(self._key)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values())

    def __reversed__(self) -> Iterator[Any]:
        return iter(self.values()[::-1])

    def __eq__(self, other: object) -> bool:
        if isinstance(other, List):
            return self.values() == other.values()
        return self.values() == other if isinstance(other, list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # its content changes

    def insert(self, index: int, value: Input) -> Write:  # type: ignore[override]  # a receipt instead of None
        """Inserts an item before the one at ``index``; like ``list.insert`` it takes any index."""
        with self._doc._lock:
            place = min(len(self), max(0, index + len(self) if index < 0 else index))
            return self._doc._replica.list_insert(self._key, place, value)

    def append(self, value: Input) -> Write:  # type: ignore[override]  # a receipt instead of None
        """Inserts an item at the end."""
        return self._doc._replica.list_push(self._key, value)

    def extend(self, values: Iterable[Input]) -> Write:  # type: ignore[override]  # a receipt instead of None
        """Appends all values in one transaction."""
        with self._doc.transaction() as write:
            for value in list(values):
                self.append(value)
        return write

    def put(self, index: int, value: Input) -> Write:
        """Does ``l[index] = value`` and returns the receipt; what was nested in the item is deleted."""
        with self._doc._lock:
            return self._doc._replica.list_set(self._key, self._at(index), value)

    def pop(self, index: int = -1) -> Any:
        """Deletes the item at ``index`` and returns its value."""
        with self._doc.transaction():
            value = self[index]
            del self[index]
        return value

    def move(self, index: int, to: int) -> Write:
        """Moves the item at ``index``, so that it stands at ``to`` afterwards."""
        with self._doc._lock:
            return self._doc._replica.list_move(self._key, self._at(index), self._at(to))

    def reverse(self) -> None:
        """Turns the order around by moving the items, in one transaction."""
        with self._doc.transaction():
            last = len(self) - 1
            for place in range(last):
                self.move(last, place)

    def clear(self) -> None:
        """Deletes all items."""
        self.delete()

    def values(self) -> list[Any]:
        """The values of all items."""
        with self._doc._lock:
            return cast("list[Any]", self._doc._replica.list_values(self._key))

    def ids(self) -> list[str]:
        """The ids of all items, which outlast moves and are names for paths."""
        with self._doc._lock:
            return self._doc._replica.list_ids(self._key)

    def find(self, id: str) -> int | None:
        """Where the item with an id stands now; ``None`` if it is not in the list."""
        with self._doc._lock:
            return self._doc._replica.list_index(self._key, id)

    def to_list(self) -> list[Value]:
        """A copy as plain objects: for items with something nested in them that, else their values."""
        with self._doc._lock:
            view = self._doc._replica.view(self._key)
        return view if isinstance(view, list) else []

    def __iadd__(self, values: Iterable[Any]) -> Self:
        self.extend(values)
        return self

    def _at(self, index: int) -> int:
        length = len(self)
        place = index + length if index < 0 else index
        if not 0 <= place < length:
            raise OutOfRangeError(f"the index {index} is outside the list, which has {length} items")
        return place

    def _set_slice(self, index: slice, values: list[Any]) -> None:
        with self._doc.transaction():
            places = range(*index.indices(len(self)))
            if index.step not in (None, 1) and len(places) != len(values):
                raise ValueError(f"{len(values)} values cannot take the place of {len(places)} items with a step")
            for place, value in zip(places, values, strict=False):
                self.put(place, value)
            for place in reversed(places[len(values) :]):
                del self[place]
            for offset, value in enumerate(values[len(places) :]):
                self.insert(places.start + len(places) + offset, value)
