"""Placement in plain Python, written from the definitions and not from the Rust code.

It is slow and short. ``test_placement.py`` holds the expectations of ``tests/vectors/decisions`` against it, and
``python tests/conformance/placement.py`` prints the sum that the core's test of the logarithm expects.
"""

import struct
from typing import Any, Optional

MASK = (1 << 64) - 1
PRIMES = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
GOLDEN = 0x9E3779B97F4A7C15
NODE_SEED = 1


def rotate(number: int, turn: int) -> int:
    """Turns 64 bits to the left."""
    return ((number << turn) | (number >> (64 - turn))) & MASK


def xxh64(data: bytes, seed: int = 0) -> int:
    """XXH64, from ``doc/xxhash_spec.md`` of the xxHash project."""

    def step(lane: int, word: int) -> int:
        return rotate((lane + word * PRIMES[1]) & MASK, 31) * PRIMES[0] & MASK

    at = 0
    if len(data) >= 32:
        lanes = [seed + PRIMES[0] + PRIMES[1], seed + PRIMES[1], seed, seed - PRIMES[0]]
        lanes = [lane & MASK for lane in lanes]
        while at + 32 <= len(data):
            words = struct.unpack_from("<4Q", data, at)
            lanes = [step(lane, word) for lane, word in zip(lanes, words, strict=True)]
            at += 32
        state = sum(rotate(lane, turn) for lane, turn in zip(lanes, (1, 7, 12, 18), strict=True)) & MASK
        for lane in lanes:
            state = ((state ^ step(0, lane)) * PRIMES[0] + PRIMES[3]) & MASK
    else:
        state = (seed + PRIMES[4]) & MASK
    state = (state + len(data)) & MASK
    while at + 8 <= len(data):
        state ^= step(0, int.from_bytes(data[at : at + 8], "little"))
        state = (rotate(state, 27) * PRIMES[0] + PRIMES[3]) & MASK
        at += 8
    if at + 4 <= len(data):
        state ^= int.from_bytes(data[at : at + 4], "little") * PRIMES[0] & MASK
        state = (rotate(state, 23) * PRIMES[1] + PRIMES[2]) & MASK
        at += 4
    for byte in data[at:]:
        state ^= byte * PRIMES[4] & MASK
        state = rotate(state, 11) * PRIMES[0] & MASK
    state = (state ^ (state >> 33)) * PRIMES[1] & MASK
    state = (state ^ (state >> 29)) * PRIMES[2] & MASK
    return state ^ (state >> 32)


def mix(bits: int) -> int:
    """The last step of SplitMix64."""
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB & MASK
    return bits ^ (bits >> 31)


def jump(key: int, buckets: int) -> int:
    """Lamping and Veach's figure 1."""
    bucket, following = -1, 0
    while following < buckets:
        bucket = following
        key = (key * 2862933555777941757 + 1) & MASK
        following = int((bucket + 1) * (float(1 << 31) / float((key >> 33) + 1)))
    return bucket


def ring(nodes: list[dict[str, Any]], points: int, key: str) -> list[str]:
    """All nodes in the order of their first points after the key."""
    all_points = []
    for node in nodes:
        start = xxh64(node["name"].encode(), NODE_SEED)
        count = max(1, points * node.get("weight", 100) // 100)
        all_points += [(mix((start + turn * GOLDEN) & MASK), start, node["name"]) for turn in range(1, count + 1)]
    all_points.sort()
    place = xxh64(key.encode())
    turn = [point for point in all_points if point[0] >= place] + [point for point in all_points if point[0] < place]
    return list(dict.fromkeys(name for _, _, name in turn))


def logarithm(number: float) -> float:
    """The natural logarithm by sums, products and quotients alone, in the order that the core has."""
    bits = struct.unpack("<Q", struct.pack("<d", number))[0]
    exponent = (bits >> 52) - 1023
    mantissa = struct.unpack("<d", struct.pack("<Q", bits & ((1 << 52) - 1) | 1023 << 52))[0]
    if mantissa > 1.4142135623730951:
        mantissa, exponent = mantissa * 0.5, exponent + 1
    s = (mantissa - 1.0) / (mantissa + 1.0)
    square, total = s * s, 1.0 / 15.0
    for odd in (13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0):
        total = total * square + 1.0 / odd
    return float(exponent) * 0.6931471805599453 + 2.0 * s * total


def cost(draw: int, weight: int) -> float:
    """What a draw costs a node of some weight."""
    unit = ((draw >> 12) + 0.5) / float(1 << 52)
    return -logarithm(unit) / float(weight)


def rendezvous(nodes: list[dict[str, Any]], key: bytes) -> list[dict[str, Any]]:
    """All nodes, the best first."""
    place = xxh64(key)
    equal = len({node.get("weight", 100) for node in nodes}) == 1

    def price(node: dict[str, Any]) -> tuple[float, int]:
        own = xxh64(node["name"].encode(), NODE_SEED)
        draw = mix(place ^ own)
        return (-draw if equal else cost(draw, node.get("weight", 100)), own)

    return sorted(nodes, key=price)


def spread_out(ranked: list[dict[str, Any]], count: int, spread: str) -> list[str]:
    """The best of each new region or zone first, as far as there are any."""
    chosen: list[dict[str, Any]] = []

    def take(parts: Optional[tuple[str, ...]]) -> None:
        for node in ranked:
            others = [[other[part] for part in parts] for other in chosen] if parts else []
            own = [node[part] for part in parts] if parts else None
            if len(chosen) < count and node not in chosen and own not in others:
                chosen.append(node)

    if spread == "regions":
        take(("region",))
    if spread in ("regions", "zones"):
        take(("region", "zone"))
    take(None)
    return [node["name"] for node in chosen]


if __name__ == "__main__":
    total = 0
    for number in range(100_000):
        bits = struct.unpack("<Q", struct.pack("<d", cost(mix(number), number % 500 + 1)))[0]
        total = rotate(total, 1) ^ bits
    print(f"{total:#018x}")
