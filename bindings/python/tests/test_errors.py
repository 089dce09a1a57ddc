"""Every exception has a name, a code and a place in Python's own hierarchy."""

import inspect

import pytest

import syncline
from syncline import Doc, InvalidPathError, LimitError, SynclineError, TransactionError, errors
from syncline._syncline import Replica


def classes() -> list[type[SynclineError]]:
    return [getattr(errors, name) for name in errors.__all__]


def test_all_are_exported_and_listed() -> None:
    defined = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert defined == set(errors.__all__)
    for made in classes():
        assert getattr(syncline, made.__name__) is made
        assert made.__name__ in syncline.__all__
        assert issubclass(made, SynclineError)
        assert made.__doc__


def test_codes_are_unique() -> None:
    codes = [made.code for made in classes() if made is not errors.RelayError]
    assert len(codes) == len(set(codes))
    assert errors.RelayError("no", "denied").code == "denied"


@pytest.mark.parametrize(
    ("made", "builtin"),
    [
        ("AckTimeoutError", TimeoutError),
        ("BlobError", ValueError),
        ("ClosedError", ConnectionError),
        ("InvalidPathError", ValueError),
        ("LimitError", ValueError),
        ("OutOfRangeError", IndexError),
        ("StorageError", OSError),
        ("TransactionError", RuntimeError),
    ],
)
def test_builtin_bases(made: str, builtin: type[Exception]) -> None:
    error = getattr(errors, made)("what to do")
    assert isinstance(error, builtin)
    assert str(error) == "what to do"


def test_paths_have_limits(doc: Doc) -> None:
    with pytest.raises(InvalidPathError, match="use shorter keys"):
        doc.map()["x" * 5000] = 1
    with pytest.raises(InvalidPathError, match="at most 64"):
        doc.map(*"x" * 70)["y"] = 1
    assert doc.to_dict() == {}


def test_containers_other_than_maps_are_not_at_the_top() -> None:
    with pytest.raises(InvalidPathError, match="the root of a document is a map"):
        Replica("ab" * 16).counter_add("", 1)
    with pytest.raises(InvalidPathError, match="not an encoded path"):
        Replica("ab" * 16).get("plain")


def test_the_native_part_refuses_misuse() -> None:
    replica = Replica("ab" * 16)
    with pytest.raises(TransactionError):
        replica.commit()
    replica.rollback()
    with pytest.raises(ValueError, match="no ack level"):
        replica.acked("eternal")
    with pytest.raises(RuntimeError, match="does not hold the lock"):
        replica.turn.release()


def test_deep_values_are_a_limit_of_documents_too(doc: Doc) -> None:
    value: object = 1
    for _ in range(64):
        value = [value]
    with pytest.raises(LimitError, match="nests deeper"):
        doc.map()["a"] = value
