"""Transactions."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING

from ._syncline import Write

if TYPE_CHECKING:
    from .doc import Doc

__all__ = ["Transaction"]


class Transaction:
    """The context manager of :meth:`Doc.transaction`; entering it gives the :class:`Write` of all its changes."""

    __slots__ = ("_doc", "_origin")

    def __init__(self, doc: Doc, origin: str | None) -> None:
        self._doc = doc
        self._origin = origin

    def __enter__(self) -> Write:
        doc = self._doc
        doc._lock.acquire()
        try:
            write = doc._replica.begin(self._origin)
        except BaseException:
            doc._lock.release()
            raise
        doc._depth, doc._holder = doc._depth + 1, threading.get_ident()
        return write

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        doc = self._doc
        try:
            doc._depth -= 1
            if kind is None:
                doc._replica.commit()
                if not doc._depth:
                    doc._committed()
            else:
                doc._replica.rollback()
                doc._pump.committed()  # what arrived meanwhile had to wait
        finally:
            doc._lock.release()
