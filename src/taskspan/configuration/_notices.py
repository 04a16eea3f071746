"""What is said about endpoints: one line for one problem, however many batches meet it."""

from __future__ import annotations

import shlex
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from taskspan._fork import in_child
from taskspan._guard import LOGGER, warn_once
from taskspan._signals import SIGNALS, Signal
from taskspan.configuration._batches import Batch, halves_of, size_of
from taskspan.configuration._delivery import Delivery
from taskspan.configuration._verdict import Fate, Verdict

PATIENCE_S: Final = 3.0
"""Seconds that an endpoint may be unreachable before a line says so."""


class Notices:
    """Turns verdicts into lines of the log."""

    def __init__(self, place: Callable[[], str | None]) -> None:
        """`place` tells where the undelivered is kept, `None` where it cannot be."""
        self._place = place
        self.is_closing = False
        # Protects what follows; nothing is called under it.
        self._lock = threading.Lock()
        self._unheard: set[Delivery] = set()
        self._not_taken: dict[str, list[Delivery]] = {}
        self._down_since: dict[Delivery, float] = {}
        self._reasons: dict[str, str] = {}
        self._replay_to: dict[str, str] = {}
        self._left: dict[str, Counter[Signal]] = {}
        in_child(self._start_anew)

    def _start_anew(self) -> None:
        # In a forked child: the lock may have been held, and what is left is the parent's to tell.
        self._lock = threading.Lock()
        self._left = {}

    def expect(self, delivery: Delivery) -> None:
        """Wait with what concerns several signals until this one has been heard of."""
        self._unheard.add(delivery)
        self._replay_to[delivery.sender.endpoint] = delivery.sender.replay_to

    def see(self, delivery: Delivery, verdict: Verdict, batch: Batch) -> None:
        """Say what people should know of a try."""
        if verdict.fate is Fate.DELIVERED:
            self._see_delivered(delivery)
        elif verdict.fate is Fate.TRY_AGAIN:
            self._see_down(delivery, verdict.reason)
        elif verdict.fate is Fate.NOT_TAKEN:
            self._see_not_taken(delivery, verdict.reason)
        elif verdict.fate is Fate.NOT_ALLOWED:
            self._say_not_allowed(delivery, verdict.reason)
        elif size_of(batch) and not (verdict.fate is Fate.TOO_LARGE and halves_of(batch)):
            self._say_rejected(delivery, verdict.reason)
        self._hear_of(delivery)

    def see_left(self, delivery: Delivery, batch: Batch) -> None:
        """Count what was neither delivered nor refused, for the last line."""
        with self._lock:
            left = self._left.setdefault(delivery.sender.endpoint, Counter())
            left[delivery.signal] += size_of(batch)

    # -- an endpoint that cannot be reached

    def _see_delivered(self, delivery: Delivery) -> None:
        with self._lock:
            was_down = self._down_since.pop(delivery, None) is not None
        if was_down:
            endpoint = delivery.sender.endpoint
            LOGGER.info("%s: takes %s again", endpoint, delivery.signal.name)

    def _see_down(self, delivery: Delivery, reason: str) -> None:
        endpoint = delivery.sender.endpoint
        with self._lock:
            since = self._down_since.setdefault(delivery, time.monotonic())
            if not (self.is_closing and endpoint in self._reasons):
                # What a try says that was broken off at the end is not why it took so long.
                self._reasons[endpoint] = reason
        if time.monotonic() - since > PATIENCE_S and not self.is_closing:
            warn_once(
                endpoint,
                reason,
                f"{reason}; what is recorded is held and sent when the endpoint can be reached",
            )

    # -- one that refuses

    def _see_not_taken(self, delivery: Delivery, reason: str) -> None:
        endpoint = delivery.sender.endpoint
        with self._lock:
            self._not_taken.setdefault(endpoint, []).append(delivery)
            self._reasons[endpoint] = reason

    def _hear_of(self, delivery: Delivery) -> None:
        with self._lock:
            self._unheard.discard(delivery)
            is_complete = not self._unheard
        if is_complete:
            self._say_not_taken()

    def _say_not_taken(self) -> None:
        with self._lock:
            not_taken, self._not_taken = self._not_taken, {}
        for endpoint, deliveries in not_taken.items():
            refused = {delivery.signal for delivery in deliveries}
            names = [signal.name for signal in SIGNALS if signal in refused]
            variables = " ".join(f"OTEL_{name.upper()}_EXPORTER=none" for name in names)
            warn_once(
                endpoint,
                "not taken",
                f"does not take {_listed(names)} ({self._reasons[endpoint]}); {self._kept()}; "
                f"not to record them: {variables}",
            )

    def _say_not_allowed(self, delivery: Delivery, reason: str) -> None:
        endpoint = delivery.sender.endpoint
        warn_once(
            endpoint,
            "not allowed",
            f"{reason}; {self._kept()}; check OTEL_EXPORTER_OTLP_HEADERS, then send it with: "
            + self._replay(endpoint),
        )

    def _say_rejected(self, delivery: Delivery, reason: str) -> None:
        endpoint = delivery.sender.endpoint
        warn_once(endpoint, reason, f"{reason}; what it does not accept is {self._kept()}")

    # -- the end

    def say_last(self) -> None:
        """Say what was not delivered when the program ended, and how to send it."""
        self._say_not_taken()
        with self._lock:
            left, self._left = self._left, {}
        for endpoint, counts in left.items():
            amounts = _listed(signal.amount(count) for signal, count in counts.items())
            reason = self._reasons.get(endpoint, "no answer in time")
            LOGGER.warning(
                "%s: %s; %s not delivered; %s; send it with: %s",
                endpoint,
                reason,
                amounts,
                self._kept(),
                self._replay(endpoint),
            )

    def _kept(self) -> str:
        place = self._place()
        return "lost, as no directory can keep it" if place is None else f"kept in {place}"

    def _replay(self, endpoint: str) -> str:
        place = shlex.quote(self._place() or "RUN")
        return f"taskspan replay {place} --endpoint {shlex.quote(self._replay_to[endpoint])}"


def _listed(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
