"""A document may be used from several threads."""

import _thread
import threading
from collections.abc import Callable

import pytest

from syncline import ChangeEvent, Doc


def together(*jobs: Callable[[], None]) -> None:
    """Runs the jobs at the same time and raises what they raise."""
    failures: list[BaseException] = []
    start = threading.Barrier(len(jobs))

    def run(job: Callable[[], None]) -> None:
        try:
            start.wait()
            job()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a thread hangs"
    if failures:
        raise failures[0]


def test_concurrent_writes_are_all_there(doc: Doc) -> None:
    def write(name: str) -> Callable[[], None]:
        def job() -> None:
            for number in range(500):
                doc.map(name)[str(number)] = number
                doc.counter("n").increment()
                doc.text("t").append(name)
                doc.set("s").add(f"{name}{number}")

        return job

    together(write("a"), write("b"), write("c"))
    assert doc.counter("n") == 1500
    assert len(doc.set("s")) == 1500
    assert sorted(str(doc.text("t"))) == sorted("abc" * 500)
    assert all(doc.map(name).to_dict() == {str(n): n for n in range(500)} for name in "abc")
    copy = Doc()
    copy.import_(doc.export())
    assert copy.digest() == doc.digest()


def test_a_transaction_is_never_seen_half_done(doc: Doc) -> None:
    doc.map().update({"left": 0, "right": 0})

    def write() -> None:
        for number in range(300):
            with doc.transaction():
                doc.map()["left"] = number
                doc.map()["right"] = number

    def read() -> None:
        for _ in range(300):
            with doc.transaction():
                assert doc.map()["left"] == doc.map()["right"]
            view = doc.to_dict()
            assert view["left"] == view["right"]

    together(write, read, read)


def test_a_read_modify_write_in_a_transaction_loses_nothing(doc: Doc) -> None:
    doc.map()["n"] = 0

    def count() -> None:
        for _ in range(300):
            with doc.transaction():
                doc.map()["n"] += 1

    together(count, count, count)
    assert doc.map()["n"] == 900


def test_a_rollback_in_one_thread_leaves_the_others_alone(doc: Doc) -> None:
    def fail() -> None:
        for _ in range(200):
            with pytest.raises(ZeroDivisionError), doc.transaction():
                doc.counter("failed").increment()
                _ = 1 // 0

    def count() -> None:
        for _ in range(200):
            doc.counter("n").increment()

    together(fail, count)
    assert doc.to_dict() == {"n": 200}


def test_who_waits_for_a_transaction_can_be_interrupted(doc: Doc) -> None:
    begun, done = threading.Event(), threading.Event()

    def hold() -> None:
        with doc.transaction():
            doc.map()["held"] = True
            begun.set()
            done.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    assert begun.wait(60)
    threading.Timer(0.1, _thread.interrupt_main).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            doc.counter("n").increment()
    finally:
        done.set()
        holder.join(60)
    doc.counter("n").increment()
    assert doc.to_dict() == {"held": True, "n": 1}


def test_subscribers_hear_every_change_once_and_in_order(doc: Doc) -> None:
    seen: list[ChangeEvent] = []
    doc.subscribe(seen.append)

    def count(name: str) -> Callable[[], None]:
        return lambda: [doc.counter(name).increment() for _ in range(200)].clear()

    together(count("a"), count("b"))
    for name in "ab":
        assert [event.new for event in seen if event.path == (name,)] == list(range(1, 201))


def test_heavy_calls_leave_other_threads_running() -> None:
    source = Doc()
    with source.transaction():
        for number in range(100_000):
            source.map("m")[str(number)] = number
    blob = source.export()
    running = threading.Event()
    ticks = 0
    longest: list[int] = []

    def tick() -> None:
        nonlocal ticks
        while not running.is_set():
            ticks += 1

    ticker = threading.Thread(target=tick)
    ticker.start()
    try:
        for _ in range(3):
            before = ticks
            Doc().import_(blob)
            longest.append(ticks - before)
    finally:
        running.set()
        ticker.join()
    assert max(longest) > 100, "the interpreter was held during an import"
