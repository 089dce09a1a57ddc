"""The conformance vectors in Python, on the installed package.

``pytest tests/conformance`` runs all vectors and proves that a changed byte is noticed;
``pytest tests/conformance --corrupt`` must fail. The steps are described in tests/src/vectors/step.rs.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional

import pytest
import syncline

sys.path.insert(0, str(Path(__file__).parent))

from edits import transact, try_edit  # noqa: E402
from notation import difference, first, read  # noqa: E402
from watches import CHECKS, Watch  # noqa: E402

BASE_MS = 1_700_000_000_000
FULL_BYTES = 2_048
FILES = sorted((Path(__file__).parent.parent / "vectors").glob("*.json"))
VECTORS = [vector for file in FILES for vector in json.loads(file.read_text("utf-8"))["vectors"]]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector(vector: dict[str, Any], request: pytest.FixtureRequest) -> None:
    """Value, digest, version and bytes are as expected."""
    if request.config.getoption("--corrupt") and vector is VECTORS[0]:
        vector = corrupt(vector)
    assert Bench(vector).run() is None


def test_there_are_at_least_40_vectors() -> None:
    """The files are found."""
    assert len(VECTORS) >= 40


def test_one_changed_expected_byte_fails_each_vector() -> None:
    """A runner that compares nothing would pass everything."""
    for vector in VECTORS:
        assert Bench(corrupt(vector)).run() is not None, vector["name"]


def test_the_runner_exits_with_failure_on_a_changed_byte(request: pytest.FixtureRequest) -> None:
    """The exit status is what continuous integration looks at."""
    if not request.config.getoption("--corrupt"):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--corrupt", __file__]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 1
        assert "1 failed" in run.stdout


class Bench:
    """The documents and captured blobs of a running vector."""

    def __init__(self, vector: dict[str, Any]) -> None:
        self.vector = vector
        self.now = BASE_MS
        self.blobs: dict[str, bytes] = {}
        self.docs = {name: syncline.Doc(replica=id, now=lambda: self.now) for name, id in vector["replicas"].items()}
        kept: tuple[dict[str, bytes], dict[str, bytes]] = ({}, {})
        self.watches = {name: Watch(doc, *kept) for name, doc in self.docs.items()}

    def run(self) -> Optional[str]:
        """Does all steps; returns the first difference."""
        for number, step in enumerate(self.vector["steps"], 1):
            self.now = BASE_MS + step["at"] if "at" in step else self.now
            problem = self.step(step)
            if problem:
                return f"step {number} ({step['op']}): {problem}"
        return self.compare()

    def step(self, step: dict[str, Any]) -> Optional[str]:
        """Does one step."""
        op = step["op"]
        if op == "sync":
            return self.sync(step["replicas"])
        doc = self.docs[step["on"]]
        if op == "capture":
            self.blobs[step["as"]] = self.blob(step["on"], step)
        elif op == "import":
            return self.import_(step)
        elif op == "fold":
            doc.fold([self.docs[name].version() for name in step["stable"]])
        elif op in CHECKS:
            return difference(read(step["is"]), CHECKS[op](doc, step), op)
        elif self.watches[step["on"]].knows(op):
            return self.watches[step["on"]].step(step)
        elif op == "transact":
            transact(doc, step)
        else:
            return try_edit(doc, step)
        return None

    def blob(self, on: str, step: dict[str, Any]) -> bytes:
        """Exports or saves."""
        if step.get("save"):
            return self.docs[on].save()
        if "since" in step:
            return self.docs[on].export(self.docs[step["since"]].version())
        return self.docs[on].export()

    def import_(self, step: dict[str, Any]) -> Optional[str]:
        """Imports a captured or a fresh blob."""
        blob = self.blobs[step["blob"]] if "blob" in step else self.blob(step["from"], step)
        if not step.get("fails"):
            self.docs[step["on"]].import_(blob)
            return None
        try:
            self.docs[step["on"]].import_(blob)
        except syncline.SynclineError:
            return None
        return "this import must be refused"

    def sync(self, names: list[str]) -> Optional[str]:
        """Each imports what it lacks from each other, twice."""
        for to, source in [(to, source) for _ in range(2) for to in names for source in names if to != source]:
            self.docs[to].import_(self.docs[source].export(self.docs[to].version()))
        return None

    def compare(self) -> Optional[str]:
        """The first difference between what is and what is expected."""
        expect, values = self.vector["expect"], self.vector["values"]
        for name, doc in self.docs.items():
            expected = expect["replicas"][name]
            problem = first((
                difference(read(values.get(name, values.get("*"))), shorten(doc.to_dict()), f"values.{name}"),
                difference(expected["digest"], doc.digest(), f"{name}.digest"),
                difference(expected["version"], doc.version().hex(), f"{name}.version"),
                difference(expected["export"], describe(doc.export()), f"{name}.export"),
            ))
            if problem:
                return problem
        return first(difference(want, describe(self.blobs[name]), name) for name, want in expect["blobs"].items())


def shorten(value: Any) -> Any:
    """Of maps with more than 100 entries the files keep the count."""
    if not isinstance(value, dict):
        return value
    return {"$entries": len(value)} if len(value) > 100 else {key: shorten(item) for key, item in value.items()}


def describe(data: bytes) -> Any:
    """Short bytes in full, long ones as length and hash."""
    if len(data) <= FULL_BYTES:
        return data.hex()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def corrupt(vector: dict[str, Any]) -> dict[str, Any]:
    """A copy of ``vector`` in which one bit of an expected byte is flipped."""
    vector = json.loads(json.dumps(vector))
    expected = next(iter(vector["expect"]["replicas"].values()))
    place, key = (expected, "export") if isinstance(expected["export"], str) else (expected["export"], "sha256")
    place[key] = place[key][:-1] + format(int(place[key][-1], 16) ^ 1, "x")
    return vector
