"""The progress events of one span: bounded in number, the first and the last among them."""

from __future__ import annotations

import threading

from taskspan import _marks, conventions
from taskspan._attributes import AttributeValue
from taskspan._counter import ENDED
from taskspan._guard import guarded
from taskspan._live import LiveProgress
from taskspan._memory import PROBE
from taskspan._protocols import EventWriter
from taskspan._snapshot import throughput


class ProgressEvents:
    """Writes where an operation is: when the count says so, and when none was for long.

    After `close` nothing is written any more.
    """

    __slots__ = ("_due_s", "_lock", "_progress", "_said", "_write", "_written")

    def __init__(self, progress: LiveProgress, write: EventWriter) -> None:
        self._progress = progress
        self._write = write
        self._written = 0
        self._said: tuple[int, int | None] = (0, progress.total)
        self._due_s = _marks.next_event_s(0.0)
        # Keeps the number of events and the next mark together. Re-entrant, as a signal
        # handler may count while its thread is writing. Only the SDK's `add_event` is called
        # under it, which calls nobody.
        self._lock = threading.RLock()

    def reach_mark(self) -> None:
        """Write the event that the count has made due."""
        counter = self._progress.counter
        with self._lock:
            completed = counter.completed
            # Else another thread was here first, or the operation has ended.
            if completed >= counter.next_mark != ENDED:
                self._write_one(completed)
                counter.next_mark = _marks.next_mark(completed, self._progress.total, self._written)

    def write_overdue(self) -> None:
        """Write an event if something has changed since the last one, long ago."""
        if self._progress.elapsed_s < self._due_s:
            return
        counter = self._progress.counter
        with self._lock:
            if counter.next_mark != ENDED and self._has_changed(counter.completed):
                self._write_one(counter.completed)

    def follow_total(self) -> None:
        """Take a changed total into account for the next mark."""
        counter = self._progress.counter
        with self._lock:
            if counter.next_mark != ENDED:
                counter.next_mark = _marks.next_mark(
                    self._said[0], self._progress.total, self._written
                )

    def close(self) -> int:
        """Write no more from now on; returns the final count."""
        counter = self._progress.counter
        with self._lock:
            counter.next_mark = ENDED
            return counter.completed

    def write_last(self, completed: int) -> None:
        """Write the last event, unless the one before says the same."""
        if self._has_changed(completed):
            self._add(completed)

    def _has_changed(self, completed: int) -> bool:
        return (completed, self._progress.total) != self._said

    def _write_one(self, completed: int) -> None:
        if _marks.has_room(self._written):
            self._written += 1
            self._due_s = _marks.next_event_s(self._progress.elapsed_s)
            self._add(completed)

    def _add(self, completed: int) -> None:
        progress = self._progress
        self._said = (completed, progress.total)
        attributes: dict[str, AttributeValue] = {
            conventions.PROGRESS_COMPLETED: completed,
            conventions.THROUGHPUT: throughput(completed, progress.elapsed_s),
            conventions.MEMORY_USAGE: PROBE.latest,
        }
        if progress.total is not None:
            attributes[conventions.PROGRESS_TOTAL] = progress.total
        with guarded("a progress event"):
            self._write(conventions.PROGRESS_EVENT, attributes)
