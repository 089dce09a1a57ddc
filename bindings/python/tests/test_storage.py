"""A document in a file survives crashes, and says so when it does not."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from syncline import CorruptJournalError, Doc, JournalLockedError, StorageError, TransactionError, storage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "board.journal"


def content(path: Path) -> dict[str, Any]:
    doc = Doc()
    with storage.persist(doc, path):
        return doc.to_dict()


def write(path: Path, **values: Any) -> None:
    doc = Doc()
    with storage.persist(doc, path):
        for key, value in values.items():
            doc.map()[key] = value


def test_what_was_written_is_there_again(path: Path) -> None:
    doc = Doc()
    with storage.persist(doc, path) as store:
        doc.map("m")["a"] = 1
        doc.set("s").add("x")
        doc.counter("n").increment(3)
        doc.text("t").insert(0, "héllo 😀")
        del doc.map("m")["a"]
        assert store.path == path
    again = Doc()
    with storage.persist(again, path):
        assert again.to_dict() == {"n": 3, "s": ["x"], "t": "héllo 😀"}
        assert again.digest() == doc.digest()
        again.counter("n").increment()
    assert content(path)["n"] == 4


def test_imports_are_kept_too(path: Path) -> None:
    other = Doc()
    other.map()["a"] = 1
    doc = Doc()
    with storage.persist(doc, path):
        doc.import_(other.export())
    assert content(path) == {"a": 1}


def test_what_was_in_the_document_before_is_kept(path: Path) -> None:
    write(path, a=1)
    doc = Doc()
    doc.map()["b"] = 2
    with storage.persist(doc, path):
        assert doc.to_dict() == {"a": 1, "b": 2}
    assert content(path) == {"a": 1, "b": 2}


def test_subscribers_hear_of_what_is_loaded(path: Path) -> None:
    write(path, a=1)
    doc, seen = Doc(), []
    doc.subscribe(lambda event: seen.append(event.path))
    with storage.persist(doc, path):
        assert seen == [("a",)]


def test_rolled_back_changes_are_not_written(path: Path) -> None:
    doc = Doc()
    with storage.persist(doc, path) as store:
        size = store.size
        with pytest.raises(ZeroDivisionError), doc.transaction():
            doc.map()["a"] = 1
            _ = 1 // 0
        store.flush()
        assert store.size == size
        doc.map()["b"] = 1
    assert content(path) == {"b": 1}


def test_every_length_of_a_torn_tail_is_cut(path: Path) -> None:
    write(path, a=1)
    intact = path.read_bytes()
    write(path, b=2)
    whole = path.read_bytes()
    assert len(whole) > len(intact)
    for end in range(len(intact) + 1, len(whole)):
        path.write_bytes(whole[:end])
        doc = Doc()
        with storage.persist(doc, path) as store:
            assert doc.to_dict() == {"a": 1}
            assert store.lost == end - len(intact)
        assert path.read_bytes() == intact


def test_a_tail_of_zeros_is_cut(path: Path) -> None:
    write(path, a=1)
    path.write_bytes(path.read_bytes() + bytes(5000))
    assert content(path) == {"a": 1}


def test_a_header_that_was_cut_short_is_written_again(path: Path) -> None:
    write(path)
    header = path.read_bytes()
    for end in range(len(header) + 1):
        path.write_bytes(header[:end])
        write(path, a=1)
        assert content(path) == {"a": 1}


def test_damage_before_intact_entries_is_reported(path: Path) -> None:
    write(path, a=1)
    first = len(path.read_bytes())
    write(path, b=2)
    write(path, c=3)
    whole = path.read_bytes()
    for position in range(first, first + 20):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        with pytest.raises(CorruptJournalError, match=f"damaged at byte {first}.*repair=True"):
            storage.persist(Doc(), path)
        assert path.read_bytes() == bytes(damaged), "a refused file is left alone"


def test_repair_sets_the_damaged_part_aside(path: Path) -> None:
    write(path, a=1)
    first = len(path.read_bytes())
    write(path, b=2)
    write(path, c=3)
    damaged = bytearray(path.read_bytes())
    damaged[first + 15] ^= 0xFF
    path.write_bytes(damaged)
    doc = Doc()
    with storage.persist(doc, path, repair=True):
        assert doc.to_dict() == {"a": 1}
    assert path.with_name("board.journal.damaged").read_bytes() == bytes(damaged[first:])
    assert content(path) == {"a": 1}


def test_repair_of_a_sound_file_changes_nothing(path: Path) -> None:
    write(path, a=1)
    before = path.read_bytes()
    with storage.persist(Doc(), path, repair=True):
        pass
    assert path.read_bytes() == before
    assert not path.with_name("board.journal.damaged").exists()


def test_another_file_is_not_taken_for_a_journal(path: Path) -> None:
    path.write_text("Dear diary, today I wrote something else.")
    with pytest.raises(CorruptJournalError, match="not a Syncline journal"):
        storage.persist(Doc(), path)
    assert path.read_text().startswith("Dear diary")


def test_compaction_keeps_the_content_and_shrinks_the_file(path: Path) -> None:
    doc = Doc()
    with storage.persist(doc, path) as store:
        for number in range(500):
            doc.map()["n"] = number
        grown = store.size
        store.compact()
        assert store.size < grown / 10
        doc.map()["after"] = True
    assert content(path) == {"n": 499, "after": True}
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["board.journal", "board.journal.lock"]


def test_flush_compacts_a_journal_that_has_grown(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "COMPACT_BYTES", 4096)
    doc = Doc()
    largest = 0
    with storage.persist(doc, path) as store:
        for number in range(1000):
            doc.map()["n"] = number
            if number % 10 == 0:
                store.flush()
            largest = max(largest, store.size)
    assert largest < 8192
    assert content(path) == {"n": 999}


def test_a_crash_during_compaction_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    doc = Doc()
    store = storage.persist(doc, path)
    doc.map()["a"] = 1

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(StorageError, match="cannot compact.*disk full"):
        store.compact()
    monkeypatch.undo()
    path.with_name("board.journal.new").write_bytes(b"half a file")
    store.close()
    assert content(path) == {"a": 1}
    assert not path.with_name("board.journal.new").exists()


def test_a_failed_write_is_reported_by_flush_and_healed_by_compact(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    doc = Doc()
    with storage.persist(doc, path) as store:
        doc.map()["a"] = 1
        broken = store._file

        def fail(entry: bytes) -> None:
            raise OSError("disk full")

        monkeypatch.setattr(broken, "append", fail)
        doc.map()["b"] = 2
        assert doc.to_dict() == {"a": 1, "b": 2}
        with pytest.raises(StorageError, match="make room and call compact"):
            store.flush()
        store.compact()
        store.flush()
        doc.map()["c"] = 3
    assert content(path) == {"a": 1, "b": 2, "c": 3}


def test_two_documents_cannot_share_a_file(path: Path) -> None:
    with storage.persist(Doc(), path), pytest.raises(JournalLockedError, match="in use by another document"):
        storage.persist(Doc(), path)
    with storage.persist(Doc(), path):
        pass


def test_two_processes_cannot_share_a_file(path: Path) -> None:
    code = "import sys, syncline.storage as s, syncline; s.persist(syncline.Doc(), sys.argv[1])"
    with storage.persist(Doc(), path):
        other = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert other.returncode == 1
    assert "JournalLockedError" in other.stderr


def test_a_killed_process_leaves_its_changes_and_no_lock(path: Path) -> None:
    code = (
        "import os, signal, sys, syncline, syncline.storage as s\n"
        "doc = syncline.Doc()\n"
        "store = s.persist(doc, sys.argv[1])\n"
        "for n in range(100): doc.map()[str(n)] = n\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert len(content(path)) == 100


def test_a_document_has_one_journal(path: Path, tmp_path: Path) -> None:
    doc = Doc()
    with storage.persist(doc, path), pytest.raises(StorageError, match="has a journal already"):
        storage.persist(doc, tmp_path / "other")
    with storage.persist(doc, tmp_path / "other"):
        pass


def test_use_after_close_is_refused(path: Path) -> None:
    doc = Doc()
    store = storage.persist(doc, path)
    store.close()
    store.close()
    doc.map()["a"] = 1
    for use in (store.flush, store.compact):
        with pytest.raises(StorageError, match="is closed"):
            use()
    assert content(path) == {}


def test_loading_and_compacting_wait_for_the_end_of_a_transaction(path: Path) -> None:
    doc = Doc()
    with pytest.raises(TransactionError), doc.transaction():
        storage.persist(doc, path)
    with storage.persist(doc, path) as store, pytest.raises(TransactionError), doc.transaction():
        store.compact()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="does its folder exist"):
        storage.persist(Doc(), tmp_path / "no" / "such" / "file")
