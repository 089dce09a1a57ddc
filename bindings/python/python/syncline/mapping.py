"""Maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from . import _paths
from .bounded import BoundedCounter
from .container import Container, Write
from .flags import Flag, Wins
from .lists import List
from .scalars import Counter, Register
from .sets import KINDS, Set, SetKind
from .text import Text
from .types import Input, Value

if TYPE_CHECKING:
    from typing import Self

    from .doc import Doc

__all__ = ["Map"]

_MISSING: Final = object()


class Map(Container, MutableMapping[str, Any]):
    """A mapping from ``str`` to values and nested containers.

    ``m[key]`` gives the value of a register, or a live :class:`Map`, :class:`Set`, :class:`Counter` or :class:`Text`
    where such a container stands (a :class:`Flag` in which enabling wins; name it by :meth:`flag` if disabling does). ``m[key] = value`` writes a register: a list or dict is stored, and later replaced,
    as a whole, and what reading gives is a copy. To merge the fields of a dict with those that others write, use
    :meth:`assign`.
    """

    __slots__ = ()

    def __getitem__(self, key: str) -> Any:
        value = self.get(key, _MISSING)
        if value is _MISSING:
            raise KeyError(key)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """Gives what ``m[key]`` gives, or the default if there is nothing."""
        if not isinstance(key, str):
            return default
        doc = self._doc
        value = doc._replica.get_child(self._key, key, _MISSING)
        if value is not _MISSING:
            return value
        with doc._lock:
            replica, place = doc._replica, _paths.child(self._key, key)
            value = replica.get(place, _MISSING)
            kind = replica.kind(place) if value is _MISSING else None
        if value is not _MISSING:
            return value
        return default if kind is None else _container(doc, kind, (*self._path, key))

    def __setitem__(self, key: str, value: Any) -> None:
        if isinstance(value, Container):
            if self._is_at(value, (*self._path, key)):
                return  # the end of `m[key] += 1`: the change is made already
            kind, hint = type(value).__name__, _copy_hint(value)
            raise TypeError(f"a {kind} cannot be stored in a second place: store a copy, such as {hint}")
        self._doc._replica.set_child(self._key, key, value)

    def __delitem__(self, key: str) -> None:
        self._doc._replica.delete_child(self._key, key)

    def __iter__(self) -> Iterator[str]:
        with self._doc._lock:
            return iter(self._doc._replica.keys(self._key))

    def __len__(self) -> int:
        with self._doc._lock:
            return self._doc._replica.len(self._key)

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, str):
            return False
        with self._doc._lock:
            return self._doc._replica.contains(_paths.child(self._key, key))

    def put(self, key: str, value: Input) -> Write:
        """Does ``m[key] = value`` and returns the receipt."""
        return self._doc._replica.set(self._place(key), value)

    def remove(self, key: str) -> Write:
        """Deletes everything at and below the key, if anything is there, and returns the receipt."""
        return self._doc._replica.delete(self._place(key))

    def assign(self, values: Mapping[str, Input]) -> Write:
        """Merges a dict: its dicts become nested maps, everything else registers. Other keys stay."""
        return self._doc._replica.assign(self._key, values)

    def pop(self, key: str, default: Any = _MISSING) -> Any:
        """Deletes the key and returns what stood there, a container as plain objects."""
        with self._doc.transaction():
            value = self._doc._replica.view(self._place(key), _MISSING)
            if value is not _MISSING:
                self.remove(key)
                return value
        if default is _MISSING:
            raise KeyError(key)
        return default

    def update(self, other: Any = (), /, **more: Any) -> None:
        """Writes all pairs in one transaction."""
        with self._doc.transaction():
            super().update(other, **more)

    def clear(self) -> None:
        """Deletes all keys; the empty map stays."""
        with self._doc.transaction():
            self.delete()
            if self._path:
                self.create()

    def create(self) -> Write:
        """Makes the map exist even while it is empty."""
        return self._doc._replica.create_map(self._key)

    def map(self, *path: str) -> Map:
        """A map below this one."""
        return Map(self._doc, self._path + path)

    def list(self, *path: str) -> List:
        """A list below this map."""
        return List(self._doc, self._path + path)

    def set(self, *path: str, kind: SetKind = "add-wins") -> Set:
        """A set below this map."""
        return Set(self._doc, self._path + path, kind)

    def flag(self, *path: str, wins: Wins = "enable") -> Flag:
        """A flag below this map."""
        return Flag(self._doc, self._path + path, wins)

    def bounded_counter(self, *path: str) -> BoundedCounter:
        """A bounded counter below this map."""
        return BoundedCounter(self._doc, self._path + path)

    def counter(self, *path: str) -> Counter:
        """A counter below this map."""
        return Counter(self._doc, self._path + path)

    def register(self, *path: str) -> Register:
        """A register below this map."""
        return Register(self._doc, self._path + path)

    def text(self, *path: str) -> Text:
        """A text below this map."""
        return Text(self._doc, self._path + path)

    def to_dict(self) -> dict[str, Value]:
        """A copy of everything below as plain objects: maps as dicts, sets as lists, texts as ``str``."""
        with self._doc._lock:
            view = self._doc._replica.view(self._key)
        return view if isinstance(view, dict) else {}

    def __ior__(self, other: Any) -> Self:
        self.update(other)
        return self

    def _place(self, key: str) -> str:
        if not isinstance(key, str):
            raise TypeError(f"a key is a str, not {type(key).__name__}: convert it with str()")
        return _paths.child(self._key, key)


def _container(doc: Doc, kind: str, path: tuple[str, ...]) -> Container:
    """The container of a kind that stands at a path; of sets of several kinds the first that has elements."""
    if kind == "set":
        sets = [Set(doc, path, set_kind) for set_kind in KINDS]
        return next((found for found in sets if len(found)), sets[0])
    return _CONTAINERS[kind](doc, path)


_CONTAINERS: Final[Mapping[str, type[Container]]] = {
    "map": Map,
    "list": List,
    "flag": Flag,
    "counter": Counter,
    "bounded": BoundedCounter,
    "register": Register,
    "text": Text,
}


def _copy_hint(container: Container) -> str:
    hints: dict[type[Container], str] = {
        Map: "to_dict()",
        Set: "list(...)",
        List: "to_list()",
        Counter: ".value",
        BoundedCounter: ".value",
        Flag: ".value",
        Register: ".get()",
        Text: "str(...)",
    }
    return hints.get(type(container), "a plain value")
