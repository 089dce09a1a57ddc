"""The document: containers, transactions, change events and the exchange of bytes."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from . import _paths
from ._pump import Pump
from ._syncline import Replica, Vector, Write, new_replica_id
from .bounded import BoundedCounter
from .errors import TransactionError
from .flags import Flag, Wins
from .lists import List
from .mapping import Map
from .policies import Conflict, Policy, Resolution, Resolver, Sibling, conflict_of, policy_of, policy_texts
from .reconcile import ReconcileSession
from .scalars import Counter, Register
from .sets import Set, SetKind
from .streams import CatchUp, ChangeStream, NetChange, StreamSource, catch_up_of, net_change_of
from .text import Text
from .transaction import Transaction
from .types import ChangeEvent, ContainerKind, ImportReport, Memory, Stats, Value, event_of
from .undo import UndoManager

__all__ = ["Doc"]

_log = logging.getLogger("syncline")

Listener = Callable[[ChangeEvent], object]
ConflictListener = Callable[[Conflict], object]
T = TypeVar("T")


class Doc:
    """One replica of a shared document: a tree of maps, lists, sets, counters, flags, registers and texts.

    Reading and writing happen in memory, at once, with or without a connection. A document may be used from several
    threads: each read and write is atomic, and a transaction keeps other threads waiting until it ends.

    ``replica`` fixes the replica's id (32 hexadecimal digits) and ``now`` the clock (milliseconds since the Unix
    epoch); both are for tests. An id must never be used by two documents.
    """

    def __init__(self, replica: str | None = None, now: Callable[[], int] | None = None) -> None:
        birth = now() if now is not None else time.time_ns() // 1_000_000
        name = replica if replica is not None else new_replica_id(birth, os.urandom(16))
        self._replica = Replica(name, self, now is not None)
        self._clock = now
        self._lock = self._replica.turn
        self._depth = 0
        self._holder = 0
        # Of each time that the replica has taken another id, up to where the relay knew its changes.
        self._taken: list[int] = []
        self._listeners: dict[object, tuple[tuple[str, ...], Listener]] = {}
        self._conflict_listeners: dict[object, tuple[tuple[str, ...], ConflictListener]] = {}
        self._streams: set[ChangeStream] = set()
        self._resolvers: dict[str, Resolver] = {}
        self._events: deque[ChangeEvent | Conflict] = deque()
        self._delivering = False
        self._pump = Pump(self)

    @property
    def replica(self) -> str:
        """The id of this replica: 32 hexadecimal digits.

        It changes when the relay has retired it while this replica was away; see ``Connection.on_renewed``.
        """
        return self._replica.id

    def map(self, *path: str) -> Map:
        """The map at this path; without a path, the top of the document."""
        return Map(self, path)

    def list(self, *path: str) -> List:
        """The list at this path."""
        return List(self, _inner(path))

    def set(self, *path: str, kind: SetKind = "add-wins") -> Set:
        """The set of a kind at this path; sets of several kinds at one path are several sets."""
        return Set(self, _inner(path), kind)

    def flag(self, *path: str, wins: Wins = "enable") -> Flag:
        """The flag at this path, in which enabling wins unless ``wins="disable"``."""
        return Flag(self, _inner(path), wins)

    def bounded_counter(self, *path: str) -> BoundedCounter:
        """The bounded counter at this path."""
        return BoundedCounter(self, _inner(path))

    def counter(self, *path: str) -> Counter:
        """The counter at this path."""
        return Counter(self, _inner(path))

    def register(self, *path: str) -> Register:
        """The register at this path."""
        return Register(self, _inner(path))

    def text(self, *path: str) -> Text:
        """The text at this path."""
        return Text(self, _inner(path))

    def transaction(self, origin: str | None = None) -> Transaction:
        """Groups writes: ``with doc.transaction():`` sends and announces them as one, or takes them all back.

        An exception that leaves the block rolls everything back. A transaction inside another joins it; if the inner
        one is rolled back and its exception caught, the outer one fails at its end. ``origin`` is told to subscribers.
        Other threads wait until the block ends, so do not wait inside it for other threads or with ``await``.
        """
        return Transaction(self, origin)

    def subscribe(self, callback: Listener, path: Sequence[str] | None = None) -> Callable[[], None]:
        """Calls back for each change at or below the path, and returns a function that ends this.

        Callbacks run after the change is complete, before the write that caused it returns; they may read and write
        the document. Changes from elsewhere are announced in the thread that received them. An exception in a
        callback is logged and disturbs nobody else.
        """
        return self._listen(self._listeners, callback, path)

    def on_conflict(self, callback: ConflictListener, path: Sequence[str] | None = None) -> Callable[[], None]:
        """Calls back when a register at or below the path comes to hold several concurrent values.

        Otherwise as :meth:`subscribe`.
        """
        return self._listen(self._conflict_listeners, callback, path)

    def stream(
        self,
        path: Sequence[str] = (),
        *,
        exact: bool = False,
        kinds: Iterable[ContainerKind] = (),
        source: StreamSource = "any",
        writer: str | None = None,
        capacity: int = 1024,
    ) -> ChangeStream:
        """The changes at and below a path from now on, to be taken when there is time.

        ``exact`` leaves out what is below the path; ``kinds``, ``source`` and ``writer`` (the id of a replica) say which
        changes are wanted. At most ``capacity`` events wait; what does not fit is told as :class:`Lagged`. Close the
        stream when it is not read any more.
        """
        return ChangeStream(self, path, exact, kinds, source, writer, capacity)

    def changes_since(self, version: bytes) -> CatchUp:
        """The net changes since a version that this replica has seen: a token of a stream, or a :meth:`version`."""
        with self._lock:
            return catch_up_of(self._replica.changes_since(version))

    def checkpoint(self) -> bytes:
        """Makes the present version one that :meth:`diff` knows, and returns it; the latest 64 are kept."""
        with self._lock:
            return self._replica.checkpoint()

    def forget_checkpoints(self) -> None:
        """Forgets all checkpoints: writes then cost nothing extra."""
        with self._lock:
            self._replica.forget_checkpoints()

    def diff(self, old: bytes, new: bytes | None = None) -> tuple[NetChange, ...]:
        """The net changes from one version to another; each is that of a :meth:`checkpoint` or the present one."""
        with self._lock:
            raw = self._replica.diff(old, self._replica.version() if new is None else new)
        return tuple(net_change_of(change) for change in raw)

    def undo_manager(
        self,
        *,
        depth: int = 100,
        size: int = 4 * 1024 * 1024,
        merge_ms: int = 500,
        origins: Iterable[str] | None = None,
    ) -> UndoManager:
        """Keeps what transactions here do from now on so that it can be undone; there is one such record.

        At most ``depth`` groups of together ``size`` bytes are kept. A transaction joins the group before if it begins
        at most ``merge_ms`` later. With ``origins`` only transactions of these are kept.
        """
        return UndoManager(self, depth, size, merge_ms, origins)

    def set_policy(self, path: Sequence[str], policy: Policy | None) -> Write:
        """Sets how concurrent values of registers at and below a path are resolved; ``None`` takes that back.

        The longest path that something is set for decides. It is part of the document and outlasts deletions.
        """
        texts = None if policy is None else policy_texts(policy)
        return self._replica.set_policy(_key(path), texts)

    def policy(self, path: Sequence[str]) -> Policy:
        """The policy that counts at a path."""
        with self._lock:
            return policy_of(self._replica.policy(_key(path)))

    def set_source(self, name: str) -> None:
        """Names the source of what this replica writes, such as a region, for :class:`SourcePriority`.

        It is written along with the next change.
        """
        with self._lock:
            self._replica.set_source(name)

    def source(self, replica: str | None = None) -> str | None:
        """The source that a replica has named: this one when none is given."""
        with self._lock:
            return self._replica.source(self.replica if replica is None else replica)

    def register_resolver(self, name: str, resolver: Resolver) -> None:
        """Makes a function known by the name that the policy :class:`Custom` refers to.

        All replicas need the same one, and it must depend on nothing but the values. If it fails, which is logged, the
        last writer's value is shown.
        """

        with self._lock:
            self._resolvers[name] = resolver
            self._replica.register_resolver(name, _picker(weakref.ref(self), name))

    def resolve(self, *path: str) -> Resolution:
        """What the policy of a path makes of the values there, as :meth:`Register.resolve`."""
        return self.register(*path).resolve()

    def vector(self, *path: str) -> Vector | None:
        """The vector at a path, as :meth:`Register.vector`."""
        return self.register(*path).vector()

    def fold(self, stable: Iterable[bytes]) -> Write:
        """Folds what this replica counted: of each counter its own steps become one.

        ``stable`` are the :meth:`version` of all other replicas: only what all have seen is folded, and nothing if there
        are none. Makes the document smaller; no value changes.
        """
        return self._replica.fold(tuple(stable))

    def export(self, since: bytes | None = None) -> bytes:
        """The document as bytes; with a :meth:`version`, only what came after it.

        Equal documents give equal bytes.
        """
        with self._lock:
            return self._replica.export(since)

    def save(self) -> bytes:
        """The document as bytes for a local store: like :meth:`export`, plus what others still need to be told."""
        with self._lock:
            return self._replica.save()

    def import_(self, blob: bytes) -> ImportReport:
        """Merges bytes of :meth:`export` or :meth:`save`; what is here already does no harm."""
        with self._lock:
            self._outside_transaction("import")
            applied = self._replica.import_blob(blob)
            self._committed()
        return ImportReport(applied)

    def version(self) -> bytes:
        """What this replica has seen, for the ``since`` of another one's :meth:`export`."""
        with self._lock:
            return self._replica.version()

    def version_entries(self) -> dict[str, int]:
        """The version vector: the highest sequence number seen of each replica."""
        with self._lock:
            return dict(self._replica.version_entries())

    def digest(self) -> str:
        """A fingerprint of the content: 32 hexadecimal digits, equal exactly where the content is."""
        with self._lock:
            return self._replica.digest()

    def prune(self, stable: bytes | None = None) -> int:
        """Forgets the records of deletions that every replica at a :meth:`version` has seen, or all that are known here.

        Returns how many. Always safe: a replica that has not seen one of them is sent a complete listing instead of a
        delta, or reconciles (:meth:`reconcile`). Connections prune by themselves.
        """
        with self._lock:
            return self._replica.prune(stable)

    def reconcile(self, *, resume: int | None = None) -> ReconcileSession:
        """One end of a session that brings this document and another together, whatever they have forgotten.

        ``resume`` is where the last audit stopped, for the side that answers.
        """
        return ReconcileSession(self, resume)

    def stats(self) -> Stats:
        """The sizes of the document."""
        with self._lock:
            return Stats(**self._replica.stats())

    def memory(self) -> Memory:
        """An estimate of what the document takes in memory; it looks at every value."""
        with self._lock:
            return Memory(**self._replica.memory())

    def to_json(self, *path: str) -> str | None:
        """What is at and below a path as JSON; ``None`` if there is nothing.

        What JSON has no form for is an object with one key: ``$bytes``, ``$timestamp``, ``$vector``, ``$int``, ``$float``.
        """
        with self._lock:
            return self._replica.to_json(_paths.encode(path))

    def to_cbor(self, *path: str) -> bytes | None:
        """What is at and below a path as deterministic CBOR; ``None`` if there is nothing."""
        with self._lock:
            return self._replica.to_cbor(_paths.encode(path))

    def import_json(self, json: str, path: Sequence[str] = ()) -> Write:
        """Writes JSON at and below a path, all or nothing: objects become maps that merge, all else registers.

        Raises :class:`DataError` with the place if it is not JSON.
        """
        with self.transaction():
            return self._replica.import_json(_key(path), json)

    def import_cbor(self, cbor: bytes, path: Sequence[str] = ()) -> Write:
        """Does with CBOR what :meth:`import_json` does with JSON."""
        with self.transaction():
            return self._replica.import_cbor(_key(path), cbor)

    def to_dict(self) -> dict[str, Value]:
        """A copy of everything as plain objects: maps as dicts, sets as lists, texts as ``str``."""
        return self.map().to_dict()

    def __repr__(self) -> str:
        return f"<Doc {self.replica}, {len(self.map())} keys>"

    def _go(self, way: Callable[[int | None], bool]) -> bool:
        """Goes one step back or forth."""
        with self._lock:
            done = way(self._now())
            self._committed()
        return done

    def _now(self) -> int | None:
        return None if self._clock is None else self._clock()

    def _committed(self) -> None:
        """Announces what changed and passes it on; the caller holds the lock."""
        if self._is_observed():
            self._deliver(self._replica.take_changes())
        self._settled()
        if self._pump.active:
            self._pump.committed()

    def _watch(self) -> None:
        """Says whether :meth:`_committed` is to be called after each change."""
        self._replica.watch(self._is_observed() or bool(self._streams) or self._pump.active)

    def _is_observed(self) -> bool:
        return bool(self._listeners or self._conflict_listeners)

    def _settled(self) -> None:
        """Tells of what does not come with the changes: streams wake, and a conflict may leave the value as it is."""
        if self._conflict_listeners:
            self._deliver(())
        for stream in tuple(self._streams):
            stream._wake()

    def _listen(
        self, listeners: dict[object, tuple[tuple[str, ...], T]], callback: T, path: Sequence[str] | None
    ) -> Callable[[], None]:
        handle, place = object(), tuple(path or ())
        _key(path or ())
        with self._lock:
            listeners[handle] = (place, callback)
            self._replica.observe(True)
            self._watch()

        def unsubscribe() -> None:
            with self._lock:
                listeners.pop(handle, None)
                self._replica.observe(self._is_observed())
                self._watch()

        return unsubscribe

    def _lock_is_mine(self) -> bool:
        """Whether the calling thread is inside a transaction, or in a callback."""
        return self._holder == threading.get_ident() and bool(self._depth or self._delivering)

    def _outside_transaction(self, what: str) -> None:
        if self._depth:
            raise TransactionError(f"{what} is not possible inside a transaction: leave its with block first")

    def _deliver(self, raw: Iterable[tuple[Any, ...]]) -> None:
        """Calls the subscribers; changes that they make are announced after those at hand."""
        self._events.extend(event_of(change) for change in raw)
        if self._is_observed():
            self._events.extend(conflict_of(conflict) for conflict in self._replica.take_conflicts())
        if self._delivering:
            return
        self._delivering, self._holder = True, threading.get_ident()
        try:
            while self._events:
                event = self._events.popleft()
                if isinstance(event, Conflict):
                    _announce(self._conflict_listeners, event, event.path)
                else:
                    _announce(self._listeners, event, event.path)
        finally:
            self._delivering = False


