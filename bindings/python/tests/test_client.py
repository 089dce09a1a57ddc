"""The blocking client against a real relay, with threads."""

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from relay import Relay, free_port
from syncline import AckTimeoutError, ClosedError, Doc, TransactionError, client

SECONDS = 15.0


@pytest.fixture
def room() -> str:
    return f"test-{uuid.uuid4().hex}"


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def test_two_programs_share_a_document(relay: Relay, room: str) -> None:
    with client.connect(relay.url, room=room) as one, client.connect(relay.url, room=room) as two:
        one.synced(SECONDS)
        two.synced(SECONDS)
        with one.edit() as doc:
            doc.map()["a"] = 1
            doc.set("s").add("x")
        one.acked(timeout=SECONDS)
        write = two.doc.map().put("b", 2)
        two.acked(write, level="stored", timeout=SECONDS)
        until(lambda: one.doc.digest() == two.doc.digest())
        assert one.doc.to_dict() == {"a": 1, "b": 2, "s": ["x"]}
        assert one.status.state == "live"
        assert one.error is None


def test_threads_of_two_connections_edit_together(relay: Relay, room: str) -> None:
    failures: list[BaseException] = []
    with client.connect(relay.url, room=room) as one, client.connect(relay.url, room=room) as two:

        def write(conn: client.Connection, name: str) -> None:
            try:
                for number in range(200):
                    with conn.edit() as doc:
                        doc.counter("n").increment()
                        doc.text("t").append(name)
                        doc.map(name)[str(number)] = len(doc.text("t"))
            except BaseException as failure:
                failures.append(failure)

        jobs = [(one, "a"), (one, "b"), (two, "c"), (two, "d")]
        threads = [threading.Thread(target=write, args=job) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not failures
        one.acked(timeout=SECONDS)
        two.acked(timeout=SECONDS)
        until(lambda: one.doc.digest() == two.doc.digest())
        assert one.doc.counter("n") == 800
        assert sorted(str(one.doc.text("t"))) == sorted("abcd" * 200)


def test_an_exception_in_an_edit_takes_it_back(relay: Relay, room: str) -> None:
    with client.connect(relay.url, room=room) as conn:
        with pytest.raises(ZeroDivisionError), conn.edit() as doc:
            doc.map()["a"] = 1
            _ = 1 // 0
        assert conn.doc.to_dict() == {}


def test_presence_offline_and_callbacks(relay: Relay, room: str) -> None:
    states: list[str] = []
    seen: list[Any] = []
    with client.connect(relay.url, room=room, presence={"name": "Ada"}) as one:
        off = one.on_status(lambda status: states.append(status.state))
        one.on_presence(seen.append)
        with client.connect(relay.url, room=room) as two:
            two.set_presence({"name": "Bob"})
            until(lambda: one.presence.get(two.doc.replica) == {"name": "Bob"})
            until(lambda: two.presence.get(one.doc.replica) == {"name": "Ada"})
        until(lambda: one.presence == {})
        one.offline()
        until(lambda: one.status.state == "offline")
        one.online()
        one.synced(SECONDS)
        off()
    assert "offline" in states
    assert seen


def test_waiting_can_end_without_success(room: str) -> None:
    with client.connect(f"ws://127.0.0.1:{free_port()}", room=room, doc=Doc()) as conn:
        conn.doc.map()["a"] = 1
        with pytest.raises(AckTimeoutError):
            conn.acked(timeout=0.05)
        with pytest.raises(TimeoutError):
            conn.synced(timeout=0.05)


def test_waiting_where_it_would_never_end_is_refused(relay: Relay, room: str) -> None:
    with client.connect(relay.url, room=room) as conn:
        with conn.edit(), pytest.raises(TransactionError, match="would never end"):
            conn.acked()
        caught: list[BaseException] = []

        def wait(_: object) -> None:
            try:
                conn.synced()
            except RuntimeError as error:
                caught.append(error)

        conn.on_status(wait)
        conn.offline()
        until(lambda: bool(caught))
        assert "hand the work to another thread" in str(caught[0])


def test_closing_twice_and_using_it_afterwards(relay: Relay, room: str) -> None:
    conn = client.connect(relay.url, room=room)
    conn.close()
    conn.close()
    for use in (conn.synced, conn.online, conn.acked):
        with pytest.raises(ClosedError, match="make a new one"):
            use()
    conn.doc.map()["a"] = 1
    with client.connect(relay.url, room=room, doc=conn.doc) as again:
        again.acked(timeout=SECONDS)


def test_a_bad_address_is_refused_at_once_and_leaves_no_thread(room: str) -> None:
    before = threading.active_count()
    with pytest.raises(ValueError, match="write it like ws://"):
        client.connect("nonsense", room=room)
    assert threading.active_count() == before
