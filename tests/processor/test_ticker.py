"""The thread that makes progress visible."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from taskspan.processor import _ticker
from taskspan.processor._ticker import Ticker

PATIENCE_S = 30
"""A failing test waits as long; one that passes never does."""


class Work:
    """Counts ticks, and does as it is told in each."""

    def __init__(self, more: Callable[[int], bool]) -> None:
        self.count = 0
        self.is_idle = threading.Event()
        self._more = more

    def __call__(self) -> bool:
        """Work once."""
        self.count += 1
        more = self._more(self.count)
        if not more:
            self.is_idle.set()
        return more


def wait_for_end(ticker: Ticker, thread: threading.Thread | None) -> None:
    """Wait until a thread of the ticker is gone."""
    if thread is not None:
        thread.join(PATIENCE_S)
    assert not ticker.is_alive


def test_there_is_no_thread_before_the_first_wake() -> None:
    """A ticker that nobody wakes starts no thread."""
    ticker = Ticker(lambda: True)
    assert not ticker.is_alive
    ticker.stop()


def test_it_ticks_until_there_is_no_more_to_come() -> None:
    """After one wake ticks follow each other until the work says that there is no more."""
    work = Work(lambda count: count < 5)
    ticker = Ticker(work, interval_s=0.001)
    ticker.wake()
    assert work.is_idle.wait(PATIENCE_S)
    assert work.count == 5
    ticker.stop()


def test_an_idle_thread_ends_and_a_wake_starts_another() -> None:
    """With nothing to do the thread ends after its time, and the next wake starts a new one."""
    work = Work(lambda count: False)
    ticker = Ticker(work, interval_s=0.001, linger_s=0.001)
    for count in (1, 2, 3):
        work.is_idle.clear()
        ticker.wake()
        thread = ticker._thread
        assert work.is_idle.wait(PATIENCE_S)
        wait_for_end(ticker, thread)
        assert work.count == count


def test_a_wake_during_a_tick_is_not_missed() -> None:
    """A span that starts while a tick is under way gets a tick of its own."""
    ticker: Ticker

    def more(count: int) -> bool:
        if count == 1:
            waking = threading.Thread(target=ticker.wake)
            waking.start()
            waking.join(PATIENCE_S)
        else:
            second.set()
        return False

    second = threading.Event()
    ticker = Ticker(Work(more), interval_s=0.001, linger_s=PATIENCE_S)
    ticker.wake()
    assert second.wait(PATIENCE_S)
    ticker.stop()


def test_stop_ends_the_thread_for_good() -> None:
    """After a stop no thread is left and none is started; a second stop does nothing."""
    ticker = Ticker(lambda: True, interval_s=PATIENCE_S)
    ticker.wake()
    thread = ticker._thread
    ticker.stop()
    wait_for_end(ticker, thread)
    ticker.stop()
    ticker.wake()
    assert not ticker.is_alive


def test_stop_from_its_own_thread() -> None:
    """Work that stops its own ticker does not wait for itself."""
    ticker: Ticker
    done = threading.Event()

    def work() -> bool:
        ticker.stop()
        done.set()
        return True

    ticker = Ticker(work, interval_s=0.001)
    ticker.wake()
    assert done.wait(PATIENCE_S)
    wait_for_end(ticker, ticker._thread)


def test_a_tick_inside_a_tick_is_left_out() -> None:
    """Work that asks for a tick is not called again inside itself."""
    ticker: Ticker
    calls: list[bool | None] = []

    def work() -> bool:
        calls.append(ticker.tick() if not calls else None)
        return False

    ticker = Ticker(work)
    assert ticker.tick() is False
    assert calls == [True]


def test_a_tick_waits_for_no_longer_than_its_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another tick hangs, a call comes back and says that there is more to come."""
    monkeypatch.setattr(_ticker, "PATIENCE_S", 0.001)
    hangs, goes_on = threading.Event(), threading.Event()

    def work() -> bool:
        hangs.set()
        goes_on.wait(PATIENCE_S)
        return False

    ticker = Ticker(work)
    thread = threading.Thread(target=ticker.tick)
    thread.start()
    assert hangs.wait(PATIENCE_S)
    assert ticker.tick() is True
    goes_on.set()
    thread.join(PATIENCE_S)
    assert ticker.tick() is False


@pytest.mark.expects_problems
def test_work_that_raises_is_called_again() -> None:
    """A tick that raises is logged, and the next one follows."""

    def more(count: int) -> bool:
        if count == 1:
            raise RuntimeError("a bad tick")
        return False

    work = Work(more)
    ticker = Ticker(work, interval_s=0.001)
    ticker.wake()
    assert work.is_idle.wait(PATIENCE_S)
    assert work.count == 2
    ticker.stop()


def test_start_anew_forgets_thread_and_locks() -> None:
    """In a forked child locks that were held count no more, and a wake starts a thread."""
    work = Work(lambda count: False)
    ticker = Ticker(work, interval_s=0.001)
    ticker._lock.acquire()
    ticker._tick_lock.acquire()
    ticker._stopped.set()
    ticker.start_anew()
    ticker.wake()
    assert work.is_idle.wait(PATIENCE_S)
    ticker.stop()
