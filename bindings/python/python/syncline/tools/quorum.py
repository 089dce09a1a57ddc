"""When enough members hold a write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from ._decide import decide, given

__all__ = ["Level", "Member", "QuorumState", "QuorumTracker", "frontier", "is_seen", "quorum"]

Level: TypeAlias = Literal["one", "quorum", "all", "local_quorum", "each_quorum"] | int
"""How many members must hold a write: a level by its name, or a number."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member that counts for quorums, and its region."""

    id: str
    region: str | None = None


Members: TypeAlias = Sequence[Member | str]


@dataclass(frozen=True, slots=True)
class QuorumState:
    """Whether a level is reached, and whether these members can reach it at all."""

    done: bool
    reachable: bool


def quorum(
    members: Members,
    level: Level,
    acked: Iterable[str],
    *,
    next: Members | None = None,
    local: str | None = None,
) -> QuorumState:
    """Whether a level is reached once ``acked`` have acknowledged.

    ``next`` are the members after a change that is under way: both majorities count then. ``local`` is the region that
    local levels are about.
    """
    args = {**_configuration(members, next, local), "level": level, "acked": list(acked)}
    return QuorumState(**decide("quorum", args))


def frontier(
    members: Members,
    level: Level,
    reached: Mapping[str, int],
    *,
    next: Members | None = None,
    local: str | None = None,
) -> int | None:
    """The number up to which a level holds, given how far each member is; ``None`` if it can never be reached."""
    args = {**_configuration(members, next, local), "level": level, "reached": dict(reached)}
    return cast("int | None", decide("frontier", args))


def is_seen(needs: Mapping[str, int], seen: Mapping[str, int]) -> bool:
    """Whether a replica at the version ``seen`` has all that a session ``needs``; both from replica id to number."""
    return cast(bool, decide("session", {"needs": dict(needs), "seen": dict(seen)}))


class QuorumTracker:
    """Collects the acknowledgements of one write.

    A member that acknowledges twice counts once; strangers do not count. Arguments are those of :func:`quorum`.
    """

    def __init__(
        self, members: Members, level: Level, *, next: Members | None = None, local: str | None = None
    ) -> None:
        self._members, self._next = list(members), None if next is None else list(next)
        self._level: Level = level
        self._local = local
        self._names = {member if isinstance(member, str) else member.id for member in [*members, *(next or ())]}
        self._acked: set[str] = set()
        self.state  # noqa: B018  # members or levels that are wrong are refused here

    def ack(self, member: str) -> bool:
        """Notes an acknowledgement; returns whether the level is reached."""
        if member in self._names:
            self._acked.add(member)
        return self.done

    @property
    def acked(self) -> frozenset[str]:
        """The members that have acknowledged."""
        return frozenset(self._acked)

    @property
    def state(self) -> QuorumState:
        """Where the write stands."""
        return quorum(self._members, self._level, sorted(self._acked), next=self._next, local=self._local)

    @property
    def done(self) -> bool:
        """Whether the level is reached."""
        return self.state.done

    @property
    def reachable(self) -> bool:
        """Whether these members can reach the level at all."""
        return self.state.reachable


def _configuration(members: Members, next: Members | None, local: str | None) -> dict[str, Any]:
    return given(members=_plain(members), next=None if next is None else _plain(next), local=local)


def _plain(members: Members) -> list[Any]:
    return [member if isinstance(member, str) else given(id=member.id, region=member.region) for member in members]
