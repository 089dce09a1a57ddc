"""The asyncio client against a real relay."""

import asyncio
import random
import signal
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from relay import Relay, free_port
from syncline import (
    AckTimeoutError,
    ClosedError,
    Doc,
    Origin,
    RelayError,
    Status,
    SynclineError,
    TransactionError,
    aio,
    storage,
)
from syncline._transport import OUTBOX_BYTES, SUBPROTOCOL

SECONDS = 15.0


@pytest.fixture
def room() -> str:
    return f"test-{uuid.uuid4().hex}"


async def until(reached: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Waits until something becomes true."""
    async with asyncio.timeout(seconds):
        while not reached():
            await asyncio.sleep(0.005)


async def test_two_documents_become_equal(relay: Relay, room: str) -> None:
    here, there = Doc(), Doc()
    here.map("m")["before"] = 1
    async with aio.connect(relay.url, room=room, doc=here) as one, aio.connect(relay.url, room=room, doc=there) as two:
        await one.synced(SECONDS)
        await two.synced(SECONDS)
        there.map("m")["after"] = 2
        here.text("t").insert(0, "héllo 😀")
        await one.acked(timeout=SECONDS)
        await two.acked(timeout=SECONDS)
        await until(lambda: here.digest() == there.digest())
    assert here.to_dict() == there.to_dict() == {"m": {"before": 1, "after": 2}, "t": "héllo 😀"}


async def test_changes_of_others_are_announced(relay: Relay, room: str) -> None:
    here, there = Doc(), Doc()
    events: list[Any] = []
    there.subscribe(events.append)
    async with aio.connect(relay.url, room=room, doc=here) as one, aio.connect(relay.url, room=room, doc=there) as two:
        await one.synced(SECONDS)
        await two.synced(SECONDS)
        here.map()["a"] = 1
        await until(lambda: len(events) == 1)
    assert (events[0].path, events[0].new, events[0].by, events[0].origin) == (("a",), 1, here.replica, Origin("link"))


async def test_acks_come_by_level_and_by_write(relay: Relay, room: str) -> None:
    doc = Doc()
    acks: list[tuple[str, int]] = []
    async with aio.connect(relay.url, room=room, doc=doc) as conn:
        conn.on_ack(acks.append)
        first = doc.map().put("a", 1)
        with doc.transaction() as second:
            doc.map()["b"] = 2
        await conn.acked(first, level="accepted", timeout=SECONDS)
        await conn.acked(second, level="durable", timeout=SECONDS)
        await conn.acked(timeout=SECONDS)
        assert conn.status.unsaved == 0
        assert conn.status.relay
        await conn.acked(doc.map().remove("none"), timeout=SECONDS)
    assert ("durable", second.seq) in acks


async def test_the_status_tells_where_the_connection_stands(relay: Relay, room: str) -> None:
    doc = Doc()
    states: list[str] = []
    conn = aio.connect(relay.url, room=room, doc=doc)
    assert conn.status.state == "offline"
    conn.on_status(lambda status: states.append(status.state))
    async with conn:
        await conn.synced(SECONDS)
        conn.offline()
        await until(lambda: conn.status.state == "offline")
        doc.map()["a"] = 1
        await until(lambda: conn.status.unsaved == 1)
        with pytest.raises(AckTimeoutError, match="the connection is offline"):
            await conn.acked(timeout=0.05)
        conn.online()
        await conn.acked(timeout=SECONDS)
    assert [state for place, state in enumerate(states) if states[place - 1 : place] != [state]][:4] == [
        "connecting",
        "syncing",
        "live",
        "offline",
    ]


async def test_offline_edits_of_both_sides_arrive_once(relay: Relay, room: str) -> None:
    here, there = Doc(), Doc()
    async with aio.connect(relay.url, room=room, doc=here) as one, aio.connect(relay.url, room=room, doc=there) as two:
        await one.synced(SECONDS)
        one.offline()
        await until(lambda: one.status.state == "offline")
        here.counter("n").increment(1)
        here.text("t").insert(0, "here ")
        there.counter("n").increment(2)
        there.text("t").insert(0, "there ")
        await two.acked(timeout=SECONDS)
        one.online()
        await one.acked(timeout=SECONDS)
        await until(lambda: here.digest() == there.digest())
    assert here.counter("n") == 3
    assert sorted(str(here.text("t")).split()) == ["here", "there"]


async def test_presence_appears_changes_and_leaves(relay: Relay, room: str) -> None:
    here, there = Doc(), Doc()
    seen: list[dict[str, Any]] = []
    async with aio.connect(relay.url, room=room, doc=here, presence={"name": "Ada"}) as one:
        one.on_presence(seen.append)
        async with aio.connect(relay.url, room=room, doc=there, presence={"name": "Bob"}) as two:
            await until(lambda: one.presence.get(there.replica) == {"name": "Bob"})
            await until(lambda: two.presence.get(here.replica) == {"name": "Ada"})
            two.set_presence({"name": "Bob", "card": "c1"})
            await until(lambda: one.presence.get(there.replica) == {"name": "Bob", "card": "c1"})
        await until(lambda: there.replica not in one.presence)
    assert seen


async def test_a_relay_that_is_killed_and_comes_back(tmp_path: Path, room: str) -> None:
    doc = Doc()
    with Relay(tmp_path) as relay:
        async with aio.connect(relay.url, room=room, doc=doc) as conn:
            doc.map()["a"] = 1
            await conn.acked(timeout=SECONDS)
            relay.kill()
            await until(lambda: conn.status.state != "live")
            doc.map()["b"] = 2
            await until(lambda: conn.status.retry_at is not None)
            await asyncio.to_thread(relay.start)
            await conn.acked(timeout=SECONDS)
            assert conn.status.state == "live"
        fresh = Doc()
        async with aio.connect(relay.url, room=room, doc=fresh) as conn:
            await conn.synced(SECONDS)
            await until(lambda: fresh.to_dict() == {"a": 1, "b": 2})


async def test_without_a_relay_everything_but_waiting_works(room: str) -> None:
    doc = Doc()
    async with aio.connect(f"ws://127.0.0.1:{free_port()}", room=room, doc=doc) as conn:
        doc.map()["a"] = 1
        await until(lambda: conn.status.retry_at is not None)
        assert conn.status.unsaved == 1
        with pytest.raises(AckTimeoutError, match="no answer from the relay"):
            await conn.synced(0.05)
        with pytest.raises(TimeoutError):
            await conn.acked(timeout=0.05)
    assert doc.to_dict() == {"a": 1}


async def test_a_server_that_is_no_relay_is_no_catastrophe(room: str) -> None:
    async def chat(socket: ServerConnection) -> None:
        await socket.send("welcome to the chat")
        await socket.wait_closed()

    async with serve(chat, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with aio.connect(f"ws://127.0.0.1:{port}", room=room, doc=Doc()) as conn:
            await until(lambda: conn.status.retry_at is not None)
            assert conn.status.state != "live"


async def test_a_refused_room_stops_the_connection(relay: Relay) -> None:
    errors: list[RelayError] = []
    conn = aio.connect(relay.url, room="x" * 300, doc=Doc())
    conn.on_error(errors.append)
    async with conn:
        with pytest.raises(RelayError):
            await conn.synced(SECONDS)
        assert conn.status.state == "stopped"


async def test_a_large_document_travels(relay: Relay, room: str) -> None:
    here, there = Doc(), Doc()
    with here.transaction():
        for number in range(30_000):
            here.map("m")[f"key {number:06}"] = f"value {number * 7919 % 1_000_003}"
    here.map()["blob"] = bytes(range(256)) * 8192
    async with aio.connect(relay.url, room=room, doc=here) as one, aio.connect(relay.url, room=room, doc=there):
        await one.acked(timeout=60)
        await until(lambda: here.digest() == there.digest(), 60)


async def test_synced_means_that_everything_is_here(relay: Relay, room: str) -> None:
    here = Doc()
    with here.transaction():
        for number in range(20_000):
            here.map("m")[f"key {number:06}"] = number * 7919 % 1_000_003
    async with aio.connect(relay.url, room=room, doc=here) as one:
        await one.acked(timeout=60)
        for _ in range(5):
            fresh = Doc()
            async with aio.connect(relay.url, room=room, doc=fresh) as two:
                await two.synced(SECONDS)
                assert len(fresh.map("m")) == 20_000


async def test_a_relay_that_pauses_is_waited_for_with_bounded_queues(tmp_path: Path, room: str) -> None:
    doc = Doc()
    with Relay(tmp_path) as relay:
        assert relay.process is not None
        async with aio.connect(relay.url, room=room, doc=doc) as conn:
            await conn.synced(SECONDS)
            relay.process.send_signal(signal.SIGSTOP)
            largest = 0
            for number in range(400):
                doc.map("m")[str(number)] = random.randbytes(50_000)
                await asyncio.sleep(0)
                largest = max(largest, conn._transport._reserved)
            assert largest < 3 * OUTBOX_BYTES
            relay.process.send_signal(signal.SIGCONT)
            await conn.acked(timeout=60)


async def test_a_transaction_across_an_await_stays_whole(relay: Relay, room: str) -> None:
    here, there = Doc(), Doc()
    async with aio.connect(relay.url, room=room, doc=here) as one, aio.connect(relay.url, room=room, doc=there) as two:
        await one.synced(SECONDS)
        await two.synced(SECONDS)
        with here.transaction():
            here.map()["a"] = 1
            there.map()["b"] = 2
            await two.acked(timeout=SECONDS)
            await asyncio.sleep(0.05)
            assert "b" not in here.map()
            with pytest.raises(TransactionError, match="behind its with block"):
                await one.acked()
            here.map()["c"] = 3
        await until(lambda: here.digest() == there.digest())
    assert here.to_dict() == {"a": 1, "b": 2, "c": 3}


async def test_what_arrives_during_a_transaction_is_taken_in_after_its_rollback(relay: Relay, room: str) -> None:
    here, there = Doc(), Doc()
    async with aio.connect(relay.url, room=room, doc=here) as one, aio.connect(relay.url, room=room, doc=there) as two:
        await one.synced(SECONDS)
        with pytest.raises(ZeroDivisionError), here.transaction():
            there.map()["b"] = 2
            await two.acked(timeout=SECONDS)
            await asyncio.sleep(0.05)
            _ = 1 // 0
        await until(lambda: here.to_dict() == {"b": 2})


async def test_a_rollback_sends_nothing(relay: Relay, room: str) -> None:
    here, there = Doc(), Doc()
    async with aio.connect(relay.url, room=room, doc=here) as one, aio.connect(relay.url, room=room, doc=there):
        with pytest.raises(ZeroDivisionError), here.transaction():
            here.map()["a"] = 1
            _ = 1 // 0
        here.map()["b"] = 2
        await one.acked(timeout=SECONDS)
        await until(lambda: here.digest() == there.digest())
    assert there.to_dict() == {"b": 2}


async def test_changes_of_other_threads_are_sent(relay: Relay, room: str) -> None:
    here, there = Doc(), Doc()
    async with aio.connect(relay.url, room=room, doc=here) as one, aio.connect(relay.url, room=room, doc=there):
        await one.synced(SECONDS)

        def write() -> None:
            for number in range(300):
                here.map()[str(number)] = number

        threads = [threading.Thread(target=write) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join)
        await one.acked(timeout=SECONDS)
        await until(lambda: len(there.map()) == 300 and here.digest() == there.digest())


async def test_a_journal_keeps_what_arrives_and_what_was_not_sent(relay: Relay, room: str, tmp_path: Path) -> None:
    path = tmp_path / "board.journal"
    here, there = Doc(), Doc()
    with storage.persist(here, path):
        async with (
            aio.connect(relay.url, room=room, doc=here) as one,
            aio.connect(relay.url, room=room, doc=there) as two,
        ):
            there.map()["theirs"] = 1
            await two.acked(timeout=SECONDS)
            await until(lambda: "theirs" in here.map())
            one.offline()
            await until(lambda: one.status.state == "offline")
            here.map()["unsent"] = 2
    again, fresh = Doc(), Doc()
    with storage.persist(again, path):
        assert again.to_dict() == {"theirs": 1, "unsent": 2}
        async with aio.connect(relay.url, room=room, doc=again) as conn, aio.connect(relay.url, room=room, doc=fresh):
            await conn.acked(timeout=SECONDS)
            await until(lambda: fresh.to_dict() == {"theirs": 1, "unsent": 2})


async def test_closing_ends_waiting_and_frees_the_document(relay: Relay, room: str) -> None:
    doc = Doc()
    conn = aio.connect(f"ws://127.0.0.1:{free_port()}", room=room, doc=doc)
    with pytest.raises(ClosedError):
        await conn.synced()
    async with conn:
        waiting = asyncio.ensure_future(conn.synced())
        await asyncio.sleep(0.01)
        with pytest.raises(SynclineError, match="connected already"):
            await aio.connect(relay.url, room=room, doc=doc).__aenter__()
    with pytest.raises(ClosedError, match="not open"):
        await waiting
    await conn.close()
    with pytest.raises(SynclineError, match="opened already"):
        await conn.__aenter__()
    doc.map()["a"] = 1
    async with aio.connect(relay.url, room=room, doc=doc) as again:
        await again.acked(timeout=SECONDS)


async def test_a_failing_callback_disturbs_nobody(relay: Relay, room: str) -> None:
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    states: list[Status] = []

    def fail(status: Status) -> None:
        raise ValueError("no good")

    async with aio.connect(relay.url, room=room, doc=Doc()) as conn:
        conn.on_status(fail)
        off = conn.on_status(states.append)
        await conn.synced(SECONDS)
        off()
        before = len(states)
        conn.offline()
        await until(lambda: conn.status.state == "offline")
    assert failures
    assert len(states) == before
