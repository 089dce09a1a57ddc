"""Policies say what concurrent values of a register come to; conflicts are told."""

import gc
import logging
import threading
import weakref
from typing import Any

import numpy as np
import pytest

from exchange import sync
from syncline import (
    ABSENT,
    Conflict,
    Custom,
    Doc,
    EditError,
    Policy,
    Resolution,
    ResolveError,
    Sibling,
    SourcePriority,
    Vector,
)

MS = 1_700_000_000_000


@pytest.fixture
def pair() -> tuple[Doc, Doc]:
    return Doc(now=lambda: MS), Doc(now=lambda: MS + 10)


def clash(pair: tuple[Doc, Doc]) -> Doc:
    """Both write, then hear of it; the later value is "later"."""
    pair[0].register("price").set("earlier")
    pair[1].register("price").set("later")
    sync(*pair)
    return pair[0]


def test_siblings_tell_where_they_are_from(pair: tuple[Doc, Doc]) -> None:
    pair[1].set_source("shop")
    doc = clash(pair)
    assert doc.register("price").siblings() == ["later", "earlier"]
    assert doc.register("price").siblings_with_origin() == [
        Sibling("later", pair[1].replica, 1, MS + 10, "shop"),
        Sibling("earlier", pair[0].replica, 1, MS),
    ]
    assert doc.source(pair[1].replica) == "shop"
    assert doc.source() is None


@pytest.mark.parametrize(
    "policy",
    ["last-writer-wins", "keep-all", "insert-wins", "remove-wins", SourcePriority("erp", "shop"), Custom("longest")],
)
def test_policies_are_kept_in_the_document(pair: tuple[Doc, Doc], policy: Policy) -> None:
    pair[0].set_policy(["a"], policy)
    sync(*pair)
    assert pair[1].policy(["a", "b"]) == policy
    assert pair[1].policy([]) == "last-writer-wins"
    pair[1].set_policy(["a"], None)
    assert pair[1].policy(["a", "b"]) == "last-writer-wins"


def test_policies_resolve(pair: tuple[Doc, Doc]) -> None:
    assert pair[0].resolve("price") == Resolution("absent")
    doc = clash(pair)
    assert doc.resolve("price") == Resolution("value", "later")
    doc.set_policy([], "keep-all")
    assert doc.resolve("price") == Resolution("all", ABSENT, ("later", "earlier"))
    doc.set_policy(["price"], SourcePriority("erp"))
    with pytest.raises(ResolveError, match="has not named its source") as refusal:
        doc.resolve("price")
    assert refusal.value.code == "unknown_source"
    assert doc.register("price").get() == "later"


def test_remove_wins(pair: tuple[Doc, Doc]) -> None:
    pair[0].set_policy([], "remove-wins")
    pair[0].register("price").set(1)
    sync(*pair)
    pair[0].register("price").delete()
    pair[1].register("price").set(2)
    sync(*pair)
    assert pair[0].register("price").get() is None


def longest(siblings: list[Sibling]) -> int:
    lengths = [len(str(sibling.value)) for sibling in siblings]
    return lengths.index(max(lengths))


def test_a_function_resolves(pair: tuple[Doc, Doc]) -> None:
    doc = clash(pair)
    doc.set_policy(["price"], Custom("longest"))
    with pytest.raises(ResolveError) as refusal:
        doc.resolve("price")
    assert refusal.value.code == "no_resolver"
    doc.register_resolver("longest", longest)
    assert doc.register("price").get() == "earlier"
    assert doc.resolve("price") == Resolution("value", "earlier")
    assert doc.to_dict() == {"price": "earlier"}


def test_a_function_that_fails_is_logged(pair: tuple[Doc, Doc], caplog: pytest.LogCaptureFixture) -> None:
    doc = clash(pair)
    doc.set_policy([], Custom("broken"))
    resolvers: list[Any] = [lambda it: 7, lambda it: -1, lambda it: "x", lambda it: it[0].nothing]
    for broken in resolvers:
        doc.register_resolver("broken", broken)
        with caplog.at_level(logging.CRITICAL, "syncline"), pytest.raises(ResolveError) as refusal:
            doc.resolve("price")
        assert refusal.value.code == "resolver_choice"
        with caplog.at_level(logging.CRITICAL, "syncline"):
            assert doc.register("price").get() == "later"
    doc.register("price").get()
    assert "the resolver 'broken' failed" in caplog.text


def test_a_function_must_not_use_documents(pair: tuple[Doc, Doc]) -> None:
    doc, refused = clash(pair), []

    def curious(siblings: list[Sibling]) -> int:
        for use in (doc.digest, doc.version, doc.to_dict):
            with pytest.raises(EditError, match="no document"):
                use()
        refused.append(True)
        return 0

    doc.register_resolver("curious", curious)
    doc.set_policy([], Custom("curious"))
    assert doc.to_dict() == {"price": "later"}
    assert refused
    assert doc.digest() == doc.digest()


def test_a_function_keeps_no_document_alive() -> None:
    doc = Doc()
    doc.register_resolver("own", lambda siblings: int(doc.replica == siblings[0].replica))
    alive = weakref.ref(doc)
    del doc
    gc.collect()
    assert alive() is None


def test_functions_resolve_in_several_threads(pair: tuple[Doc, Doc]) -> None:
    doc, found = clash(pair), []
    doc.set_policy(["price"], Custom("longest"))
    doc.register_resolver("longest", longest)

    def read() -> None:
        for _ in range(200):
            found.append((doc.to_dict()["price"], doc.register("price").get()))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [("earlier", "earlier")] * 800


def test_unknown_policies_are_refused(doc: Doc) -> None:
    with pytest.raises(ValueError, match="no such policy"):
        doc.set_policy([], "first-writer-wins")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="sequence of keys"):
        doc.set_policy("price", "keep-all")
    assert doc.policy([]) == "last-writer-wins"


def test_conflicts_are_told(pair: tuple[Doc, Doc]) -> None:
    told: list[Conflict] = []
    elsewhere: list[Any] = []
    off = pair[0].on_conflict(told.append)
    pair[0].on_conflict(elsewhere.append, path=["other"])
    pair[0].set_policy([], SourcePriority("erp"))
    clash(pair)
    assert [(it.path, [sibling.value for sibling in it.siblings]) for it in told] == [(("price",), ["later", "earlier"])]
    assert isinstance(told[0].resolution, ResolveError)
    assert elsewhere == []
    pair[0].register("price").set("both")
    changes: list[Any] = []
    pair[0].subscribe(changes.append)
    off()
    clash(pair)
    assert len(told) == 1
    assert changes


def test_a_conflict_is_told_where_the_value_stays_the_same(pair: tuple[Doc, Doc]) -> None:
    told: list[Conflict] = []
    changes: list[Any] = []
    pair[1].register("price").set("later")
    pair[1].on_conflict(told.append)
    pair[1].subscribe(changes.append)
    pair[0].register("price").set("earlier")
    sync(*pair)
    assert [it.resolution for it in told] == [Resolution("value", "later")]
    assert changes == []


def test_vectors_are_read_without_a_copy(doc: Doc) -> None:
    doc.register("v").set(np.arange(1000, dtype="float32"))
    found = doc.vector("v")
    assert isinstance(found, Vector)
    one, two = (np.frombuffer(memoryview(found), dtype="float32") for _ in range(2))
    assert np.array_equal(one, np.arange(1000, dtype="float32"))
    assert one.ctypes.data == two.ctypes.data
    doc.register("v").set([1.0])
    assert doc.vector("v") is None
    assert doc.register("nothing").vector() is None
