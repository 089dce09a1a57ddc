"""Flags, sets of all kinds, counters that are reset or bounded: each by its rule."""

from typing import Any

import pytest

from exchange import sync
from syncline import (
    AmountError,
    BoundedCounter,
    Doc,
    Flag,
    GrowOnlyError,
    RemovedError,
    RightsError,
    Set,
    SetKind,
    ShrinksError,
)


def test_a_flag_is_a_truth(doc: Doc) -> None:
    done = doc.flag("done")
    assert done.value is False
    assert not done
    assert done.enable().seq == 1
    assert done
    assert done == True  # noqa: E712  # the comparison is what is tested
    assert doc.to_dict() == {"done": True}
    assert isinstance(doc.map()["done"], Flag)
    done.disable()
    assert not doc.map().flag("done")
    with pytest.raises(ValueError, match="cannot win"):
        doc.flag("done", wins="both")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        done.set(1)  # type: ignore[arg-type]


@pytest.mark.parametrize(("wins", "outcome"), [("enable", True), ("disable", False)])
def test_of_concurrent_writes_of_a_flag_one_wins(wins: Any, outcome: bool) -> None:
    here, there = Doc(), Doc()
    here.flag("f", wins=wins).set(False)
    here.flag("f", wins=wins).set(True)
    sync(here, there)
    here.flag("f", wins=wins).enable()
    there.flag("f", wins=wins).disable()
    sync(here, there)
    assert here.flag("f", wins=wins).value is outcome


@pytest.mark.parametrize(
    ("kind", "stays"), [("add-wins", True), ("remove-wins", False), ("last-writer-wins", False), ("two-phase", False)]
)
def test_of_an_addition_and_a_removal_one_wins(kind: SetKind, stays: bool) -> None:
    now = 1_700_000_000_000
    here, there = Doc(now=lambda: now), Doc(now=lambda: now + 10)
    here.set("s", kind=kind).add("x")
    sync(here, there)
    if kind != "two-phase":
        here.set("s", kind=kind).add("x")
    there.set("s", kind=kind).discard("x")
    sync(here, there)
    assert ("x" in here.set("s", kind=kind)) is stays
    assert here.set("s", kind=kind) == there.set("s", kind=kind)


def test_a_set_that_grows_refuses_removals(doc: Doc) -> None:
    seen = doc.set("seen", kind="grow-only")
    seen |= {"a", "b"}
    with pytest.raises(GrowOnlyError):
        seen.remove("a")
    with pytest.raises(GrowOnlyError):
        seen &= {"b"}
    assert seen == {"a", "b"}
    assert seen.kind == "grow-only"


def test_what_was_removed_from_a_two_phase_set_never_comes_back(doc: Doc) -> None:
    gone = doc.set("gone", kind="two-phase")
    gone.add("a")
    gone.discard("a")
    with pytest.raises(RemovedError):
        gone.add("a")
    assert len(gone) == 0


def test_a_map_finds_the_kind_of_its_sets(doc: Doc) -> None:
    doc.set("seen", kind="grow-only").add("a")
    found = doc.map()["seen"]
    assert isinstance(found, Set)
    assert (found.kind, set(found)) == ("grow-only", {"a"})
    with pytest.raises(ValueError, match="no kind of set"):
        doc.set("seen", kind="small")  # type: ignore[arg-type]


def test_a_reset_takes_away_what_it_saw() -> None:
    here, there = Doc(), Doc()
    here.counter("n").increment(5)
    sync(here, there)
    here.counter("n").reset()
    there.counter("n").increment(2)
    sync(here, there)
    assert here.counter("n") == there.counter("n") == 2


def test_a_counter_that_only_grows_refuses_to_shrink(doc: Doc) -> None:
    doc.counter("n").grow(2)
    with pytest.raises(ShrinksError):
        doc.counter("n").grow(-1)
    with pytest.raises(ValueError, match="only grows"):
        doc.counter("n").grow(-1)
    assert doc.counter("n") == 2


def test_folding_changes_no_value() -> None:
    here, there = Doc(), Doc()
    for _ in range(5):
        here.counter("n").increment()
        sync(here, there)  # what nobody has heard of is one step anyhow
    before = here.stats().events
    assert here.fold([]).seq == 0
    assert here.fold([there.version()]).seq > 0
    assert here.counter("n") == 5
    assert here.stats().events < before


def test_a_bounded_counter_never_falls_below_its_bound() -> None:
    here, there = Doc(), Doc()
    seats = here.bounded_counter("seats")
    seats.create(10)
    seats += 5
    assert (seats.value, int(seats), seats.rights()) == (15, 15, 5)
    seats.transfer(there.replica, 2)
    sync(here, there)
    assert there.bounded_counter("seats").rights() == 2
    assert there.bounded_counter("seats").rights(here.replica) == 3
    with pytest.raises(RightsError, match="transfer some") as refusal:
        there.bounded_counter("seats").subtract(3)
    assert (refusal.value.available, refusal.value.asked, refusal.value.code) == (2, 3, "rights")
    there.bounded_counter("seats").subtract(2)
    seats -= 3
    sync(here, there)
    assert seats == there.bounded_counter("seats") == 10
    assert here.to_dict() == {"seats": 10}
    assert isinstance(here.map()["seats"], BoundedCounter)


def test_rights_can_be_adopted() -> None:
    here, successor = Doc(), Doc()
    here.bounded_counter("n").add(4)
    sync(here, successor)
    successor.bounded_counter("n").adopt(here.replica)
    assert successor.bounded_counter("n").rights() == 4
    with pytest.raises(ValueError):
        successor.bounded_counter("n").adopt("nobody")


@pytest.mark.parametrize("amount", [-1, 1 << 63, 1 << 64])
def test_amounts_have_limits(doc: Doc, amount: int) -> None:
    with pytest.raises(AmountError):
        doc.bounded_counter("n").add(amount)
    assert doc.bounded_counter("n") == 0
