"""A replica in Python that takes part in the shared board of the web demo.

    python board_bot.py --url ws://127.0.0.1:7171 --room board

It fills an empty board, then every few seconds does what people do: votes on a card, tags one, writes a sentence
into one, or moves one to another column. What others change is printed, a line for each change.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import secrets
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

import syncline
from syncline import aio

NAME = "Python bot"
COLOR = "#306998"

REPORT_SECONDS = 1.0
"""Pause between two reports of this replica's version, which the page shows."""

REPORT_ENTRIES = 24
"""Replicas in a report, the newest first: presence is limited to 4 KiB."""

BODY_CHARS = 1_200
"""The bot stops writing into a card whose text has this many characters."""

COLUMNS = (("Ideas", 1.0), ("In progress", 2.0), ("Done", 3.0))

CARDS = (
    ("Sketch the onboarding tour", "Ideas", ("design",)),
    ("Ask three users about offline work", "Ideas", ("research",)),
    ("Measure the size of the bundle", "In progress", ("build", "size")),
    ("Write the release notes", "Done", ("docs",)),
)

TAGS = ("docs", "design", "bug", "idea", "python", "research", "size", "urgent")

SENTENCES = (
    "The numbers look better than last week.",
    "I left the details in the notes.",
    "Somebody should read this twice.",
    "This also works on a train, without a network.",
    "Agreed with what was said above.",
    "Counted it again: the sum is the same everywhere 🎉",
)


class Board:
    """The board in a document: ``columns/<id>`` and ``cards/<id>``."""

    def __init__(self, doc: syncline.Doc, rng: random.Random) -> None:
        self.doc = doc
        self.rng = rng
        self.columns = doc.map("columns")
        self.cards = doc.map("cards")

    def seed(self) -> bool:
        """Makes columns and cards if there are none yet; returns whether it did."""
        if len(self.columns):
            return False
        with self.doc.transaction(origin="seed"):
            ids = {title: self._add_column(title, order) for title, order in COLUMNS}
            for place, (title, column, tags) in enumerate(CARDS, start=1):
                self._add_card(title, ids[column], float(place), tags)
        return True

    def _add_column(self, title: str, order: float) -> str:
        column = new_id()
        self.columns.map(column).assign({"title": title, "order": order})
        return column

    def _add_card(self, title: str, column: str, order: float, tags: Sequence[str]) -> str:
        card = new_id()
        self.cards.map(card).assign({"title": title, "column": column, "order": order, "author": NAME})
        self.cards.set(card, "tags").update(tags)
        return card

    def step(self) -> tuple[str, str] | None:
        """Does one thing to one card; returns the card's id and what was done, or nothing if there is no card."""
        cards = sorted(self.cards)
        if not cards:
            return None
        card = self.rng.choice(cards)
        weighted: list[tuple[int, Callable[[str], str]]] = [
            (4, self.vote),
            (2, self.tag),
            (2, self.write),
            (2, self.move),
        ]
        act = self.rng.choices([act for _, act in weighted], [weight for weight, _ in weighted])[0]
        with self.doc.transaction(origin="bot"):
            return card, act(card)

    def vote(self, card: str) -> str:
        self.cards.counter(card, "votes").increment()
        return "voted"

    def tag(self, card: str) -> str:
        tags = self.cards.set(card, "tags")
        free = [tag for tag in TAGS if tag not in tags]
        if not free or len(tags) >= 4:
            return self.vote(card)
        tag = self.rng.choice(free)
        tags.add(tag)
        return f"tagged it {tag}"

    def write(self, card: str) -> str:
        body = self.cards.text(card, "body")
        if len(body) > BODY_CHARS:
            return self.vote(card)
        sentence = self.rng.choice(SENTENCES)
        body.append(sentence if not body else f" {sentence}")
        return "wrote a sentence"

    def move(self, card: str) -> str:
        place = self.cards.register(card, "column")
        others = [column for column in self.columns if column != place.get()]
        if not others:
            return self.vote(card)
        column = self.rng.choice(sorted(others))
        last = max((self._order(other) for other in self.cards if self._column(other) == column), default=0.0)
        place.set(column)
        self.cards.register(card, "order").set(last + 1.0)
        return f"moved it to {self.columns.register(column, 'title').get(column)}"

    def title(self, card: str) -> str:
        return str(self.cards.register(card, "title").get(card))

    def _column(self, card: str) -> Any:
        return self.cards.register(card, "column").get()

    def _order(self, card: str) -> float:
        order = self.cards.register(card, "order").get(0.0)
        return float(order) if isinstance(order, int | float) else 0.0


