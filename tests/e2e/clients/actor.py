"""A Python client that does what the tests tell it, a line of JSON at a time, and answers each with a line of JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import syncline
from syncline import client

TIMEOUT = 120.0
"""Seconds that anything may take."""


class Actor:
    """One document with its connection."""

    def __init__(self) -> None:
        self.doc = syncline.Doc()
        self.conn: client.Connection | None = None

    def open(self, url: str, room: str) -> str:
        self.conn = client.connect(url, room=room, doc=self.doc)
        self.conn.synced(timeout=TIMEOUT)
        return self.doc.replica

    def edit(self, edits: list[list[Any]]) -> None:
        """Makes edits such as ``["set", path, value]`` in one transaction, and waits until they are durable."""
        assert self.conn is not None
        with self.conn.edit() as doc:
            for kind, path, argument in edits:
                self.apply(doc, kind, path, argument)
        self.conn.acked(timeout=TIMEOUT)

    @staticmethod
    def apply(doc: syncline.Doc, kind: str, path: list[str], argument: Any) -> None:
        if kind == "set":
            doc.register(*path).set(argument)
        elif kind == "delete":
            del doc.map(*path[:-1])[path[-1]]
        elif kind == "add":
            doc.set(*path).add(argument)
        elif kind == "increment":
            doc.counter(*path).increment(argument)
        elif kind == "insert":
            doc.text(*path).insert(*argument)
        else:
            raise ValueError(kind)

    def text(self, *path: str) -> str:
        return str(self.doc.text(*path))

    def values(self) -> Any:
        return self.doc.to_dict()

    def digest(self) -> str:
        return self.doc.digest()

    def close(self) -> None:
        if self.conn is not None:
            self.conn.close()


def main() -> None:
    actor = Actor()
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        print(json.dumps(getattr(actor, command)(*arguments)), flush=True)
    actor.close()


if __name__ == "__main__":
    main()
