"""Values come back as they went in, or are refused with a reason."""

import array
import math
import struct
from collections import OrderedDict, UserDict
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from syncline import Doc, LimitError, Timestamp, Vector

SAME: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2**63 - 1,
    -(2**63),
    2**53 + 1,
    0.5,
    1e308,
    5e-324,
    math.inf,
    -math.inf,
    "",
    "text",
    "naïve 👩‍👩‍👧 e\u0301",
    "\0",
    b"",
    b"\x00\xff",
    [],
    [1, "two", [3.0, None]],
    {},
    {"a": {"b": [True]}, "": 1},
    datetime(2024, 2, 29, 12, 30, 15, 123000, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
    Timestamp(2**50),
    Timestamp(-(2**50)),
    Vector([1.0, -0.0, 2.5]),
    Vector([]),
]


def store(doc: Doc, value: Any) -> Any:
    doc.map()["v"] = value
    return doc.map()["v"]


@pytest.mark.parametrize("value", SAME, ids=repr)
def test_a_value_comes_back_the_same(doc: Doc, value: Any) -> None:
    back = store(doc, value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("value", SAME, ids=repr)
def test_a_value_travels(doc: Doc, value: Any) -> None:
    store(doc, value)
    doc.set("s").add(value)
    other = Doc()
    other.import_(doc.export())
    assert other.map()["v"] == value
    assert list(other.set("s")) == [value]


def test_nan_and_negative_zero(doc: Doc) -> None:
    assert math.isnan(store(doc, math.nan))
    assert math.copysign(1, store(doc, -0.0)) == -1
    assert type(store(doc, 1.0)) is float
    assert type(store(doc, 1)) is int
    assert store(doc, True) is True


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**100])
def test_huge_ints_overflow(doc: Doc, number: int) -> None:
    with pytest.raises(OverflowError, match="64 bits"):
        store(doc, number)
    with pytest.raises(OverflowError):
        doc.set("s").add([number])
    with pytest.raises(OverflowError):
        doc.counter("n").increment(number)


def test_an_instant_is_kept_in_utc_to_the_millisecond(doc: Doc) -> None:
    instant = datetime(2024, 1, 1, 12, 0, 0, 123999, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    back = store(doc, instant)
    assert back == datetime(2024, 1, 1, 6, 30, 0, 123000, tzinfo=UTC)
    assert back.utcoffset() == timedelta(0)


def test_a_naive_datetime_is_refused(doc: Doc) -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        store(doc, datetime(2024, 1, 1))


def test_an_instant_out_of_range_is_refused(doc: Doc) -> None:
    with pytest.raises(LimitError, match="out of range"):
        store(doc, Timestamp(2**50 + 1))


def test_far_instants_are_comparable_and_readable(doc: Doc) -> None:
    assert Timestamp(2**50) == Timestamp(2**50)
    assert hash(Timestamp(5)) == hash(Timestamp(5))
    assert Timestamp(5) != Timestamp(6)
    assert repr(Timestamp(5)) == "Timestamp(5)"
    assert store(doc, Timestamp(5_000)) == datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "numbers",
    [
        array.array("f", [1.5, 2.5, -3.0]),
        np.array([1.5, 2.5, -3.0], dtype=np.float32),
        np.array([1.5, 0, 2.5, 0, -3.0, 0], dtype=np.float32)[::2],
        memoryview(array.array("f", [1.5, 2.5, -3.0])),
        Vector([1.5, 2.5, -3.0]),
    ],
    ids=["array", "numpy", "strided", "memoryview", "Vector"],
)
def test_float32_arrays_become_vectors(doc: Doc, numbers: Any) -> None:
    vector = store(doc, numbers)
    assert isinstance(vector, Vector)
    assert vector.tolist() == [1.5, 2.5, -3.0]


def test_a_vector_is_read_without_a_copy(doc: Doc) -> None:
    vector = store(doc, np.arange(1000, dtype=np.float32))
    one = np.frombuffer(vector, dtype=np.float32)
    two = np.asarray(memoryview(vector))
    assert one.dtype == two.dtype == np.float32
    assert one.ctypes.data == two.ctypes.data
    assert not one.flags.writeable
    assert one.sum() == 499_500
    view = memoryview(vector)
    assert (view.format, view.shape, view.strides, view.readonly, view.nbytes) == ("f", (1000,), (4,), True, 4000)
    assert bytes(view[1:2]) == struct.pack("f", 1.0)


