"""The Python client of the kill test; ``writer.mjs`` says what all of its writers do."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import threading
from typing import TextIO

import syncline
from syncline import aio

PAUSE_MS = 9
"""Most milliseconds between two changes, the least being 1."""


class Writer:
    """Writes, and notes what it wrote and what the relay has acknowledged."""

    def __init__(self, conn: aio.Connection, log: TextIO, name: str) -> None:
        self.conn, self.doc, self.log, self.name = conn, conn.doc, log, name
        self.changes = 0
        conn.on_ack(self.acked)

    def note(self, line: str) -> None:
        self.log.write(f"{line}\n")
        self.log.flush()

    def acked(self, ack: tuple[str, int]) -> None:
        level, seq = ack
        if level == "durable":
            self.note(f"a durable {seq}")

    def apply(self, n: int) -> int | None:
        doc, name = self.doc, self.name
        with doc.transaction() as write:
            if n % 4 == 0:
                doc.map("log", name)[str(n)] = n
            elif n % 4 == 1:
                doc.set("members").add(f"{name}:{n}")
            elif n % 4 == 2:
                doc.counter("counts", name).increment()
            else:
                doc.text("story").append(f"[{name}:{n}]")
        return write.seq

    async def write(self) -> None:
        rng = random.Random(self.name)
        while True:
            seq = self.apply(self.changes)
            self.note(f"w {seq} {self.changes}")
            self.changes += 1
            await asyncio.sleep(rng.randint(1, PAUSE_MS) / 1000)

    def state(self) -> dict[str, object]:
        status = self.conn.status
        return {"state": status.state, "unsaved": status.unsaved, "digest": self.doc.digest(), "changes": self.changes}


async def main(url: str, room: str, log_file: str, name: str) -> None:
    commands = lines_of_stdin()
    with open(log_file, "a", encoding="utf-8") as log:
        async with aio.connect(url, room=room, doc=syncline.Doc()) as conn:
            writer = Writer(conn, log, name)
            writing = asyncio.create_task(writer.write())
            while (command := await commands.get()) != "quit":
                if writing.done() and not writing.cancelled():
                    writing.result()
                if command == "online":
                    conn.online()
                elif command == "finish":
                    writing.cancel()
                elif command == "state":
                    print(json.dumps(writer.state()), flush=True)
                elif command == "dump":
                    print(json.dumps(writer.doc.to_dict()), flush=True)


def lines_of_stdin() -> asyncio.Queue[str]:
    """The lines of the standard input as they come, and ``quit`` at its end."""
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str]()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line.strip())
        loop.call_soon_threadsafe(lines.put_nowait, "quit")

    threading.Thread(target=read, daemon=True).start()
    return lines


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
