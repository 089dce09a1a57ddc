"""The journal file: a header, then entries that are only ever appended.

An entry is a marker (4 bytes), the length of its content (4 bytes, little-endian), a CRC-32 of length and content
(4 bytes), and the content. A process that dies while it writes leaves an unfinished entry at the end, which is cut
off at the next start. Damage with intact entries behind it is something else, and is reported instead of repaired.
"""

from __future__ import annotations

import contextlib
import os
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .errors import CorruptJournalError, JournalLockedError, StorageError

__all__ = ["HEADER", "JournalFile", "Lock", "frame", "split", "sync_folder"]

HEADER = b"SYNCLINE journal 1\n"
_MARKER = b"\xf5\x8aJ\x01"
_FRAME = struct.Struct("<4sII")

ENTRY_BYTES = 256 * 1024 * 1024
"""Largest entry in bytes: a snapshot fits, a broken length does not pass for one."""


def frame(content: bytes) -> bytes:
    """Wraps the content of an entry for the file."""
    if len(content) > ENTRY_BYTES:
        raise StorageError(f"an entry of {len(content)} bytes is larger than the {ENTRY_BYTES} that a journal takes")
    return _FRAME.pack(_MARKER, len(content), _checksum(content)) + content


def _checksum(content: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(len(content).to_bytes(4, "little")))


class JournalFile:
    """An open journal that is read once and then appended to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file: IO[bytes] = open(path, "r+b" if path.exists() else "x+b", buffering=0)
        except OSError as error:
            raise StorageError(f"cannot open {path}: {error.strerror}") from error
        self.size = 0
        self.cut = 0

    def read(self) -> list[bytes]:
        """Reads all entries, and cuts off an unfinished one; ``cut`` is then the number of bytes lost with it."""
        data = self.path.read_bytes()
        if HEADER.startswith(data[: len(HEADER)]) and len(data) <= len(HEADER):
            return self._begin()
        if not data.startswith(HEADER):
            raise CorruptJournalError(f"{self.path} is not a Syncline journal: name another file")
        entries, end = _scan(data, len(HEADER))
        if end < len(data):
            self._check_tail(data, end)
            self.cut = len(data) - end
            self._file.truncate(end)
            self.sync()
        self.size = end
        self._file.seek(end)
        return entries

    def _begin(self) -> list[bytes]:
        """Starts a new file, or one whose first write was cut short."""
        self._file.seek(0)
        self._file.truncate(0)
        self._file.write(HEADER)
        self.size = len(HEADER)
        self.sync()
        sync_folder(self.path.parent)
        return []

    def _check_tail(self, data: bytes, end: int) -> None:
        """Refuses to cut where intact entries follow."""
        following = next(_entries_after(data, end + 1), None)
        if following is not None:
            raise CorruptJournalError(
                f"{self.path} is damaged at byte {end}, and intact entries follow at byte {following}: "
                f"restore a backup, or open it with repair=True, which keeps what comes before byte {end}"
            )

    def append(self, entry: bytes) -> None:
        """Hands a framed entry to the operating system: it survives a killed process, not yet a power failure."""
        try:
            written = 0
            while written < len(entry):
                written += self._file.write(entry[written:] if written else entry)
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(self.size)
                self._file.seek(self.size)
            raise
        self.size += len(entry)

    def sync(self) -> None:
        """Waits until everything is on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def split(path: Path, aside: Path) -> int:
    """Moves what follows the first damage of a journal into another file; returns its number of bytes."""
    data = path.read_bytes()
    end = _scan(data, len(HEADER))[1] if data.startswith(HEADER) else 0
    aside.write_bytes(data[end:])
    with open(path, "r+b") as file:
        file.truncate(end)
        os.fsync(file.fileno())
    return len(data) - end


def _scan(data: bytes, start: int) -> tuple[list[bytes], int]:
    """The intact entries from ``start`` on, and where they end."""
    entries = []
    while (content := _entry_at(data, start)) is not None:
        entries.append(content)
        start += _FRAME.size + len(content)
    return entries, start


def _entry_at(data: bytes, start: int) -> bytes | None:
    if len(data) - start < _FRAME.size:
        return None
    marker, length, checksum = _FRAME.unpack_from(data, start)
    if marker != _MARKER or length > ENTRY_BYTES:
        return None
    content = data[start + _FRAME.size : start + _FRAME.size + length]
    return content if len(content) == length and _checksum(content) == checksum else None


def _entries_after(data: bytes, start: int) -> Iterator[int]:
    """The positions of intact entries at or after ``start``, found by their markers."""
    position = data.find(_MARKER, start)
    while position >= 0:
        if _entry_at(data, position) is not None:
            yield position
        position = data.find(_MARKER, position + 1)


class Lock:
    """Keeps a second document, of this process or another one, away from a journal."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = open(path, "a+b")
        except OSError as error:
            raise StorageError(f"cannot open {path}: {error.strerror}; does its folder exist?") from error
        try:
            _lock(self._file.fileno())
        except OSError as error:
            self._file.close()
            raise JournalLockedError(
                f"{path} is in use by another document: close that one, or name another file"
            ) from error

    def release(self) -> None:
        """Lets others have the journal."""
        self._file.close()


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def sync_folder(folder: Path) -> None:
        """Does nothing: Windows has no such call."""

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def sync_folder(folder: Path) -> None:
        """Waits until the names in a folder are on the disk."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
