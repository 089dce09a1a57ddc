"""The libraries, each behind the same few verbs, used in the way that its documentation shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import loro
import pycrdt
import syncline

from data import Entry


class Library(Protocol):
    """What the workloads ask of a library: a map, a set, a counter. Documents are of the library's own making."""

    name: str

    def create(self) -> Any: ...
    def set_each(self, doc: Any, entries: Sequence[Entry]) -> None: ...
    def set_all(self, doc: Any, entries: Sequence[Entry]) -> None: ...
    def delete_each(self, doc: Any, entries: Sequence[Entry]) -> None: ...
    def get(self, doc: Any, key: str) -> int | None: ...
    def size(self, doc: Any) -> int: ...
    def add_all(self, doc: Any, elements: Sequence[str]) -> None: ...
    def remove_all(self, doc: Any, elements: Sequence[str]) -> None: ...
    def has(self, doc: Any, element: str) -> bool: ...
    def set_size(self, doc: Any) -> int: ...
    def count_each(self, doc: Any, times: int) -> None: ...
    def count(self, doc: Any) -> int: ...
    def replicate(self, source: Any, target: Any, entries: Sequence[Entry]) -> int: ...
    def merge(self, left: Any, right: Any) -> None: ...
    def encode(self, doc: Any) -> bytes: ...
    def load(self, blob: bytes) -> Any: ...
    def state(self, doc: Any) -> bytes: ...
    def take(self, doc: Any, state: bytes) -> None: ...


class Opened:
    """A document with its containers, kept as an application would."""

    __slots__ = ("counter", "doc", "map", "set")

    def __init__(self, doc: Any, map_: Any, set_: Any, counter: Any) -> None:
        self.doc, self.map, self.set, self.counter = doc, map_, set_, counter


class Syncline:
    name = "syncline"

    def create(self) -> Opened:
        doc = syncline.Doc()
        return Opened(doc, doc.map("m"), doc.set("s"), doc.counter("c"))

    def set_each(self, doc: Opened, entries: Sequence[Entry]) -> None:
        for key, value in entries:
            doc.map[key] = value

    def set_all(self, doc: Opened, entries: Sequence[Entry]) -> None:
        with doc.doc.transaction():
            self.set_each(doc, entries)

    def delete_each(self, doc: Opened, entries: Sequence[Entry]) -> None:
        for key, _ in entries:
            del doc.map[key]

    def get(self, doc: Opened, key: str) -> int | None:
        return doc.map.get(key)

    def size(self, doc: Opened) -> int:
        return len(doc.map)

    def add_all(self, doc: Opened, elements: Sequence[str]) -> None:
        with doc.doc.transaction():
            for element in elements:
                doc.set.add(element)

    def remove_all(self, doc: Opened, elements: Sequence[str]) -> None:
        with doc.doc.transaction():
            for element in elements:
                doc.set.remove(element)

    def has(self, doc: Opened, element: str) -> bool:
        return element in doc.set

    def set_size(self, doc: Opened) -> int:
        return len(doc.set)

    def count_each(self, doc: Opened, times: int) -> None:
        for _ in range(times):
            doc.counter.increment()

    def count(self, doc: Opened) -> int:
        return doc.counter.value

    def replicate(self, source: Opened, target: Opened, entries: Sequence[Entry]) -> int:
        total = 0
        for key, value in entries:
            source.map[key] = value
            update = source.doc.export(target.doc.version())
            total += len(update)
            target.doc.import_(update)
        return total

    def merge(self, left: Opened, right: Opened) -> None:
        to_right, to_left = left.doc.export(right.doc.version()), right.doc.export(left.doc.version())
        left.doc.import_(to_left)
        right.doc.import_(to_right)

    def encode(self, doc: Opened) -> bytes:
        return doc.doc.export()

    def load(self, blob: bytes) -> Opened:
        opened = self.create()
        opened.doc.import_(blob)
        return opened

    def state(self, doc: Opened) -> bytes:
        return doc.doc.export()

    def take(self, doc: Opened, state: bytes) -> None:
        doc.doc.import_(state)


