"""The reader written from FORMAT.md says of every blob what the Rust core says.

``pytest tests/format`` needs cargo, for the reference; no package is needed.
"""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import decode  # noqa: E402
from decode import Damaged, describe  # noqa: E402

ROOT = Path(__file__).parent.parent.parent
GOLDEN = sorted((ROOT / "tests/vectors/golden").glob("*.json"))


@pytest.fixture(scope="session")
def reference() -> list[tuple[str, Any]]:
    """Every blob that the conformance vectors make, with what the Rust core says of it."""
    command = ["cargo", "run", "--quiet", "-p", "syncline-tests", "--bin", "reference", "--", "--vectors"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    pairs = [line.split("\t") for line in run.stdout.splitlines()]
    return [(blob, json.loads(said)) for blob, said in pairs]


def test_blobs_of_all_vectors(reference: list[tuple[str, Any]]) -> None:
    """Leaves, dots, deletes, versions and digests are the same."""
    assert len(reference) >= 200
    kinds = {said["kind"] for _, said in reference}
    assert kinds == {"delta", "batch"}
    for blob, said in reference:
        assert same(describe(bytes.fromhex(blob))) == same(said), blob


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_golden_file(file: Path) -> None:
    """Files of version 1 say for ever what they said."""
    golden = json.loads(file.read_text("utf-8"))
    assert same(describe(bytes.fromhex(golden["blob"]))) == same(golden["says"])


FORMS = ("hexadecimal", "uuids", "counted", "dictionary", "base64url", "plain", "runs", "bits", "varints")


def test_every_form_occurs(reference: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the comparison would prove less than it seems to."""
    seen: set[str] = set()
    for name in FORMS:
        original = getattr(decode, name)

        def spy(*arguments: Any, original: Any = original, name: str = name) -> Any:
            seen.add(name)
            return original(*arguments)

        monkeypatch.setattr(decode, name, spy)
    for blob, _ in reference:
        if len(seen) < len(FORMS):
            decode.describe(bytes.fromhex(blob))
    assert seen == set(FORMS)


def test_a_changed_byte_is_noticed(reference: list[tuple[str, Any]]) -> None:
    """The checksum covers everything before it."""
    for blob, _ in reference[:50]:
        changed = bytearray.fromhex(blob)
        changed[len(changed) // 2] ^= 1
        with pytest.raises(Damaged):
            describe(bytes(changed))


def same(said: Any) -> Any:
    """Floats are written in more than one way."""
    if isinstance(said, list):
        return [same(item) for item in said]
    if not isinstance(said, dict):
        return ("float", said) if isinstance(said, float) else said
    if set(said) == {"$float"}:
        number = float(said["$float"])
        return ("float", "nan" if math.isnan(number) else (number, math.copysign(1, number)))
    if set(said) == {"$vector"}:
        return ("vector", [same({"$float": item["$float"] if isinstance(item, dict) else item}) for item in said["$vector"]])
    return {key: same(item) for key, item in said.items()}
