"""Decisions by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import _syncline

__all__ = ["decide"]


def decide(call: str, args: Mapping[str, Any]) -> Any:
    """Makes a decision by name; arguments and answer are plain values.

    The same calls give the same answers in Rust and JavaScript. The names and their arguments are in the documentation
    of the Rust crate: ``place::decide`` (``jump``, ``ring``, ``rendezvous``, ``topology``, ``shard``, ``shard_map``,
    ``plan``, ``route``, ``backoff``, ``batch``, ``bucket``, ``throttle``, ``breaker``), ``quorum::decide`` (``quorum``,
    ``frontier``, ``write``, ``session``) and ``standalone::decide`` (``vector_clock.compare``, ``vector_clock.merge``,
    ``machines`` and each type by its name). Raises :class:`syncline.DecisionError` with the code of the Rust error.

    >>> decide("jump", {"key": "room 7", "buckets": 10})
    2
    """
    return _syncline.decide(call, args)


def given(**args: Any) -> dict[str, Any]:
    """The arguments that are not ``None``."""
    return {name: value for name, value in args.items() if value is not None}
