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
from .bounded import BoundedCounter
from .container import Container, Write
from .doc import Doc
from .errors import (
    AckTimeoutError,
    AmountError,
    AttributesError,
    BlobError,
    BrokenReplicaError,
    ClosedError,
    CorruptJournalError,
    DataError,
    DecisionError,
    EditError,
    GapError,
    GrowOnlyError,
    InvalidPathError,
    JournalLockedError,
    LimitError,
    OutOfRangeError,
    ReconcileError,
    RelayError,
    RemovedError,
    ResolveError,
    RightsError,
    ShrinksError,
    StorageError,
    StreamError,
    SynclineError,
    TransactionError,
    VersionError,
)
from .flags import Flag
from .lists import List
from .mapping import Map
from .policies import Conflict, Custom, Policy, Resolution, Sibling, SourcePriority
from .reconcile import Finding, ReconcileOutcome, ReconcileSession
from .scalars import Counter, Register
from .sets import Set, SetKind
from .streams import CatchUp, ChangeStream, Lagged, NetChange
from .text import Text
from .transaction import Transaction
from .types import (
    ABSENT,
    Absent,
    AckLevel,
    ChangeEvent,
    ImportReport,
    Memory,
    Origin,
    Renewal,
    Run,
    Splice,
    Stats,
    Status,
    Value,
)
from .undo import UndoManager

__version__: str = VERSION

__all__ = [
    "ABSENT",
    "Absent",
    "AckLevel",
    "AckTimeoutError",
    "AmountError",
    "AttributesError",
    "BlobError",
    "BoundedCounter",
    "BrokenReplicaError",
    "CatchUp",
    "ChangeEvent",
    "ChangeStream",
    "ClosedError",
    "Conflict",
    "Container",
    "CorruptJournalError",
    "Counter",
    "Custom",
    "DataError",
    "DecisionError",
    "Doc",
    "EditError",
    "Finding",
    "Flag",
    "GapError",
    "GrowOnlyError",
    "ImportReport",
    "InvalidPathError",
    "JournalLockedError",
    "Lagged",
    "LimitError",
    "List",
    "Map",
    "Memory",
    "NetChange",
    "Origin",
    "OutOfRangeError",
    "Policy",
    "ReconcileError",
    "ReconcileOutcome",
    "ReconcileSession",
    "Register",
    "RelayError",
    "Renewal",
    "RemovedError",
    "Resolution",
    "ResolveError",
    "RightsError",
    "Run",
    "Set",
    "SetKind",
    "ShrinksError",
    "Sibling",
    "SourcePriority",
    "Splice",
    "Stats",
    "Status",
    "StorageError",
    "StreamError",
    "SynclineError",
    "Text",
    "Timestamp",
    "Transaction",
    "TransactionError",
    "UndoManager",
    "Value",
    "Vector",
    "VersionError",
    "Write",
]
