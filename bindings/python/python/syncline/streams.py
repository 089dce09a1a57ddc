"""Change streams: events of a part of a document, to be taken when there is time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from . import _paths
from .errors import TransactionError
from .types import ABSENT, Absent, ChangeEvent, ContainerKind, Splice, Value, event_of

if TYPE_CHECKING:
    from typing import Self

    from .doc import Doc

__all__ = ["CatchUp", "ChangeStream", "Lagged", "NetChange", "StreamSource"]

StreamSource: TypeAlias = Literal["any", "local", "remote"]
"""Where changes must come from: transactions of this replica are local, imports and connections remote."""


@dataclass(frozen=True, slots=True)
class Lagged:
    """Stands where ``missed`` events are missing in a stream, because they were not taken in time."""

    missed: int


@dataclass(frozen=True, slots=True)
class NetChange:
    """What is different at one place between two versions, whatever happened in between.

    ``old`` is known to :meth:`Doc.diff` only, except for elements removed from sets. A text has its whole new content
    as ``new``, and in :meth:`Doc.diff` the ``splices`` that make it of the old one.
    """

    path: tuple[str, ...]
    kind: ContainerKind
    old: Value | Absent = ABSENT
    new: Value | Absent = ABSENT
    splices: tuple[Splice, ...] = ()


@dataclass(frozen=True, slots=True)
class CatchUp:
    """How to go on from an older version: forget what is at and below ``removed``, then take over ``changes``.

    ``version`` is what this leads to. If ``complete``, deletions since then are no longer known one by one: then
    ``removed`` is everything that was asked for, and ``changes`` lists all there is.
    """

    version: bytes
    removed: tuple[tuple[str, ...], ...]
    changes: tuple[NetChange, ...]
    complete: bool


class ChangeStream:
    """The changes at and below a path, from :meth:`Doc.stream`.

    ``for event in stream`` takes what waits and ends; ``async for event in stream`` and :meth:`wait` wait for more. A
    stream that is not read in time says so by :class:`Lagged`; :meth:`resync` then closes the gap.
    """

    def __init__(
        self,
        doc: Doc,
        path: Sequence[str],
        exact: bool,
        kinds: Iterable[ContainerKind],
        source: StreamSource,
        writer: str | None,
        capacity: int,
    ) -> None:
        if isinstance(path, str):
            raise TypeError("a path is a sequence of keys, such as ['cards', 'c1'], not one str")
        self._doc = doc
        self._arrived = threading.Condition(doc._lock)  # type: ignore[arg-type]  # it has all that is asked of a lock
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        with doc._lock:
            filters = (exact, list(kinds), source, writer)
            self._id: int | None = doc._replica.stream_begin(_paths.encode(tuple(path)), filters, max(1, capacity))
            doc._streams.add(self)
            doc._watch()

    def next(self) -> ChangeEvent | Lagged | None:
        """Takes the next event; ``None`` if nothing waits."""
        with self._doc._lock:
            raw = None if self._id is None else self._doc._replica.stream_next(self._id)
        if raw is None:
            return None
        return Lagged(raw) if isinstance(raw, int) else event_of(raw)

    def wait(self, timeout: float | None = None) -> ChangeEvent | Lagged | None:
        """Takes the next event, and waits for it if need be; ``None`` after ``timeout`` seconds or :meth:`close`."""
        found: list[ChangeEvent | Lagged | None] = []

        def taken() -> bool:
            found.append(self.next())
            return found[-1] is not None or self._id is None

        with self._arrived:
            if self._doc._lock_is_mine():
                raise TransactionError("events come after a transaction or callback: wait for them outside of it")
            self._arrived.wait_for(taken, timeout)
        return found[-1]

    def __iter__(self) -> Iterator[ChangeEvent | Lagged]:
        return iter(self.next, None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChangeEvent | Lagged:
        entry = (asyncio.get_running_loop(), asyncio.Event())
        with self._doc._lock:
            self._waiting.add(entry)
        try:
            while True:
                entry[1].clear()
                event = self.next()
                if event is not None:
                    return event
                if self._id is None:
                    raise StopAsyncIteration
                await entry[1].wait()
        finally:
            with self._doc._lock:
                self._waiting.discard(entry)

    @property
    def token(self) -> bytes:
        """A version that covers what was taken from the stream, and nothing that waits or was missed.

        Hand it to :meth:`Doc.changes_since` to go on from there, also in a later session.
        """
        with self._doc._lock:
            return self._doc._replica.stream_version(self._number())

    def resync(self) -> CatchUp:
        """The net changes since :attr:`token` in this part of the document; what waited is in them and gone."""
        with self._doc._lock:
            return catch_up_of(self._doc._replica.stream_resync(self._number()))

    def close(self) -> None:
        """Ends the stream; closing again does nothing."""
        with self._doc._lock:
            if self._id is not None:
                self._doc._replica.stream_end(self._id)
                self._id = None
                self._doc._streams.discard(self)
                self._doc._watch()
                self._wake()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _number(self) -> int:
        return 0 if self._id is None else self._id  # 0 is never given out: the native part says what is wrong

    def _wake(self) -> None:
        """Tells those who wait that there may be more; the caller holds the lock."""
        self._arrived.notify_all()
        for loop, event in tuple(self._waiting):
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)


def catch_up_of(raw: tuple[Any, ...]) -> CatchUp:
    """Makes net changes of the native part's tuple."""
    version, complete, removed, changes = raw
    return CatchUp(version, tuple(removed), tuple(net_change_of(change) for change in changes), complete)


def net_change_of(raw: tuple[Any, ...]) -> NetChange:
    """Makes a net change of the native part's tuple."""
    path, kind, old, new, splices = raw
    return NetChange(
        path,
        kind,
        old[0] if old else ABSENT,
        new[0] if new else ABSENT,
        tuple(Splice(*splice) for splice in splices),
    )
