"""What all containers share: the document they belong to, and their place in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _paths
from ._syncline import Write

if TYPE_CHECKING:
    from .doc import Doc

__all__ = ["Container", "Write"]


class Container:
    """A part of a document, named by its path.

    It holds no data of its own, costs next to nothing, and can be made before anything stands at its path: the first
    write makes it exist. Two replicas that do this at the same time get one merged container.
    """

    __slots__ = ("_doc", "_key", "_path")

    def __init__(self, doc: Doc, path: tuple[str, ...]) -> None:
        self._doc = doc
        self._path = path
        self._key = _paths.encode(path)

    @property
    def doc(self) -> Doc:
        """The document that this is a part of."""
        return self._doc

    @property
    def path(self) -> tuple[str, ...]:
        """The place in the document, from the top."""
        return self._path

    def exists(self) -> bool:
        """Whether anything stands at or below this place."""
        with self._doc._lock:
            return self._doc._replica.contains(self._key)

    def delete(self) -> Write:
        """Deletes everything at and below this place; concurrent additions of others survive."""
        return self._doc._replica.delete(self._key)

    def _is_at(self, other: object, path: tuple[str, ...]) -> bool:
        """Whether the other object is a container of this document at that path."""
        return isinstance(other, Container) and other._doc is self._doc and other._path == path

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {'/'.join(self._path) or 'the top'}>"
