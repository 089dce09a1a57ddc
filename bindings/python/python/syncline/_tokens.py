"""The tokens of a connection, each got in time."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import inspect
import json
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from ._transport import CLOSED_ABNORMALLY

__all__ = ["TokenSource", "Tokens", "in_thread"]

TokenFunction = Callable[[], str | None | Awaitable[str | None]]
TokenSource = str | TokenFunction
"""A token, or a function that gets one whenever one is needed; it may be a coroutine function."""

PART = 0.8
"""The part of a token's time after which a fresh one is asked for."""

LEAST_SECONDS = 1.1
"""Shortest time between two fresh tokens: a relay takes one in a second."""

ANSWER_SECONDS = 30.0
"""How long a function may take."""

UNAUTHORIZED = 4401
"""The close code for a token that is missing, not valid, revoked or at its end."""


class User(Protocol):
    """The connection that tokens are for."""

    def take_token(self, token: str | None) -> None:
        """Takes the next token: the relay is told at once if it is there."""

    def token_failed(self, cause: Exception) -> None:
        """Is told why there is no next token."""


class Tokens:
    """Asks for tokens before each connection, and again before the end of one that says when that is."""

    def __init__(self, source: TokenSource | None, user: User) -> None:
        self._source = source
        self._user = user
        self._task: asyncio.Task[None] | None = None
        self._ready: Callable[[], None] | None = None
        self._refused = False
        self._given: str | None = None

    @property
    def fixed(self) -> str | None:
        """The token, if it is known without asking."""
        return self._source if isinstance(self._source, str) else None

    def before_connect(self, ready: Callable[[], None], failed: Callable[[], None]) -> None:
        """Calls one of the two once it is known what to connect with; at once if there is nobody to ask."""
        self.stop()
        given, self._given = self._given, None
        if not callable(self._source):
            ready()
            return
        if given is not None:
            self._watch(given)
            ready()
            return
        self._ready = ready
        self._task = asyncio.get_running_loop().create_task(self._first(self._source, ready, failed))

    def renew(self, token: str, has_socket: bool) -> None:
        """Takes a token that nobody asked for; without a socket the next one begins with it.

        In place of a fixed one it stays; a function is asked before its end.
        """
        ready = self._ready
        self.stop()
        self._refused = False
        if not callable(self._source):
            self._source = token
        self._user.take_token(token)
        if has_socket or ready is not None:
            self._watch(token)
        else:
            self._given = token
        if ready is not None:
            ready()

    def accepted(self) -> None:
        """Says that the relay has let this client in."""
        self._refused = False

    def close_code(self, code: int) -> int:
        """The close code as the core should see it: while a fresh token may help, a refused one stops nothing."""
        if code != UNAUTHORIZED or not callable(self._source) or self._refused:
            return code
        self._refused = True
        return CLOSED_ABNORMALLY

    def stop(self) -> None:
        """Asks for nothing more, until the next connection."""
        self._ready = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _watch(self, token: str) -> None:
        """Sees to it that a function is asked before the end of a token."""
        if callable(self._source):
            self._task = asyncio.get_running_loop().create_task(self._refresh(self._source, token))

    async def _first(self, source: TokenFunction, ready: Callable[[], None], failed: Callable[[], None]) -> None:
        try:
            token = await answer(source)
        except Exception as cause:
            self._ready = None
            self._user.token_failed(cause)
            failed()
            return
        self._ready = None
        self._user.take_token(token)
        ready()
        await self._refresh(source, token)

    async def _refresh(self, source: TokenFunction, token: str | None) -> None:
        """Asks again in time before the end of each token."""
        while token is not None and (left := seconds_left(token, time.time())) is not None:
            await asyncio.sleep(max(left * PART, LEAST_SECONDS))
            try:
                token = await answer(source)
            except Exception as cause:
                self._user.token_failed(cause)
            else:
                self._user.take_token(token)


def in_thread(source: TokenSource | None) -> TokenSource | None:
    """Makes a function that may block one that does not, by a thread of its own for each call."""
    if not callable(source):
        return source
    function: TokenFunction = source

    async def ask() -> str | None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def settle(result: Any, error: Exception | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        def work() -> None:
            result, error = None, None
            try:
                result = function()
            except Exception as failure:
                error = failure
            with contextlib.suppress(RuntimeError):  # the connection was closed meanwhile
                loop.call_soon_threadsafe(settle, result, error)

        threading.Thread(target=work, name="syncline token", daemon=True).start()
        result = await future
        token: str | None = await result if inspect.isawaitable(result) else result
        return token

    return ask


async def answer(source: TokenFunction) -> str | None:
    """What the function gives, if it is in time and a token."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            given = source()
            token: object = await given if inspect.isawaitable(given) else given
    except TimeoutError as late:
        raise TimeoutError(str(late) or f"it gave nothing within {ANSWER_SECONDS:.0f} s") from late
    if token is None or isinstance(token, str):
        return token
    raise TypeError(f"it gave a value of type {type(token).__name__}, not a str")


def seconds_left(token: str, now: float) -> float | None:
    """How long a JWT holds from now on; nothing for other tokens, and if it is over by the clock here."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        expires = float(claims["exp"])
        left = expires - now
        if "iat" in claims:
            left = min(left, expires - float(claims["iat"]))  # a clock that is behind does not make its life longer
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return left if left > 0 else None
