"""One span, from start to end: its events, its outcome, its final attributes."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, StatusCode, Tracer

from taskspan import _carrier, _marks, _text, conventions
from taskspan._attributes import AttributeValue, metric_attributes
from taskspan._counter import ENDED
from taskspan._guard import attempt, guarded, warn_once
from taskspan._live import LiveProgress
from taskspan._memory import PROBE, high_water_mark
from taskspan._outcome import error_type_of
from taskspan._report_feed import feed
from taskspan.conventions import ERROR, INTERRUPTED, KIND_TASK, SUCCESS, Outcome
from taskspan.producer import _instruments, _registry

_MEBIBYTE = 1024 * 1024


class Operation:
    """A running task or operation and its span. Ends once, its children before it."""

    __slots__ = (
        "_children",
        "_event_due_s",
        "_events_written",
        "_generation",
        "_high_water_at_start",
        "_lock",
        "_start_ns",
        "_written",
        "counted_by",
        "has_ended",
        "parent",
        "parent_context",
        "progress",
        "span",
        "tracer",
    )

    def __init__(
        self,
        progress: LiveProgress,
        tracer: Tracer,
        parent: Operation | None,
        parent_context: Context,
        counted_by: Operation | None = None,
    ) -> None:
        self.progress = progress
        self.tracer = tracer
        self.parent = parent
        self.parent_context = parent_context
        self.counted_by = counted_by
        self.has_ended = False
        self._generation = _registry.generation()
        # Protects the events and the end. Re-entrant: a signal handler may end an operation
        # while its thread is writing an event. Foreign span processors run under it only
        # through `add_event`, which calls none.
        self._lock = threading.RLock()
        self._children: dict[Operation, None] = {}
        self._events_written = 0
        self._written: tuple[int, int | None] = (0, progress.total)
        self._event_due_s = _marks.next_event_s(0.0)
        progress.write_overdue_event = self._write_overdue_event
        progress.start_memory = attempt("memory of the process", PROBE.sample, 0)
        progress.peak_memory = progress.start_memory
        self._high_water_at_start = high_water_mark()
        self._start_ns = time.time_ns()
        progress.started_ns = time.perf_counter_ns()
        no_span: Span = trace.INVALID_SPAN
        self.span = attempt("the start of a span", self._start_span, no_span)

    def join(self) -> Operation:
        """Become one of the running operations: ended with its parent, or at exit."""
        if self.parent is not None:
            self.parent._children[self] = None  # noqa: SLF001  its own class
        _registry.add(self)
        return self

    def _start_span(self) -> Span:
        progress = self.progress
        return self.tracer.start_span(
            _text.one_line(progress.name, _text.NAME_LIMIT),
            context=_carrier.with_starting(progress, self.parent_context),
            attributes=self._first_attributes(),
            start_time=self._start_ns,
        )

    def _first_attributes(self) -> dict[str, AttributeValue]:
        progress = self.progress
        attributes: dict[str, AttributeValue] = {
            conventions.KIND: progress.kind,
            conventions.PROGRESS_UNIT: conventions.unit_annotation(_safe(progress.unit)),
        }
        if progress.kind == KIND_TASK:
            attributes[conventions.TASK_ID] = _safe(progress.task_id)
            attributes[conventions.TASK_TYPE] = _safe(progress.task_type)
        else:
            attributes[conventions.OPERATION_NAME] = _safe(progress.name)
        if progress.description != progress.name:
            attributes[conventions.DESCRIPTION] = _safe(progress.description)
        if progress.total is not None:
            attributes[conventions.PROGRESS_TOTAL] = progress.total
        return attributes

    # -- while it runs

    def add(self, steps: int) -> None:
        """Count `steps` more items, which a caller has checked."""
        if self.progress.counter.add(steps):
            self.reach_mark()

    def reach_mark(self) -> None:
        """Write the progress event that the count has made due."""
        with self._lock:
            counter = self.progress.counter
            completed = counter.completed
            if self.has_ended:
                self._warn_of_late_count(completed)
            elif completed >= counter.next_mark:  # else another thread was here first
                self._write_event(completed)
                counter.next_mark = _marks.next_mark(
                    completed, self.progress.total, self._events_written
                )

    def _write_overdue_event(self) -> None:
        if self.progress.elapsed_s < self._event_due_s:
            return
        with self._lock:
            counter = self.progress.counter
            if not self.has_ended and (counter.completed, self.progress.total) != self._written:
                self._write_event(counter.completed)

    def _write_event(self, completed: int) -> None:
        if not _marks.has_room(self._events_written):
            return
        self._events_written += 1
        elapsed_s = self.progress.elapsed_s
        self._event_due_s = _marks.next_event_s(elapsed_s)
        self._add_progress_event(completed, elapsed_s)

    def _add_progress_event(self, completed: int, elapsed_s: float) -> None:
        self._written = (completed, self.progress.total)
        attributes: dict[str, AttributeValue] = {
            conventions.PROGRESS_COMPLETED: completed,
            conventions.THROUGHPUT: completed / elapsed_s if elapsed_s > 0 else 0.0,
            conventions.MEMORY_USAGE: PROBE.latest,
        }
        if self.progress.total is not None:
            attributes[conventions.PROGRESS_TOTAL] = self.progress.total
        with guarded("a progress event"):
            self.span.add_event(conventions.PROGRESS_EVENT, attributes, self._now_ns())

    def set_total(self, total: int | None) -> None:
        """Change the number of items expected; bar, span and further events follow."""
        with self._lock:
            self.progress.total = total
            if self.has_ended:
                return
            self.progress.counter.next_mark = _marks.next_mark(
                self._written[0], total, self._events_written
            )
        if total is not None:
            with guarded("the total of a span"):
                self.span.set_attribute(conventions.PROGRESS_TOTAL, total)

    def add_event(self, name: str, attributes: Mapping[str, AttributeValue]) -> None:
        """Write an event of another kind than progress."""
        with guarded(f"the event {name}"):
            self.span.add_event(name, dict(attributes), self._now_ns())

    def _now_ns(self) -> int:
        # The wall clock may be set back while a task runs: it is read at the start alone.
        return self._start_ns + int(time.perf_counter_ns() - self.progress.started_ns)

    def _warn_of_late_count(self, completed: int) -> None:
        final = self.progress.metrics.get("current", completed)
        if completed > final:
            warn_once(
                f"operation {_safe(self.progress.name)}",
                "late",
                f"{completed - final} items were counted after its end and are not in its span; "
                "update the tracker before the operation ends",
            )

    # -- the end

    def end(
        self,
        outcome: Outcome,
        error: BaseException | None = None,
        metrics: Mapping[str, Any] | None = None,
    ) -> bool:
        """End the span with its outcome; `False` if it has ended before.

        Operations that still run inside it end first: with the same outcome where it is
        not `success`, as `interrupted` where it is.
        """
        with self._lock:
            if self.has_ended:
                return False
            self.has_ended = True
        if self._generation != _registry.generation():
            # A forked child leaves a block that its parent process is still in.
            return False
        if outcome == SUCCESS:
            self._end_left_behind()
        else:
            self._end_children(outcome, error)
        self._settle(outcome, error, metrics or {})
        with guarded("the final attributes of a span"):
            self._write_last_event()
            self._write_outcome(error)
            self.span.set_attributes(self._last_attributes())
        is_recorded = self.span.is_recording()
        self._leave()
        with guarded("the end of a span"):
            self.span.end(end_time=self._start_ns + (self.progress.elapsed_ns or 0))
        if not is_recorded:
            # No processor sees a span that nobody records; its report entry is owed all the same.
            feed(self.progress)
        with guarded("the metrics of an operation"):
            _instruments.record_end(self.progress)
        return True

    def _end_left_behind(self) -> None:
        for child in self._end_children(INTERRUPTED, None):
            warn_once(
                f"operation {_safe(child.progress.name)}",
                "left behind",
                f"was still running when {_safe(self.progress.name)} ended; ended as interrupted",
            )

    def _end_children(self, outcome: Outcome, error: BaseException | None) -> list[Operation]:
        """End what still runs inside, the youngest first; returns what was ended."""
        return [child for child in reversed(list(self._children)) if child.end(outcome, error)]

    def _settle(
        self, outcome: Outcome, error: BaseException | None, metrics: Mapping[str, Any]
    ) -> None:
        """Fix count, time, memory and outcome; they do not change any more."""
        progress = self.progress
        progress.elapsed_ns = time.perf_counter_ns() - progress.started_ns
        progress.counter.next_mark = ENDED
        self.see_memory()
        progress.outcome = outcome
        final = progress.metrics
        final.update(metrics)
        if error is not None:
            progress.error_type = error_type_of(error)
            final["error_type"] = type(error).__name__
            final["error_message"] = _text.shown(error)
        elif outcome == ERROR:
            progress.error_type = _text.shown(final.get("error_type", conventions.ERROR_TYPE_OTHER))
        final.update(self.measured())
        final.update(self._ids())
        final["outcome"] = outcome

    def _ids(self) -> dict[str, str]:
        context = self.span.get_span_context()
        if not context.is_valid:
            return {}
        return {
            "trace_id": trace.format_trace_id(context.trace_id),
            "span_id": trace.format_span_id(context.span_id),
        }

    def measured(self) -> dict[str, Any]:
        """Return count, time (s), memory (MiB) and rate as `metrics` holds them."""
        progress = self.progress
        peak = progress.peak_memory
        completed = progress.counter.completed
        elapsed_s = progress.elapsed_s
        return {
            "current": completed,
            "execution_time": elapsed_s,
            "peak_memory_mb": peak / _MEBIBYTE,
            "memory_delta_mb": (peak - progress.start_memory) / _MEBIBYTE,
            "items_per_second": completed / elapsed_s if elapsed_s > 0 else 0.0,
            "failed": progress.outcome not in (None, SUCCESS),
        }

    def see_memory(self) -> None:
        """Sample the memory; take the kernel's record where it was broken since the start."""
        progress = self.progress
        progress.see_memory(attempt("memory of the process", PROBE.sample, 0))
        high_water = high_water_mark()
        if high_water > self._high_water_at_start:
            progress.see_memory(high_water)

    def _write_last_event(self) -> None:
        progress = self.progress
        completed = progress.metrics["current"]
        if (completed, progress.total) != self._written:
            self._add_progress_event(completed, progress.elapsed_s)

    def _write_outcome(self, error: BaseException | None) -> None:
        progress = self.progress
        if error is not None:
            self.span.record_exception(error, timestamp=self._now_ns())
        if progress.outcome in (ERROR, INTERRUPTED):
            self.span.set_status(StatusCode.ERROR, self._status_description())

    def _status_description(self) -> str:
        final = self.progress.metrics
        reason = ": ".join(
            _text.shown(final[key]) for key in ("error_type", "error_message") if final.get(key)
        )
        text = reason or str(self.progress.outcome)
        return _text.without_surrogates(_text.shortened(text, _text.VALUE_LIMIT))

    def _last_attributes(self) -> dict[str, AttributeValue]:
        progress = self.progress
        attributes: dict[str, AttributeValue] = {
            conventions.PROGRESS_COMPLETED: progress.metrics["current"],
            conventions.THROUGHPUT: progress.metrics["items_per_second"],
            conventions.MEMORY_PEAK: progress.peak_memory,
            conventions.MEMORY_DELTA: progress.peak_memory - progress.start_memory,
            conventions.OUTCOME: str(progress.outcome),
        }
        if progress.total is not None:
            attributes[conventions.PROGRESS_TOTAL] = progress.total
        if progress.description != progress.name:
            attributes[conventions.DESCRIPTION] = _safe(progress.description)
        if progress.error_type is not None:
            attributes[conventions.ERROR_TYPE] = _safe(progress.error_type)
        attributes.update(metric_attributes(self._reported_metrics(), conventions.METRIC_PREFIX))
        return attributes

    def _reported_metrics(self) -> dict[str, Any]:
        """Return what the application reported, without what has an attribute of its own."""
        return {k: v for k, v in self.progress.metrics.items() if k not in _OWN_METRICS}

    def _leave(self) -> None:
        _registry.remove(self)
        if self.parent is not None:
            self.parent._children.pop(self, None)  # noqa: SLF001  its own class
        task = self.counted_by
        if task is not None and task.progress.counter.next_mark != ENDED:
            task.add(1)


_OWN_METRICS = frozenset(
    {
        "current",
        "execution_time",
        "peak_memory_mb",
        "memory_delta_mb",
        "items_per_second",
        "failed",
        "outcome",
        "error_type",
        "error_message",
        "trace_id",
        "span_id",
    }
)


def _safe(value: object) -> str:
    return _text.one_line(value, _text.NAME_LIMIT)
