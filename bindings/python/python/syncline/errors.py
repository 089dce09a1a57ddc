"""The exceptions of Syncline.

Each has a stable ``code`` for programs and a message for people that says what to do. Where Python has a built-in
exception for the same mistake, the class also derives from it, so ``except IndexError`` and ``except TimeoutError``
work as usual.
"""

from __future__ import annotations

__all__ = [
    "AckTimeoutError",
    "AmountError",
    "AttributesError",
    "BlobError",
    "BrokenReplicaError",
    "ClosedError",
    "CorruptJournalError",
    "DataError",
    "DecisionError",
    "EditError",
    "GapError",
    "GrowOnlyError",
    "InvalidPathError",
    "JournalLockedError",
    "LimitError",
    "OutOfRangeError",
    "ReconcileError",
    "RelayError",
    "RemovedError",
    "ResolveError",
    "RightsError",
    "ShrinksError",
    "StorageError",
    "StreamError",
    "SynclineError",
    "TransactionError",
    "VersionError",
]


class SynclineError(Exception):
    """The base of all exceptions of this package."""

    code = "syncline"


class EditError(SynclineError):
    """A change cannot be made."""

    code = "edit"


class InvalidPathError(EditError, ValueError):
    """A path or a key is too long, too deep, or not allowed for this change."""

    code = "invalid_path"


class LimitError(EditError, ValueError):
    """A value, text or transaction is larger than a document can hold."""

    code = "limit"


class OutOfRangeError(EditError, IndexError):
    """A position lies outside the text, or a number outside what can be counted."""

    code = "out_of_range"


class AttributesError(EditError, ValueError):
    """Attributes of a text are not names with scalars, or too many or too long."""

    code = "attributes"


class GrowOnlyError(EditError):
    """Something was to be removed from a set that only grows."""

    code = "grow_only"


class RemovedError(EditError):
    """An element was to be added again to a two-phase set, from which it was removed for good."""

    code = "removed"


class ShrinksError(EditError, ValueError):
    """A counter that only grows was to count down."""

    code = "shrinks"


class AmountError(EditError, ValueError):
    """An amount is negative, or more than a bounded counter can hold."""

    code = "amount"


class RightsError(EditError):
    """This replica may take ``available`` from a bounded counter, not the ``asked`` amount."""

    code = "rights"

    def __init__(self, message: str, available: int = 0, asked: int = 0) -> None:
        super().__init__(message)
        self.available = available
        self.asked = asked


class TransactionError(EditError, RuntimeError):
    """A transaction was used in a way that its rules do not allow."""

    code = "transaction"


class BlobError(SynclineError, ValueError):
    """Bytes are not a version or a blob made by Syncline, or were damaged on the way."""

    code = "blob"


class GapError(BlobError):
    """A blob holds changes whose predecessors are missing here: import those first, or ask for a full export."""

    code = "gap"


class DataError(SynclineError, ValueError):
    """Text is not JSON, or bytes are not CBOR: at ``line`` and ``column``, or at the byte ``offset``."""

    code = "data"

    def __init__(
        self, message: str, line: int | None = None, column: int | None = None, offset: int | None = None
    ) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.offset = offset


class ResolveError(SynclineError):
    """A policy cannot be applied; ``code`` says why: ``unknown_source``, ``no_resolver`` or ``resolver_choice``."""

    code = "resolve"

    def __init__(self, message: str, code: str = "resolve") -> None:
        super().__init__(message)
        self.code = code


class DecisionError(SynclineError, ValueError):
    """A decision of :mod:`syncline.tools` cannot be made; ``code`` says why, as in the other languages."""

    code = "decision"

    def __init__(self, message: str, code: str = "decision") -> None:
        super().__init__(message)
        self.code = code


class ReconcileError(SynclineError):
    """A reconciliation cannot go on, and the document is as it was; ``code`` says why, as in the other languages.

    ``invalid_message``, ``out_of_turn``, ``document_changed``, ``refused_delta``, ``contradiction``, ``damaged``,
    ``too_many_replicas``.
    """

    code = "reconcile"

    def __init__(self, message: str, code: str = "reconcile") -> None:
        super().__init__(message)
        self.code = code


class StreamError(SynclineError, RuntimeError):
    """The stream was closed."""

    code = "stream"


class VersionError(SynclineError, LookupError):
    """A version is neither the present one nor that of a checkpoint that is still kept."""

    code = "version"


class RelayError(SynclineError):
    """The relay refused something; ``code`` says what and ``temporary`` whether trying again may help."""

    def __init__(self, message: str, code: str = "relay", temporary: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.temporary = temporary


class ClosedError(SynclineError, ConnectionError):
    """The connection was closed by this program while something still waited for it."""

    code = "closed"


class AckTimeoutError(SynclineError, TimeoutError):
    """The relay did not confirm in time. Nothing is lost: the changes are kept and sent again."""

    code = "ack_timeout"


class StorageError(SynclineError, OSError):
    """The journal file cannot be read or written."""

    code = "storage"


class JournalLockedError(StorageError):
    """Another process, or another document of this one, uses the journal."""

    code = "journal_locked"


class CorruptJournalError(StorageError):
    """The journal is damaged in the middle, so more than an unfinished last entry would be lost."""

    code = "corrupt_journal"


class BrokenReplicaError(SynclineError, RuntimeError):
    """The native part failed in the middle of a change: drop this document and load it again."""

    code = "broken_replica"
