"""Keeps a document in a local file.

>>> import syncline, syncline.storage, tempfile, pathlib
>>> file = pathlib.Path(tempfile.mkdtemp()) / "board.journal"
>>> doc = syncline.Doc()
>>> with syncline.storage.persist(doc, file):
...     doc.map()["title"] = "Plans"
>>> again = syncline.Doc()
>>> with syncline.storage.persist(again, file):
...     again.to_dict()
{'title': 'Plans'}
"""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from ._journal_file import HEADER, JournalFile, Lock, frame, split, sync_folder
from .errors import StorageError

if TYPE_CHECKING:
    from .doc import Doc

__all__ = ["Persistence", "persist"]

_log = logging.getLogger("syncline")

COMPACT_BYTES = 1024 * 1024
"""A journal below this size in bytes is not worth compacting."""

COMPACT_FACTOR = 4
"""A journal is compacted when it has grown to this many times its size after the last compaction."""


def persist(doc: Doc, path: str | os.PathLike[str], *, repair: bool = False) -> Persistence:
    """Loads a journal file into the document, and from then on appends every change to it.

    The file is made if it does not exist. A document of one file has one owner: a second one is refused with
    :class:`JournalLockedError`. With ``repair``, a journal damaged in the middle is cut there and the rest moved to
    a file with the ending ``.damaged``.

    Give the document a new id at every start, which is what ``Doc()`` does.
    """
    return Persistence(doc, Path(path), repair=repair)


class Persistence:
    """An open journal. Each change is handed to the operating system at once; :meth:`flush` waits for the disk."""

    def __init__(self, doc: Doc, path: Path, *, repair: bool = False) -> None:
        self._doc = doc
        self._path = path
        self._closed = False
        self._error: OSError | None = None
        with doc._lock:
            doc._outside_transaction("loading a journal")
            if doc._pump.journal is not None:
                raise StorageError("this document has a journal already: close that one first")
            self._lock = Lock(path.with_name(path.name + ".lock"))
            try:
                self._file = self._load(repair)
            except BaseException:
                self._lock.release()
                raise
            self._compacted = max(self._file.size, COMPACT_BYTES // COMPACT_FACTOR)
            doc._pump.attach(self, doc._pump.link)
            doc._committed()

    @property
    def path(self) -> Path:
        """The journal file."""
        return self._path

    @property
    def size(self) -> int:
        """The size of the file in bytes."""
        return self._file.size

    @property
    def lost(self) -> int:
        """How many bytes of an unfinished last entry were cut off when the file was opened."""
        return self._file.cut

    def _load(self, repair: bool) -> JournalFile:
        self._temporary.unlink(missing_ok=True)
        if repair and self._path.exists():
            self._set_aside()
        file = JournalFile(self._path)
        try:
            before = self._doc._replica.version_entries()
            entries = file.read()
            for entry in entries:
                self._doc._replica.import_blob(entry)
            self._doc._replica.journaling(True)
            if before:
                file.append(frame(self._doc._replica.save()))
        except BaseException:
            self._doc._replica.journaling(False)
            file.close()
            raise
        return file

    def _set_aside(self) -> None:
        aside = self._path.with_name(self._path.name + ".damaged")
        moved = split(self._path, aside)
        if moved:
            _log.warning("%d bytes of %s were damaged and moved to %s", moved, self._path, aside)
        else:
            aside.unlink()

    def append(self, entry: bytes) -> None:
        """Is called by the document with each journal entry."""
        if self._error is not None:
            return
        try:
            self._file.append(frame(entry))
        except OSError as error:
            self._error = error
            _log.error(
                "cannot write %s: %s; changes are kept in memory only until compact() succeeds", self._path, error
            )

    def restore(self) -> None:
        """Is called by the document when its content no longer follows from the entries: an audit has mended it."""
        try:
            self.compact()
        except StorageError as error:
            self._error = OSError(str(error))
            _log.error("%s; what an audit mended is kept in memory only until compact() succeeds", error)

    def flush(self) -> None:
        """Waits until every change made so far is on the disk, compacting the file if it has grown a lot.

        Raises :class:`StorageError` if a change could not be written.
        """
        with self._doc._lock:
            self._check_open()
            self._doc._pump.run(force=True)
            if self._error is not None:
                raise StorageError(f"cannot write {self._path}: {self._error}; make room and call compact()")
            if self._file.size > self._compacted * COMPACT_FACTOR:
                self.compact()
            else:
                self._sync()

    def compact(self) -> None:
        """Replaces the file by one that holds the present state only, at once and without a moment of none."""
        with self._doc._lock:
            self._check_open()
            self._doc._outside_transaction("compacting a journal")
            self._doc._pump.run(force=True)
            try:
                self._replace(HEADER + frame(self._doc._replica.save()))
            except OSError as error:
                self._temporary.unlink(missing_ok=True)
                raise StorageError(f"cannot compact {self._path}: {error}; the journal is as it was") from error
            self._error = None
            self._compacted = max(self._file.size, COMPACT_BYTES // COMPACT_FACTOR)

    def close(self) -> None:
        """Flushes, ends the writing of the journal, and lets others have it."""
        with self._doc._lock:
            if self._closed:
                return
            try:
                self.flush()
            finally:
                self._closed = True
                self._doc._replica.journaling(False)
                self._doc._pump.attach(None, self._doc._pump.link)
                self._file.close()
                self._lock.release()

    @property
    def _temporary(self) -> Path:
        return self._path.with_name(self._path.name + ".new")

    def _replace(self, content: bytes) -> None:
        with open(self._temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._temporary, self._path)
        sync_folder(self._path.parent)
        self._file.close()
        self._file = JournalFile(self._path)
        self._file.read()

    def _sync(self) -> None:
        try:
            self._file.sync()
        except OSError as error:
            self._error = error
            raise StorageError(f"cannot write {self._path}: {error}; make room and call compact()") from error

    def _check_open(self) -> None:
        if self._closed:
            raise StorageError(f"the journal {self._path} is closed")

    def __enter__(self) -> Persistence:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            with contextlib.suppress(StorageError):
                self.close()
