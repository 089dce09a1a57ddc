"""Two documents are brought together, whatever they have forgotten of each other."""

import doctest
from pathlib import Path

import pytest

import syncline.reconcile
from syncline import BlobError, Doc, Finding, ReconcileError, ReconcileOutcome, TransactionError
from syncline.storage import persist

MS = 1_700_000_000_000
REPLICA = "018bcfe5680000000000000000000a01"


def reconcile(one: Doc, two: Doc) -> tuple[ReconcileOutcome, ReconcileOutcome]:
    """Lets two documents reconcile; the first opens."""
    opening, answering = sides = one.reconcile(), two.reconcile()
    message: bytes | None = opening.open()
    turn = 1
    while message is not None:
        message = sides[turn].handle(message)
        turn = 1 - turn
    assert opening.is_done
    assert answering.is_done
    return opening.outcome, answering.outcome


def filled(keys: int) -> Doc:
    doc = Doc()
    for key in range(keys):
        doc.map()[str(key)] = key
    return doc


@pytest.fixture
def pruned() -> tuple[Doc, Doc]:
    """Two documents of which one has deleted and forgotten that it did."""
    ada, bob = filled(50), Doc()
    bob.import_(ada.export())
    del ada.map()["7"]
    assert ada.prune() == 1
    assert ada.prune(ada.version()) == 0
    bob.map()["new"] = True
    bob.text("notes").insert(0, "hello")
    return ada, bob


def test_deletions_whose_records_were_pruned_are_found(pruned: tuple[Doc, Doc]) -> None:
    ada, bob = pruned
    changes: list[tuple[str, ...]] = []
    bob.subscribe(lambda change: changes.append(change.path))
    outcomes = reconcile(ada, bob)
    assert "7" not in bob.map()
    assert ada.export() == bob.export()
    assert outcomes == (ReconcileOutcome(applied=2), ReconcileOutcome(applied=1, dropped=1))
    assert changes == [("7",)]
    assert reconcile(bob, ada) == (ReconcileOutcome(), ReconcileOutcome())


@pytest.mark.parametrize("opens", [True, False])
def test_an_emptied_peer_deletes_nothing(opens: bool) -> None:
    ada, emptied = filled(50), Doc()
    del ada.map()["7"]
    ada.prune()
    reconcile(*((emptied, ada) if opens else (ada, emptied)))
    assert len(ada.map()) == 49
    assert emptied.digest() == ada.digest()


def test_a_damaged_message_ends_the_session_and_changes_nothing(pruned: tuple[Doc, Doc]) -> None:
    ada, bob = pruned
    before = ada.save(), bob.save()
    message = ada.reconcile().open()
    for damaged in (b"", message[:9], b"c" + message[1:]):
        session = bob.reconcile()
        with pytest.raises(ReconcileError) as refusal:
            session.handle(damaged)
        assert refusal.value.code == "invalid_message"
        assert not session.is_done
        with pytest.raises(ReconcileError) as refusal:
            session.handle(message)
        assert refusal.value.code == "out_of_turn"
    opening = ada.reconcile()
    opening.open()
    with pytest.raises(RuntimeError, match="begun already"):
        opening.open()
    with pytest.raises(ReconcileError) as refusal:
        opening.handle(message)
    assert refusal.value.code == "out_of_turn"
    assert (ada.save(), bob.save()) == before
    with pytest.raises(BlobError):
        ada.prune(b"\xff")


def test_a_document_that_changes_meanwhile_is_noticed(pruned: tuple[Doc, Doc]) -> None:
    ada, bob = pruned
    opening, answering = ada.reconcile(), bob.reconcile()
    answer = answering.handle(opening.open())
    assert answer is not None
    ada.map()["meanwhile"] = 1
    with pytest.raises(ReconcileError) as refusal:
        opening.handle(answer)
    assert refusal.value.code == "document_changed"
    reconcile(bob, ada)
    assert ada.digest() == bob.digest()
    assert bob.map()["meanwhile"] == 1
    assert "7" not in bob.map()


def test_inside_a_transaction_it_is_refused(pruned: tuple[Doc, Doc]) -> None:
    ada, bob = pruned
    opening, answering = ada.reconcile(), bob.reconcile()
    message = opening.open()
    with bob.transaction(), pytest.raises(TransactionError):
        answering.handle(message)
    assert answering.handle(message) is not None


def test_what_was_dropped_is_gone_from_the_journal_as_well(pruned: tuple[Doc, Doc], tmp_path: Path) -> None:
    ada, bob = pruned
    with persist(bob, tmp_path / "b"):
        reconcile(bob, ada)
    again = Doc()
    with persist(again, tmp_path / "b"):
        assert again.digest() == ada.digest()


def test_an_audit_mends_what_differs_under_one_name(tmp_path: Path) -> None:
    docs = Doc(replica=REPLICA, now=lambda: MS), Doc(replica=REPLICA, now=lambda: MS)
    for doc, value in zip(docs, ("one", "two"), strict=True):
        for key in range(20):
            doc.map()[str(key)] = value if key == 5 else key
    one, two = docs
    assert one.version() == two.version()
    changes: list[tuple[object, object]] = []
    with persist(one, tmp_path / "one"):
        one.subscribe(lambda change: changes.append((change.old, change.new)))
        outcomes = reconcile(one, two)
    assert one.export() == two.export()
    taken, kept = (Finding(("5",), REPLICA, 6, "differs", action) for action in ("taken", "kept"))
    assert outcomes == (ReconcileOutcome(findings=(taken,)), ReconcileOutcome(findings=(kept,)))
    assert changes == [("one", "two")]
    again = Doc()
    with persist(again, tmp_path / "one"):
        assert again.digest() == one.digest()


def test_the_example_works() -> None:
    assert doctest.testmod(syncline.reconcile).failed == 0
