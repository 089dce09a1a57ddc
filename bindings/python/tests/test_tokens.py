"""Tokens that end, against a real relay, which closes a connection when the time of its token is over."""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from relay import Relay
from syncline import ClosedError, Doc, RelayError, aio, client

SECONDS = 15.0


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """A relay that asks for tokens."""
    with Relay(tmp_path_factory.mktemp("guarded"), "0123456789abcdef0123456789abcdef") as relay:
        yield relay


class Told:
    """What is told of a connection."""

    def __init__(self, conn: aio.Connection | client.Connection) -> None:
        self.states: list[str] = []
        self.errors: list[RelayError] = []
        conn.on_status(lambda status: self.states.append(status.state))
        conn.on_error(self.errors.append)

    @property
    def codes(self) -> list[str]:
        return [error.code for error in self.errors]


def connect(relay: Relay, token: Any) -> aio.Connection:
    return aio.connect(relay.url, room=f"test-{uuid.uuid4().hex}", doc=Doc(), token=token)


async def until(reached: Callable[[], bool], seconds: float = SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not reached():
            await asyncio.sleep(0.005)


async def write_for(seconds: float, conn: aio.Connection) -> None:
    """Writes for some time, each write acknowledged."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await conn.acked(conn.doc.map().put("n", time.time()), level="stored", timeout=2)
        await asyncio.sleep(0.1)


async def test_a_function_renews_tokens_on_the_open_socket_in_time(guarded: Relay) -> None:
    calls = 0

    async def token() -> str:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.02)
        return guarded.token(2)

    async with connect(guarded, token) as conn:
        await conn.synced(SECONDS)
        told = Told(conn)
        await write_for(6, conn)
    assert 3 <= calls <= 7
    assert "connecting" not in told.states
    assert told.errors == []


async def test_renew_gives_the_relay_a_fresh_token_on_the_open_socket(guarded: Relay) -> None:
    async with connect(guarded, guarded.token(2)) as conn:
        await conn.synced(SECONDS)
        told = Told(conn)
        for _ in range(5):
            await write_for(1.3, conn)
            conn.renew(guarded.token(2))
    assert "connecting" not in told.states
    assert told.errors == []


async def test_a_token_that_nobody_renews_ends_the_connection_and_renew_brings_it_back(guarded: Relay) -> None:
    async with connect(guarded, guarded.token(2)) as conn:
        await conn.synced(SECONDS)
        told = Told(conn)
        await until(lambda: conn.status.state == "stopped")
        assert told.codes == ["unauthorized"]
        with pytest.raises(RelayError) as refused:
            await conn.acked(conn.doc.map().put("late", 1), timeout=SECONDS)
        assert (refused.value.code, refused.value.temporary) == ("unauthorized", False)
        conn.renew(guarded.token(60))
        await conn.acked(timeout=SECONDS)


async def test_a_function_is_called_for_each_connection(guarded: Relay) -> None:
    calls: list[int] = []

    def token() -> str:
        calls.append(1)
        return guarded.token(60)

    async with connect(guarded, token) as conn:
        await conn.synced(SECONDS)
        assert len(calls) == 1
        conn.offline()
        await until(lambda: conn.status.state == "offline")
        conn.online()
        await conn.synced(SECONDS)
        assert len(calls) == 2


async def test_a_function_is_called_again_when_the_relay_refuses_what_it_gave(guarded: Relay) -> None:
    tokens = [guarded.token(60), guarded.token(-60)]
    async with connect(guarded, tokens.pop) as conn:
        told = Told(conn)
        await conn.synced(SECONDS)
    assert (tokens, told.codes) == ([], ["unauthorized"])


async def test_a_function_whose_tokens_are_refused_twice_stops_the_connection(guarded: Relay) -> None:
    calls: list[int] = []

    def token() -> str:
        calls.append(1)
        return guarded.token(-60)

    async with connect(guarded, token) as conn:
        with pytest.raises(RelayError) as refused:
            await conn.synced(SECONDS)
        assert (refused.value.code, len(calls)) == ("unauthorized", 2)
        conn.renew(guarded.token(60))
        await conn.synced(SECONDS)
        assert len(calls) == 2


async def test_tokens_whose_time_cannot_be_told_are_got_again_after_the_close(guarded: Relay) -> None:
    calls: list[int] = []

    def token() -> str:
        calls.append(1)
        end = time.time() + 2
        return guarded.token(2, exp=end, iat=end)

    async with connect(guarded, token) as conn:
        told = Told(conn)
        await conn.synced(SECONDS)
        await until(lambda: len(calls) == 2)
        await conn.acked(conn.doc.map().put("a", 1), timeout=SECONDS)
    assert "stopped" not in told.states


async def test_a_function_that_fails_is_told_of_and_called_again(guarded: Relay) -> None:
    answers: list[Any] = [guarded.token(60), 42, KeyError("no session")]

    def token() -> Any:
        answer = answers.pop()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with connect(guarded, token) as conn:
        told = Told(conn)
        await conn.synced(SECONDS)
    assert told.codes == ["token_failed", "token_failed"]
    assert all(error.temporary for error in told.errors)
    assert isinstance(told.errors[0].__cause__, KeyError)
    assert "type int" in str(told.errors[1])


async def test_a_fresh_token_that_is_refused_is_told_of_and_the_one_before_stays(guarded: Relay) -> None:
    async with connect(guarded, guarded.token(60)) as conn:
        await conn.synced(SECONDS)
        told = Told(conn)
        conn.renew(guarded.token(60)[:-8] + "AAAAAAAA")
        await until(lambda: told.codes == ["unauthorized"])
        await conn.acked(conn.doc.map().put("a", 1), timeout=SECONDS)
        with pytest.raises(TypeError):
            conn.renew(None)  # type: ignore[arg-type]
    assert set(told.states) <= {"live", "syncing", "offline"}
    with pytest.raises(ClosedError):
        conn.renew(guarded.token(60))


async def test_a_fresh_token_is_taken_while_the_function_is_still_asked(guarded: Relay) -> None:
    async def token() -> str:
        await asyncio.sleep(3600)
        return ""

    async with connect(guarded, token) as conn:
        await asyncio.sleep(0.05)
        conn.renew(guarded.token(60))
        await conn.synced(SECONDS)


def test_a_function_of_a_blocking_program_may_block(guarded: Relay) -> None:
    calls: list[float] = []

    def token() -> str:
        calls.append(time.monotonic())
        time.sleep(0.1)
        return guarded.token(2)

    with client.connect(guarded.url, room=f"test-{uuid.uuid4().hex}", token=token) as conn:
        conn.synced(SECONDS)
        told = Told(conn)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            conn.acked(conn.doc.map().put("n", 1), timeout=2)
            time.sleep(0.1)
        conn.renew(guarded.token(60))
        conn.acked(conn.doc.map().put("n", 2), timeout=2)
    assert 3 <= len(calls) <= 6
    assert "connecting" not in told.states
    assert told.codes in ([], ["limit"])  # the function may have been faster than the last line
