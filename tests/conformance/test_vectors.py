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

from notation import difference, first, read  # noqa: E402

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


class Undo(Exception):
    """Rolls a transaction back on purpose."""


class Bench:
    """The documents and captured blobs of a running vector."""

    def __init__(self, vector: dict[str, Any]) -> None:
        self.vector = vector
        self.now = BASE_MS
        self.blobs: dict[str, bytes] = {}
        self.docs = {name: syncline.Doc(replica=id, now=lambda: self.now) for name, id in vector["replicas"].items()}

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
        if op == "capture":
            self.blobs[step["as"]] = self.blob(step["on"], step)
        elif op == "import":
            return self.import_(step)
        elif op == "siblings":
            return difference(read(step["is"]), list(self.docs[step["on"]].register(*step["path"]).siblings()))
        elif op == "transact":
            transact(self.docs[step["on"]], step)
        else:
            edit(self.docs[step["on"]], step)
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

    def sync(self, names: list[str]) -> None:
        """Each imports what it lacks from each other, twice."""
        for to, source in [(to, source) for _ in range(2) for to in names for source in names if to != source]:
            self.docs[to].import_(self.docs[source].export(self.docs[to].version()))

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


def transact(doc: Any, step: dict[str, Any]) -> None:
    """Does the inner steps in one transaction, and leaves it by an exception to roll it back."""
    try:
        with doc.transaction(origin=step.get("origin")):
            for inner in step["steps"]:
                edit(doc, inner)
            if step.get("rollback"):
                raise Undo
    except Undo:
        pass


def edit(doc: Any, step: dict[str, Any]) -> None:
    """Does one edit through the containers."""
    op, path = step["op"], step["path"]
    parent, key = path[:-1], path[-1] if path else None
    if op == "set":
        doc.map(*parent)[key] = read(step["value"])
    elif op == "register":
        doc.register(*path).set(read(step["value"]))
    elif op == "assign":
        assign(doc.map(*path), read(step["value"]))
    elif op == "delete":
        delete(doc, parent, key)
    elif op == "add":
        doc.set(*path).add(read(step["value"]))
    elif op == "remove":
        doc.set(*path).discard(read(step["value"]))
    elif op == "increment":
        doc.counter(*path).increment(read(step["by"]))
    elif op == "insert":
        doc.text(*path).insert(step["index"], step["text"])
    elif op == "erase":
        doc.text(*path).delete(step["index"], step["count"])
    else:
        bulk(doc, step)


def assign(container: Any, value: dict[str, Any]) -> None:
    """An empty map has nothing to assign: it is created."""
    if value:
        container.assign(value)
    else:
        container.create()


def delete(doc: Any, parent: list[str], key: Optional[str]) -> None:
    """Deletes a path; the root by clearing it. A missing key is no error here, as in the other runners."""
    container = doc.map(*parent)
    if key is None:
        container.clear()
    elif key in container:
        del container[key]


def bulk(doc: Any, step: dict[str, Any]) -> None:
    """Sets each key to its index, or deletes each, in one transaction."""
    container = doc.map(*step["path"])
    with doc.transaction():
        for index, key in enumerate(make_keys(**step["keys"])):
            if step["op"] == "fill":
                container[key] = index
            else:
                del container[key]


def make_keys(kind: str, count: int, seed: int = 1) -> list[str]:
    """Makes keys in bulk with a 32-bit xorshift, as tests/src/vectors/keys.rs does."""
    state = seed

    def bits() -> int:
        nonlocal state
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        return state

    def digits(words: int) -> str:
        return "".join(f"{bits():08x}" for _ in range(words))

    def uuid() -> str:
        text = digits(4)
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    kinds = {
        "tail": lambda index: f"user:{index}",
        "hex": lambda _: digits(2),
        "uuid": lambda _: uuid(),
        "base64url": lambda _: "".join(alphabet[bits() >> 26] for _ in range(22)),
    }
    return [kinds[kind](index) for index in range(count)]


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
