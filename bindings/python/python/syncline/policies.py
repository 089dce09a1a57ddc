"""What registers make of concurrent values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from .errors import ResolveError
from .types import ABSENT, Absent, Value

__all__ = ["Conflict", "Custom", "Policy", "Resolution", "Resolver", "Sibling", "SourcePriority"]


@dataclass(frozen=True, slots=True)
class SourcePriority:
    """The policy by which that value counts whose writer's source (:meth:`Doc.set_source`) stands first here."""

    sources: tuple[str, ...]

    def __init__(self, *sources: str) -> None:
        object.__setattr__(self, "sources", sources)


@dataclass(frozen=True, slots=True)
class Custom:
    """The policy by which that value counts which a function of this name picks (:meth:`Doc.register_resolver`)."""

    name: str


Policy: TypeAlias = (
    Literal["last-writer-wins", "keep-all", "insert-wins", "remove-wins"] | SourcePriority | Custom
)
"""How the concurrent values of a register are resolved when it is read.

``last-writer-wins``, which holds where nothing is set: the later one counts. ``keep-all``: all count, the last writer's
first. ``insert-wins``: a value wins over a concurrent deletion. ``remove-wins``: a deletion wins over concurrent values.
"""


@dataclass(frozen=True, slots=True)
class Sibling:
    """One of several values that were written concurrently.

    ``replica`` wrote it as its event number ``seq``, at the time ``at`` (milliseconds since the Unix epoch); ``source``
    is what that replica has named as its source.
    """

    value: Value
    replica: str
    seq: int
    at: int
    source: str | None = None


Resolver: TypeAlias = Callable[[list[Sibling]], int]
"""Picks one of several values by its index; the last writer's stands first."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a policy makes of the values of a register: nothing (``absent``), one ``value``, or ``all`` of them."""

    type: Literal["absent", "value", "all"]
    value: Value | Absent = ABSENT
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """A register that came to hold several concurrent values, the last writer's first.

    ``resolution`` is what the policy makes of them, or why it cannot be applied.
    """

    path: tuple[str, ...]
    siblings: tuple[Sibling, ...]
    resolution: Resolution | ResolveError


def policy_texts(policy: Policy) -> list[str]:
    """A policy as documents hold it: its name, then what belongs to it."""
    if isinstance(policy, SourcePriority):
        return ["source-priority", *policy.sources]
    return ["custom", policy.name] if isinstance(policy, Custom) else [policy]


def policy_of(texts: list[Any]) -> Policy:
    """Reads what :func:`policy_texts` made."""
    name, *rest = texts
    if name == "source-priority":
        return SourcePriority(*rest)
    policy: Policy = Custom(*rest) if name == "custom" else name
    return policy


def resolution_of(raw: tuple[str, Any]) -> Resolution | ResolveError:
    """Makes a resolution of the native part's tuple."""
    kind, found = raw
    if kind == "error":
        assert isinstance(found, ResolveError)
        return found
    if kind == "all":
        return Resolution("all", values=tuple(found))
    return Resolution("value", found) if kind == "value" else Resolution("absent")


def conflict_of(raw: tuple[Any, ...]) -> Conflict:
    """Makes a conflict of the native part's tuple."""
    path, siblings, resolution = raw
    return Conflict(path, tuple(Sibling(*sibling) for sibling in siblings), resolution_of(resolution))
