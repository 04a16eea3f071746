"""Writes what runs as OpenTelemetry log records: live, and what is left after a crash.

Problem: a span is exported when it has ended. Of a process that is killed, nothing says
what it was doing; and nobody can look on from afar. A record for each update would drown
whoever reads, and one thousand operations ten times a second the process itself.

Taken: a record at each start and end, and in between at most one a second for an operation,
if something has changed; at most `MAX_PER_SECOND` in all. Where that is not enough, the more
telling ones go first, by leaving a reserve: starts and ends of tasks may use up the last of
it, ends of what was announced come next (a start without an end means that the process died),
then starts, progress, and last the ends of short operations, for which one record is enough.
What is announced waits for its turn, and ticks go on for its sake; short operations do not
wait: they are counted, and the next record tells how many there were.

Operations are looked at in turn, some at each tick: one thousand snapshots ten times a second
cost more than all the records.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from opentelemetry import trace
from opentelemetry._logs import Logger, get_logger
from opentelemetry.context import Context

from taskspan._protocols import Live, RecordedSpan, Recorder
from taskspan._version import __version__
from taskspan.conventions import (
    ERROR,
    INSTRUMENTATION_SCOPE,
    INTERRUPTED,
    KIND_TASK,
    OPERATIONS_LEFT_OUT,
)
from taskspan.views import _log_records
from taskspan.views._log_limit import RateLimit
from taskspan.views._log_records import LogEvent

MAX_PER_SECOND: Final = 100
"""Records in any second, of all operations together."""

GAP_NS: Final = 1_000_000_000
"""Between two records of one operation about its progress."""

MAX_WAITING: Final = 1000
"""Ends that wait for their turn without having been announced."""

MAX_TWINS: Final = 10
"""Retries and exceptions of one operation that are written at once: the last ones."""

_LONG_NS: Final = 1_000_000_000
_LOOKS_PER_TICK: Final = 50
_SHARE_PER_TICK: Final = 4

# What each kind of record leaves for those above it.
_RESERVE_OF_ENDS: Final = 10
_RESERVE_OF_STARTS: Final = 20
_RESERVE_OF_PROGRESS: Final = 30
_RESERVE_OF_SHORT_ONES: Final = 50


class _Told:
    """One operation, and what has been told of it."""

    __slots__ = ("_due_ns", "_events_seen", "_said", "context", "has_ended", "live", "span")

    def __init__(self, live: Live, span: RecordedSpan) -> None:
        self.live = live
        self.span = span
        self.has_ended = False
        self.context: Context | None = None
        self._due_ns = live.progress.lasted_ns() + GAP_NS
        self._events_seen = 0
        self._said: tuple[int, int | None, str, object] | None = None

    @property
    def is_task(self) -> bool:
        return self.live.progress.kind == KIND_TASK

    @property
    def waits_for_its_turn(self) -> bool:
        """Whether its end is told even if that takes a while."""
        progress = self.live.progress
        has_failed = progress.outcome in (ERROR, INTERRUPTED)
        return progress.is_announced or has_failed or progress.lasted_ns() >= _LONG_NS

    def start(self) -> list[LogEvent]:
        """Return the record of its start."""
        progress = self.live.progress
        progress.is_announced = True
        self._said = (0, progress.total, progress.description, progress.postfix)
        self._due_ns = progress.lasted_ns() + GAP_NS
        return [_log_records.started(progress, self.span)]

    def look(self) -> list[LogEvent]:
        """Return what is to be told of it meanwhile, if anything."""
        progress = self.live.progress
        lasted_ns = progress.lasted_ns()
        if lasted_ns < self._due_ns:
            return []
        self._due_ns = lasted_ns + GAP_NS
        events = self._twins()
        now = (progress.counter.completed, progress.total, progress.description, progress.postfix)
        said, self._said = self._said, now
        # A text behind the bar is another one if it has been set: comparing what data has
        # brought could call anything.
        if said is None or now[:3] != said[:3] or now[3] is not said[3]:
            events.append(_log_records.in_between(progress, self.span))
        return events

    def end(self) -> list[LogEvent]:
        """Return the records of its end, and of what came before it and is not told."""
        return [*self._twins(), _log_records.ended(self.live.progress, self.span)]

    def _twins(self) -> list[LogEvent]:
        """Return the twins of what has been written on the span since the last call."""
        events = self.span.events
        written = len(events) + self.span.dropped_events
        unseen, self._events_seen = written - self._events_seen, written
        new = events[max(0, len(events) - unseen) :] if unseen > 0 else ()
        twins = [_log_records.of_span_event(event, self.live.progress) for event in new]
        return [twin for twin in twins if twin is not None][-MAX_TWINS:]

    def context_of_span(self) -> Context | None:
        """Return a Context with the span's ids, and nothing else."""
        ids = self.span.get_span_context()
        if self.context is None and ids is not None:
            self.context = trace.set_span_in_context(trace.NonRecordingSpan(ids), Context())
        return self.context


