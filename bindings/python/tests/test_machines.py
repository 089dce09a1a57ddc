"""Two-phase commit and rounds of retirement, driven by a Python program."""

from collections import deque
from typing import Any

import pytest

from syncline import DecisionError
from syncline.tools import Coordinator, Output, Participant, RetirementDriver, new_tx

MS = 1_700_000_000_000
LATER = MS + 1
ADA = "018bcfe5680000000000000000000a01"


class Program:
    """A coordinator and rooms with their logs: does at once what they want done."""

    def __init__(self, *rooms: str) -> None:
        self.now = MS
        self.coordinator = Coordinator("c")
        self.rooms = {room: Participant(room) for room in rooms}
        self.logs: dict[str, list[bytes]] = {name: [] for name in ("c", *rooms)}
        self.data: dict[str, list[bytes]] = {room: [] for room in rooms}
        self.refuses: set[str] = set()
        self.silent: set[str] = set()
        self.finished: list[tuple[str, str]] = []
        self.mail: deque[tuple[str, bytes]] = deque()

    def begin(self, **parts: bytes) -> str:
        self.now += 1
        tx = new_tx(self.now)
        self.perform("c", self.coordinator.begin(tx, parts, self.now))
        return tx

    def run(self) -> None:
        """Delivers messages until there are none."""
        while self.mail:
            to, message = self.mail.popleft()
            if to not in self.silent:
                self.perform(to, self.machine(to).message(message, self.now))

    def tick(self, later: int) -> None:
        self.now += later
        for name in ("c", *self.rooms):
            self.perform(name, self.machine(name).tick(self.now))
        self.run()

    def crash(self, name: str) -> None:
        """The program of one node ends, and begins again with what it has on disk."""
        if name == "c":
            self.coordinator = Coordinator("c", self.logs["c"])
        else:
            self.rooms[name] = Participant(name, self.logs[name])

    def machine(self, name: str) -> Coordinator | Participant:
        return self.coordinator if name == "c" else self.rooms[name]

    def perform(self, name: str, outputs: list[Output]) -> None:
        *outputs, last = outputs
        assert last["type"] == "idle"
        for output in outputs:
            match output:
                case {"type": "send", "to": to, "message": message}:
                    self.mail.append((to, message))
                case {"type": "validate", "tx": tx}:
                    refusal = "too little" if name in self.refuses else None
                    self.perform(name, self.rooms[name].validated(tx, self.now, refusal))
                case {"type": "force", "tx": tx, "record": record}:
                    self.logs[name].append(record)
                    self.perform(name, self.machine(name).forced(tx, self.now))
                case {"type": "apply", "tx": tx, "payload": payload, "record": record}:
                    self.logs[name].append(record)
                    self.data[name].append(payload)
                    self.perform(name, self.rooms[name].applied(tx, self.now))
                case {"type": "note" | "release", "record": record}:
                    self.logs[name].append(record)
                case {"type": "finished", "tx": tx, "outcome": outcome}:
                    self.finished.append((tx, outcome))
                case other:
                    raise AssertionError(other)


def test_a_transaction_is_in_all_rooms() -> None:
    program = Program("accounts", "stock")
    tx = program.begin(accounts=b"-5", stock=b"+5")
    program.run()
    assert program.finished == [(tx, "committed")]
    assert program.data == {"accounts": [b"-5"], "stock": [b"+5"]}
    assert program.coordinator.active == 0
    assert program.coordinator.records == []
    assert len(program.rooms["stock"].records) == 1


def test_a_no_and_a_silent_room_abort_it() -> None:
    program = Program("accounts", "stock")
    program.refuses.add("stock")
    tx = program.begin(accounts=b"-5", stock=b"+5")
    program.run()
    program.refuses.clear()
    program.silent.add("stock")
    late = program.begin(accounts=b"-6", stock=b"+6")
    program.run()
    assert set(program.rooms["accounts"].in_doubt) == {late}
    program.tick(5_000)
    program.silent.clear()
    program.tick(5_000)
    assert program.finished == [(tx, "refused"), (late, "timed-out")]
    assert program.data == {"accounts": [], "stock": []}
    assert program.rooms["accounts"].in_doubt == {}


