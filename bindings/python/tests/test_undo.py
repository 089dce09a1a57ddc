"""Undo takes back what was done here and leaves alone what others did."""

from collections.abc import Callable
from typing import Any

import pytest

from exchange import sync
from syncline import Doc, TransactionError

CHANGES: dict[str, Callable[[Doc], Any]] = {
    "register": lambda doc: doc.map().put("x", 2),
    "delete": lambda doc: doc.map().remove("x"),
    "counter": lambda doc: doc.counter("n").increment(3),
    "set": lambda doc: doc.set("s").add("new"),
    "flag": lambda doc: doc.flag("f").enable(),
    "list": lambda doc: doc.list("l").move(0, 1),
    "text": lambda doc: doc.text("t").insert(0, "well, "),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_what_was_done_is_undone_and_redone(doc: Doc, kind: str) -> None:
    doc.map()["x"] = 1
    doc.list("l").extend("ab")
    doc.text("t").insert(0, "hello")
    doc.counter("n").increment()
    doc.flag("f").disable()
    doc.set("s").add("old")
    before = doc.to_dict()
    with doc.undo_manager(merge_ms=0) as manager:
        CHANGES[kind](doc)
        after = doc.to_dict()
        assert after != before
        assert manager.undo()
        assert doc.to_dict() == before
        assert manager.depth == (0, 1)
        assert manager.redo()
        assert doc.to_dict() == after
        assert not manager.redo()
        assert (manager.can_undo, manager.can_redo) == (True, False)
    assert not manager.undo()


def test_what_others_did_stays(doc: Doc) -> None:
    other = Doc()
    manager = doc.undo_manager()
    doc.text("t").insert(0, "mine")
    sync(doc, other)
    other.text("t").append(" and yours")
    sync(doc, other)
    assert manager.undo()
    assert str(doc.text("t")) == " and yours"


def test_transactions_close_in_time_are_one_group() -> None:
    now = 1_700_000_000_000
    doc = Doc(now=lambda: now)
    manager = doc.undo_manager(merge_ms=100)
    doc.map()["a"] = 1
    doc.map()["b"] = 1
    manager.close_group()
    doc.map()["c"] = 1
    assert manager.depth == (2, 0)
    now += 1000
    doc.map()["d"] = 1
    assert manager.depth == (3, 0)
    assert manager.undo()
    assert manager.undo()
    assert doc.to_dict() == {"a": 1, "b": 1}


def test_origins_choose(doc: Doc) -> None:
    with pytest.raises(TypeError, match="list of names"):
        doc.undo_manager(origins="editor")
    manager = doc.undo_manager(origins=["editor"])
    doc.map()["a"] = 1
    assert not manager.can_undo
    with doc.transaction(origin="editor"):
        doc.map()["b"] = 1
    seen: list[Any] = []
    doc.subscribe(seen.append)
    assert manager.undo()
    assert [(event.path, event.origin.name) for event in seen] == [(("b",), "undo")]


def test_not_inside_a_transaction(doc: Doc) -> None:
    manager = doc.undo_manager()
    with doc.transaction():
        with pytest.raises(TransactionError):
            manager.undo()
        with pytest.raises(TransactionError):
            doc.undo_manager()