def test_a_view_outlives_the_vector(doc: Doc) -> None:
    view = memoryview(store(doc, array.array("f", [7.0])))
    doc.map().clear()
    assert view.tolist() == [7.0]


def test_an_empty_vector_has_a_buffer() -> None:
    assert memoryview(Vector([])).tolist() == []
    assert np.frombuffer(memoryview(Vector(np.zeros(1, np.float32))), np.float32).tolist() == [0]


def test_a_vector_is_a_sequence() -> None:
    vector = Vector([1.0, 2.0, 3.0, 4.0])
    assert len(vector) == 4
    assert list(vector) == [1.0, 2.0, 3.0, 4.0]
    assert (vector[0], vector[-1]) == (1.0, 4.0)
    assert vector[1:3] == Vector([2.0, 3.0])
    assert vector[::-2].tolist() == [4.0, 2.0]
    assert 3.0 in vector
    with pytest.raises(IndexError):
        vector[4]
    with pytest.raises(IndexError):
        vector[-5]
    with pytest.raises(TypeError):
        vector["0"]  # type: ignore[call-overload]


def test_vectors_are_equal_if_their_bits_are() -> None:
    assert Vector([1.0]) == Vector([1.0]) == array.array("f", [1.0])
    assert Vector([1.0]) != Vector([1.0, 2.0])
    assert Vector([0.0]) != Vector([-0.0])
    assert Vector([1.0]) != [1.0]
    assert hash(Vector([1.0])) == hash(Vector([1.0]))
    assert repr(Vector(range(9))) == "Vector([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, ...], len=9)"


def test_bytes_like_objects_become_bytes(doc: Doc) -> None:
    assert store(doc, bytearray(b"ab")) == b"ab"
    assert store(doc, memoryview(b"ab")) == b"ab"
    assert store(doc, np.array([1, 2], dtype=np.uint8)) == b"\x01\x02"


def test_numpy_scalars(doc: Doc) -> None:
    assert store(doc, np.int32(5)) == 5
    assert store(doc, np.float64(1.5)) == 1.5
    assert store(doc, np.float32(1.5)) == 1.5
    assert store(doc, np.bool_(True)) is True
    with pytest.raises(OverflowError):
        store(doc, np.uint64(2**63))


def test_other_sequences_and_mappings(doc: Doc) -> None:
    assert store(doc, (1, (2,))) == [1, [2]]
    assert store(doc, OrderedDict(b=1, a=2)) == {"a": 2, "b": 1}
    assert store(doc, UserDict(a=1)) == {"a": 1}


class Text(str):
    pass


class Number(int):
    pass


def test_subclasses_are_stored_as_their_base(doc: Doc) -> None:
    assert type(store(doc, Text("x"))) is str
    assert type(store(doc, Number(5))) is int


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (object(), "object cannot be stored"),
        ({1, 2}, "set cannot be stored"),
        (1j, "complex cannot be stored"),
        (date(2024, 1, 1), "date cannot be stored"),
        (Doc, "type cannot be stored"),
        ({1: 2}, "str keys, not int"),
        (np.zeros(3), "astype"),
        (np.zeros((2, 2), np.float32), "ravel"),
        (array.array("i", [1]), "format"),
    ],
)
def test_other_objects_are_refused_with_a_hint(doc: Doc, value: Any, hint: str) -> None:
    with pytest.raises(TypeError, match=hint):
        store(doc, value)
    assert doc.to_dict() == {}


def test_deep_and_circular_values_are_refused(doc: Doc) -> None:
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(ValueError, match="64 levels"):
        store(doc, deep)
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="contains itself"):
        store(doc, circle)


def test_lone_surrogates_are_refused(doc: Doc) -> None:
    with pytest.raises(UnicodeEncodeError):
        store(doc, "\ud800")
    with pytest.raises(UnicodeEncodeError):
        doc.map()["\ud800"] = 1


def test_a_value_that_is_too_large_is_refused(doc: Doc) -> None:
    with pytest.raises(LimitError, match="at most"):
        store(doc, b"x" * (16 * 1024 * 1024 + 1))
    assert doc.version_entries() == {} or doc.to_dict() == {}
