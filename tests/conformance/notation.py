"""How vector files write values that JSON has no form for; the table is in tests/src/notation.rs."""

import base64
import math
import struct
from datetime import datetime, timedelta, timezone
from typing import Any, Optional

import syncline

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def read(json: Any) -> Any:
    """Reads a value from its notation."""
    if isinstance(json, list):
        return [read(item) for item in json]
    if not isinstance(json, dict):
        return json
    if len(json) == 1:
        ((tag, inner),) = json.items()
        if tag in TAGS:
            return TAGS[tag](inner)
    return {key: read(item) for key, item in json.items()}


def difference(expected: Any, found: Any, place: str = "value") -> Optional[str]:
    """Names the first difference; types, NaN and the sign of zero count."""
    wrong = f"{place}: expected {expected!r}, found {found!r}"
    if type(expected) is not type(found):
        return wrong
    if isinstance(expected, dict):
        if expected.keys() != found.keys():
            return wrong
        return first(difference(expected[key], found[key], f"{place}.{key}") for key in expected)
    if isinstance(expected, list):
        if len(expected) != len(found):
            return wrong
        return first(difference(one, two, f"{place}[{i}]") for i, (one, two) in enumerate(zip(expected, found)))
    if isinstance(expected, float):
        same = struct.pack(">d", expected) == struct.pack(">d", found) or (math.isnan(expected) and math.isnan(found))
        return None if same else wrong
    return None if expected == found else wrong


def first(problems: Any) -> Optional[str]:
    """The first that is not None."""
    return next((problem for problem in problems if problem), None)


def _vector(items: list[Any]) -> Any:
    return syncline.Vector([float(read(item)) for item in items])


TAGS = {
    "$bytes": lambda text: base64.b64decode(text),
    "$timestamp": lambda ms: EPOCH + timedelta(milliseconds=ms),
    "$int": int,
    "$float": float,
    "$vector": _vector,
}
