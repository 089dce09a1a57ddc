"""Takes the outputs of a replica and hands each to the part that is responsible for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .doc import Doc

__all__ = ["Journal", "Link", "Pump"]

Output = tuple[Any, ...]


class Link(Protocol):
    """A connection, as the pump sees it. Calls come from any thread that holds the document's lock."""

    def ready(self) -> bool:
        """Whether the connection can take more outputs now."""

    def push(self, output: Output) -> None:
        """Takes an output."""

    def wake(self) -> None:
        """Asks the connection to run the pump soon."""


class Journal(Protocol):
    """A local store, as the pump sees it."""

    def append(self, entry: bytes) -> None:
        """Takes the next entry; must not raise."""

    def restore(self) -> None:
        """Puts the whole document in the place of all entries; must not raise."""


class Pump:
    """The outlet of one document."""

    def __init__(self, doc: Doc) -> None:
        self._doc = doc
        self._running = False
        self.journal: Journal | None = None
        self.link: Link | None = None
        self.active = False
        self.deadline: int | None = None

    def attach(self, journal: Journal | None, link: Link | None) -> None:
        """Names those who take outputs from now on."""
        self.journal = journal
        self.link = link
        self.active = journal is not None or link is not None
        self._doc._watch()

    def committed(self) -> None:
        """Is called after each change, with the lock held."""
        if self.link is not None:
            self.link.wake()
        elif self.journal is not None:
            self.run()

    def run(self, *, force: bool = False) -> None:
        """Takes outputs until there are none or, unless forced, the connection is busy.

        Inside a transaction nothing is taken: its end calls again.
        """
        doc = self._doc
        with doc._lock:
            if doc._depth or self._running:
                return
            self._running = True
            try:
                while force or self.link is None or self.link.ready():
                    output = doc._replica.poll(doc._now())
                    if output[0] == "idle":
                        self.deadline = output[1]
                        return
                    self._dispatch(output)
            finally:
                self._running = False
                doc._settled()

    def _dispatch(self, output: Output) -> None:
        if output[0] == "changes":
            self._doc._deliver(output[1])
        elif output[0] == "journal":
            if self.journal is not None:
                self.journal.append(output[1])
        else:
            if output[0] == "renewed":
                self._doc._taken.append(output[2])
            if self.link is not None:
                self.link.push(output)
