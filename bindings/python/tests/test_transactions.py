"""Transactions are all or nothing."""

import pytest

from syncline import ChangeEvent, Doc, TransactionError


class Oops(Exception):
    pass


def filled() -> Doc:
    doc = Doc()
    doc.map("m").update({"a": 1, "b": 2})
    doc.set("s").update(["x", "y"])
    doc.counter("n").increment(5)
    doc.text("t").insert(0, "hello")
    doc.map("m", "deep")["k"] = "v"
    return doc


def test_an_exception_takes_everything_back() -> None:
    doc = filled()
    before = (doc.to_dict(), doc.export(), doc.digest(), doc.version(), doc.save())
    with pytest.raises(Oops), doc.transaction():
        doc.map("m")["a"] = 9
        del doc.map("m")["b"]
        doc.map("m", "deep").delete()
        doc.set("s").remove("x")
        doc.set("s").add("z")
        doc.counter("n").increment()
        doc.text("t").insert(5, " world")
        doc.text("t").delete(0, 2)
        doc.text("new").insert(0, "new")
        doc.map("q").create()
        doc.map().clear()
        assert doc.to_dict() == {}
        raise Oops
    assert (doc.to_dict(), doc.export(), doc.digest(), doc.version(), doc.save()) == before
    doc.text("t").insert(5, "!")
    doc.map("m")["c"] = 3
    other = Doc()
    other.import_(doc.export())
    assert other.to_dict() == doc.to_dict()
    assert other.digest() == doc.digest()


def test_reads_inside_see_the_writes() -> None:
    doc = filled()
    with doc.transaction():
        doc.map("m")["a"] = 9
        assert doc.map("m")["a"] == 9
        doc.text("t").insert(0, "> ")
        assert str(doc.text("t")) == "> hello"


def test_a_refused_write_does_not_end_the_transaction(doc: Doc) -> None:
    with doc.transaction():
        doc.map()["a"] = 1
        with pytest.raises(TypeError):
            doc.map()["b"] = object()
        doc.map()["c"] = 3
    assert doc.to_dict() == {"a": 1, "c": 3}


def test_all_writes_share_a_receipt_that_is_filled_in_at_the_end(doc: Doc) -> None:
    with doc.transaction() as write:
        one = doc.map().put("a", 1)
        two = doc.set("s").add(1)
        assert one is two is write
        with pytest.raises(TransactionError, match="still open"):
            _ = write.seq
        assert repr(write) == "<Write open>"
    assert write.seq == 2
    assert repr(write) == "<Write seq=2>"


def test_a_transaction_without_writes_has_number_zero(doc: Doc) -> None:
    with doc.transaction() as write:
        pass
    assert write.seq == 0
    assert doc.version_entries().get(doc.replica, 0) == 0


def test_a_rolled_back_receipt_says_so(doc: Doc) -> None:
    with pytest.raises(Oops), doc.transaction() as write:
        doc.map()["a"] = 1
        raise Oops
    with pytest.raises(TransactionError, match="rolled back"):
        _ = write.seq
    assert repr(write) == "<Write rolled back>"


def test_a_nested_transaction_joins_the_outer_one(doc: Doc) -> None:
    events: list[ChangeEvent] = []
    doc.subscribe(events.append)
    with doc.transaction(origin="outer") as outer:
        doc.map()["a"] = 1
        with doc.transaction(origin="inner") as inner:
            doc.map()["b"] = 2
        assert inner is outer
        assert events == []
        doc.map()["c"] = 3
    assert outer.seq == 3
    assert [event.origin.name for event in events] == ["outer"] * 3


def test_an_exception_through_both_takes_both_back(doc: Doc) -> None:
    with pytest.raises(Oops), doc.transaction():
        doc.map()["a"] = 1
        with doc.transaction():
            doc.map()["b"] = 2
            raise Oops
    assert doc.to_dict() == {}
    doc.map()["c"] = 3
    assert doc.to_dict() == {"c": 3}


def test_a_caught_inner_failure_fails_the_outer_one(doc: Doc) -> None:
    with pytest.raises(TransactionError, match="rolled back"), doc.transaction() as write:
        doc.map()["a"] = 1
        with pytest.raises(Oops), doc.transaction():
            doc.map()["b"] = 2
            raise Oops
    assert doc.to_dict() == {}
    with pytest.raises(TransactionError):
        _ = write.seq
    doc.map()["c"] = 3
    assert doc.to_dict() == {"c": 3}


def test_nothing_can_be_written_after_an_inner_failure(doc: Doc) -> None:
    with pytest.raises(TransactionError), doc.transaction():
        with pytest.raises(Oops), doc.transaction():
            raise Oops
        with pytest.raises(TransactionError):
            doc.map()["a"] = 1
        with pytest.raises(TransactionError), doc.transaction():
            pass
    assert doc.to_dict() == {}
    with doc.transaction():
        doc.map()["b"] = 2
    assert doc.to_dict() == {"b": 2}


def test_exchange_waits_for_the_end(doc: Doc) -> None:
    blob = filled().export()
    with pytest.raises(TransactionError, match="import is not possible inside a transaction"), doc.transaction():
        doc.import_(blob)
    assert doc.import_(blob).applied > 0


def test_a_transaction_is_one_moment_for_others(doc: Doc) -> None:
    since = doc.version()
    with doc.transaction():
        for number in range(100):
            doc.map("m")[str(number)] = number
    other = Doc()
    assert other.import_(doc.export(since=since)).applied == 100
