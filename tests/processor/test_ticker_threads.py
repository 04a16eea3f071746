"""Many threads and one ticker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from taskspan.processor._ticker import Ticker

SAFETY_S = 30.0
"""Only a ticker that hangs is ever waited for so long."""

Make = Callable[..., Ticker]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes tickers without a pace, and stops them in the end."""
    made: list[Ticker] = []

    def ticker_of(work: Callable[[], bool], linger_s: float = SAFETY_S) -> Ticker:
        ticker = Ticker(work, interval_s=0, linger_s=linger_s)
        made.append(ticker)
        return ticker

    yield ticker_of
    for ticker in made:
        ticker.stop()


class Work:
    """Counts its calls; there is more to do until `is_done`."""

    def __init__(self) -> None:
        self.calls = 0
        self.is_done = False
        self.threads: set[str] = set()
        self._changed = threading.Condition()

    def __call__(self) -> bool:
        """Count."""
        with self._changed:
            self.calls += 1
            self.threads.add(threading.current_thread().name)
            self._changed.notify_all()
        return not self.is_done

    def wait_for(self, calls: int) -> None:
        """Wait until it was called so often."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.calls >= calls, SAFETY_S)


def thread_of(ticker: Ticker) -> threading.Thread:
    """Return the thread that is there."""
    assert ticker._thread is not None
    return ticker._thread


def wait_for_end(thread: threading.Thread) -> None:
    """Wait until a thread that was told to end has done so."""
    thread.join(SAFETY_S)
    assert not thread.is_alive()


def test_a_thread_that_lingers_is_woken_again(make: Make) -> None:
    """Work that comes while it waits is done by the same thread."""
    work = Work()
    work.is_done = True
    ticker = make(work)
    ticker.wake()
    work.wait_for(1)
    thread = thread_of(ticker)
    ticker.wake()
    work.wait_for(2)
    assert ticker._thread is thread


def test_stop_ends_the_thread_and_may_be_called_twice(make: Make) -> None:
    """After it a wake starts nothing; a tick is still possible."""
    work = Work()
    ticker = make(work)
    ticker.wake()
    work.wait_for(1)
    thread = thread_of(ticker)
    ticker.stop()
    ticker.stop()
    wait_for_end(thread)
    ticker.wake()
    assert not ticker.is_alive
    calls = work.calls
    assert ticker.tick()
    assert work.calls == calls + 1


def test_stop_ends_a_thread_that_lingers(make: Make) -> None:
    """A thread that waits for work is not waited out."""
    work = Work()
    work.is_done = True
    ticker = make(work)
    ticker.wake()
    work.wait_for(1)
    thread = thread_of(ticker)
    ticker.stop()
    wait_for_end(thread)


def test_many_threads_may_wake_and_tick_at_once(make: Make) -> None:
    """However many call it, it works in one thread at a time, and has one thread of its own."""
    inside = threading.Lock()

    def work() -> bool:
        assert inside.acquire(blocking=False), "two ticks at once"
        inside.release()
        return True

    ticker = make(work)

    def use() -> None:
        for _ in range(200):
            ticker.wake()
            ticker.tick()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("taskspan-ticker") == 1