class Bot:
    """The board, its connection, and what the others see of this replica."""

    def __init__(self, conn: aio.Connection, options: argparse.Namespace) -> None:
        self.conn = conn
        self.doc = conn.doc
        self.options = options
        self.card: str | None = None
        self.board = Board(self.doc, random.Random(options.seed))

    def report(self) -> None:
        """Shows the others the name, the card being edited, the digest and the version."""
        newest = sorted(self.doc.version_entries().items(), reverse=True)[:REPORT_ENTRIES]
        state: dict[str, syncline.Value] = {"name": NAME, "color": COLOR, "digest": self.doc.digest()}
        state["version"] = dict(newest)
        if self.card is not None:
            state["card"] = self.card
        self.conn.set_presence(state)

    async def report_changes(self) -> None:
        """Reports again whenever the document has changed, once a second at most."""
        shown = ""
        while True:
            if (digest := self.doc.digest()) != shown:
                shown = digest
                self.report()
            await asyncio.sleep(REPORT_SECONDS)

    async def run(self, stop: asyncio.Event) -> None:
        """Takes part until it has done its steps or is told to stop."""
        self.doc.subscribe(self.tell)
        self.conn.on_status(lambda status: say(f"[{status.state}] {status.unsaved} unsaved"))
        self.conn.on_error(lambda error: say(f"[relay] {error}"))
        if not await first(self.conn.synced(), stop):
            return
        say("the board was empty: made columns and cards" if self.board.seed() else "joined the board")
        reports = asyncio.ensure_future(self.report_changes())
        try:
            await self.take_part(stop)
        finally:
            reports.cancel()
        with contextlib.suppress(TimeoutError):
            await self.conn.acked(timeout=5)
            say(f"saved; digest {self.doc.digest()}")

    async def take_part(self, stop: asyncio.Event) -> None:
        steps = 1 if self.options.once else self.options.steps
        done = 0
        while not stop.is_set() and (not steps or done < steps):
            if done or not self.options.once:
                await first(asyncio.sleep(self.options.interval), stop)
                if stop.is_set():
                    return
            if (deed := self.board.step()) is not None:
                self.card, what = deed
                self.report()
                say(f"me: {what}: {self.board.title(self.card)}")
            done += 1

    def tell(self, event: syncline.ChangeEvent) -> None:
        """Prints a change that somebody else made."""
        if event.origin.type == "local":
            return
        who = self.conn.presence.get(event.by)
        name = str(who.get("name")) if isinstance(who, dict) else None
        what = f"{len(event.splices)} edits" if event.kind == "text" else f"{event.old!r} -> {event.new!r}"
        say(f"{name or event.by[-6:]}: {'/'.join(event.path)}: {what}")


def new_id() -> str:
    return secrets.token_hex(6)


def say(line: str) -> None:
    print(line, flush=True)


async def first(work: Any, stop: asyncio.Event) -> bool:
    """Awaits the work, but no longer than until the stop; returns whether the work came to its end."""
    tasks = [asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()
        return bool(tasks[0].done())
    finally:
        for task in tasks:
            task.cancel()


def watch_for_the_end(options: argparse.Namespace) -> asyncio.Event:
    """Gives an event that is set by SIGINT, SIGTERM and, if asked for, by the end of the standard input."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(name, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(name, lambda *_: loop.call_soon_threadsafe(stop.set))
    if options.exit_with_stdin:
        import threading

        def wait_for_end() -> None:
            while sys.stdin.buffer.read(4096):
                pass
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(stop.set)

        threading.Thread(target=wait_for_end, daemon=True).start()
    return stop


async def main(options: argparse.Namespace) -> None:
    stop = watch_for_the_end(options)
    presence: dict[str, syncline.Value] = {"name": NAME, "color": COLOR}
    async with aio.connect(
        options.url, room=options.room, doc=syncline.Doc(), token=options.token, presence=presence
    ) as conn:
        await Bot(conn, options).run(stop)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Takes part in the shared board of the Syncline web demo.")
    parser.add_argument("--url", default="ws://127.0.0.1:7171", help="address of the relay (default: %(default)s)")
    parser.add_argument("--room", default="board", help="room of the board (default: %(default)s)")
    parser.add_argument("--token", help="token for a relay that asks for one")
    parser.add_argument(
        "--interval", type=float, default=5.0, metavar="SECONDS", help="pause between steps (default: 5)"
    )
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps (default: 0, for ever)")
    parser.add_argument("--once", action="store_true", help="do one step at once, wait until it is saved, and stop")
    parser.add_argument("--seed", type=int, help="seed of the random choices, for repeatable runs")
    parser.add_argument("--exit-with-stdin", action="store_true", help="stop when the standard input ends")
    return parser.parse_args(argv)


if __name__ == "__main__":
    try:
        asyncio.run(main(arguments()))
    except syncline.SynclineError as problem:
        sys.exit(f"board_bot: {problem}")
