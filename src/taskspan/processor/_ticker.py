"""The thread that makes progress visible.

Problem: bars must move while the task's own threads do nothing but count, and whatever
the drawing does, the task must neither wait for it nor be kept alive by it.

Three ways fail. Drawing from `update()` puts a clock and a lock into the hot path, as
tqdm has it. A timer per bar makes as many threads as operations. A thread that lives from
import to exit burns time in programs that draw nothing, and does not survive `fork`.

Taken: one daemon thread for a processor, started by the first span, paced by an event
rather than by sleeping, so that it can be woken and stopped at once. With nothing running
it waits without a pace, and after `LINGER_S` it ends; the next span starts another. A
forked child has no such thread; the next span there starts its own. Anyone may call `tick`
directly: at the end of the last operation the task's thread does, to leave the last value
on the screen; it waits for a tick under way, but never longer than `PATIENCE_S`, as a
stopped terminal can hold one for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from taskspan._guard import guarded

INTERVAL_S: Final = 0.1
"""Seconds between two ticks while something runs."""

LINGER_S: Final = 5.0
"""Seconds after which a thread with nothing to do ends."""

PATIENCE_S: Final = 2.0
"""Seconds that a caller of `tick` waits for one that is under way."""


class Ticker:
    """Calls `work` at a steady pace as long as it returns `True`."""

    def __init__(
        self,
        work: Callable[[], bool],
        interval_s: float = INTERVAL_S,
        linger_s: float = LINGER_S,
    ) -> None:
        self._work = work
        self._interval_s = interval_s
        self._linger_s = linger_s
        self._reset()

    def _reset(self) -> None:
        # Protects the start and the end of the thread; nothing is called under it.
        self._lock = threading.Lock()
        # Held during a tick, while views draw. Not re-entrant on purpose: a tick inside a
        # tick, from a view that logs or ends an operation, is left out.
        self._tick_lock = threading.Lock()
        self._tick_owner: int | None = None
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_idle = True

    @property
    def is_alive(self) -> bool:
        """Whether the thread is there."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def wake(self) -> None:
        """See to it that ticks happen from now on; starts the thread if there is none."""
        if not self._is_idle and self.is_alive:
            return
        with self._lock:
            if self._stopped.is_set():
                return
            if not self.is_alive:
                self._start()
            self._wake.set()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="taskspan-ticker", daemon=True)
        # At interpreter exit no thread can be started; `tick` is then called directly.
        with guarded("the ticker thread"):
            thread.start()
            self._thread = thread

    def _run(self) -> None:
        while self._wait():
            # Idle until proven otherwise: a span that starts while the tick is under way
            # then sets the event, and the next wait returns at once.
            self._is_idle = True
            if self.tick():
                self._is_idle = False

    def _wait(self) -> bool:
        """Wait for the next tick; `False` when the thread is to end."""
        if not self._is_idle:
            return not self._stopped.wait(self._interval_s)
        was_woken = self._wake.wait(self._linger_s)
        with self._lock:
            was_woken = was_woken or self._wake.is_set()
            self._wake.clear()
            if was_woken and not self._stopped.is_set():
                return True
            self._thread = None
            return False

    def tick(self) -> bool:
        """Work once; `True` if there is more to come."""
        if self._tick_owner == threading.get_ident():
            return True
        if not self._tick_lock.acquire(timeout=PATIENCE_S):
            return True
        try:
            self._tick_owner = threading.get_ident()
            with guarded("a tick"):
                return self._work()
        finally:
            self._tick_owner = None
            self._tick_lock.release()
        return True

    def stop(self) -> None:
        """End the thread; a second call does nothing. Call `tick` first to see the last values."""
        with self._lock:
            self._stopped.set()
            thread = self._thread
            self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(PATIENCE_S)

    def start_anew(self) -> None:
        """Forget thread and locks; in a forked child they are the parent process's."""
        self._reset()
