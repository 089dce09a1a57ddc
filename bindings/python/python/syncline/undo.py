"""Undo and redo."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

    from .doc import Doc

__all__ = ["UndoManager"]


class UndoManager:
    """Takes back what was done here and does it again, leaving alone what others did; from :meth:`Doc.undo_manager`.

    What only grows, is removed for good or hands out rights stays: grow-only and two-phase sets, bounded counters.
    """

    def __init__(self, doc: Doc, depth: int, size: int, merge_ms: int, origins: Iterable[str] | None) -> None:
        self._doc = doc
        if isinstance(origins, str):
            raise TypeError("origins is a list of names, such as ['editor'], not one str")
        names = None if origins is None else list(origins)
        with doc._lock:
            doc._outside_transaction("starting to keep what can be undone")
            doc._replica.keep_undo(depth, size, merge_ms, names)

    def undo(self) -> bool:
        """Takes back the last group of local transactions; ``False`` if there is none.

        This is a transaction itself, with the origin ``undo``.
        """
        return self._doc._go(self._doc._replica.undo)

    def redo(self) -> bool:
        """Does again what was undone last; ``False`` if there is nothing. Its origin is ``redo``."""
        return self._doc._go(self._doc._replica.redo)

    @property
    def depth(self) -> tuple[int, int]:
        """How many groups can be undone, and redone."""
        with self._doc._lock:
            return self._doc._replica.undo_depth()

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return self.depth[0] > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo."""
        return self.depth[1] > 0

    def close_group(self) -> None:
        """Ends the present group: the next transaction begins another however soon it comes."""
        with self._doc._lock:
            self._doc._replica.close_undo_group()

    def stop(self) -> None:
        """Forgets what was kept and keeps no more."""
        with self._doc._lock:
            self._doc._replica.forget_undo()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
