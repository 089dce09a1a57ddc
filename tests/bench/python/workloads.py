"""The workloads. Each checks what came out, so that a library used wrongly stops the run."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from data import Entry, entries, overwrites, set_edits
from libraries import Library

SEED = 20_261

#: Replicas that count.
REPLICAS = 16

#: No other value of an entry.
LAST = 1_000

T = TypeVar("T")
Count = Callable[[int], int]


class Sample(NamedTuple):
    """What one run of a workload cost: CPU seconds, bytes encoded, elements missing that add-wins keeps."""

    cpu: float | None
    bytes: float | None = None
    lost: int | None = None


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    gc.collect()
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def _check(condition: bool, problem: str) -> None:
    if not condition:
        raise RuntimeError(problem)


def _holds(library: Library, doc: Any, writes: list[Entry]) -> None:
    """Checks that the document holds what the writes leave behind, and nothing else."""
    expected = dict(writes)
    size = library.size(doc)
    _check(size == len(expected), f"{size} keys are there, not {len(expected)}")
    for key, value in expected.items():
        found = library.get(doc, key)
        _check(found == value, f"{key} is {found}, not {value}")


def _filled(library: Library, data: list[Entry]) -> Any:
    doc = library.create()
    library.set_all(doc, data)
    return doc


def set_each(library: Library, count: Count) -> Sample:
    data, doc = entries(SEED, count(100_000)), library.create()
    _, cpu = _timed(lambda: library.set_each(doc, data))
    _holds(library, doc, data)
    return Sample(cpu)


def set_one(library: Library, count: Count) -> Sample:
    data, doc = entries(SEED, count(100_000)), library.create()
    _, cpu = _timed(lambda: library.set_all(doc, data))
    _holds(library, doc, data)
    return Sample(cpu)


def overwrite(library: Library, count: Count) -> Sample:
    writes, doc = overwrites(SEED, count(1_000), count(100_000)), library.create()
    _, cpu = _timed(lambda: library.set_each(doc, writes))
    _holds(library, doc, writes)
    return Sample(cpu, len(library.encode(doc)))


def one_op(library: Library, count: Count) -> Sample:
    data, source, target = entries(SEED, count(20_000)), library.create(), library.create()
    total, cpu = _timed(lambda: library.replicate(source, target, data))
    _holds(library, target, data)
    return Sample(cpu, total / len(data))


def merge_maps(library: Library, count: Count) -> Sample:
    data = [entries(SEED, count(50_000)), entries(SEED + 9, count(50_000))]
    left, right = (_filled(library, part) for part in data)
    _, cpu = _timed(lambda: library.merge(left, right))
    for doc in (left, right):
        _holds(library, doc, data[0] + data[1])
    return Sample(cpu)


def merge_sets(library: Library, count: Count) -> Sample:
    docs, kept = [library.create(), library.create()], set()
    for replica, doc in enumerate(docs, start=1):
        adds, removes, rest = set_edits(SEED, replica, count(50_000))
        library.add_all(doc, adds)
        library.remove_all(doc, removes)
        kept.update(rest)
    _, cpu = _timed(lambda: library.merge(*docs))
    # Neither side has seen the other's adds, so by add-wins what either kept is there.
    found = [sum(library.has(doc, element) for element in kept) for doc in docs]
    sizes = [library.set_size(doc) for doc in docs]
    _check(sizes == found and found[0] == found[1], f"the replicas differ: {found} elements of {len(kept)}")
    _check(found[0] * 2 >= len(kept), f"only {found[0]} elements of {len(kept)} are there")
    return Sample(cpu, lost=len(kept) - found[0])


def encode(library: Library, count: Count) -> Sample:
    data = entries(SEED, count(100_000))
    doc = _filled(library, data)
    blob, cpu = _timed(lambda: library.encode(doc))
    _holds(library, library.load(blob), data)
    return Sample(cpu, len(blob))


def load(library: Library, count: Count) -> Sample:
    data = entries(SEED, count(100_000))
    blob = library.encode(_filled(library, data))
    doc, cpu = _timed(lambda: library.load(blob))
    _holds(library, doc, data)
    return Sample(cpu)


def load_read(library: Library, count: Count) -> Sample:
    data = entries(SEED, count(100_000))
    blob = library.encode(_filled(library, data))

    def work() -> int:
        doc = library.load(blob)
        return sum(library.get(doc, key) or 0 for key, _ in data)

    total, cpu = _timed(work)
    _check(total == sum(value for _, value in data), "the values read add up to something else")
    return Sample(cpu)


def delete(library: Library, count: Count) -> Sample:
    data = entries(SEED, count(100_000))
    doc = _filled(library, data)
    _, cpu = _timed(lambda: library.delete_each(doc, data))
    blob = library.encode(doc)
    for state in (doc, library.load(blob)):
        _holds(library, state, [])
    return Sample(cpu, len(blob))


def _counted(library: Library, times: int) -> tuple[float, float, int]:
    """Replicas count at the same time with one counter, and then one takes in what the others did.

    Returns the CPU seconds of counting and of merging, and the size.
    """
    docs = [library.create() for _ in range(REPLICAS)]

    def count_all() -> None:
        for doc in docs:
            library.count_each(doc, times)

    def merge_all() -> None:
        for doc in docs[1:]:
            library.take(docs[0], library.state(doc))

    _, counting = _timed(count_all)
    _, merging = _timed(merge_all)
    blob = library.encode(docs[0])
    for doc in (docs[0], library.load(blob)):
        found = library.count(doc)
        _check(found == REPLICAS * times, f"the counter is {found}, not {REPLICAS * times}")
    return counting, merging, len(blob)


def counter(library: Library, count: Count) -> Sample:
    counting, _, size = _counted(library, count(10_000))
    return Sample(counting, size)


def counter_merge(library: Library, count: Count) -> Sample:
    return Sample(_counted(library, count(10_000))[1])


def _one_key(library: Library, replicas: int) -> tuple[float, str, Any, Any]:
    """Replicas set one key at the same time, and then one takes in the states of all.

    Returns the CPU seconds of taking them in, the key, and two replicas that have seen all, in different orders.
    """
    values = entries(SEED, replicas)
    key, states = values[0][0], []
    for _, value in values:
        doc = library.create()
        library.set_each(doc, [(key, value)])
        states.append(library.state(doc))
    everything, other = library.create(), library.create()

    def take_all() -> None:
        for state in states:
            library.take(everything, state)

    _, cpu = _timed(take_all)
    for state in reversed(states):
        library.take(other, state)
    found = [library.get(doc, key) for doc in (everything, other)]
    _check(found[0] == found[1] and found[0] in {value for _, value in values}, f"the replicas read {found}")
    return cpu, key, everything, other


def one_key(library: Library, count: Count) -> Sample:
    cpu, _, doc, _ = _one_key(library, count(1_000))
    return Sample(cpu, len(library.encode(doc)))


def one_key_after(library: Library, count: Count) -> Sample:
    _, key, doc, other = _one_key(library, count(1_000))
    last = [(key, LAST)]
    library.set_each(doc, last)
    blob = library.encode(doc)
    library.take(other, blob)
    for state in (doc, other):
        _holds(library, state, last)
    return Sample(None, len(blob))


WORKLOADS: dict[str, Callable[[Library, Count], Sample]] = {
    "set-each": set_each,
    "set-one": set_one,
    "overwrite": overwrite,
    "one-op": one_op,
    "merge-maps": merge_maps,
    "merge-sets": merge_sets,
    "encode": encode,
    "load": load,
    "load-read": load_read,
    "delete": delete,
    "counter": counter,
    "counter-merge": counter_merge,
    "one-key": one_key,
    "one-key-after": one_key_after,
}
