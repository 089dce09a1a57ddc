"""The document: containers, transactions, change events and the exchange of bytes."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from . import _paths
from ._pump import Pump
from ._syncline import Replica, new_replica_id
from .container import Write
from .errors import TransactionError
from .mapping import Map
from .scalars import Counter, Register
from .sets import Set
from .text import Text
from .types import ChangeEvent, ImportReport, Stats, Value, event_of

__all__ = ["Doc", "Transaction"]

_log = logging.getLogger("syncline")

Listener = Callable[[ChangeEvent], object]


class Doc:
    """One replica of a shared document: a tree of maps, sets, counters, registers and texts.

    Reading and writing happen in memory, at once, with or without a connection. A document may be used from several
    threads: each read and write is atomic, and a transaction keeps other threads waiting until it ends.

    ``replica`` fixes the replica's id (32 hexadecimal digits) and ``now`` the clock (milliseconds since the Unix
    epoch); both are for tests. An id must never be used by two documents.
    """

    def __init__(self, replica: str | None = None, now: Callable[[], int] | None = None) -> None:
        birth = now() if now is not None else time.time_ns() // 1_000_000
        self._replica = Replica(replica if replica is not None else new_replica_id(birth, os.urandom(16)))
        self._clock = now
        self._lock = threading.RLock()
        self._open: Write | None = None
        self._depth = 0
        self._holder = 0
        self._listeners: dict[object, tuple[tuple[str, ...], Listener]] = {}
        self._events: deque[ChangeEvent] = deque()
        self._delivering = False
        self._pump = Pump(self)

    @property
    def replica(self) -> str:
        """The id of this replica: 32 hexadecimal digits."""
        return self._replica.id

    def map(self, *path: str) -> Map:
        """The map at this path; without a path, the top of the document."""
        return Map(self, path)

    def set(self, *path: str) -> Set:
        """The set at this path."""
        return Set(self, _inner(path))

    def counter(self, *path: str) -> Counter:
        """The counter at this path."""
        return Counter(self, _inner(path))

    def register(self, *path: str) -> Register:
        """The register at this path."""
        return Register(self, _inner(path))

    def text(self, *path: str) -> Text:
        """The text at this path."""
        return Text(self, _inner(path))

    def transaction(self, origin: str | None = None) -> Transaction:
        """Groups writes: ``with doc.transaction():`` sends and announces them as one, or takes them all back.

        An exception that leaves the block rolls everything back. A transaction inside another joins it; if the inner
        one is rolled back and its exception caught, the outer one fails at its end. ``origin`` is told to subscribers.
        Other threads wait until the block ends, so do not wait inside it for other threads or with ``await``.
        """
        return Transaction(self, origin)

    def subscribe(self, callback: Listener, path: Sequence[str] | None = None) -> Callable[[], None]:
        """Calls back for each change at or below the path, and returns a function that ends this.

        Callbacks run after the change is complete, before the write that caused it returns; they may read and write
        the document. Changes from elsewhere are announced in the thread that received them. An exception in a
        callback is logged and disturbs nobody else.
        """
        if isinstance(path, str):
            raise TypeError("a path is a sequence of keys, such as ['cards', 'c1'], not one str")
        handle = object()
        with self._lock:
            _paths.encode(tuple(path or ()))
            self._listeners[handle] = (tuple(path or ()), callback)
            self._replica.observe(True)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners.pop(handle, None)
                self._replica.observe(bool(self._listeners))

        return unsubscribe

    def export(self, since: bytes | None = None) -> bytes:
        """The document as bytes; with a :meth:`version`, only what came after it.

        Equal documents give equal bytes.
        """
        with self._lock:
            return self._replica.export(since)

    def save(self) -> bytes:
        """The document as bytes for a local store: like :meth:`export`, plus what others still need to be told."""
        with self._lock:
            return self._replica.save()

    def import_(self, blob: bytes) -> ImportReport:
        """Merges bytes of :meth:`export` or :meth:`save`; what is here already does no harm."""
        with self._lock:
            self._outside_transaction("import")
            applied = self._replica.import_blob(blob)
            self._committed()
        return ImportReport(applied)

    def version(self) -> bytes:
        """What this replica has seen, for the ``since`` of another one's :meth:`export`."""
        with self._lock:
            return self._replica.version()

    def version_entries(self) -> dict[str, int]:
        """The version vector: the highest sequence number seen of each replica."""
        with self._lock:
            return dict(self._replica.version_entries())

    def digest(self) -> str:
        """A fingerprint of the content: 32 hexadecimal digits, equal exactly where the content is."""
        with self._lock:
            return self._replica.digest()

    def stats(self) -> Stats:
        """The sizes of the document."""
        with self._lock:
            return Stats(**self._replica.stats())

    def to_dict(self) -> dict[str, Value]:
        """A copy of everything as plain objects: maps as dicts, sets as lists, texts as ``str``."""
        return self.map().to_dict()

    def __repr__(self) -> str:
        return f"<Doc {self.replica}, {len(self.map())} keys>"

    def _write(self, write: Callable[..., int | None], *args: Any) -> Write:
        """Makes one change, inside the open transaction or as one of its own."""
        with self._lock:
            seq = write(*args, self._now() if self._clock is not None else None)
            if seq is None:
                return self._open if self._open is not None else Write(0)
            if self._listeners or self._pump.active:
                self._committed()
        return Write(seq)

    def _now(self) -> int | None:
        return None if self._clock is None else self._clock()

    def _committed(self) -> None:
        """Announces what changed and passes it on; the caller holds the lock."""
        if self._listeners:
            self._deliver(self._replica.take_changes())
        self._pump.committed()

    def _lock_is_mine(self) -> bool:
        """Whether the calling thread is inside a transaction, or in a callback."""
        return self._holder == threading.get_ident() and bool(self._depth or self._delivering)

    def _outside_transaction(self, what: str) -> None:
        if self._depth:
            raise TransactionError(f"{what} is not possible inside a transaction: leave its with block first")

    def _deliver(self, raw: list[tuple[Any, ...]]) -> None:
        """Calls the subscribers; changes that they make are announced after those at hand."""
        self._events.extend(event_of(change) for change in raw)
        if self._delivering:
            return
        self._delivering, self._holder = True, threading.get_ident()
        try:
            while self._events:
                event = self._events.popleft()
                for path, callback in tuple(self._listeners.values()):
                    if event.path[: len(path)] == path:
                        _call(callback, event)
        finally:
            self._delivering = False


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
        write._seq, write._lost = seq, seq is None


def _inner(path: tuple[str, ...]) -> tuple[str, ...]:
    if not path:
        raise ValueError("the top of a document is a map: name a path for other containers")
    return path


def _call(callback: Listener, event: ChangeEvent) -> None:
    try:
        callback(event)
    except Exception:
        _log.exception("a subscriber failed on a change of %s", "/".join(event.path))