class Pycrdt:
    name = "pycrdt"

    def create(self) -> Opened:
        doc: Any = pycrdt.Doc()
        # There is no counter: its users have a map with what each replica counted.
        return Opened(doc, *(doc.get(name, type=pycrdt.Map) for name in "msc"))

    def set_each(self, doc: Opened, entries: Sequence[Entry]) -> None:
        for key, value in entries:
            doc.map[key] = value

    def set_all(self, doc: Opened, entries: Sequence[Entry]) -> None:
        with doc.doc.transaction():
            self.set_each(doc, entries)

    def delete_each(self, doc: Opened, entries: Sequence[Entry]) -> None:
        for key, _ in entries:
            del doc.map[key]

    def get(self, doc: Opened, key: str) -> int | None:
        value = doc.map.get(key)
        # The library has one kind of number and reads it as a float where it came from bytes.
        return None if value is None else int(value)

    def size(self, doc: Opened) -> int:
        return len(doc.map)

    def add_all(self, doc: Opened, elements: Sequence[str]) -> None:
        with doc.doc.transaction():
            for element in elements:
                doc.set[element] = True

    def remove_all(self, doc: Opened, elements: Sequence[str]) -> None:
        with doc.doc.transaction():
            for element in elements:
                del doc.set[element]

    def has(self, doc: Opened, element: str) -> bool:
        return element in doc.set

    def set_size(self, doc: Opened) -> int:
        return len(doc.set)

    def count_each(self, doc: Opened, times: int) -> None:
        own = str(doc.doc.client_id)
        for count in range(1, times + 1):
            doc.counter[own] = count

    def count(self, doc: Opened) -> int:
        return int(sum(doc.counter.values()))

    def replicate(self, source: Opened, target: Opened, entries: Sequence[Entry]) -> int:
        updates: list[bytes] = []
        subscription = source.doc.observe(lambda event: updates.append(event.update))
        total = 0
        for key, value in entries:
            source.map[key] = value
            for update in updates:
                total += len(update)
                target.doc.apply_update(update)
            updates.clear()
        source.doc.unobserve(subscription)
        return total

    def merge(self, left: Opened, right: Opened) -> None:
        to_right, to_left = left.doc.get_update(right.doc.get_state()), right.doc.get_update(left.doc.get_state())
        left.doc.apply_update(to_left)
        right.doc.apply_update(to_right)

    def encode(self, doc: Opened) -> bytes:
        return doc.doc.get_update()

    def load(self, blob: bytes) -> Opened:
        opened = self.create()
        opened.doc.apply_update(blob)
        return opened

    def state(self, doc: Opened) -> bytes:
        return doc.doc.get_update()

    def take(self, doc: Opened, state: bytes) -> None:
        doc.doc.apply_update(state)


class Loro:
    name = "loro"

    def create(self) -> Opened:
        doc = loro.LoroDoc()
        return Opened(doc, doc.get_map("m"), doc.get_map("s"), doc.get_counter("c"))

    def set_each(self, doc: Opened, entries: Sequence[Entry]) -> None:
        for key, value in entries:
            doc.map.insert(key, value)
            doc.doc.commit()

    def set_all(self, doc: Opened, entries: Sequence[Entry]) -> None:
        for key, value in entries:
            doc.map.insert(key, value)
        doc.doc.commit()

    def delete_each(self, doc: Opened, entries: Sequence[Entry]) -> None:
        for key, _ in entries:
            doc.map.delete(key)
            doc.doc.commit()

    def get(self, doc: Opened, key: str) -> int | None:
        found = doc.map.get(key)
        return None if found is None else found.value

    def size(self, doc: Opened) -> int:
        return len(doc.map)

    def add_all(self, doc: Opened, elements: Sequence[str]) -> None:
        for element in elements:
            doc.set.insert(element, True)
        doc.doc.commit()

    def remove_all(self, doc: Opened, elements: Sequence[str]) -> None:
        for element in elements:
            doc.set.delete(element)
        doc.doc.commit()

    def has(self, doc: Opened, element: str) -> bool:
        return doc.set.get(element) is not None

    def set_size(self, doc: Opened) -> int:
        return len(doc.set)

    def count_each(self, doc: Opened, times: int) -> None:
        for _ in range(times):
            doc.counter.increment(1)
            doc.doc.commit()

    def count(self, doc: Opened) -> int:
        return int(doc.counter.value)

    def replicate(self, source: Opened, target: Opened, entries: Sequence[Entry]) -> int:
        updates: list[bytes] = []

        def keep(update: bytes) -> bool:
            updates.append(update)
            return True

        subscription = source.doc.subscribe_local_update(keep)
        total = 0
        for key, value in entries:
            source.map.insert(key, value)
            source.doc.commit()
            for update in updates:
                total += len(update)
                target.doc.import_(update)
            updates.clear()
        subscription.unsubscribe()
        return total

    def merge(self, left: Opened, right: Opened) -> None:
        to_right = left.doc.export(loro.ExportMode.Updates(right.doc.oplog_vv))
        to_left = right.doc.export(loro.ExportMode.Updates(left.doc.oplog_vv))
        left.doc.import_(to_left)
        right.doc.import_(to_right)

    def encode(self, doc: Opened) -> bytes:
        return doc.doc.export(loro.ExportMode.Snapshot())

    def load(self, blob: bytes) -> Opened:
        opened = self.create()
        opened.doc.import_(blob)
        return opened

    def state(self, doc: Opened) -> bytes:
        return doc.doc.export(loro.ExportMode.Updates(loro.VersionVector()))

    def take(self, doc: Opened, state: bytes) -> None:
        doc.doc.import_(state)


LIBRARIES: tuple[Library, ...] = (Syncline(), Pycrdt(), Loro())
