"""The expectations of hashes, rings and rendezvous are those of plain Python code written from the definitions."""

import json
from pathlib import Path
from typing import Any

import pytest
from placement import jump, rendezvous, ring, spread_out, xxh64

FILE = Path(__file__).parent.parent / "vectors" / "decisions" / "placement.json"
CASES = [case for case in json.loads(FILE.read_text("utf-8"))["cases"] if "expect" in case]
CALLS = ("hash", "jump", "ring", "rendezvous", "shard", "shard_map")


def answer(call: str, args: dict[str, Any]) -> Any:
    """What the definitions say."""
    key = args.get("key", "").encode()
    if call == "hash":
        return f"{xxh64(key):016x}"
    if call == "jump":
        return jump(int(args["hash"], 16) if "hash" in args else xxh64(key), args["buckets"])
    if call == "ring":
        return ring(args["nodes"], args.get("points", 150), args["key"])[: args.get("count", 1)]
    if call == "shard" and "splits" in args:
        return sum(split <= args["key"] for split in args["splits"])
    if call == "shard":
        return jump(xxh64(key), args["shards"])
    if call == "shard_map":
        nodes = [node for node in args["topology"]["nodes"] if node["name"] not in args.get("draining", [])]
        ranks = [rendezvous(nodes, shard.to_bytes(4, "little")) for shard in range(args["shards"])]
        return [spread_out(rank, args.get("replicas", 3), args.get("spread", "zones")) for rank in ranks]
    own_zone = [{"region": node["name"], "zone": "", **node} for node in args.get("nodes", [])]
    nodes = own_zone or args["topology"]["nodes"]
    return spread_out(rendezvous(nodes, key), args.get("count", 1), args.get("spread", "zones"))


@pytest.mark.parametrize("case", [case for case in CASES if case["call"] in CALLS], ids=lambda case: case["name"])
def test_expectation(case: dict[str, Any]) -> None:
    """The table says what the definition says."""
    assert answer(case["call"], case["args"]) == case["expect"]


def test_published_hashes() -> None:
    """The hash in Python is XXH64, so what it agrees with is too."""
    assert xxh64(b"") == 0xEF46DB3751D8E999
    assert xxh64(b"abc") == 0x44BC2CF5AD770999


def test_every_call_has_cases() -> None:
    """The file was found and has them."""
    assert set(CALLS) <= {case["call"] for case in CASES}
