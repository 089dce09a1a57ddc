"""Syncline: documents that several programs change at once, online or not.

>>> import syncline
>>> doc = syncline.Doc()
>>> cards = doc.map("cards")
>>> cards["c1"] = {"title": "Write the manual"}
>>> doc.set("tags").add("urgent")
<Write seq=2>
>>> with doc.transaction():
...     doc.counter("votes").increment()
...     doc.text("notes").insert(0, "Hello")
<Write open>
<Write open>
>>> doc.to_dict()["votes"]
1

``syncline.aio`` connects a document to a relay from asyncio, ``syncline.client`` from blocking code, and
``syncline.storage`` keeps it in a local file.
"""

from __future__ import annotations

from ._syncline import VERSION, Timestamp, Vector
from .container import Container, Write
from .doc import Doc, Transaction
from .errors import (
    AckTimeoutError,
    BlobError,
    BrokenReplicaError,
    ClosedError,
    CorruptJournalError,
    EditError,
    GapError,
    InvalidPathError,
    JournalLockedError,
    LimitError,
    OutOfRangeError,
    RelayError,
    StorageError,
    SynclineError,
    TransactionError,
)
from .mapping import Map
from .scalars import Counter, Register
from .sets import Set
from .text import Text
from .types import ABSENT, Absent, AckLevel, ChangeEvent, ImportReport, Origin, Splice, Stats, Status, Value

__version__: str = VERSION

__all__ = [
    "ABSENT",
    "Absent",
    "AckLevel",
    "AckTimeoutError",
    "BlobError",
    "BrokenReplicaError",
    "ChangeEvent",
    "ClosedError",
    "Container",
    "CorruptJournalError",
    "Counter",
    "Doc",
    "EditError",
    "GapError",
    "ImportReport",
    "InvalidPathError",
    "JournalLockedError",
    "LimitError",
    "Map",
    "Origin",
    "OutOfRangeError",
    "Register",
    "RelayError",
    "Set",
    "Splice",
    "Stats",
    "Status",
    "StorageError",
    "SynclineError",
    "Text",
    "Timestamp",
    "Transaction",
    "TransactionError",
    "Value",
    "Vector",
    "Write",
]
