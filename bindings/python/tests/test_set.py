"""A Set is a MutableSet of values."""

from collections.abc import MutableSet

import pytest

from syncline import ChangeEvent, Doc, Set


@pytest.fixture
def s(doc: Doc) -> Set:
    s = doc.set("tags")
    s.update(["a", "b"])
    return s


def test_it_is_a_mutable_set(s: Set) -> None:
    assert isinstance(s, MutableSet)


def test_adding_and_removing(s: Set) -> None:
    s.add("c")
    s.add("c")
    assert len(s) == 3
    s.remove("c")
    s.discard("c")
    assert "c" not in s
    with pytest.raises(KeyError):
        s.remove("c")
    assert sorted(s) == ["a", "b"]


def test_pop_and_clear(doc: Doc, s: Set) -> None:
    assert s.pop() in ("a", "b")
    assert len(s) == 1
    s.clear()
    assert len(s) == 0
    assert not s
    with pytest.raises(KeyError):
        doc.set("nothing").pop()


def test_operators_give_plain_sets(s: Set) -> None:
    assert s | {"c"} == {"a", "b", "c"}
    assert s & {"a", "z"} == {"a"}
    assert s - {"a"} == {"b"}
    assert s ^ {"a", "z"} == {"b", "z"}
    assert {"a", "z"} - s == {"z"}
    assert type(s | {"c"}) is set
    assert sorted(s) == ["a", "b"]


def test_comparisons(doc: Doc, s: Set) -> None:
    assert s == {"a", "b"}
    assert s != {"a"}
    assert s < {"a", "b", "c"}
    assert s <= {"a", "b"}
    assert s > {"a"}
    assert s >= {"b"}
    assert s.isdisjoint({"x"})
    doc.set("same").update("ab")
    assert s == doc.set("same")


def test_in_place_operators_change_it(s: Set) -> None:
    s |= {"c", "d"}
    assert s == {"a", "b", "c", "d"}
    s &= {"a", "b", "c"}
    assert s == {"a", "b", "c"}
    s -= {"a"}
    assert s == {"b", "c"}
    s ^= {"c", "e"}
    assert s == {"b", "e"}


def test_in_place_operators_are_one_transaction(doc: Doc, s: Set) -> None:
    events: list[ChangeEvent] = []
    doc.subscribe(events.append)
    s |= {"x", "y", "z"}
    assert len(events) == 3
    with pytest.raises(TypeError):
        s |= {"w", object()}
    assert "w" not in s


def test_an_in_place_operator_with_itself(s: Set) -> None:
    s -= s
    assert len(s) == 0


def test_numbers_are_elements_by_value_and_bools_are_no_numbers(s: Set) -> None:
    s.clear()
    s.update([1, 1.0, True, "1", b"1", None, 0.5])
    assert len(s) == 6
    assert 1.0 in s
    s.discard(1.0)
    assert 1 not in s
    assert True in s
    assert {(type(value), value) for value in s} == {
        (float, 0.5),
        (bool, True),
        (str, "1"),
        (bytes, b"1"),
        (type(None), None),
    }


def test_lists_and_dicts_can_be_elements(s: Set) -> None:
    s.clear()
    s.add([1, {"k": "v"}])
    s.add([1, {"k": "v"}])
    assert list(s) == [[1, {"k": "v"}]]
    assert [1, {"k": "v"}] in s


def test_what_cannot_be_stored_is_not_in_it(s: Set) -> None:
    assert object() not in s
    assert 2**70 not in s
    with pytest.raises(TypeError):
        s.add(object())


def test_writes_return_a_receipt(s: Set) -> None:
    last = s.add("c").seq
    assert last > 0
    assert s.discard("c").seq > last
    assert s.discard("c").seq == 0


def test_a_concurrent_add_wins_over_a_remove() -> None:
    here, there = Doc(), Doc()
    here.set("tags").add("x")
    there.import_(here.export())
    here.set("tags").remove("x")
    there.set("tags").add("x")
    here.import_(there.export(since=here.version()))
    there.import_(here.export(since=there.version()))
    assert here.set("tags") == there.set("tags") == {"x"}
    assert here.digest() == there.digest()
