"""Sends the batches of one signal until the endpoint has them.

Problem: OpenTelemetry's exporters try for ten seconds and then drop the batch, and while they
try, the queue behind them overflows. A Collector that is restarted, or started late, costs spans.

Here a batch is handed over at once and kept until it is delivered: in memory up to `HELD_RECORDS`
records, beyond that in the run directory. What is left at the end of the program, or is refused,
goes there as well, from where `taskspan replay` sends it.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from taskspan._fork import in_child
from taskspan._guard import guarded
from taskspan._signals import Signal
from taskspan.configuration._batches import Batch, halves_of, size_of
from taskspan.configuration._verdict import Fate, Verdict

HELD_RECORDS: Final = 10_000
"""Spans or log records of a signal held in memory while its endpoint cannot be reached."""

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 5.0
"""Seconds between two tries: doubling from the first to the longest, give or take a fifth."""

LAST_WORD_S: Final = 0.5
"""Seconds that a try which is broken off has to say why it did not succeed so far."""


class Sender(Protocol):
    """Sends one batch, waiting for the answer."""

    endpoint: str
    """Where to, as it is shown to people."""

    replay_to: str
    """Where the replay of a run can be sent to instead."""

    def send(self, batch: Batch) -> Verdict:
        """Return what became of it."""

    def empty(self) -> Batch:
        """Return a batch without records."""

    def close(self) -> None:
        """End a try that is under way, as soon as it can be ended."""


class Outcomes(Protocol):
    """Who is told what becomes of batches, and keeps those that are not delivered."""

    def see(self, delivery: Delivery, verdict: Verdict, batch: Batch) -> None:
        """Take note of the verdict on a try; the first one is made with an empty batch."""

    def keep(self, delivery: Delivery, batch: Batch) -> None:
        """Keep a batch that the endpoint does not accept, of which the verdict has told."""

    def leave(self, delivery: Delivery, batch: Batch) -> None:
        """Keep a batch for which there was no time, or no more room in memory."""


class Delivery:
    """The batches of one signal on their way to one endpoint."""

    def __init__(self, signal: Signal, sender: Sender, outcomes: Outcomes) -> None:
        """Nothing is sent before `start`."""
        self.signal = signal
        self.sender = sender
        self._outcomes = outcomes
        self._reset()
        in_child(self._reset)

    def _reset(self) -> None:
        # In a forked child, too: what the parent process holds is the parent's to send, and the
        # thread is not there.
        self._changed = threading.Condition(threading.Lock())
        self._queue: deque[Batch] = deque()
        self._held = 0
        self._wait_s = 0.0
        self._not_before = 0.0
        self._asked_until = 0.0
        self.is_refused = False
        self._is_closed = False
        self._is_keeping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Ask the endpoint with an empty batch whether it takes the signal, then wait for more."""
        thread = threading.Thread(
            target=self._run, name=f"taskspan-delivery-{self.signal.name}", daemon=True
        )
        # At interpreter exit no thread can be started: `close` keeps what is left.
        with guarded("the delivery thread"):
            thread.start()
            self._thread = thread

    # -- called by the SDK

    def hand_over(self, batch: Batch) -> None:
        """Take a batch; never waits for the endpoint."""
        size = size_of(batch)
        if size == 0:
            return
        with self._changed:
            is_held = not self.is_refused and not self._is_closed
            is_held = is_held and self._held + size <= HELD_RECORDS
            if is_held:
                self._queue.append(batch)
                self._held += size
                self._changed.notify_all()
        if self.is_refused:
            self._outcomes.keep(self, batch)
        elif not is_held:
            self._outcomes.leave(self, batch)
        elif self._thread is None:
            self.start()

    def flush(self, deadline: float) -> bool:
        """Wait until everything is delivered; `False` if it is not by then (monotonic, s)."""
        with self._changed:
            self._not_before = self._wait_s = 0.0
            self._changed.notify_all()
            return self._changed.wait_for(self._is_settled, max(0.0, deadline - time.monotonic()))

    def _is_settled(self) -> bool:
        return not self._queue and not self._is_keeping

    def close(self) -> None:
        """Keep what is not delivered, and end; `flush` before."""
        with self._changed:
            self._is_closed = True
            # One of them may be on its way at this moment; kept as well, as nobody knows.
            left = list(self._queue)
            self._queue.clear()
            self._held = 0
            self._changed.notify_all()
        with guarded(f"closing the exporter of {self.signal.name}"):
            self.sender.close()
            if self._thread is not None:
                self._thread.join(LAST_WORD_S)
        for batch in left:
            self._outcomes.leave(self, batch)

    # -- the thread

    def _run(self) -> None:
        self._try(self.sender.empty())
        while (batch := self._next()) is not None:
            self._try(batch)

    def _next(self) -> Batch | None:
        """Wait for a batch that is due; `None` when closed."""
        with self._changed:
            while not self._is_closed:
                wait_s = max(self._not_before, self._asked_until) - time.monotonic()
                if self._queue and wait_s <= 0:
                    return self._queue[0]
                self._changed.wait(wait_s if self._queue else None)
        return None

    def _try(self, batch: Batch) -> None:
        verdict = Verdict(Fate.REJECTED, "the exporter failed")
        with guarded(f"the exporter of {self.signal.name}"):
            verdict = self.sender.send(batch)
        # Before those who wait for the queue go on: they may ask what was seen.
        self._outcomes.see(self, verdict, batch)
        self._settle(batch, verdict)

    def _settle(self, batch: Batch, verdict: Verdict) -> None:
        """Do what the verdict asks for with the batch, and with all others."""
        if verdict.fate is Fate.TRY_AGAIN:
            self._postpone(verdict.wait_s)
            return
        self._wait_s = 0.0
        if verdict.fate is Fate.DELIVERED:
            self._take(batch)
        elif verdict.fate in (Fate.NOT_TAKEN, Fate.NOT_ALLOWED):
            self._refuse()
        elif verdict.fate is Fate.TOO_LARGE and (parts := halves_of(batch)):
            self._split(batch, parts)
        else:
            self._keep_first(batch)

    def _postpone(self, told_s: float | None) -> None:
        self._wait_s = min(max(FIRST_WAIT_S, 2 * self._wait_s), LONGEST_WAIT_S)
        # Many programs that lost the same Collector should not all come back at one moment.
        wait_s = self._wait_s * random.uniform(0.8, 1.2)  # noqa: S311  not a secret
        with self._changed:
            self._not_before = time.monotonic() + wait_s
            # Unlike our own pace, this is not shortened when the program ends.
            self._asked_until = time.monotonic() + (told_s or 0.0)

    def _take(self, batch: Batch) -> None:
        """Take a batch off the queue, unless `close` has done so, or it never was there."""
        with self._changed:
            if self._queue and self._queue[0] is batch:
                self._queue.popleft()
                self._held -= size_of(batch)
            self._changed.notify_all()

    def _split(self, batch: Batch, parts: tuple[Batch, ...]) -> None:
        with self._changed:
            # Not if `close` has taken it off meanwhile.
            if self._queue and self._queue[0] is batch:
                self._queue.popleft()
                self._queue.extendleft(reversed(parts))

    def _keep_first(self, batch: Batch) -> None:
        with self._keeping() as taken:
            if self._queue and self._queue[0] is batch:
                taken.append(self._queue.popleft())
                self._held -= size_of(batch)

    def _refuse(self) -> None:
        with self._keeping() as taken:
            self.is_refused = True
            taken.extend(self._queue)
            self._queue.clear()
            self._held = 0

    @contextmanager
    def _keeping(self) -> Iterator[list[Batch]]:
        """Take batches off the queue inside the block; then they are kept.

        Who waits for the queue waits for that, too: the program may end right after.
        """
        taken: list[Batch] = []
        with self._changed:
            self._is_keeping = True
            yield taken
        for batch in taken:
            self._outcomes.keep(self, batch)
        with self._changed:
            self._is_keeping = False
            self._changed.notify_all()
