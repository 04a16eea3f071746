"""All deliveries of the process, and the run directory that takes what they cannot deliver."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from taskspan._fork import in_child
from taskspan._guard import attempt
from taskspan._signals import Signal
from taskspan.configuration._batches import Batch
from taskspan.configuration._delivery import Delivery, Sender
from taskspan.configuration._notices import Notices
from taskspan.configuration._run_directory import RunDirectory
from taskspan.configuration._verdict import Verdict

EXIT_S: Final = 5.0
"""Seconds that the end of a program waits for its endpoints, all signals together."""


class Outbox:
    """What is on its way to endpoints, and what becomes of the rest."""

    def __init__(self, run: RunDirectory | None, open_run: Callable[[], RunDirectory]) -> None:
        """`run` records everything already, if there is one; else `open_run` makes one if needed.

        `open_run` may raise `OSError`.
        """
        self.deliveries: list[Delivery] = []
        self._records_all = run is not None
        self._has_lost = False
        self._run = run
        self._open_run = open_run
        # Protects the opening of the run and the two below.
        self._lock = threading.Lock()
        self._open: set[Delivery] = set()
        self._exit_deadline: float | None = None
        self._notices = Notices(self.place)
        in_child(self._renew_in_child)

    def _renew_in_child(self) -> None:
        # Another thread of the parent process may have held it at the fork.
        self._lock = threading.Lock()

    def add(self, signal: Signal, sender: Sender) -> Delivery:
        """Return a new delivery of a signal; `start` begins with it."""
        delivery = Delivery(signal, sender, self)
        self.deliveries.append(delivery)
        self._open.add(delivery)
        self._notices.expect(delivery)
        return delivery

    def start(self) -> None:
        """Begin to deliver, once all deliveries are there."""
        for delivery in self.deliveries:
            delivery.start()

    # -- told by deliveries

    def see(self, delivery: Delivery, verdict: Verdict, batch: Batch) -> None:
        """Say what people should know of a try."""
        self._notices.see(delivery, verdict, batch)

    def keep(self, delivery: Delivery, batch: Batch) -> None:
        """Write a batch to the run directory, unless that has everything anyway."""
        run = None if self._records_all else self.opened_run()
        if run is not None and not run.files[delivery.signal.name].write(batch):
            self._has_lost = True

    def leave(self, delivery: Delivery, batch: Batch) -> None:
        """Keep a batch, and count it for the last line."""
        self._notices.see_left(delivery, batch)
        self.keep(delivery, batch)

    def place(self) -> str | None:
        """Return where the undelivered is kept; `None` where it cannot be."""
        run = self.opened_run()
        return None if run is None or self._has_lost else str(run.path)

    def opened_run(self) -> RunDirectory | None:
        """Return the directory for what is not delivered, made if need be; `None` if it cannot."""
        with self._lock:
            if self._run is None:
                self._run = attempt("a directory for what is not delivered", self._open_run, None)
            return self._run

    # -- the end

    def flush(self, deadline: float) -> bool:
        """Wait until everything is delivered; `False` if it is not by then (monotonic, s)."""
        results = [delivery.flush(deadline) for delivery in self.deliveries]
        return all(results)

    def close(self, delivery: Delivery) -> None:
        """Deliver what `EXIT_S` allows, counted from the first delivery that is closed."""
        with self._lock:
            if delivery not in self._open:
                return
            if self._exit_deadline is None:
                self._exit_deadline = time.monotonic() + EXIT_S
            deadline = self._exit_deadline
        self._notices.is_closing = True
        try:
            delivery.flush(deadline)
        except KeyboardInterrupt:
            # Somebody has waited long enough: nothing more is waited for, and all is kept.
            self._exit_deadline = 0.0
        delivery.close()
        with self._lock:
            self._open.discard(delivery)
            is_last = not self._open
        if is_last:
            self._notices.say_last()
