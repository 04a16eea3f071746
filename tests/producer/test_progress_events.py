"""Progress events beside the other events of a span: none of them is pushed out."""

from __future__ import annotations

import time
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import taskspan
from taskspan import conventions
from tests.producer._reading import attributes_of, counts_of, events_named, span_named

ATTRIBUTES = {
    conventions.PROGRESS_COMPLETED: int,
    conventions.PROGRESS_TOTAL: int,
    conventions.THROUGHPUT: float,
    conventions.MEMORY_USAGE: int,
}


class _Silent:
    """A view that shows nothing."""

    def started(self, live: Any) -> None:
        """Show nothing."""

    def ticked(self) -> None:
        """Show nothing."""

    def ended(self, live: Any) -> None:
        """Show nothing."""


def busiest_span(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch, error: Exception | None = None
) -> ReadableSpan:
    """Return the span of an operation that gives every reason for an event it can.

    Ten million items in steps of all sizes, a total that is raised and taken away, and a
    month of ticks on a clock that goes when it is told.
    """
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    processor = taskspan.ProgressSpanProcessor([_Silent()])
    provider.add_span_processor(processor)
    now_ns = [time.perf_counter_ns()]
    monkeypatch.setattr(time, "perf_counter_ns", lambda: now_ns[0])
    block = taskspan.operation("load", total=1)
    op = block.__enter__()
    for number in range(10_000):
        op.update(1 if number < 5000 else 1999)
        op.total = op.completed + number % 7 if number % 3 else 10_000_000
        now_ns[0] += 260_000_000_000
        if number % 10 == 0:
            processor.force_flush()
    op.update(10_000_000 - op.completed)
    block.__exit__(type(error) if error else None, error, None)
    return span_named(exporter, "load")


def test_the_bound_holds_for_every_kind_of_reason(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Count, time and changing totals together leave at most 100 events, first and last kept."""
    span = busiest_span(exporter, monkeypatch)
    counts = counts_of(span)
    assert len(counts) <= 100
    assert (counts[0], counts[-1]) == (1, 10_000_000)
    assert counts == sorted(counts)
    assert span.dropped_events == 0


def test_the_exception_is_still_there(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After any number of items the exception event has its place, after the last progress."""
    span = busiest_span(exporter, monkeypatch, KeyError("row"))
    assert len(events_named(span, conventions.EXCEPTION_EVENT)) == 1
    assert span.events[-1].name == conventions.EXCEPTION_EVENT
    assert counts_of(span)[-1] == 10_000_000
    assert span.dropped_events == 0


def test_each_event_is_whole(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every progress event has all of its attributes, of the types of the conventions."""
    span = busiest_span(exporter, monkeypatch)
    for event in events_named(span, conventions.PROGRESS_EVENT):
        kinds = {name: type(value) for name, value in (event.attributes or {}).items()}
        assert kinds == ATTRIBUTES


def test_the_last_event_agrees_with_the_span(exporter: InMemorySpanExporter) -> None:
    """The last event and the final attributes tell the same count and total."""
    with taskspan.operation("load", total=10) as op:
        for _ in range(7):
            op.update(1)
        op.metrics["rejected"] = 1
    span = span_named(exporter, "load")
    last = dict(events_named(span, conventions.PROGRESS_EVENT)[-1].attributes or {})
    for name in (conventions.PROGRESS_COMPLETED, conventions.PROGRESS_TOTAL):
        assert last[name] == attributes_of(span)[name]


def test_a_smaller_limit_of_the_sdk(exporter: InMemorySpanExporter) -> None:
    """Where an application keeps fewer events, the SDK drops the oldest and keeps the last."""
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    provider._span_limits.max_events = 8
    with taskspan.operation("load", total=1000) as op:
        for _ in range(1000):
            op.update(1)
    span = span_named(exporter, "load")
    assert len(span.events) == 8
    assert span.dropped_events > 0
    assert counts_of(span)[-1] == 1000
