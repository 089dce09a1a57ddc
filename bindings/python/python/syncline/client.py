"""Connects a document to a relay, for programs without asyncio.

    with syncline.client.connect("ws://127.0.0.1:7171", room="board") as conn:
        conn.synced(timeout=10)
        with conn.edit() as doc:
            doc.map()["title"] = "Plans"
        conn.acked(timeout=5)

The connection lives in a thread of its own. Changes from others arrive there at any moment and subscribers are
called there. The document may be used from every thread: a single read or write is atomic, and inside
``conn.edit()`` or ``doc.transaction()`` nobody else changes anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, TypeVar

from . import aio
from ._tokens import TokenSource, in_thread
from .container import Write
from .doc import Doc
from .errors import ClosedError, RelayError, TransactionError
from .types import AckLevel, Input, Renewal, Status, Value

__all__ = ["Connection", "TokenSource", "connect"]

T = TypeVar("T")
Off = Callable[[], None]


def connect(
    url: str, *, room: str, doc: Doc | None = None, token: TokenSource | None = None, presence: Input = None
) -> Connection:
    """Connects and returns at once; without a document, it starts with an empty one.

    The arguments are those of :func:`syncline.aio.connect`; a function that gets tokens is called in a thread of its
    own and may block. Use the connection in a ``with`` block, or close it.
    """
    return Connection(url, room=room, doc=doc if doc is not None else Doc(), token=token, presence=presence)


class Connection:
    """A document's connection to a room of a relay, for all threads."""

    def __init__(
        self, url: str, *, room: str, doc: Doc, token: TokenSource | None = None, presence: Input = None
    ) -> None:
        self._doc = doc
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"syncline {room}", daemon=True)
        self._thread.start()
        self._closed = False
        try:
            self._inner = self._run(_open(url, room=room, doc=doc, token=token, presence=presence))
        except BaseException:
            self._stop()
            raise

    @property
    def doc(self) -> Doc:
        """The connected document."""
        return self._doc

    @contextlib.contextmanager
    def edit(self, origin: str | None = None) -> Iterator[Doc]:
        """Gives the document for a transaction: what is read in the block stays true until its end."""
        with self._doc.transaction(origin):
            yield self._doc

    @property
    def status(self) -> Status:
        """How the connection stands."""
        return self._inner.status

    @property
    def presence(self) -> dict[str, Value]:
        """What the others in the room show of themselves, by the id of their replica."""
        return self._inner.presence

    @property
    def error(self) -> RelayError | None:
        """The last refusal of the relay, if there was one."""
        return self._inner.error

    def set_presence(self, state: Input) -> None:
        """Shows the others in the room a new state of this client; ``None`` takes it back."""
        self._call(lambda: self._inner.set_presence(state))

    def renew(self, token: str) -> None:
        """Gives the relay a fresh token, see :meth:`syncline.aio.Connection.renew`."""
        self._call(lambda: self._inner.renew(token))

    def offline(self) -> None:
        """Disconnects and stays so until :meth:`online`. Changes are kept meanwhile."""
        self._call(self._inner.offline)

    def online(self) -> None:
        """Connects again after :meth:`offline`."""
        self._call(self._inner.online)

    def synced(self, timeout: float | None = None) -> None:
        """Waits until the document has everything that the relay had when the connection was made."""
        self._run(self._inner.synced(timeout))

    def acked(self, write: Write | None = None, *, level: AckLevel = "durable", timeout: float | None = None) -> None:
        """Waits until the relay holds a change, or everything changed so far, at this level."""
        self._run(self._inner.acked(write, level=level, timeout=timeout))

    def on_status(self, callback: Callable[[Status], object]) -> Off:
        """Calls back, in the connection's thread, with each new status; returns a function that ends this."""
        return self._inner.on_status(callback)

    def on_presence(self, callback: Callable[[dict[str, Value]], object]) -> Off:
        """Calls back, in the connection's thread, with the presence of all others after each change of it."""
        return self._inner.on_presence(callback)

    def on_error(self, callback: Callable[[RelayError], object]) -> Off:
        """Calls back, in the connection's thread, when the relay refuses something."""
        return self._inner.on_error(callback)

    def on_ack(self, callback: Callable[[tuple[AckLevel, int]], object]) -> Off:
        """Calls back, in the connection's thread, with (level, seq): own changes up to ``seq`` reached the level."""
        return self._inner.on_ack(callback)

    def on_renewed(self, callback: Callable[[Renewal], object]) -> Off:
        """Calls back, in the connection's thread, when the replica goes on under another id."""
        return self._inner.on_renewed(callback)

    def close(self) -> None:
        """Ends the connection and its thread; the document stays as it is."""
        if self._closed:
            return
        try:
            self._run(self._inner.close())
        finally:
            self._stop()

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, function: Callable[[], T]) -> T:
        async def call() -> T:
            return function()

        return self._run(call())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine in the connection's thread and waits for it."""
        try:
            self._check()
        except BaseException:
            work.close()
            raise
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _check(self) -> None:
        if self._closed:
            raise ClosedError("the connection is closed: make a new one with connect()")
        if threading.current_thread() is self._thread:
            raise RuntimeError(
                "callbacks run in the connection's thread and cannot wait for it: hand the work to another thread"
            )
        if self._doc._lock_is_mine():
            raise TransactionError(
                "waiting for the connection inside a transaction would never end: leave its block first"
            )

    def _stop(self) -> None:
        self._closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _open(url: str, *, room: str, doc: Doc, token: TokenSource | None, presence: Input) -> aio.Connection:
    return await aio.connect(url, room=room, doc=doc, token=in_thread(token), presence=presence).__aenter__()
