"""The recorded conversations of tests/vectors/links in Python, over a real socket that plays them."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from syncline import Doc, Write, aio
from websockets.asyncio.server import ServerConnection, serve

sys.path.insert(0, str(Path(__file__).parent))

from notation import difference, read  # noqa: E402

FILES = sorted((Path(__file__).parent.parent / "vectors" / "links").glob("*.json"))
LINKS = [(link, file["now"]) for file in map(lambda it: json.loads(it.read_text("utf-8")), FILES) for link in file["cases"]]


@pytest.mark.parametrize(("link", "now"), LINKS, ids=lambda it: it["name"] if isinstance(it, dict) else "")
def test_link(link: dict[str, Any], now: int) -> None:
    """The client ends as expected, and every change is acknowledged."""
    found = asyncio.run(Played().play(link, now))
    assert difference(read(link["expect"]), found) is None
    assert difference({**read(link["expect"]), "n": 1}, found) is not None


class Played:
    """A relay that says what the recording says."""

    def __init__(self) -> None:
        self.sockets: asyncio.Queue[ServerConnection] = asyncio.Queue()

    async def serve(self, socket: ServerConnection) -> None:
        """Takes a connection and whatever it says."""
        await self.sockets.put(socket)
        async for _ in socket:
            pass

    async def play(self, link: dict[str, Any], now: int) -> dict[str, Any]:
        """Takes the steps; returns what has become of the client."""
        doc = Doc(replica=link["replica"], now=lambda: now)
        async with serve(self.serve, "127.0.0.1", 0, subprotocols=["syncline.1"]) as server:  # type: ignore[list-item]
            port = server.sockets[0].getsockname()[1]
            return await self.steps(aio.connect(f"ws://127.0.0.1:{port}", room="r", doc=doc), link["steps"])

    async def steps(self, connection: aio.Connection, steps: list[dict[str, Any]]) -> dict[str, Any]:
        """Takes the steps on a connection that is not open yet."""
        doc, renewed, writes = connection.doc, [], list[Write]()
        connection.on_renewed(renewed.append)
        first, *others = [step for step in steps if step["do"] != "load"]
        assert first["do"] == "online"
        for step in steps[: steps.index(first)]:
            doc.import_(read(step["saved"]))
        async with connection:
            socket = await self.sockets.get()
            for step in others:
                match step:
                    case {"do": "online"}:
                        connection.online()
                        socket = await self.sockets.get()
                    case {"do": "offline"}:
                        connection.offline()
                    case {"do": "count", "by": by}:
                        writes.append(doc.counter("n").increment(by))
                    case {"do": "frames", "frames": frames}:
                        for frame in frames:
                            await socket.send(read(frame))
                        await (await socket.ping())
                await asyncio.sleep(0.02)
            for write in writes:
                await connection.acked(write, timeout=5)
            assert [doc.replica] == [it.new for it in renewed][-1:] or not renewed
            renewals = [{"from": it.old, "taken": it.taken} for it in renewed]
            unsaved = connection.status.unsaved
        return {"n": doc.counter("n").value, "digest": doc.digest(), "unsaved": unsaved, "renewed": renewals}
