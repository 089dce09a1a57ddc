"""State machines without IO: two-phase commit over several rooms, and rounds of retirement.

Each takes one input at a time, a dict with a ``type``, and returns the list of what is to be done, dicts as well. The
program sends what it is told to send, puts on disk what it is told to put on disk, and says when that is done. The last
output is ``{"type": "idle", "until": ...}``: the time of the next ``tick``, or ``None``.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from .. import _syncline

__all__ = ["Coordinator", "Machine", "Output", "Participant", "RetirementDriver", "new_tx"]

Output: TypeAlias = dict[str, Any]
"""Something to do: its ``type`` and what belongs to it."""


_lock = threading.Lock()
_last = 0


def new_tx(now: int | None = None) -> str:
    """The id of a new transaction: 32 hexadecimal digits that begin with the time. Each try of a transaction has its own.

    A coordinator takes only ids later than those before. Without ``now`` each is later than the one before; with it, in
    milliseconds since the Unix epoch, let it grow.
    """
    global _last
    if now is not None:
        return f"{now & 0xFFFF_FFFF_FFFF:012x}{secrets.token_hex(10)}"
    with _lock:
        _last = max(_last + 1, (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80))
        return f"{_last:032x}"


class Machine:
    """What the state machines have in common. Times are milliseconds since the Unix epoch."""

    def __init__(self, kind: str, args: Mapping[str, Any]) -> None:
        given = {name: value for name, value in args.items() if value is not None}
        self._machine = _syncline.Machine(kind, given)

    def handle(self, input: Mapping[str, Any], now: int) -> list[Output]:
        """Takes an input; returns what is to be done, in order.

        Raises :class:`syncline.DecisionError` if the input is not as expected or is refused.
        """
        outputs: list[Output] = self._machine.handle(input, now)
        return outputs

    def tick(self, now: int) -> list[Output]:
        """Says that time has passed."""
        return self.handle({"type": "tick"}, now)


class _Logged(Machine):
    @property
    def records(self) -> list[bytes]:
        """What a log must hold to recover from; a log may be replaced by it while nothing is being forced or applied."""
        records: list[bytes] = self._machine.state()["records"]
        return records

    def message(self, message: bytes, now: int) -> list[Output]:
        """Takes a message of the other side."""
        return self.handle({"type": "message", "message": message}, now)

    def forced(self, tx: str, now: int) -> list[Output]:
        """Says that the record of the last ``force`` for this transaction is on disk."""
        return self.handle({"type": "forced", "tx": tx}, now)


class Coordinator(_Logged):
    """Decides transactions that write to several rooms or to none (two-phase commit with presumed abort).

    Outputs: ``force`` (put ``record`` into the log with fsync, then call :meth:`forced` with its ``tx``), ``note`` (put
    ``record`` into the log some time), ``send`` (``message`` to the room ``to``; ``says`` is what it says, for logs) and
    ``finished`` (``tx`` and its ``outcome``: ``committed``; ``refused`` with ``room`` and ``reason``; ``timed-out`` with
    the silent ``rooms``). Records must reach the disk in the order of the outputs.

    With ``log``, the records of its log in order, it goes on where it was: call :meth:`tick` once.

    >>> coordinator = Coordinator("c")
    >>> [output["type"] for output in coordinator.begin(new_tx(1), {"accounts": b"-5", "stock": b"+5"}, 1)]
    ['send', 'send', 'idle']
    """

    def __init__(
        self,
        name: str,
        log: Iterable[bytes] | None = None,
        *,
        prepare_ms: int | None = None,
        retry_ms: int | None = None,
    ) -> None:
        log = None if log is None else list(log)
        super().__init__("coordinator", {"name": name, "log": log, "prepare_ms": prepare_ms, "retry_ms": retry_ms})

    def begin(self, tx: str, parts: Mapping[str, bytes], now: int) -> list[Output]:
        """Begins a transaction: what to write in each room. A retry needs a new id of :func:`new_tx`.

        Raises :class:`syncline.DecisionError` if it cannot begin: ``reused``, ``rooms``, ``room``, ``too_large``, ``full``.
        """
        return self.handle({"type": "begin", "tx": tx, "parts": dict(parts)}, now)

    @property
    def active(self) -> int:
        """How many transactions are under way."""
        active: int = self._machine.state()["active"]
        return active


class Participant(_Logged):
    """Stages the part of transactions that concerns one room, and applies what is committed exactly once.

    Outputs: ``validate`` (check whether the room could take the ``payload``, reserve what it needs, then call
    :meth:`validated`), ``force`` (put ``record`` into the log with fsync, then call :meth:`forced`), ``apply`` (write the
    ``payload`` and the ``record`` in one transaction of the store with fsync, then call :meth:`applied`), ``release``
    (give back what was reserved, put ``record`` into the log some time) and ``send`` (``message`` to the coordinator ``to``).

    With ``log``, the records of its log in order, it goes on where it was: reserve for what is :attr:`in_doubt`, then call
    :meth:`tick` once.
    """

    def __init__(
        self,
        room: str,
        log: Iterable[bytes] | None = None,
        *,
        prepare_ms: int | None = None,
        retry_ms: int | None = None,
    ) -> None:
        log = None if log is None else list(log)
        super().__init__("participant", {"room": room, "log": log, "prepare_ms": prepare_ms, "retry_ms": retry_ms})

    def validated(self, tx: str, now: int, refusal: str | None = None) -> list[Output]:
        """Answers ``validate``: the room can take it, or why not."""
        return self.handle({"type": "validated", "tx": tx, "refusal": refusal}, now)

    def applied(self, tx: str, now: int) -> list[Output]:
        """Says that what was to be applied is on disk."""
        return self.handle({"type": "applied", "tx": tx}, now)

    @property
    def in_doubt(self) -> dict[str, bytes]:
        """What is prepared and not decided: of each transaction what it would write."""
        return {staged["tx"]: staged["payload"] for staged in self._machine.state()["in_doubt"]}


class RetirementDriver(Machine):
    """Drives one round in which the durable members of a room, the relays, retire the ids of replicas that are gone.

    Outputs: ``send`` (``message`` to the member ``to``), ``done`` (the ``horizon`` is in force; ``retired`` ids were
    dropped) and ``failed`` (the ``reason`` is ``late``, ``apart``, or ``bound`` to the round with the horizon ``bound``).

    Ids born before ``horizon`` (milliseconds since the Unix epoch) are retired, but for those attached at a member. It must
    be later than that of every round before, also of those that came to nothing. With ``recover`` it brings a round to its
    end that another driver left behind. Call :meth:`tick` once to begin.
    """

    def __init__(self, members: Iterable[int], horizon: int, now: int, *, recover: bool = False) -> None:
        members = sorted(members)
        super().__init__("retirement", {"members": members, "horizon": horizon, "now_ms": now, "recover": recover})

    def message(self, member: int, message: bytes, now: int) -> list[Output]:
        """Takes a message of a member."""
        return self.handle({"type": "message", "from": member, "message": message}, now)

    @property
    def is_over(self) -> bool:
        """Whether the round is over."""
        over: bool = self._machine.state()["over"]
        return over
