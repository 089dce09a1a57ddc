"""A Text merges edits, and counts code points."""

import random
from collections.abc import Callable

import pytest

from syncline import Doc, OutOfRangeError, Text


@pytest.fixture
def text(doc: Doc) -> Text:
    text = doc.text("note")
    text.insert(0, "Hello world")
    return text


def test_editing(text: Text) -> None:
    text.insert(5, ",")
    text.delete(6, 1)
    text.insert(6, " big ")
    assert str(text) == text == "Hello, big world"
    text.append("!")
    text += "?"
    assert str(text) == "Hello, big world!?"
    text.replace(7, 3, "small")
    assert str(text) == "Hello, small world!?"


def test_it_reads_like_a_str(text: Text) -> None:
    assert len(text) == 11
    assert text[0] == "H"
    assert text[-5:] == "world"
    assert "wor" in text
    assert text
    assert text != "Hello"
    assert repr(text) == "<Text at note>"


def test_a_text_that_was_never_written_is_empty(doc: Doc) -> None:
    assert str(doc.text("none")) == ""
    assert len(doc.text("none")) == 0
    assert not doc.text("none")


@pytest.mark.parametrize("content", ["a😀b", "e\u0301e", "👩‍👩‍👧‍👦!", "🇨🇭🇦🇹", "\U0010ffff\u0000x", "日本語"])
def test_positions_count_code_points(doc: Doc, content: str) -> None:
    for index in range(len(content) + 1):
        text = doc.text("t", str(index))
        text.insert(0, content)
        assert len(text) == len(content)
        text.insert(index, "|")
        assert str(text) == content[:index] + "|" + content[index:]
        text.delete(index, 1)
        assert str(text) == content
        if index < len(content):
            text.delete(index, 1)
            assert str(text) == content[:index] + content[index + 1 :]


def test_positions_outside_are_refused(text: Text) -> None:
    edits: list[Callable[[], object]] = [
        lambda: text.insert(12, "x"),
        lambda: text.insert(-1, "x"),
        lambda: text.delete(11, 1),
        lambda: text.delete(-1, 1),
        lambda: text.delete(0, 12),
        lambda: text.delete(0, -1),
    ]
    for edit in edits:
        with pytest.raises(OutOfRangeError) as caught:
            edit()
        assert isinstance(caught.value, IndexError)
    assert str(text) == "Hello world"


def test_a_whole_text_can_be_deleted(doc: Doc, text: Text) -> None:
    text.delete()
    assert doc.to_dict() == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("", "new"),
        ("old", ""),
        ("same", "same"),
        ("abc", "abXc"),
        ("aaa", "aa"),
        ("ab", "ba"),
        ("x😀y", "x😁y"),
    ],
)
def test_update_makes_it_the_new_text(doc: Doc, old: str, new: str) -> None:
    text = doc.text("t")
    text.insert(0, old)
    text.update(new)
    assert str(text) == new


def test_update_leaves_the_edits_of_others_alone() -> None:
    here, there = Doc(), Doc()
    here.text("t").insert(0, "one two three")
    there.import_(here.export())
    there.text("t").insert(13, " four")
    here.text("t").update("one 2 three")
    here.import_(there.export())
    assert str(here.text("t")) == "one 2 three four"


def test_concurrent_edits_converge() -> None:
    rng = random.Random(4)
    docs = [Doc(), Doc(), Doc()]
    alphabet = ["a", "b", "😀", "é", "e\u0301", " "]
    for _ in range(150):
        doc = rng.choice(docs)
        text = doc.text("t")
        if len(text) and rng.random() < 0.3:
            index = rng.randrange(len(text))
            text.delete(index, min(rng.randint(1, 3), len(text) - index))
        else:
            text.insert(rng.randint(0, len(text)), rng.choice(alphabet) * rng.randint(1, 3))
        if rng.random() < 0.2:
            other = rng.choice(docs)
            other.import_(doc.export(since=other.version()))
    for one in docs:
        for other in docs:
            one.import_(other.export(since=one.version()))
    assert len({str(doc.text("t")) for doc in docs}) == 1
    assert len({doc.digest() for doc in docs}) == 1
