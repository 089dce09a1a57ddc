"""Transactions."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING

from .container import Write

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
            doc._replica.begin(doc._now(), self._origin)
        except BaseException:
            doc._lock.release()
            raise
        doc._depth, doc._holder = doc._depth + 1, threading.get_ident()
        if doc._open is None:
            doc._open = Write()
        return doc._open

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        doc = self._doc
        try:
            doc._depth -= 1
            if kind is None:
                self._commit(doc)
            else:
                doc._replica.rollback()
                self._settle(doc, None)
                doc._pump.committed()  # what arrived meanwhile had to wait
        finally:
            doc._lock.release()

    def _commit(self, doc: Doc) -> None:
        try:
            seq = doc._replica.commit()
        except BaseException:
            self._settle(doc, None)
            raise
        if not doc._depth:
            self._settle(doc, seq)
            doc._committed()

    @staticmethod
    def _settle(doc: Doc, seq: int | None) -> None:
        """Fills in the receipt when the outermost transaction has ended."""
        write = doc._open
        if write is None or doc._depth:
            return
        doc._open = None
        write._seq, write._lost, write._renewals = seq, seq is None, doc._renewals
