"""Texts that several people write at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .container import Container, Write
from .errors import OutOfRangeError
from .types import Attributes, Run

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Text"]


class Text(Container):
    """A text whose concurrent edits merge. Positions count code points, like those of ``str``."""

    __slots__ = ()

    def insert(self, index: int, text: str, attributes: Attributes | None = None) -> Write:
        """Inserts before the code point at ``index``; at the length of the text it appends.

        With ``attributes`` the insertion has just these, else those of what stands in front of it.
        """
        _check(index)
        return self._doc._replica.text_insert(self._key, index, text, attributes)

    def append(self, text: str) -> Write:
        """Inserts at the end."""
        with self._doc.transaction() as write:
            self.insert(len(self), text)
        return write

    def delete(self, index: int | None = None, length: int = 1) -> Write:
        """Deletes ``length`` code points from ``index`` on; without an index, the text as a whole."""
        if index is None:
            return super().delete()
        _check(index, length)
        return self._doc._replica.text_delete(self._key, index, length)

    def replace(self, index: int, length: int, text: str) -> Write:
        """Puts ``text`` in the place of ``length`` code points from ``index`` on."""
        with self._doc.transaction() as write:
            if length:
                self.delete(index, length)
            if text:
                self.insert(index, text)
        return write

    def format(self, index: int, length: int, attributes: Attributes) -> Write:
        """Gives attributes to ``length`` code points from ``index`` on; one with ``None`` is taken away."""
        _check(index, length)
        return self._doc._replica.text_format(self._key, index, length, attributes)

    def runs(self) -> list[Run]:
        """The text in parts, each as long as its attributes stay the same."""
        with self._doc._lock:
            return [Run(*run) for run in self._doc._replica.text_runs(self._key)]

    def cursor(self, index: int, *, before: bool = False) -> bytes:
        """A place in the text that stays however the text changes, for :meth:`where` here or at other replicas.

        It clings to the code point behind it, or to the one ``before`` it. The bytes are a relative position of Yjs.
        """
        _check(index)
        with self._doc._lock:
            return self._doc._replica.text_cursor(self._key, index, before)

    def where(self, cursor: bytes) -> int | None:
        """Where a cursor is now; ``None`` if its code point has not arrived, or the whole text was deleted."""
        with self._doc._lock:
            return self._doc._replica.text_cursor_index(self._key, cursor)

    def update(self, text: str) -> Write:
        """Makes this the given text by one edit of the part that differs, so that others' edits elsewhere stay."""
        with self._doc.transaction() as write:
            old = str(self)
            start, end = _common_ends(old, text)
            self.replace(start, len(old) - start - end, text[start : len(text) - end])
        return write

    def __str__(self) -> str:
        with self._doc._lock:
            return self._doc._replica.text(self._key)

    def __len__(self) -> int:
        with self._doc._lock:
            return self._doc._replica.text_len(self._key)

    def __bool__(self) -> bool:
        return len(self) > 0

    def __contains__(self, part: str) -> bool:
        return part in str(self)

    def __getitem__(self, index: int | slice) -> str:
        return str(self)[index]

    def __iadd__(self, text: str) -> Self:
        self.append(text)
        return self

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, str | Text) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # its content changes


def _check(index: int, length: int = 0) -> None:
    if index < 0 or length < 0:
        raise OutOfRangeError("positions and lengths in a text count from its start and are never negative")


def _common_ends(old: str, new: str) -> tuple[int, int]:
    """How many code points at the start, and of the rest at the end, two texts share."""
    limit = min(len(old), len(new))
    start = 0
    while start < limit and old[start] == new[start]:
        start += 1
    end = 0
    while end < limit - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return start, end
