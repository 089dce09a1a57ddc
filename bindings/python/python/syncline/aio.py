"""Connects a document to a relay, for asyncio programs.

    async with syncline.aio.connect("ws://127.0.0.1:7171", room="board", doc=doc) as conn:
        await conn.synced()
        doc.map()["title"] = "Plans"
        await conn.acked(level="durable", timeout=5)

The document can be edited at any time, connected or not; what was not sent yet is sent when the relay is there again.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from ._tokens import Tokens, TokenSource
from ._transport import CLOSED_ABNORMALLY, Transport, address
from .container import Write
from .errors import AckTimeoutError, ClosedError, RelayError, SynclineError, TransactionError
from .types import AckLevel, Input, Renewal, Status, Value

if TYPE_CHECKING:
    from ._pump import Output
    from .doc import Doc

__all__ = ["Connection", "TokenSource", "connect"]

CLOSE_SECONDS = 5.0
"""How long closing waits for the relay's goodbye."""

T = TypeVar("T")
Off = Callable[[], None]


def connect(
    url: str, *, room: str, doc: Doc, token: TokenSource | None = None, presence: Input = None
) -> Connection:
    """Makes a connection, to be used as ``async with connect(...) as conn``.

    ``url`` is the relay's address, such as ``ws://127.0.0.1:7171`` or ``wss://example.org``; the path ``/sync`` is
    added if it has none. ``presence`` is what the others in the room see of this client; ``None`` shows nothing.
    The connection is kept up, with pauses that grow while the relay is away, until it is closed.

    ``token`` is what the relay wants to see, or a function, also a coroutine function, that gets it. The function is
    called for each attempt to connect, and in the event loop, so it should not block. If what it gives is a JWT, it is
    called again when four fifths of the token's time are over, and the relay is told without a new connection. Any
    other token is asked for again when the relay closes because the old one has ended.
    """
    return Connection(url, room=room, doc=doc, token=token, presence=presence)


