"""One span, from start to end: which state it stands for, and how it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, StatusCode, Tracer

from taskspan import _carrier, _text, conventions
from taskspan._attributes import AttributeValue
from taskspan._guard import attempt, guarded, warn_once
from taskspan._live import LiveProgress
from taskspan._memory import PROBE, high_water_mark
from taskspan._outcome import error_type_of
from taskspan._report_feed import feed
from taskspan._snapshot import throughput
from taskspan.conventions import ERROR, INTERRUPTED, SUCCESS, Outcome
from taskspan.producer import _instruments, _registry
from taskspan.producer._progress_events import ProgressEvents
from taskspan.producer._span_attributes import (
    exception_attributes,
    first_attributes,
    last_attributes,
    span_name,
    status_description,
)

_MEBIBYTE = 1024 * 1024


class Operation:
    """A running task or operation and its span. Ends once, its children before it."""

    __slots__ = (
        "_children",
        "_events",
        "_final_count",
        "_generation",
        "_high_water_at_start",
        "_lock",
        "_start_ns",
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
        links: Sequence[Link] = (),
    ) -> None:
        self.progress = progress
        self.tracer = tracer
        self.parent = parent
        self.parent_context = parent_context
        self.counted_by = counted_by
        self.has_ended = False
        self._generation = _registry.generation()
        # Protects `has_ended`; nothing is called under it. Re-entrant, as a signal handler
        # may end an operation while its thread is at it.
        self._lock = threading.RLock()
        self._children: dict[Operation, None] = {}
        self._final_count: int | None = None
        self._events = ProgressEvents(progress, self.add_event)
        progress.write_overdue_event = self._events.write_overdue
        progress.start_memory = attempt("memory of the process", PROBE.sample, 0)
        progress.peak_memory = progress.start_memory
        self._high_water_at_start = high_water_mark()
        self._start_ns = time.time_ns()
        progress.started_ns = time.perf_counter_ns()
        no_span: Span = trace.INVALID_SPAN
        self.span = attempt("the start of a span", lambda: self._start_span(links), no_span)

    def _start_span(self, links: Sequence[Link]) -> Span:
        return self.tracer.start_span(
            span_name(self.progress),
            context=_carrier.with_starting(self.progress, self.parent_context),
            attributes=first_attributes(self.progress),
            links=links,
            start_time=self._start_ns,
        )

    def join(self) -> Operation:
        """Become one of the running operations: ended with its parent, or at exit."""
        if self.parent is not None:
            self.parent._children[self] = None  # noqa: SLF001  its own class
        _registry.add(self)
        return self

    # -- while it runs

    def add(self, steps: int) -> None:
        """Count `steps` more items, which a caller has checked."""
        if self.progress.counter.add(steps):
            self.reach_mark()

    def reach_mark(self) -> None:
        """Do what the count has made due: write an event, or say that it comes too late."""
        if self.is_inherited():
            return
        if self._final_count is None:
            self._events.reach_mark()
        else:
            self._warn_of_late_count(self.progress.counter.completed - self._final_count)

    def set_total(self, total: int | None) -> None:
        """Change the number of items expected; bar, span and further events follow."""
        self.progress.total = total
        if self.has_ended:
            return
        self._events.follow_total()
        if total is not None:
            with guarded("the total of a span"):
                self.span.set_attribute(conventions.PROGRESS_TOTAL, total)

    def add_event(self, name: str, attributes: Mapping[str, AttributeValue]) -> None:
        """Write an event on the span, at the present time."""
        with guarded(f"the event {name}"):
            self.span.add_event(name, dict(attributes), self._now_ns())

    def _now_ns(self) -> int:
        # The wall clock may be set back while a task runs: it is read at the start alone.
        return self._start_ns + time.perf_counter_ns() - self.progress.started_ns

    def _warn_of_late_count(self, late: int) -> None:
        if late > 0:
            warn_once(
                f"operation {span_name(self.progress)}",
                "late",
                f"{late} items were counted after its end and are not in its span; "
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
        if not self._may_end():
            return False
        self._end_inside(outcome, error)
        self._settle(outcome, error, metrics or {})
        with guarded("the final attributes of a span"):
            self._write_end(error)
        self._leave()
        with guarded("the end of a span"):
            self.span.end(end_time=self._start_ns + (self.progress.elapsed_ns or 0))
        self._make_known()
        with guarded("the metrics of an operation"):
            _instruments.record_end(self.progress)
        return True

    def _make_known(self) -> None:
        """Tell views and reporter of the end, where no processor of ours has heard of it.

        It hears of no span that nobody records, nor of one at whose end a processor before
        it has raised.
        """
        watcher = self.progress.watcher
        if watcher is not None:
            with guarded("the end of a span in the progress processor"):
                watcher.see_end(self.progress)
        feed(self.progress)

    def _may_end(self) -> bool:
        if self.is_inherited():
            return False
        with self._lock:
            has_ended, self.has_ended = self.has_ended, True
        return not has_ended

    def is_inherited(self) -> bool:
        """Whether this is a forked child, and the operation its parent process's.

        It must not end there, and its locks may have been held at the fork.
        """
        return self._generation != _registry.generation()

    def _end_inside(self, outcome: Outcome, error: BaseException | None) -> None:
        children = reversed(list(self._children))
        if outcome != SUCCESS:
            for child in children:
                child.end(outcome, error)
            return
        for child in children:
            if child.end(INTERRUPTED):
                warn_once(
                    f"operation {span_name(child.progress)}",
                    "left behind",
                    f"was still running when {span_name(self.progress)} ended; "
                    "ended as interrupted",
                )

    def _settle(
        self, outcome: Outcome, error: BaseException | None, metrics: Mapping[str, Any]
    ) -> None:
        """Fix count, time, memory and outcome; they do not change any more."""
        progress = self.progress
        progress.elapsed_ns = time.perf_counter_ns() - progress.started_ns
        self._final_count = self._events.close()
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
        final.update(self.measured(), **self._ids(), outcome=outcome)

    def _write_end(self, error: BaseException | None) -> None:
        progress = self.progress
        self._events.write_last(progress.metrics["current"])
        if error is not None:
            self.add_event(conventions.EXCEPTION_EVENT, exception_attributes(error))
        if progress.outcome in (ERROR, INTERRUPTED):
            description = status_description(progress.metrics, str(progress.outcome))
            self.span.set_status(StatusCode.ERROR, description)
        self.span.set_attributes(last_attributes(progress))

    def _leave(self) -> None:
        with guarded("the metrics of an operation"):
            _instruments.take_over(self)
        if self.parent is not None:
            self.parent._children.pop(self, None)  # noqa: SLF001  its own class
        if self.counted_by is not None:
            self.counted_by.add(1)

    # -- figures

    def see_memory(self) -> None:
        """Sample the memory; take the kernel's record where it was broken since the start."""
        progress = self.progress
        progress.see_memory(attempt("memory of the process", PROBE.sample, 0))
        high_water = high_water_mark()
        if high_water > self._high_water_at_start:
            progress.see_memory(high_water)

    def measured(self) -> dict[str, Any]:
        """Return count, time (s), memory (MiB) and rate as `metrics` holds them."""
        progress = self.progress
        final = self._final_count
        completed = progress.counter.completed if final is None else final
        elapsed_s = progress.elapsed_s
        return {
            "current": completed,
            "execution_time": elapsed_s,
            "peak_memory_mb": progress.peak_memory / _MEBIBYTE,
            "memory_delta_mb": (progress.peak_memory - progress.start_memory) / _MEBIBYTE,
            "items_per_second": throughput(completed, elapsed_s),
            "failed": progress.outcome not in (None, SUCCESS),
        }

    def _ids(self) -> dict[str, str]:
        context = self.span.get_span_context()
        if not context.is_valid:
            return {}
        return {
            "trace_id": trace.format_trace_id(context.trace_id),
            "span_id": trace.format_span_id(context.span_id),
        }