def test_a_crash_of_the_coordinator_after_its_decision_loses_nothing() -> None:
    program = Program("accounts", "stock")
    tx = program.begin(accounts=b"-5", stock=b"+5")
    while not program.finished:
        to, message = program.mail.popleft()
        program.perform(to, program.machine(to).message(message, program.now))
    program.mail.clear()
    program.crash("c")
    assert len(program.coordinator.records) == 1
    program.tick(500)
    assert program.finished == [(tx, "committed")]
    assert program.data == {"accounts": [b"-5"], "stock": [b"+5"]}


def test_a_crash_of_a_room_after_its_vote_keeps_what_is_in_doubt() -> None:
    program = Program("accounts", "stock")
    tx = program.begin(accounts=b"-5", stock=b"+5")
    while "yes" not in str(program.mail) and len(program.logs["stock"]) == 0:
        to, message = program.mail.popleft()
        program.perform(to, program.machine(to).message(message, program.now))
    program.crash("stock")
    assert program.rooms["stock"].in_doubt == {tx: b"+5"}
    program.tick(500)
    assert program.finished == [(tx, "committed")]
    assert program.data == {"accounts": [b"-5"], "stock": [b"+5"]}
    program.crash("stock")
    program.tick(500)
    assert program.data["stock"] == [b"+5"]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda it: it.begin(f"{5:032x}", {"r": b"1"}, MS), "reused"),
        (lambda it: it.begin(new_tx(MS + 1), {}, MS), "rooms"),
        (lambda it: it.begin(new_tx(MS + 1), {"": b"1"}, MS), "room"),
        (lambda it: it.begin(new_tx(MS + 1), {"r": bytes(1024 * 1024 + 1)}, MS), "too_large"),
        (lambda it: it.begin("5", {"r": b"1"}, MS), "argument"),
        (lambda it: it.message(b"\x09", MS), "decode"),
        (lambda it: it.handle({"type": "fly"}, MS), "argument"),
    ],
)
def test_what_cannot_be_done_says_why(call: Any, code: str) -> None:
    coordinator = Coordinator("c")
    coordinator.begin(new_tx(MS), {"r": b"1"}, MS)
    with pytest.raises(DecisionError) as refusal:
        call(coordinator)
    assert refusal.value.code == code
    assert coordinator.active == 1


def test_ids_of_transactions_sort_by_time() -> None:
    assert new_tx(1) < new_tx(2) < new_tx()
    ids = [new_tx() for _ in range(100)]
    assert ids == sorted(set(ids))


def test_a_round_of_retirement_is_driven() -> None:
    driver = RetirementDriver([1, 2], LATER, MS)
    assert [(it["to"], it["says"]) for it in driver.tick(MS)[:-1]] == [(1, "fence"), (2, "fence")]

    def says(what: str, **fields: Any) -> list[Output]:
        outputs: list[Output] = []
        for member in (1, 2):
            outputs += driver.handle({"type": what, "from": member, "horizon": LATER, **fields}, MS)[:-1]
        return outputs

    settle = says("fenced", attached=[], version={ADA: 3})
    assert [it["says"] for it in settle] == ["settle", "settle"]
    assert settle[0]["finals"] == {ADA: 3}
    assert [it["says"] for it in says("settled")] == ["retire", "retire"]
    assert says("retired") == [{"type": "done", "horizon": LATER, "retired": 1}]
    assert driver.is_over
    late = RetirementDriver([1], LATER, MS)
    late.tick(MS)
    assert late.tick(MS + 30_000)[-2] == {"type": "failed", "horizon": LATER, "reason": "late"}
    with pytest.raises(DecisionError):
        RetirementDriver([], MS, MS)
