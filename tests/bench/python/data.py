"""The data that all libraries are given: the same as in the other languages."""

from __future__ import annotations

from collections.abc import Iterator

Entry = tuple[str, int]

_MASK = (1 << 64) - 1


def random(seed: int) -> Iterator[int]:
    """Numbers of 64 bits from a seed (splitmix64)."""
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        mixed = state
        mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & _MASK
        yield mixed ^ mixed >> 31


def entries(seed: int, count: int) -> list[Entry]:
    """Keys of 16 hexadecimal digits with values below 1,000."""
    numbers = random(seed)
    return [(f"{next(numbers):016x}", next(numbers) % 1_000) for _ in range(count)]


def overwrites(seed: int, keys: int, count: int) -> list[Entry]:
    """Writes, each to one of the first ``keys`` entries."""
    known = entries(seed, keys)
    numbers = random(seed + 1)
    return [(known[next(numbers) % keys][0], next(numbers) % 1_000) for _ in range(count)]


def set_edits(seed: int, replica: int, count: int) -> tuple[list[str], list[str], list[str]]:
    """What one replica does to a set: the elements that it adds, out of twice as many, removes again, and keeps.

    Replicas share the elements, not the choice.
    """
    everything = [key for key, _ in entries(seed, 2 * count)]
    numbers = random(seed + 1 + replica)
    for at in range(count):
        other = at + next(numbers) % (len(everything) - at)
        everything[at], everything[other] = everything[other], everything[at]
    adds = everything[:count]
    return adds, adds[: count // 2], adds[count // 2 :]