class _Batch:
    """The records of one tick, as many as there is room for."""

    def __init__(self, room: int) -> None:
        self._room = room
        self.records: list[tuple[_Told, LogEvent]] = []

    def has_room(self, reserve: int) -> bool:
        """Whether a record may be added, with `reserve` left for those above it."""
        return self._room > reserve

    def add(self, told: _Told, events: Sequence[LogEvent]) -> None:
        """Add records, the last of them if there is no room for all."""
        events = events[-self._room :]
        self._room -= len(events)
        self.records += [(told, event) for event in events]


class LogEventsView(Recorder):
    """Writes log records bound to the spans of what runs: starts, progress, retries, ends."""

    def __init__(
        self, logger: Logger | None = None, clock: Callable[[], int] = time.perf_counter_ns
    ) -> None:
        """Write to `logger`, by default one of the global provider.

        `clock` tells nanoseconds, for the limit of records a second.
        """
        self._logger = logger or get_logger(INSTRUMENTATION_SCOPE, __version__)
        self._limit = RateLimit(MAX_PER_SECOND, clock)
        self._running: dict[Live, _Told] = {}
        self._turn: list[_Told] = []
        # Tasks first. What is not announced yet, in order of start; then ends.
        self._starting: tuple[dict[_Told, None], dict[_Told, None]] = ({}, {})
        self._ending: tuple[deque[_Told], deque[_Told]] = (deque(), deque())
        self._short: tuple[list[_Told], list[_Told]] = ([], [])
        self._left_out = 0

    def started(self, live: Live) -> None:
        """Note the start."""
        span = live.progress.span
        if span is None:
            return
        told = self._running[live] = _Told(live, span)
        if not live.progress.is_announced:
            self._starting[not told.is_task][told] = None

    def ended(self, live: Live) -> None:
        """Note the end; one whose start is not written yet needs no record of it any more."""
        told = self._running.pop(live, None)
        if told is None:
            return
        told.has_ended = True
        kind = not told.is_task
        self._starting[kind].pop(told, None)
        if live.progress.outcome is None:
            return  # another view takes over
        waiting = self._ending[kind]
        is_announced = live.progress.is_announced
        if told.waits_for_its_turn and (is_announced or len(waiting) < MAX_WAITING):
            waiting.append(told)
        elif len(self._short[kind]) < MAX_PER_SECOND:
            self._short[kind].append(told)
        else:
            self._left_out += 1

    def gather(self, live: Live) -> None:
        """Leave it: an end that no view is told of has no record."""

    def flush(self) -> None:
        """Leave it: the limit holds at the end, too, and a tick writes what it allows."""

    def left_out(self, count: int) -> None:
        """Count what came too fast to be told."""
        self._left_out += count

    @property
    def is_behind(self) -> bool:
        """Whether starts or ends wait for their turn."""
        return any(self._starting) or any(self._ending)

    def ticked(self) -> None:
        """Write what there is room for."""
        batch = _Batch(self._limit.room())
        (tasks, operations), (ended_tasks, ended_operations) = self._starting, self._ending
        _tell_starts(batch, tasks, 0)
        _tell_ends(batch, ended_tasks, 0)
        _tell_ends(batch, ended_operations, _RESERVE_OF_ENDS)
        _tell_starts(batch, operations, _RESERVE_OF_STARTS)
        self._tell_progress(batch)
        self._tell_short_ones(batch)
        self._write(batch)

    def _tell_progress(self, batch: _Batch) -> None:
        if not self._turn:
            self._turn = list(reversed(self._running.values()))
        for _ in range(min(len(self._turn), self._looks())):
            if not batch.has_room(_RESERVE_OF_PROGRESS):
                return
            told = self._turn.pop()
            if told.live.progress.is_announced and not told.has_ended:
                batch.add(told, told.look())

    def _looks(self) -> int:
        return max(_LOOKS_PER_TICK, len(self._running) // _SHARE_PER_TICK)

    def _tell_short_ones(self, batch: _Batch) -> None:
        for short in self._short:
            for told in short:
                if batch.has_room(_RESERVE_OF_SHORT_ONES):
                    batch.add(told, told.end())
                else:
                    self._left_out += 1
            short.clear()

    def _write(self, batch: _Batch) -> None:
        for told, event in sorted(batch.records, key=lambda record: record[1].timestamp):
            attributes = event.attributes
            if self._left_out:
                attributes[OPERATIONS_LEFT_OUT] = self._left_out
                self._left_out = 0
            self._logger.emit(
                timestamp=event.timestamp,
                context=told.context_of_span(),
                severity_number=event.severity,
                severity_text=event.severity.name,
                body=event.body,
                attributes=attributes,
                event_name=event.name,
            )
            self._limit.note()


def _tell_starts(batch: _Batch, waiting: dict[_Told, None], reserve: int) -> None:
    for told in list(waiting):
        if not batch.has_room(reserve):
            return
        del waiting[told]
        batch.add(told, told.start())


def _tell_ends(batch: _Batch, waiting: deque[_Told], reserve: int) -> None:
    while waiting and batch.has_room(reserve):
        told = waiting.popleft()
        batch.add(told, told.end())
