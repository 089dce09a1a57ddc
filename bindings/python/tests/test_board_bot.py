"""The example bot takes part in a board."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

import board_bot
from relay import Relay
from syncline import Doc, client

BOT = Path(board_bot.__file__)
SECONDS = 15.0


def start(relay: Relay, room: str, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(BOT), "--url", relay.url, "--room", room, "--interval", "0.05", *options]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.fixture
def room() -> str:
    return f"test-{uuid.uuid4().hex}"


def check_board(board: dict[str, Any]) -> None:
    """The shape that the web page reads."""
    for column in board["columns"].values():
        assert isinstance(column["title"], str)
        assert isinstance(column["order"], float)
    for card in board["cards"].values():
        assert isinstance(card["title"], str)
        assert isinstance(card["order"], float)
        assert card["column"] in board["columns"]
        assert card["author"] == "Python bot"
        assert all(isinstance(tag, str) for tag in card.get("tags", []))
        assert isinstance(card.get("votes", 0), int)
        assert isinstance(card.get("body", ""), str)


def test_it_fills_an_empty_board_and_keeps_its_shape() -> None:
    doc = Doc()
    board = board_bot.Board(doc, random.Random(1))
    assert board.step() is None
    assert board.seed()
    assert not board.seed()
    assert len(doc.map("columns")) == 3
    deeds = set()
    for _ in range(300):
        done = board.step()
        assert done is not None
        deeds.add(done[1].split()[0])
    assert deeds == {"voted", "tagged", "wrote", "moved"}
    check_board(doc.to_dict())


def test_it_copes_with_what_others_make_of_the_board() -> None:
    doc = Doc()
    board = board_bot.Board(doc, random.Random(2))
    doc.map("columns", "only")["title"] = "Only"
    doc.map("cards", "bare").create()
    doc.map("cards", "odd").update({"title": 5, "column": None, "order": "last"})
    for _ in range(100):
        assert board.step() is not None


def test_its_report_fits_into_presence() -> None:
    doc = Doc()
    for _ in range(50):
        other = Doc()
        other.counter("n").increment()
        doc.import_(other.export())
    shown: list[Any] = []

    class Connection:
        def __init__(self) -> None:
            self.doc = doc

        def set_presence(self, state: Any) -> None:
            shown.append(state)

    bot = board_bot.Bot(Connection(), board_bot.arguments([]))  # type: ignore[arg-type]
    bot.report()
    assert shown[0]["name"] == "Python bot"
    assert len(shown[0]["version"]) == board_bot.REPORT_ENTRIES
    assert len(json.dumps(shown[0])) < 4096


def test_it_does_its_steps_in_a_room_and_ends(relay: Relay, room: str) -> None:
    with client.connect(relay.url, room=room) as conn:
        conn.synced(SECONDS)
        bot = start(relay, room, "--steps", "5", "--seed", "3")
        output, _ = bot.communicate(timeout=30)
        assert bot.returncode == 0
        conn.synced(SECONDS)
        check_board(conn.doc.to_dict())
    assert "made columns and cards" in output
    assert output.count("me: ") == 5
    assert "saved; digest" in output


def test_once_is_one_step(relay: Relay, room: str) -> None:
    bot = start(relay, room, "--once")
    output, _ = bot.communicate(timeout=30)
    assert bot.returncode == 0
    assert output.count("me: ") == 1


def test_it_prints_what_others_do_and_is_seen(relay: Relay, room: str) -> None:
    with client.connect(relay.url, room=room, presence={"name": "Ada"}) as conn:
        conn.synced(SECONDS)
        bot = start(relay, room, "--steps", "0")
        assert bot.stdout is not None
        lines = iter(bot.stdout.readline, "")
        assert any("made columns and cards" in line for line in lines)
        conn.doc.register("cards", "mine", "title").set("My card")
        assert any(line.startswith("Ada: cards/mine/title") for line in lines)

        def present() -> list[object]:
            return [person["name"] for person in conn.presence.values() if isinstance(person, dict)]

        # Presence is gathered at the relay, so what the bot wrote may be here before it.
        deadline = time.monotonic() + SECONDS
        while not present() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert present() == ["Python bot"]
        bot.send_signal(signal.SIGTERM)
        bot.communicate(timeout=30)
        assert bot.returncode == 0


@pytest.mark.parametrize("way", ["SIGINT", "stdin"])
def test_it_ends_cleanly(relay: Relay, room: str, way: str) -> None:
    bot = start(relay, room, *(["--exit-with-stdin"] if way == "stdin" else []))
    assert bot.stdout is not None
    assert any("made columns and cards" in line for line in iter(bot.stdout.readline, ""))
    if way == "SIGINT":
        bot.send_signal(signal.SIGINT)
    output, _ = bot.communicate(timeout=30)
    assert bot.returncode == 0
    assert "Traceback" not in output


def test_it_ends_while_it_waits_for_a_relay(room: str, tmp_path: Path) -> None:
    bot = start(Relay(tmp_path), room, "--exit-with-stdin")
    bot.communicate(timeout=30)
    assert bot.returncode == 0
