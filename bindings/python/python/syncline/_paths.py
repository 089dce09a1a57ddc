"""Paths in the form that crosses into the native part: one string.

Each segment is written as NUL, 0x10 and the segment, with every NUL inside it followed by 0x7f.
"""

from __future__ import annotations

__all__ = ["child", "encode"]

_SEPARATOR = "\0\x10"


def child(prefix: str, segment: str) -> str:
    """Gives the encoded path of a key below an encoded path."""
    if "\0" in segment:
        segment = segment.replace("\0", "\0\x7f")
    return prefix + _SEPARATOR + segment


def encode(segments: tuple[str, ...]) -> str:
    """Encodes a path; refuses segments that are not ``str``."""
    path = ""
    for segment in segments:
        if not isinstance(segment, str):
            raise TypeError(f"a path consists of str, not {type(segment).__name__}: convert it with str()")
        path = child(path, segment)
    return path
