"""Documents exchange bytes, and tell what they hold."""

import pytest

from syncline import BlobError, Doc, GapError, ImportReport, SynclineError


def test_equal_documents_give_equal_bytes() -> None:
    here, there = Doc(), Doc()
    here.map()["a"] = 1
    there.map()["b"] = 2
    here.import_(there.export())
    there.import_(here.export())
    assert here.export() == there.export()
    assert here.digest() == there.digest()
    assert len(here.digest()) == 32


def test_fixed_ids_and_clocks_give_fixed_bytes() -> None:
    def make() -> Doc:
        doc = Doc(replica="01" * 16, now=lambda: 1_700_000_000_000)
        doc.map()["a"] = 1
        doc.text("t").insert(0, "x")
        return doc

    assert make().export() == make().export()


def test_only_what_is_missing_travels(doc: Doc) -> None:
    other = Doc()
    for number in range(1000):
        doc.map("m")[str(number)] = number
    other.import_(doc.export())
    doc.map("m")["new"] = True
    delta = doc.export(since=other.version())
    assert len(delta) < 150 < len(doc.export())
    assert other.import_(delta) == ImportReport(applied=1)
    assert other.import_(delta) == ImportReport(applied=0)
    assert other.to_dict() == doc.to_dict()


def test_versions_count_the_changes_of_each_replica(doc: Doc) -> None:
    other = Doc()
    doc.map()["a"] = 1
    doc.map()["b"] = 1
    other.import_(doc.export())
    other.map()["c"] = 1
    assert other.version_entries() == {doc.replica: 2, other.replica: 1}


def test_deletes_leave_little_behind(doc: Doc) -> None:
    doc.map("m").update({str(number): number for number in range(1000)})
    doc.map("m").delete()
    assert len(doc.export()) < 150
    assert doc.stats().leaves == 0


def test_a_saved_document_can_go_on_telling_of_deletes(doc: Doc) -> None:
    doc.map()["a"] = 1
    other = Doc()
    other.import_(doc.export())
    del doc.map()["a"]
    again = Doc()
    again.import_(doc.save())
    other.import_(again.export(since=other.version()))
    assert other.to_dict() == {}


def test_stats_tell_sizes(doc: Doc) -> None:
    doc.map().update({"a": 1, "b": 2})
    del doc.map()["a"]
    stats = doc.stats()
    assert (stats.replicas, stats.leaves, stats.events, stats.deletes) == (1, 1, 2 - 1, 1)


def test_a_delta_that_comes_too_early_is_refused(doc: Doc) -> None:
    doc.map()["a"] = 1
    since = doc.version()
    doc.map()["b"] = 2
    with pytest.raises(GapError, match="missing"):
        Doc().import_(doc.export(since=since))


def test_damaged_bytes_are_refused(doc: Doc) -> None:
    doc.map().update({str(number): number for number in range(50)})
    blob = doc.export()
    other = Doc()
    for bad in (b"", b"x", b"hello world, this is no blob", blob[:-1], blob + b"x", bytes([blob[0] ^ 1]) + blob[1:]):
        with pytest.raises(BlobError):
            other.import_(bad)
    for position in range(0, len(blob), 7):
        damaged = bytearray(blob)
        damaged[position] ^= 0x10
        with pytest.raises(SynclineError):
            other.import_(bytes(damaged))
    assert other.to_dict() == {}
    with pytest.raises(BlobError, match="version"):
        doc.export(since=b"no version")


def test_ids_are_checked() -> None:
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        Doc(replica="x")
    assert Doc().replica != Doc().replica
    assert repr(Doc(replica="ab" * 16)) == f"<Doc {'ab' * 16}, 0 keys>"


def test_a_chain_of_replicas_converges() -> None:
    docs = [Doc() for _ in range(5)]
    for number, doc in enumerate(docs):
        doc.map("shared", "child")[f"k{number}"] = number
        doc.set("tags").add(number % 2)
        doc.counter("n").increment()
    for one, other in [*zip(docs, docs[1:], strict=False), *zip(docs[::-1], docs[-2::-1], strict=False)]:
        other.import_(one.export(since=other.version()))
    assert len({doc.digest() for doc in docs}) == 1
    assert docs[2].to_dict() == {"n": 5, "shared": {"child": {f"k{n}": n for n in range(5)}}, "tags": [0, 1]}
