"""Streams, net changes, checkpoints: what happened, for those who look when they have time."""

import asyncio
import threading
import uuid
from typing import Any

import pytest

from exchange import sync
from relay import Relay
from syncline import (
    ABSENT,
    BlobError,
    ChangeEvent,
    Conflict,
    Doc,
    Lagged,
    NetChange,
    StreamError,
    TransactionError,
    VersionError,
    aio,
)


def paths(events: Any) -> list[tuple[str, ...]]:
    return [event.path for event in events]


def test_a_stream_has_what_is_below_its_path(doc: Doc) -> None:
    users = doc.stream(["users"])
    doc.map("users")["ada"] = 36
    doc.map()["usersettings"] = True
    event = users.next()
    assert isinstance(event, ChangeEvent)
    assert (event.path, event.old, event.new, event.origin.type) == (("users", "ada"), ABSENT, 36, "local")
    assert users.next() is None
    doc.map("users")["bob"] = 1
    assert paths(users) == [("users", "bob")]


def test_streams_filter(doc: Doc) -> None:
    other = Doc()
    streams = {
        "exact": doc.stream(["a"], exact=True),
        "kinds": doc.stream(kinds=["counter"]),
        "local": doc.stream(source="local"),
        "remote": doc.stream(source="remote"),
        "writer": doc.stream(writer=other.replica),
    }
    doc.map()["a"] = 1
    doc.map("b")["c"] = 2
    other.counter("n").increment()
    sync(doc, other)
    assert {name: paths(stream) for name, stream in streams.items()} == {
        "exact": [("a",)],
        "kinds": [("n",)],
        "local": [("a",), ("b", "c")],
        "remote": [("n",)],
        "writer": [("n",)],
    }


def test_a_stream_that_is_not_read_says_so_and_catches_up(doc: Doc) -> None:
    stream = doc.stream(["a"], capacity=2)
    token = stream.token
    for number in range(5):
        doc.map("a")["x"] = number
    doc.map("b")["y"] = 1
    assert [event.new for event in list(stream) if isinstance(event, ChangeEvent)] == [0, 1]
    for number in range(5):
        doc.map("a")["x"] = number
    *events, lagged = list(stream)
    assert lagged == Lagged(3)
    assert len(events) == 2
    assert stream.token != token
    found = stream.resync()
    assert found.changes == (NetChange(("a", "x"), "register", ABSENT, 4),)
    assert (found.version, found.complete, found.removed) == (doc.version(), False, ())
    assert stream.token == doc.version()


def test_wrong_streams_are_refused(doc: Doc) -> None:
    with pytest.raises(ValueError, match="no kind of container"):
        doc.stream(kinds=["tree"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="no source"):
        doc.stream(source="here")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="sequence of keys"):
        doc.stream("cards")


def test_a_closed_stream_ends(doc: Doc) -> None:
    with doc.stream() as stream:
        doc.map()["a"] = 1
    assert list(stream) == []
    with pytest.raises(StreamError, match="no such stream"):
        stream.resync()
    with pytest.raises(StreamError):
        stream.token  # noqa: B018  # reading it is what is tested
    stream.close()


def test_a_thread_waits_for_events(doc: Doc) -> None:
    stream, seen = doc.stream(), []

    def read() -> None:
        while (event := stream.wait(timeout=30)) is not None:
            seen.append(event)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(20):
        doc.map()["a"] = number
    doc.import_(_changed("b"))
    while len(seen) < 21:
        pass
    stream.close()
    reader.join(30)
    assert not reader.is_alive()
    assert len(seen) == 21
    assert doc.stream().wait(timeout=0.01) is None
    with doc.transaction(), pytest.raises(TransactionError):
        stream.wait()


def _changed(key: str) -> bytes:
    other = Doc()
    other.map()[key] = 1
    return other.export()


async def test_a_task_waits_for_events(doc: Doc) -> None:
    stream, seen = doc.stream(), []

    async def read() -> None:
        async for event in stream:
            seen.append(event)

    task = asyncio.create_task(read())
    doc.map()["a"] = 1
    await asyncio.sleep(0)
    await asyncio.to_thread(doc.import_, _changed("b"))
    async with asyncio.timeout(30):
        while len(seen) < 2:
            await asyncio.sleep(0.001)
    stream.close()
    await asyncio.wait_for(task, 30)
    assert paths(seen) == [("a",), ("b",)]


async def test_what_a_relay_passes_on_reaches_streams_and_tells_conflicts(relay: Relay) -> None:
    now = 1_700_000_000_000
    here, there, room, told = Doc(now=lambda: now + 10), Doc(now=lambda: now), uuid.uuid4().hex, list[Conflict]()
    here.on_conflict(told.append)
    here.register("price").set("later")
    there.register("price").set("earlier")
    stream = here.stream(source="remote")
    async with aio.connect(relay.url, room=room, doc=here), aio.connect(relay.url, room=room, doc=there):
        async with asyncio.timeout(15):
            while not told:
                await asyncio.sleep(0.005)
        there.counter("n").increment()
        event = await asyncio.wait_for(anext(stream), 15)
    assert isinstance(event, ChangeEvent)
    assert (event.path, event.origin.type) == (("n",), "link")
    assert [sibling.value for sibling in told[0].siblings] == ["later", "earlier"]


def test_nobody_waits_in_a_callback(doc: Doc) -> None:
    stream, refused = doc.stream(), []

    def wait(event: ChangeEvent) -> None:
        with pytest.raises(TransactionError):
            stream.wait()
        refused.append(event)

    doc.subscribe(wait)
    doc.map()["a"] = 1
    assert refused


def test_changes_since_a_version_are_net(doc: Doc) -> None:
    doc.map("m").update({"a": 1, "b": 2})
    doc.set("s").add("x")
    token = doc.version()
    doc.map("m")["a"] = 3
    doc.map("m")["a"] = 4
    doc.map()["m"]["c"] = 5
    doc.set("s").discard("x")
    doc.text("t").insert(0, "hello")
    found = doc.changes_since(token)
    assert (found.complete, found.version) == (False, doc.version())
    assert {(it.path, it.kind, it.old, it.new) for it in found.changes} == {
        (("m", "a"), "register", ABSENT, 4),
        (("m", "c"), "register", ABSENT, 5),
        (("s",), "set", "x", ABSENT),
        (("t",), "text", ABSENT, "hello"),
    }
    later = doc.version()
    doc.map("m").delete()
    assert doc.changes_since(later).removed == (("m",),)
    assert doc.changes_since(doc.version()).changes == ()
    with pytest.raises(BlobError):
        doc.changes_since(b"no version")


def test_checkpoints_are_compared(doc: Doc) -> None:
    doc.text("t").insert(0, "hello")
    first = doc.checkpoint()
    doc.text("t").insert(5, "!")
    doc.map()["a"] = 1
    second = doc.checkpoint()
    doc.map()["a"] = 2
    assert doc.diff(second) == (NetChange(("a",), "register", 1, 2),)
    changes = {it.path: it for it in doc.diff(first, second)}
    assert (changes["a",].old, changes["a",].new) == (ABSENT, 1)
    [splice] = changes["t",].splices
    assert (splice.index, splice.delete, splice.insert) == (5, 0, "!")
    assert {it.path: it.new for it in doc.diff(second, first)} == {("a",): ABSENT, ("t",): "hello"}
    doc.forget_checkpoints()
    with pytest.raises(VersionError, match="make a checkpoint first"):
        doc.diff(first)
    with doc.transaction(), pytest.raises(TransactionError):
        doc.checkpoint()