class Connection:
    """A document's connection to a room of a relay. All methods are for the event loop's thread."""

    def __init__(
        self, url: str, *, room: str, doc: Doc, token: TokenSource | None = None, presence: Input = None
    ) -> None:
        self._doc = doc
        self._room = room
        self._tokens = Tokens(token, self)
        self._transport = Transport(address(url), self)
        self._callbacks: dict[str, dict[object, Callable[[Any], object]]] = {}
        self._presence: dict[str, Value] = {}
        self._initial_presence = presence
        self._inbox: list[Output] = []
        self._error: RelayError | None = None
        self._changed = asyncio.Event()
        self._wakeup = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._stepping = False
        self._closed = False

    # What programs use.

    @property
    def doc(self) -> Doc:
        """The connected document."""
        return self._doc

    @property
    def status(self) -> Status:
        """How the connection stands."""
        with self._doc._lock:
            state, unsaved, retry_at, relay = self._doc._replica.status()
        return Status(state, unsaved, retry_at, relay)

    @property
    def presence(self) -> dict[str, Value]:
        """What the others in the room show of themselves, by the id of their replica."""
        return dict(self._presence)

    @property
    def error(self) -> RelayError | None:
        """The last refusal of the relay, if there was one."""
        return self._error

    def set_presence(self, state: Input) -> None:
        """Shows the others in the room a new state of this client; ``None`` takes it back."""
        with self._doc._lock:
            self._doc._replica.handle_presence(state is not None, state, self._doc._now())
        self.wake()

    def renew(self, token: str) -> None:
        """Gives the relay a fresh token, on the open connection if there is one; connects again after a refusal.

        One that the relay refuses is told by :meth:`on_error` with the code ``unauthorized``; the token before it stays
        in force. A token that was given as a string is replaced; a function is asked again in time before the end of
        this one.
        """
        if not isinstance(token, str):
            raise TypeError("renew() needs a token, a str")
        self._check_open()
        self._tokens.renew(token, self._transport.busy())
        if self.status.state == "stopped":
            self.online()

    def offline(self) -> None:
        """Disconnects and stays so until :meth:`online`. Changes are kept meanwhile."""
        self._switch(False)

    def online(self) -> None:
        """Connects again after :meth:`offline`."""
        self._switch(True)

    async def synced(self, timeout: float | None = None) -> None:
        """Waits until the document has everything that the relay had when the connection was made."""
        await self._until(lambda: self.status.state == "live", timeout, "no answer from the relay")

    async def acked(
        self, write: Write | None = None, *, level: AckLevel = "durable", timeout: float | None = None
    ) -> None:
        """Waits until the relay holds a change, or everything changed so far, at this level.

        Raises :class:`AckTimeoutError` after ``timeout`` seconds; the change is kept and sent all the same.
        """
        replica = self._doc._replica
        if self._doc._depth:
            raise TransactionError("acks come after the end of a transaction: wait for them behind its with block")
        seq = replica.last_seq() if write is None else write.seq
        everything = write is None and level == "durable"
        renewals = replica.renewals(write)

        def reached() -> bool:
            if renewals < len(self._doc._taken):
                # Under an id of before: known to the relay, or renamed.
                return seq <= self._doc._taken[renewals] or not self.status.unsaved
            return replica.acked(level) >= seq and not (everything and self.status.unsaved)

        await self._until(reached, timeout, f"change {seq} is not {level} at the relay yet")

    def on_status(self, callback: Callable[[Status], object]) -> Off:
        """Calls back with each new :class:`Status`; returns a function that ends this."""
        return self._on("status", callback)

    def on_presence(self, callback: Callable[[dict[str, Value]], object]) -> Off:
        """Calls back with the presence of all others after each change of it; returns a function that ends this."""
        return self._on("presence", callback)

    def on_error(self, callback: Callable[[RelayError], object]) -> Off:
        """Calls back when the relay refuses something; returns a function that ends this."""
        return self._on("error", callback)

    def on_ack(self, callback: Callable[[tuple[AckLevel, int]], object]) -> Off:
        """Calls back with (level, seq): all own changes up to ``seq`` have reached the level."""
        return self._on("acked", callback)

    def on_renewed(self, callback: Callable[[Renewal], object]) -> Off:
        """Calls back when the replica goes on under another id, see :class:`Renewal`; returns a function that ends this."""
        return self._on("renewed", callback)

    async def __aenter__(self) -> Connection:
        self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection; the document stays as it is and can be connected again."""
        if self._closed or self._task is None:
            return
        self._closed = True
        self._tokens.stop()
        with self._doc._lock:
            self._doc._replica.handle_presence(False, None, self._doc._now())
            self._doc._replica.handle_online(False, self._doc._now())
        self.wake()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._transport.closed(), CLOSE_SECONDS)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._transport.abort()
        with self._doc._lock:
            self._doc._pump.attach(self._doc._pump.journal, None)
        self._announce_change()

    # What the pump and the transport use.

    def ready(self) -> bool:
        """Whether the transport has room for more."""
        return self._transport.ready()

    def push(self, output: Output) -> None:
        """Takes an output; it is worked off in the event loop."""
        if output[0] == "send":
            self._transport.reserve(len(output[1]))
        self._inbox.append(output)
        if not self._stepping:
            self.wake()

    def wake(self) -> None:
        """Runs the pump in the event loop soon; may be called from any thread."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is loop:
            self._wakeup.set()
        else:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._wakeup.set)

    def take_token(self, token: str | None) -> None:
        """Hands the next token to the core."""
        with self._doc._lock:
            self._doc._replica.set_token(token)
        self.wake()

    def token_failed(self, cause: Exception) -> None:
        """Announces that there is no next token."""
        message = f"the function that gets tokens failed and is called again later: {cause}"
        error = RelayError(message, "token_failed", True)
        error.__cause__ = cause
        self._refused(error)

    # Inside.

    def _open(self) -> None:
        if self._task is not None:
            raise SynclineError("this connection was opened already: make a new one with connect()")
        doc = self._doc
        with doc._lock:
            doc._outside_transaction("connecting")
            if doc._pump.link is not None:
                raise SynclineError("this document is connected already: close that connection first")
            doc._replica.configure(self._room, self._tokens.fixed, secrets.randbits(64))
            doc._pump.attach(doc._pump.journal, self)
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._drive(), name=f"syncline {self._room}")
        if self._initial_presence is not None:
            self.set_presence(self._initial_presence)
        self.online()

    def _switch(self, on: bool) -> None:
        with self._doc._lock:
            self._doc._replica.handle_online(on, self._doc._now())
        self.wake()

    async def _drive(self) -> None:
        """Moves inputs in and outputs out whenever something happened or the core's deadline has come."""
        while True:
            self._wakeup.clear()
            self._step()
            if not self._wakeup.is_set():
                await self._pause()

    async def _pause(self) -> None:
        deadline = self._doc._pump.deadline
        if deadline is None:
            await self._wakeup.wait()
            return
        try:
            async with asyncio.timeout(max(0.0, (deadline - self._millis()) / 1000)):
                await self._wakeup.wait()
        except TimeoutError:
            with self._doc._lock:
                self._doc._replica.handle_tick(self._doc._now())
                self._doc._pump.run(force=True)  # also with a full outbox: the core may give up a dead socket

    def _millis(self) -> int:
        now = self._doc._now()
        return now if now is not None else time.time_ns() // 1_000_000

    def _step(self) -> None:
        doc = self._doc
        with doc._lock:
            if doc._depth:
                return  # opened by this thread; its end wakes us
            self._stepping = True
            try:
                for handle, argument in self._transport.take_inputs():
                    if handle == "handle_disconnected":
                        self._tokens.stop()
                        argument = self._tokens.close_code(argument)
                    arguments = () if argument is None else (argument,)
                    getattr(doc._replica, handle)(*arguments, doc._now())
                    doc._pump.run()
                doc._pump.run()
            finally:
                self._stepping = False
        outputs, self._inbox = self._inbox, []
        for output in outputs:
            self._work_off(output)

    def _work_off(self, output: Output) -> None:
        match output:
            case ("send", frame):
                self._transport.send(frame)
            case ("connect",):
                self._transport.disconnect()
                self._tokens.before_connect(self._transport.connect, self._not_connected)
            case ("disconnect",):
                self._tokens.stop()
                self._transport.disconnect()
            case ("status", values):
                status = Status(*values)
                if status.state == "live":
                    self._tokens.accepted()
                self._announce("status", status)
            case ("acked", level, seq):
                self._announce("acked", (level, seq))
            case ("renewed", old, taken, new):
                self._announce("renewed", Renewal(old, taken, new))
            case ("presence", changes):
                self._update_presence(changes)
            case ("error", code, message, temporary):
                self._refused(RelayError(message, code, temporary))
        self._announce_change()

    def _refused(self, error: RelayError) -> None:
        self._error = error
        self._announce("error", error)

    def _not_connected(self) -> None:
        with self._doc._lock:
            self._doc._replica.handle_disconnected(CLOSED_ABNORMALLY, self._doc._now())
        self.wake()

    def _update_presence(self, changes: list[tuple[str, bool, Value]]) -> None:
        for client, present, state in changes:
            if present:
                self._presence[client] = state
            else:
                self._presence.pop(client, None)
        self._announce("presence", self.presence)

    def _on(self, topic: str, callback: Callable[[Any], object]) -> Off:
        handle = object()
        self._callbacks.setdefault(topic, {})[handle] = callback
        return lambda: self._callbacks[topic].pop(handle, None) and None

    def _announce(self, topic: str, argument: object) -> None:
        for callback in tuple(self._callbacks.get(topic, {}).values()):
            try:
                callback(argument)
            except Exception as error:
                asyncio.get_running_loop().call_exception_handler(
                    {"message": f"a {topic} callback of a Syncline connection failed", "exception": error}
                )

    def _announce_change(self) -> None:
        """Lets those who wait look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def _until(self, reached: Callable[[], bool], timeout: float | None, late: str) -> None:
        try:
            async with asyncio.timeout(timeout):
                while not reached():
                    self._check_alive()
                    await self._changed.wait()
        except TimeoutError as error:
            status = self.status
            raise AckTimeoutError(f"{late} after {timeout} s (the connection is {status.state})") from error

    def _check_open(self) -> None:
        if self._closed or self._task is None:
            raise ClosedError("the connection is not open: use it inside its with block")

    def _check_alive(self) -> None:
        self._check_open()
        assert self._task is not None
        if self._task.done():
            raise ClosedError("the connection failed") from self._task.exception()
        if self.status.state == "stopped":
            raise self._error or RelayError("the relay closed the connection for good", "stopped")
