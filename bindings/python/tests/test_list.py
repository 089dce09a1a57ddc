"""Lists behave like Python's, and their items can be moved."""

from collections.abc import MutableSequence
from random import Random
from typing import Any

import pytest

from exchange import sync
from syncline import Doc, List, OutOfRangeError


@pytest.fixture
def letters(doc: Doc) -> List:
    items = doc.list("letters")
    items.extend("abcde")
    return items


def test_it_is_a_mutable_sequence(letters: List) -> None:
    assert isinstance(letters, MutableSequence)
    assert letters == list("abcde")
    assert len(letters) == 5
    assert letters[0] == "a"
    assert letters[-1] == "e"
    assert letters[1:3] == ["b", "c"]
    assert "c" in letters
    assert letters.index("d") == 3
    assert letters.count("a") == 1
    assert list(reversed(letters)) == list("edcba")
    assert letters.doc.to_dict() == {"letters": list("abcde")}


def same_as_list(letters: List, change: Any) -> None:
    """Does the same to a list of Python."""
    model = list(letters)
    change(model)
    change(letters)
    assert letters == model


CHANGES: list[Any] = [
    lambda it: it.append(1),
    lambda it: it.insert(2, 1),
    lambda it: it.insert(-1, 1),
    lambda it: it.insert(100, 1),
    lambda it: it.insert(-100, 1),
    lambda it: it.extend([1, 2]),
    lambda it: it.__iadd__([1, 2]),
    lambda it: it.extend(it),
    lambda it: it.pop(),
    lambda it: it.pop(0),
    lambda it: it.remove("c"),
    lambda it: it.reverse(),
    lambda it: it.clear(),
    lambda it: it.__setitem__(1, None),
    lambda it: it.__setitem__(-1, 1),
    lambda it: it.__setitem__(slice(1, 3), [1]),
    lambda it: it.__setitem__(slice(1, 5), [1]),
    lambda it: it.__setitem__(slice(1, 3), [1, 2, 3]),
    lambda it: it.__setitem__(slice(1, 1), [1, 2]),
    lambda it: it.__setitem__(slice(None, None, 2), [1, 2, 3]),
    lambda it: it.__delitem__(0),
    lambda it: it.__delitem__(-2),
    lambda it: it.__delitem__(slice(1, 4)),
    lambda it: it.__delitem__(slice(None, None, 2)),
    lambda it: it.__delitem__(slice(None)),
]


@pytest.mark.parametrize("change", CHANGES)
def test_changes_do_what_they_do_to_a_list(letters: List, change: Any) -> None:
    same_as_list(letters, change)


@pytest.mark.parametrize("seed", range(20))
def test_many_changes_do_what_they_do_to_a_list(letters: List, seed: int) -> None:
    random, model = Random(seed), list(letters)
    for number in range(60):
        at, to = random.randrange(-8, 8), random.randrange(len(model) or 1)
        change = random.choice(["insert", "append", "set", "delete", "slice", "move"])
        if change == "move" and model:
            source = random.randrange(len(model))
            model.insert(to, model.pop(source))
            letters.move(source, to)
            continue
        for items in (model, letters):
            if change == "insert":
                items.insert(at, number)
            elif change == "append":
                items.append(number)
            elif change == "set" and model:
                items[to - len(model)] = number
            elif change == "slice":
                items[at : at + 2] = [number] * (number % 4)
            elif change == "delete" and len(items) > 3:
                del items[to % 3 :: 3]
        assert letters == model
        assert len(letters) == len(model)
    assert [letters.find(id) for id in letters.ids()] == list(range(len(model)))


def test_what_is_outside_is_an_index_error(letters: List) -> None:
    for index in (5, -6, 1 << 70):
        with pytest.raises(IndexError):
            letters[index]
        with pytest.raises(OutOfRangeError):
            del letters[index]
        with pytest.raises(OutOfRangeError):
            letters.move(index, 0)
        with pytest.raises(OutOfRangeError):
            letters.move(0, index)
    with pytest.raises(IndexError):
        List(letters.doc, ("empty",)).pop()
    with pytest.raises(ValueError, match="cannot take the place"):
        letters[::2] = [1]
    assert letters == list("abcde")


def test_moves_keep_the_item(letters: List) -> None:
    ids = letters.ids()
    assert letters.move(0, 3).seq > 0
    assert letters == list("bcdae")
    letters.move(-1, 0)
    assert letters == list("ebcda")
    assert letters.find(ids[0]) == 4
    assert letters.find("nothing") is None


def test_a_move_and_a_set_at_the_same_time_are_both_kept() -> None:
    here, there = Doc(), Doc()
    here.list("l").extend("abc")
    sync(here, there)
    here.list("l").move(0, 2)
    there.list("l")[0] = "A"
    here.list("l").move(0, 1)
    sync(here, there)
    assert sorted(there.list("l")) == ["A", "b", "c"]
    assert here.list("l")[2] == "A"


def test_two_moves_of_one_item_leave_one() -> None:
    here, there = Doc(), Doc()
    here.list("l").extend("abc")
    sync(here, there)
    here.list("l").move(0, 2)
    there.list("l").move(0, 1)
    sync(here, there)
    assert sorted(here.list("l")) == ["a", "b", "c"]


def test_items_hold_containers(doc: Doc) -> None:
    todo = doc.map().list("todo")
    todo.append("milk")
    doc.map("todo", todo.ids()[0])["done"] = True
    todo.append("bread")
    assert todo.to_list() == [{"done": True}, "bread"]
    assert isinstance(doc.map()["todo"], List)
    assert doc.map()["todo"] == todo
    with pytest.raises(TypeError, match=r"to_list\(\)"):
        doc.map()["copy"] = todo


def test_an_item_tells_of_its_changes(doc: Doc) -> None:
    seen: list[Any] = []
    doc.subscribe(seen.append)
    items = doc.list("l")
    items.append("a")
    items[0] = "b"
    items.insert(0, "x")
    items.move(0, 1)
    assert {event.kind for event in seen} == {"list"}
    assert [event.path[1] for event in seen[:2]] == [items.ids()[0]] * 2
    assert (seen[1].old, seen[1].new) == ("a", "b")
    assert (seen[3].old, seen[3].new) == ("x", "x")
