"""The life of the ticker's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from taskspan.processor import _ticker
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
        with self._changed:
            self.calls += 1
            self.threads.add(threading.current_thread().name)
            self._changed.notify_all()
        return not self.is_done

    def wait_for(self, calls: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.calls >= calls, SAFETY_S)


def thread_of(ticker: Ticker) -> threading.Thread:
    assert ticker._thread is not None
    return ticker._thread


def wait_for_end(thread: threading.Thread) -> None:
    thread.join(SAFETY_S)
    assert not thread.is_alive()


def test_there_is_no_thread_before_there_is_work(make: Make) -> None:
    """A ticker that nobody wakes costs nothing."""
    assert not make(Work()).is_alive


def test_it_ticks_as_long_as_there_is_work(make: Make) -> None:
    """Woken once, it works again and again, on a daemon thread of its own."""
    work = Work()
    ticker = make(work)
    ticker.wake()
    work.wait_for(5)
    assert work.threads == {"taskspan-ticker"}
    assert thread_of(ticker).daemon


def test_a_thread_with_nothing_to_do_ends(make: Make) -> None:
    """After it has lingered for a while, and the next wake starts another."""
    work = Work()
    work.is_done = True
    ticker = make(work, linger_s=0)
    for round_ in (1, 2):
        ticker.wake()
        work.wait_for(round_)
        thread = ticker._thread
        if thread is not None:  # else it is already gone
            wait_for_end(thread)
        assert not ticker.is_alive


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


def test_a_wake_during_a_tick_is_not_lost(make: Make) -> None:
    """What starts while the last of the work is looked at gets a tick of its own."""
    is_inside, may_go_on = threading.Event(), threading.Event()
    calls: list[int] = []
    second = threading.Event()

    def work() -> bool:
        calls.append(len(calls))
        if len(calls) == 1:
            is_inside.set()
            may_go_on.wait(SAFETY_S)
        else:
            second.set()
        return False

    ticker = make(work)
    ticker.wake()
    assert is_inside.wait(SAFETY_S)
    ticker.wake()
    may_go_on.set()
    assert second.wait(SAFETY_S)


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


def test_a_ticker_may_be_stopped_by_its_own_thread(make: Make) -> None:
    """A view that shuts everything down does not wait for itself."""
    stopped = threading.Event()

    def work() -> bool:
        ticker.stop()
        stopped.set()
        return True

    ticker = make(work)
    ticker.wake()
    assert stopped.wait(SAFETY_S)


def test_a_tick_inside_a_tick_is_left_out(make: Make) -> None:
    """A view that ends an operation does not draw inside its own drawing."""
    depth: list[int] = []

    def work() -> bool:
        depth.append(len(depth))
        assert ticker.tick()
        return False

    ticker = make(work)
    assert not ticker.tick()
    assert depth == [0]


def test_patience_with_a_tick_that_hangs_has_an_end(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that wants its last value drawn does not wait for a stuck terminal for ever."""
    monkeypatch.setattr(_ticker, "PATIENCE_S", 0.001)
    is_inside, may_go_on = threading.Event(), threading.Event()
    calls: list[str] = []

    def work() -> bool:
        calls.append(threading.current_thread().name)
        is_inside.set()
        may_go_on.wait(SAFETY_S)
        return False

    ticker = make(work)
    ticker.wake()
    assert is_inside.wait(SAFETY_S)
    assert ticker.tick()
    assert calls == ["taskspan-ticker"]
    may_go_on.set()


@pytest.mark.expects_problems
def test_work_that_raises_does_not_end_the_thread(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """The problem is logged once, and the next tick comes."""
    work = Work()

    def raising() -> bool:
        work()
        raise OSError("stuck")

    ticker = make(raising)
    ticker.wake()
    work.wait_for(3)
    ticker.stop()
    assert len(caplog.records) == 1
    assert "stuck" in caplog.text


def test_a_ticker_can_start_anew(make: Make) -> None:
    """A forked child has the locks and the thread of nobody."""
    work = Work()
    ticker = make(work)
    assert ticker._tick_lock.acquire()
    assert ticker._lock.acquire()
    ticker.start_anew()
    ticker.wake()
    work.wait_for(2)


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
