"""Flags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .container import Container, Write

if TYPE_CHECKING:
    from .doc import Doc

__all__ = ["Flag", "Wins"]

Wins = Literal["enable", "disable"]
"""What wins in a flag when some enable and others disable it at the same time."""


class Flag(Container):
    """A shared truth, with a rule for those who change it at the same time: enabling wins, or disabling does.

    The two kinds at one path are two flags.
    """

    __slots__ = ("_wins",)

    def __init__(self, doc: Doc, path: tuple[str, ...], wins: Wins = "enable") -> None:
        if wins not in ("enable", "disable"):
            raise ValueError(f"{wins!r} cannot win in a flag: use 'enable' or 'disable'")
        super().__init__(doc, path)
        self._wins = wins

    @property
    def wins(self) -> Wins:
        """What wins."""
        return self._wins

    @property
    def value(self) -> bool:
        """Whether the flag is enabled; ``False`` if it never was."""
        with self._doc._lock:
            return self._doc._replica.flag(self._key, self._wins)

    def enable(self) -> Write:
        """Makes the flag true."""
        return self.set(True)

    def disable(self) -> Write:
        """Makes the flag false."""
        return self.set(False)

    def set(self, value: bool) -> Write:
        """Makes the flag true or false."""
        return self._doc._replica.flag_set(self._key, self._wins, value)

    def __bool__(self) -> bool:
        return self.value

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Flag):
            return self.value == other.value
        return self.value == other if isinstance(other, bool) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # its value changes
