"""Subscribers hear of every change, after it is complete."""

import logging

import pytest

from syncline import ABSENT, ChangeEvent, Doc, Origin, Splice


@pytest.fixture
def events(doc: Doc) -> list[ChangeEvent]:
    events: list[ChangeEvent] = []
    doc.subscribe(events.append)
    return events


def test_registers_show_old_and_new(doc: Doc, events: list[ChangeEvent]) -> None:
    doc.map("m")["a"] = 1
    doc.map("m")["a"] = None
    del doc.map("m")["a"]
    assert [(event.path, event.kind, event.old, event.new) for event in events] == [
        (("m", "a"), "register", ABSENT, 1),
        (("m", "a"), "register", 1, None),
        (("m", "a"), "register", None, ABSENT),
    ]
    assert {event.by for event in events} == {doc.replica}
    assert not ABSENT
    assert repr(ABSENT) == "ABSENT"


def test_sets_counters_and_maps(doc: Doc, events: list[ChangeEvent]) -> None:
    doc.set("s").add("x")
    doc.set("s").remove("x")
    doc.counter("n").increment(2)
    doc.counter("n").increment(3)
    doc.map("m").create()
    assert [(event.kind, event.old, event.new) for event in events] == [
        ("set", ABSENT, "x"),
        ("set", "x", ABSENT),
        ("counter", ABSENT, 2),
        ("counter", 2, 5),
        ("map", ABSENT, {}),
    ]


def test_texts_show_splices_in_code_points(doc: Doc, events: list[ChangeEvent]) -> None:
    doc.text("t").insert(0, "a😀b😀c")
    doc.text("t").insert(4, "|")
    doc.text("t").delete(1, 3)
    assert [event.splices for event in events] == [
        (Splice(0, 0, "a😀b😀c"),),
        (Splice(4, 0, "|"),),
        (Splice(1, 3, ""),),
    ]


def test_splices_lead_from_the_old_text_to_the_new(doc: Doc, events: list[ChangeEvent]) -> None:
    other = Doc()
    other.text("t").insert(0, "👩‍👩‍👧 e\u0301 one 😀 two")
    other.text("t").update("👩‍👩‍👧 ê one 😁😀 two 😀")
    doc.text("t").insert(0, "😀😀")
    doc.import_(other.export())
    shown = ""
    for event in events:
        for splice in event.splices:
            shown = shown[: splice.index] + splice.insert + shown[splice.index + splice.delete :]
    assert shown == str(doc.text("t"))


def test_changes_from_elsewhere_name_their_origin(doc: Doc, events: list[ChangeEvent]) -> None:
    other = Doc()
    other.map()["a"] = 1
    doc.import_(other.export())
    doc.import_(other.export())
    with doc.transaction(origin="form"):
        doc.map()["b"] = 2
    assert [(event.by, event.origin) for event in events] == [
        (other.replica, Origin("import")),
        (doc.replica, Origin("local", "form")),
    ]


def test_a_path_narrows_the_subscription(doc: Doc) -> None:
    seen: list[tuple[str, ...]] = []
    doc.subscribe(lambda event: seen.append(event.path), path=["a", "b"])
    for path in [("a",), ("a", "b"), ("a", "bc"), ("a", "b", "c")]:
        doc.set(*path).add(1)
    assert seen == [("a", "b"), ("a", "b", "c")]


def test_a_path_is_not_one_str(doc: Doc) -> None:
    with pytest.raises(TypeError, match="not one str"):
        doc.subscribe(print, path="cards")


def test_events_come_after_the_commit_and_before_the_write_returns(doc: Doc) -> None:
    seen: list[object] = []
    doc.subscribe(lambda event: seen.append(doc.to_dict()))
    with doc.transaction():
        doc.map()["a"] = 1
        doc.map()["b"] = 2
        assert seen == []
    assert seen == [{"a": 1, "b": 2}] * 2


def test_a_rollback_is_silent(doc: Doc, events: list[ChangeEvent]) -> None:
    with pytest.raises(ZeroDivisionError), doc.transaction():
        doc.map()["a"] = 1
        _ = 1 // 0
    assert events == []
    doc.map()["b"] = 1
    assert [event.path for event in events] == [("b",)]


def test_unsubscribing(doc: Doc) -> None:
    seen: list[ChangeEvent] = []
    off = doc.subscribe(seen.append)
    doc.map()["a"] = 1
    off()
    off()
    doc.map()["a"] = 2
    assert len(seen) == 1


def test_a_subscriber_may_write_and_order_is_kept(doc: Doc, events: list[ChangeEvent]) -> None:
    def sum_up(event: ChangeEvent) -> None:
        if event.path[0] == "parts":
            doc.map()["sum"] = sum(doc.map("parts").values())

    doc.subscribe(sum_up)
    doc.map("parts").update({"a": 1, "b": 2})
    assert doc.map()["sum"] == 3
    assert [event.path for event in events] == [("parts", "a"), ("parts", "b"), ("sum",)]


def test_a_subscriber_may_subscribe_and_unsubscribe(doc: Doc) -> None:
    seen: list[str] = []

    def once(event: ChangeEvent) -> None:
        seen.append("once")
        off()
        doc.subscribe(lambda event: seen.append("later"))

    off = doc.subscribe(once)
    doc.map()["a"] = 1
    doc.map()["a"] = 2
    assert seen == ["once", "later"]


def test_a_failing_subscriber_disturbs_nobody(doc: Doc, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[ChangeEvent] = []

    def fail(event: ChangeEvent) -> None:
        raise ValueError("no good")

    doc.subscribe(fail)
    doc.subscribe(seen.append)
    with caplog.at_level(logging.ERROR, "syncline"):
        doc.map()["a"] = 1
    assert len(seen) == 1
    assert "a subscriber failed on a change of a" in caplog.text
    assert "no good" in caplog.text
