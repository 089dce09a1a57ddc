"""Bringing two documents together, whatever they have forgotten of each other."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ._syncline import Session

if TYPE_CHECKING:
    from .doc import Doc

__all__ = ["Finding", "ReconcileOutcome", "ReconcileSession"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One event that differed although both sides had seen it, and what became of it here.

    It is event number ``seq`` of ``replica``. ``kind``: only this side holds it, only the other one does, or both do with
    different values. ``action``: this side's stays; the other side's was taken; it was dropped, or not taken, because a
    side that is proven to be intact no longer holds it.
    """

    path: tuple[str, ...]
    replica: str
    seq: int
    kind: Literal["missing-there", "missing-here", "differs"]
    action: Literal["kept", "taken", "dropped", "refused"]


@dataclass(frozen=True, slots=True)
class ReconcileOutcome:
    """What a session did to the document.

    ``applied`` events were new here; ``dropped`` values went because the other side had seen them and no longer held
    them. ``findings`` are those of an audit, which is made where both sides have seen the same and hold something else;
    if it had to stop, the next one goes on at ``resume``.
    """

    applied: int = 0
    dropped: int = 0
    findings: tuple[Finding, ...] = ()
    resume: int | None = None


class ReconcileSession:
    """One end of a reconciliation; made by :meth:`Doc.reconcile`. It costs little more than what differs.

    How messages travel is up to the program. One side calls :meth:`open` and sends what it returns; both hand every
    message to :meth:`handle` and send what comes back, until both are done. A session that fails leaves the document as it
    was; begin a new one. A document that was emptied or is out of date deletes nothing at the other.

    >>> import syncline
    >>> ada, bob = syncline.Doc(), syncline.Doc()
    >>> ada.map()["draft"] = "words"
    >>> bob.import_(ada.export())
    ImportReport(applied=1)
    >>> del ada.map()["draft"]
    >>> ada.prune()
    1
    >>> one, two = ada.reconcile(), bob.reconcile()
    >>> message = one.open()
    >>> while (answer := two.handle(message)) is not None and (message := one.handle(answer)) is not None:
    ...     pass
    >>> two.outcome.dropped, bob.to_dict()
    (1, {})
    """

    def __init__(self, doc: Doc, resume: int | None = None) -> None:
        self._doc = doc
        self._session = Session(resume or 0)
        self._begun = False

    def open(self) -> bytes:
        """Begins the session, instead of waiting for the other side to do so; returns the first message."""
        with self._doc._lock:
            self._begin()
            return self._session.open(self._doc._replica, int.from_bytes(os.urandom(8)))

    def handle(self, message: bytes) -> bytes | None:
        """Takes a message of the other side; returns what to send, ``None`` if there is nothing to say.

        Raises :class:`ReconcileError`, with which the session is over.
        """
        doc = self._doc
        with doc._lock:
            doc._outside_transaction("reconciling")
            self._begun = True
            answer = self._session.handle(doc._replica, message)
            if self.outcome.findings and doc._pump.journal is not None:
                doc._pump.journal.restore()
            doc._committed()
        return answer

    @property
    def is_done(self) -> bool:
        """Whether this end has all it needs and nothing to wait for."""
        done: bool = self._session.outcome()[0]
        return done

    @property
    def outcome(self) -> ReconcileOutcome:
        """What was done to the document."""
        _, applied, dropped, findings, resume = self._session.outcome()
        return ReconcileOutcome(applied, dropped, tuple(Finding(*finding) for finding in findings), resume)

    def _begin(self) -> None:
        if self._begun:
            raise RuntimeError("this session has begun already: make a new one")
        self._begun = True
