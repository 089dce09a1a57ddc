"""Attributes and cursors of texts."""

from typing import Any

import pytest

from exchange import sync
from syncline import AttributesError, BlobError, Doc, OutOfRangeError, Run, Splice


def test_parts_of_a_text_have_attributes(doc: Doc) -> None:
    note = doc.text("note")
    note.insert(0, "plain ")
    note.insert(6, "bold", {"bold": True})
    note.append(" too")
    note.format(0, 5, {"size": 12, "color": "red"})
    note.format(0, 2, {"size": None})
    assert note.runs() == [
        Run("pl", {"color": "red"}),
        Run("ain", {"color": "red", "size": 12}),
        Run(" "),
        Run("bold too", {"bold": True}),
    ]
    assert str(note) == "plain bold too"
    assert doc.text("empty").runs() == []


def test_events_have_attributes(doc: Doc) -> None:
    note, seen = doc.text("note"), list[Any]()
    note.insert(0, "🎈 day")
    doc.subscribe(seen.append)
    note.format(0, 1, {"bold": True})
    note.insert(5, "s", {"em": 1})
    assert [event.splices for event in seen] == [
        (Splice(0, 0, "", 1, {"bold": True}),),
        (Splice(5, 0, "s", 0, {"em": 1}),),
    ]


@pytest.mark.parametrize("wrong", [{"a": [1]}, {"": 1}, {"x" * 300: 1}, {"a": float("nan")}])
def test_attributes_are_scalars(doc: Doc, wrong: Any) -> None:
    doc.text("note").insert(0, "hello")
    with pytest.raises(AttributesError):
        doc.text("note").format(0, 1, wrong)
    with pytest.raises(AttributesError):
        doc.text("note").insert(0, "x", wrong)
    with pytest.raises(TypeError, match="a dict"):
        doc.text("note").format(0, 1, ["bold"])  # type: ignore[arg-type]
    assert doc.text("note").runs() == [Run("hello")]


def test_cursors_stay_with_their_characters(doc: Doc) -> None:
    other = Doc()
    doc.text("note").insert(0, "one three")
    sync(doc, other)
    three, end = doc.text("note").cursor(4), doc.text("note").cursor(9)
    space = doc.text("note").cursor(4, before=True)
    other.text("note").insert(4, "two ")
    other.text("note").insert(0, "🎈")
    sync(doc, other)
    note = doc.text("note")
    assert [note.where(cursor) for cursor in (three, space, end)] == [9, 5, 14]
    assert other.text("note").where(three) == 9
    assert Doc().text("note").where(three) is None
    with pytest.raises(BlobError, match="not a cursor"):
        note.where(b"nonsense")
    with pytest.raises(OutOfRangeError):
        note.cursor(99)
    with pytest.raises(OutOfRangeError):
        note.cursor(-1)
