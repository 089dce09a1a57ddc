"""A Map is a MutableMapping of str to values and nested containers."""

from collections.abc import MutableMapping
from typing import Any

import pytest

from syncline import Counter, Doc, Map, Set, Text


@pytest.fixture
def m(doc: Doc) -> Map:
    m = doc.map("people")
    m.update({"ada": 36, "bob": 41})
    return m


def test_it_is_a_mutable_mapping(m: Map) -> None:
    assert isinstance(m, MutableMapping)


def test_reading_and_writing_items(m: Map) -> None:
    m["cyd"] = "new"
    assert m["cyd"] == "new"
    m["cyd"] = None
    assert m["cyd"] is None
    del m["cyd"]
    assert "cyd" not in m


def test_missing_keys_raise_key_error(m: Map) -> None:
    with pytest.raises(KeyError, match="zoe"):
        m["zoe"]
    with pytest.raises(KeyError, match="zoe"):
        del m["zoe"]
    with pytest.raises(KeyError, match="zoe"):
        m.pop("zoe")
    with pytest.raises(KeyError):
        m[1]  # type: ignore[index]


def test_keys_are_str(m: Map) -> None:
    with pytest.raises(TypeError, match="a key is a str, not int"):
        m[1] = 2  # type: ignore[index]
    assert 1 not in m  # type: ignore[comparison-overlap]
    assert m.get(1, "none") == "none"  # type: ignore[arg-type]


def test_views_are_sorted_and_live(m: Map) -> None:
    keys = m.keys()
    m["aaa"] = 1
    assert list(keys) == ["aaa", "ada", "bob"]
    assert list(m.values()) == [1, 36, 41]
    assert list(m.items()) == [("aaa", 1), ("ada", 36), ("bob", 41)]
    assert ("ada", 36) in m.items()
    assert m.keys() & {"ada", "zoe"} == {"ada"}


def test_length_and_truth(doc: Doc, m: Map) -> None:
    assert len(m) == 2
    assert m
    assert not doc.map("nothing")
    assert list(doc.map("nothing")) == []


def test_get_setdefault_pop_and_popitem(m: Map) -> None:
    assert m.get("zoe") is None
    assert m.get("zoe", 7) == 7
    assert m.setdefault("ada", 1) == 36
    assert m.setdefault("zoe", 1) == 1
    assert m.pop("zoe") == 1
    assert m.pop("zoe", "gone") == "gone"
    assert m.pop("zoe", None) is None
    assert m.popitem() in [("ada", 36), ("bob", 41)]
    assert len(m) == 1


def test_popitem_of_an_empty_map_raises(doc: Doc) -> None:
    with pytest.raises(KeyError):
        doc.map("nothing").popitem()


def test_update_takes_what_dict_takes(m: Map) -> None:
    m.update([("x", 1)], y=2)
    m.update({"z": 3})
    m |= {"w": 4}
    assert m.to_dict() == {"ada": 36, "bob": 41, "w": 4, "x": 1, "y": 2, "z": 3}


def test_update_is_all_or_nothing(m: Map) -> None:
    with pytest.raises(TypeError):
        m.update({"x": 1, "y": object()})
    assert "x" not in m


def test_clear_leaves_an_empty_map(doc: Doc, m: Map) -> None:
    m.clear()
    assert dict(m) == {}
    assert doc.to_dict() == {"people": {}}
    doc.map().clear()
    assert doc.to_dict() == {}


def test_it_equals_a_dict_with_the_same_content(doc: Doc, m: Map) -> None:
    assert m == {"ada": 36, "bob": 41}
    assert m != {"ada": 36}
    doc.set("people", "tags").add("x")
    doc.map("people", "more")["k"] = 1
    doc.text("people", "note").insert(0, "hi")
    doc.counter("people", "votes").increment(3)
    assert m == {"ada": 36, "bob": 41, "tags": {"x"}, "more": {"k": 1}, "note": "hi", "votes": 3}


def test_reading_a_nested_container_gives_a_live_one(doc: Doc) -> None:
    top = doc.map()
    doc.map("a", "b")["c"] = 1
    doc.set("s").add(1)
    doc.counter("n").increment()
    doc.text("t").insert(0, "hello")
    assert isinstance(top["a"], Map)
    assert isinstance(top["s"], Set)
    assert isinstance(top["n"], Counter)
    assert isinstance(top["t"], Text)
    top["a"]["b"]["c"] = 2
    assert doc.register("a", "b", "c").get() == 2


def test_augmented_assignment_reaches_nested_containers(doc: Doc) -> None:
    doc.counter("votes").increment()
    doc.set("tags").add("a")
    top: Any = doc.map()
    top["votes"] += 2
    top["votes"] -= 1
    top["tags"] |= {"b"}
    doc.text("note").insert(0, "x")
    top["note"] += "yz"
    assert doc.to_dict() == {"votes": 2, "tags": ["a", "b"], "note": "xyz"}


def test_a_container_cannot_be_stored_elsewhere(doc: Doc) -> None:
    doc.map("a")["k"] = 1
    with pytest.raises(TypeError, match=r"store a copy, such as to_dict\(\)"):
        doc.map()["b"] = doc.map("a")
    doc.map()["b"] = doc.map("a").to_dict()
    assert doc.map()["b"] == {"k": 1}


def test_a_stored_dict_is_one_value_and_a_copy(doc: Doc) -> None:
    top = doc.map()
    top["settings"] = {"theme": "dark", "sizes": [1, 2]}
    copy = top["settings"]
    copy["theme"] = "light"
    assert top["settings"] == {"theme": "dark", "sizes": [1, 2]}


def test_assign_merges_nested_dicts(doc: Doc) -> None:
    top = doc.map()
    top.assign({"card": {"title": "x", "order": 1.5}})
    top.assign({"card": {"title": "y"}})
    assert top.to_dict() == {"card": {"title": "y", "order": 1.5}}
    assert isinstance(top["card"], Map)


def test_writing_over_a_container_replaces_it(doc: Doc) -> None:
    doc.map("a", "b")["c"] = 1
    doc.map()["a"] = 5
    assert doc.to_dict() == {"a": 5}


def test_keys_may_hold_anything(doc: Doc) -> None:
    top = doc.map()
    keys = ["", " ", "\0", "\0\x10", "\x10", "a\0b", "a/b", "ключ", "🗝️", "\0\x7f"]
    for number, key in enumerate(keys):
        top[key] = number
    assert sorted(top) == sorted(keys)
    assert [top[key] for key in keys] == list(range(len(keys)))
    assert top.map("\0").path == ("\0",)


def test_writes_return_a_receipt(doc: Doc) -> None:
    top = doc.map()
    assert top.put("a", 1).seq == 1
    assert top.put("a", 2).seq == 2
    assert top.remove("a").seq == 3
    assert top.remove("a").seq == 0


def test_an_empty_map_can_be_made(doc: Doc) -> None:
    doc.map("empty").create()
    assert doc.to_dict() == {"empty": {}}
    assert doc.map("empty").exists()
    assert not doc.map("other").exists()
    doc.map("empty").delete()
    assert doc.to_dict() == {}


def test_paths_are_str(doc: Doc) -> None:
    with pytest.raises(TypeError, match="a path consists of str, not int"):
        doc.map(1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the top of a document is a map"):
        doc.set()
