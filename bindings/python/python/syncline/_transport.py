"""One WebSocket at a time: opened, read, written and closed as the core asks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

__all__ = ["Transport", "address"]

_log = logging.getLogger("syncline")

SUBPROTOCOL = Subprotocol("syncline.1")

OUTBOX_BYTES = 1024 * 1024
"""Frames waiting for the socket, in bytes; beyond it the core keeps further changes and batches them."""

INBOX_BYTES = 4 * 1024 * 1024
"""Frames waiting for the document, in bytes; beyond it reading pauses and the relay sees a slow reader."""

FRAME_BYTES = 1024 * 1024
"""Largest message taken from a relay, in bytes: four times the largest frame of the protocol."""

OPEN_SECONDS = 10.0
"""How long opening a socket may take."""

CLOSED_ABNORMALLY = 1006
"""The close code for a socket that ended without one (RFC 6455, 7.1.5)."""

Input = tuple[str, Any]


class Owner(Protocol):
    """The connection that a transport works for."""

    def wake(self) -> None:
        """Says that there are new inputs, or that there is room for outputs."""


def address(url: str) -> str:
    """Completes the address of a relay: ``http`` means ``ws``, and the path ``/sync`` is the default."""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(f"{url!r} is no address of a relay: write it like ws://127.0.0.1:7171")
    path = parts.path if parts.path not in ("", "/") else "/sync"
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))


class Transport:
    """The socket of a connection, and the queues between it and the document."""

    def __init__(self, url: str, owner: Owner) -> None:
        self._url = url
        self._owner = owner
        self._inputs: deque[Input] = deque()
        self._inputs_bytes = 0
        self._room_for_inputs = asyncio.Event()
        self._reserved = 0
        self._socket: _Socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def ready(self) -> bool:
        """Whether the outbox has room."""
        return self._reserved < OUTBOX_BYTES

    def busy(self) -> bool:
        """Whether there is a socket, open or on its way."""
        return self._socket is not None

    def reserve(self, size: int) -> None:
        """Counts a frame that will be handed to :meth:`send` in a moment."""
        self._reserved += size

    def release(self, size: int) -> None:
        """Says that a frame has left, or that it never will."""
        full = not self.ready()
        self._reserved -= size
        if full and self.ready():
            self._owner.wake()

    def send(self, frame: bytes) -> None:
        """Queues a frame for the socket; without one it is dropped, and the next connection brings what was in it."""
        if self._socket is None:
            self.release(len(frame))
        else:
            self._socket.send(frame)

    def connect(self) -> None:
        """Starts opening a socket."""
        self.disconnect()
        self._socket = _Socket(self)
        task = asyncio.get_running_loop().create_task(self._socket.run(self._url))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def disconnect(self) -> None:
        """Starts closing the socket after what is queued for it; nothing more is heard of it."""
        if self._socket is not None:
            self._socket.finish()
            self._socket = None

    def take_inputs(self) -> list[Input]:
        """Takes what arrived: names of the replica's methods, each with its argument or ``None``."""
        inputs, self._inputs_bytes = list(self._inputs), 0
        self._inputs.clear()
        self._room_for_inputs.set()
        return inputs

    def arrived(self, socket: _Socket, handle: str, argument: Any = None) -> None:
        """Takes an input from the present socket; those of earlier ones do not matter any more."""
        if socket is not self._socket:
            return
        if handle == "handle_disconnected":
            self._socket = None
        elif handle == "handle_frame":
            self._inputs_bytes += len(argument)
        self._inputs.append((handle, argument))
        self._owner.wake()

    async def room_for_inputs(self) -> None:
        """Waits until not too much waits for the document."""
        while self._inputs_bytes > INBOX_BYTES:
            self._room_for_inputs.clear()
            await self._room_for_inputs.wait()

    async def closed(self) -> None:
        """Waits until all sockets are closed."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def abort(self) -> None:
        """Drops all sockets without a goodbye."""
        for task in self._tasks:
            task.cancel()
        await self.closed()


class _Socket:
    """One socket, from dialling to its end."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._outbox: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._finishing = False

    def send(self, frame: bytes) -> None:
        self._outbox.append(frame)
        self._news.set()

    def finish(self) -> None:
        self._finishing = True
        self._news.set()

    async def run(self, url: str) -> None:
        code = CLOSED_ABNORMALLY
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                connection = await _dial(url)
            code = await self._converse(connection)
        except (OSError, TimeoutError, WebSocketException) as error:
            _log.info("cannot reach the relay at %s: %s", url, error)
        finally:
            self._transport.release(sum(map(len, self._outbox)))
            self._outbox.clear()
            self._transport.arrived(self, "handle_disconnected", code)

    async def _converse(self, connection: ClientConnection) -> int:
        """Reads and writes until the socket closes; returns its close code."""
        self._transport.arrived(self, "handle_connected")
        writer = asyncio.get_running_loop().create_task(self._write(connection))
        try:
            await self._read(connection)
        finally:
            writer.cancel()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(connection.close(), OPEN_SECONDS)
            await asyncio.gather(writer, return_exceptions=True)
        return connection.close_code or CLOSED_ABNORMALLY

    async def _read(self, connection: ClientConnection) -> None:
        try:
            async for message in connection:
                if isinstance(message, str):
                    _log.warning("the server sends text and is no Syncline relay")
                    return
                self._transport.arrived(self, "handle_frame", message)
                await self._transport.room_for_inputs()
        except ConnectionClosed:
            pass  # its code says the rest

    async def _write(self, connection: ClientConnection) -> None:
        """Sends what is queued, and closes the socket when it is to finish."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                while self._outbox:
                    frame = self._outbox.popleft()
                    try:
                        await connection.send(frame)
                    finally:
                        self._transport.release(len(frame))
                if self._finishing:
                    await connection.close()
                    return
                self._news.clear()
                await self._news.wait()


async def _dial(url: str) -> ClientConnection:
    loopback = urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
    return await connect(
        url,
        subprotocols=[SUBPROTOCOL],
        compression=None,
        max_size=FRAME_BYTES,
        open_timeout=None,
        ping_interval=None,
        proxy=None if loopback else True,
    )