def _inner(path: tuple[str, ...]) -> tuple[str, ...]:
    if not path:
        raise ValueError("the top of a document is a map: name a path for other containers")
    return path


def _key(path: Sequence[str]) -> str:
    if isinstance(path, str):
        raise TypeError("a path is a sequence of keys, such as ['cards', 'c1'], not one str")
    return _paths.encode(tuple(path))


def _picker(doc: weakref.ref[Doc], name: str) -> Callable[[Iterable[tuple[Any, ...]]], int]:
    """What the native part calls; it keeps nothing alive, because the garbage collector cannot look into that part."""

    def pick(siblings: Iterable[tuple[Any, ...]]) -> int:
        try:
            owner = doc()
            assert owner is not None, "a document that is gone reads nothing"
            return owner._resolvers[name]([Sibling(*sibling) for sibling in siblings])
        except Exception:
            _log.exception("the resolver %r failed", name)
            raise

    return pick


def _announce(
    listeners: dict[object, tuple[tuple[str, ...], Callable[[T], object]]], event: T, place: tuple[str, ...]
) -> None:
    for path, callback in tuple(listeners.values()):
        if place[: len(path)] == path:
            try:
                callback(event)
            except Exception:
                _log.exception("a subscriber failed on a change of %s", "/".join(place))
