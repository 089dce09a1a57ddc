"""Plain JSON and CBOR come in and go out; sizes are told."""

import json

import pytest

from syncline import DataError, Doc, InvalidPathError, LimitError, Vector


def test_json_goes_in_and_out(doc: Doc) -> None:
    data = {"a": {"b": [1, 2.5, None]}, "raw": {"$bytes": "AP8="}, "v": {"$vector": [0.5]}}
    assert doc.import_json(json.dumps(data)).seq > 0
    assert doc.map("a")["b"] == [1, 2.5, None]
    assert doc.map()["raw"] == b"\x00\xff"
    assert doc.map()["v"] == Vector([0.5])
    found = doc.to_json()
    assert found is not None
    assert json.loads(found) == data
    assert doc.to_json("a", "b") == "[1,2.5,null]"
    assert doc.to_json("nothing") is None
    assert Doc().to_json() == "{}"


def test_cbor_goes_in_and_out(doc: Doc) -> None:
    doc.map("a")["b"] = [1, b"x", "y"]
    data = doc.to_cbor()
    assert data == b"\xa1aa\xa1ab\x83\x01Axay"
    other = Doc()
    other.import_cbor(data, path=["copy"])
    assert other.to_dict() == {"copy": {"a": {"b": [1, b"x", "y"]}}}
    assert other.to_cbor("nothing") is None


def test_objects_merge(doc: Doc) -> None:
    doc.map("a")["x"] = 1
    doc.import_json('{"a": {"y": 2}}')
    doc.import_json("3", path=["a", "z"])
    assert doc.to_dict() == {"a": {"x": 1, "y": 2, "z": 3}}


def test_refusals_name_the_place_and_change_nothing(doc: Doc) -> None:
    with pytest.raises(DataError, match="line 2, column 10") as refusal:
        doc.import_json('{"a": 1,\n "b": tru}')
    assert (refusal.value.line, refusal.value.column, refusal.value.offset) == (2, 10, None)
    with pytest.raises(DataError) as refusal:
        doc.import_cbor(bytes.fromhex("a161618201"))
    assert (refusal.value.line, refusal.value.offset) == (None, 4)
    with pytest.raises(LimitError, match="late"):
        doc.import_json('{"early": 1, "late": {"$timestamp": 1152921504606846976}}')
    with pytest.raises(InvalidPathError, match="the root of a document is a map"):
        doc.import_json("[1]")
    assert doc.to_dict() == {}


def test_memory_grows_with_the_document(doc: Doc) -> None:
    before = doc.memory().total
    doc.map()["a"] = bytes(1000)
    assert doc.memory().total > before + 1000
    assert doc.memory().values > 1000
