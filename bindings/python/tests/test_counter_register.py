"""Counters add up; registers keep the last value and can show the others."""

import pytest

from syncline import Doc


def test_a_counter_counts(doc: Doc) -> None:
    votes = doc.counter("votes")
    assert votes.value == 0
    assert not votes.exists()
    votes.increment()
    votes.increment(10)
    votes.decrement(2)
    votes.decrement()
    assert votes.value == int(votes) == votes == 8
    assert votes != 7
    assert [*range(20)][votes] == 8
    assert doc.to_dict() == {"votes": 8}


def test_augmented_assignment_counts(doc: Doc) -> None:
    votes = doc.counter("votes")
    votes += 5
    votes -= 2
    assert votes.value == 3


def test_concurrent_steps_add_up() -> None:
    here, there = Doc(), Doc()
    here.counter("votes").increment(2)
    there.counter("votes").increment(3)
    here.import_(there.export())
    there.import_(here.export())
    assert here.counter("votes") == there.counter("votes") == 5


def test_a_counter_takes_whole_numbers(doc: Doc) -> None:
    with pytest.raises(TypeError):
        doc.counter("votes").increment(1.5)  # type: ignore[arg-type]


def test_a_deleted_counter_starts_again(doc: Doc) -> None:
    doc.counter("votes").increment(5)
    assert doc.counter("votes").delete().seq > 0
    assert doc.counter("votes") == 0


def test_a_register_keeps_the_last_value(doc: Doc) -> None:
    title = doc.register("title")
    assert title.get() is None
    assert title.get("none") == "none"
    assert title.set("a").seq == 1
    title.set("b")
    assert title.get() == "b"
    assert title.siblings() == ["b"]
    title.delete()
    assert title.get("none") == "none"
    assert title.siblings() == []


def test_none_is_a_value(doc: Doc) -> None:
    doc.register("title").set(None)
    assert doc.register("title").get("default") is None
    assert doc.register("title").exists()


def test_concurrent_values_are_siblings_newest_first() -> None:
    here, there = Doc(now=lambda: 2_000_000_000_000), Doc(now=lambda: 2_000_000_000_500)
    here.register("title").set("earlier")
    there.register("title").set("later")
    here.import_(there.export())
    there.import_(here.export())
    for doc in (here, there):
        assert doc.register("title").get() == "later"
        assert doc.register("title").siblings() == ["later", "earlier"]
    here.register("title").set("both")
    assert here.register("title").siblings() == ["both"]


def test_containers_say_where_they_are(doc: Doc) -> None:
    votes = doc.counter("cards", "c1", "votes")
    assert votes.path == ("cards", "c1", "votes")
    assert votes.doc is doc
    assert repr(votes) == "<Counter at cards/c1/votes>"
    assert repr(doc.map()) == "<Map at the top>"
