"""The count of one operation."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

from taskspan import _counter
from taskspan._counter import Counter


@pytest.fixture
def _eager_switches() -> Iterator[None]:
    """Let the interpreter change threads as often as it can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def add_from_threads(counter: Counter, threads: int, times: int) -> None:
    """Add one `times` times from each of so many threads."""

    def work() -> None:
        for _ in range(times):
            counter.add(1)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def test_a_mark_is_reached_by_the_addition_that_passes_it() -> None:
    """`add` says `True` from the mark on, and not before."""
    counter = Counter()
    counter.next_mark = 3
    assert [counter.add(1) for _ in range(4)] == [False, False, True, True]


@pytest.mark.usefixtures("_eager_switches")
def test_threads_lose_no_count() -> None:
    """Eight threads that add at the same time lose nothing."""
    counter = Counter()
    add_from_threads(counter, threads=8, times=50_000)
    assert counter.completed == 400_000


@pytest.mark.usefixtures("_eager_switches")
def test_with_the_lock_threads_lose_no_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way taken on a free-threaded interpreter is exact, too."""
    monkeypatch.setattr(_counter, "ADDITION_IS_ATOMIC", False)
    counter = Counter()
    add_from_threads(counter, threads=8, times=5_000)
    assert counter.completed == 40_000


def test_the_lock_is_left_out_only_under_a_global_lock() -> None:
    """Addition counts as atomic exactly where the interpreter has its global lock."""
    has_global_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
    assert has_global_lock == _counter.ADDITION_IS_ATOMIC
