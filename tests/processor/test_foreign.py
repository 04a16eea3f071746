"""Spans that somebody else's code made."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Status, StatusCode

from taskspan import conventions
from taskspan._live import LiveProgress
from taskspan.processor import _foreign

OPERATION = {conventions.KIND: conventions.KIND_OPERATION}


def span_of(attributes: dict[str, str | int | float | bool], name: str = "span") -> Span:
    """Return a running span that another library has started."""
    tracer = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False).get_tracer("theirs")
    span = tracer.start_span(name, attributes=attributes)
    assert isinstance(span, Span)
    return span


def test_only_the_kind_makes_a_span_ours() -> None:
    """A span without `taskspan.kind` is left alone."""
    assert _foreign.is_ours(span_of({**OPERATION}))
    assert not _foreign.is_ours(span_of({"http.method": "GET"}))
    assert not _foreign.is_ours(span_of({}))


def test_a_span_with_the_kind_alone_gets_a_bar() -> None:
    """Everything else has a default: the span's name, items, no total."""
    progress = _foreign.progress_of(span_of({**OPERATION}), None)
    assert (progress.kind, progress.name, progress.description) == ("operation", "span", "span")
    assert (progress.unit, progress.total, progress.counter.completed) == ("item", None, 0)
    assert progress.is_drawn


def test_the_attributes_say_what_is_shown() -> None:
    """Name, description, unit, total and count are those of the conventions."""
    progress = _foreign.progress_of(
        span_of(
            {
                conventions.KIND: "task",
                conventions.OPERATION_NAME: "load",
                conventions.DESCRIPTION: "loading",
                conventions.PROGRESS_UNIT: "{row}",
                conventions.PROGRESS_TOTAL: 10,
                conventions.PROGRESS_COMPLETED: 3,
                conventions.TASK_TYPE: "nightly",
            }
        ),
        None,
    )
    assert (progress.kind, progress.name, progress.description) == ("task", "load", "loading")
    assert (progress.unit, progress.total, progress.counter.completed) == ("row", 10, 3)
    assert progress.task_type == "nightly"


@pytest.mark.parametrize("value", ["ten", True, 2.9])
def test_odd_figures_are_taken_as_well_as_they_can(value: str | float) -> None:
    """A number that is none is not there, and a broken one is cut."""
    progress = _foreign.progress_of(span_of({**OPERATION, conventions.PROGRESS_TOTAL: value}), None)
    assert progress.total == {"ten": None, True: 1, 2.9: 2}[value]


def test_it_inherits_from_what_encloses_it() -> None:
    """Below a quiet task it is not drawn; the task's reporter is its own."""
    reporter = object()
    parent = LiveProgress(
        kind="task",
        name="nightly",
        description="nightly",
        unit="operations",
        total=None,
        task_type="nightly",
        is_drawn=False,
        reporter=reporter,
    )
    progress = _foreign.progress_of(span_of({**OPERATION}), parent)
    assert progress.parent is parent
    assert (progress.task_type, progress.is_drawn, progress.reporter) == (
        "nightly",
        False,
        reporter,
    )


def settled(span: Span) -> LiveProgress:
    """Return what is known of a span after its end."""
    progress = _foreign.progress_of(span, None)
    span.end()
    _foreign.settle(progress, span)
    return progress


def test_an_end_without_a_word_is_a_success() -> None:
    """Time and rate are the span's own."""
    span = span_of({**OPERATION, conventions.PROGRESS_COMPLETED: 4})
    progress = settled(span)
    assert progress.outcome == "success"
    assert span.end_time is not None
    assert span.start_time is not None
    assert progress.elapsed_ns == span.end_time - span.start_time
    assert progress.metrics["current"] == 4
    assert progress.metrics["execution_time"] == progress.elapsed_s
    assert not progress.metrics["failed"]


def test_the_status_tells_a_failure() -> None:
    """An error status is an error, with its description as message."""
    span = span_of({**OPERATION, conventions.ERROR_TYPE: "ValueError"})
    span.set_status(Status(StatusCode.ERROR, "no such file"))
    progress = settled(span)
    assert (progress.outcome, progress.error_type) == ("error", "ValueError")
    assert progress.metrics["failed"]
    assert progress.metrics["error_type"] == "ValueError"
    assert progress.metrics["error_message"] == "no such file"


@pytest.mark.parametrize("outcome", ["success", "error", "cancelled", "interrupted"])
def test_a_stated_outcome_goes_before_the_status(outcome: str) -> None:
    """The convention's attribute says how it ended; an unknown word does not."""
    assert settled(span_of({**OPERATION, conventions.OUTCOME: outcome})).outcome == outcome
    assert settled(span_of({**OPERATION, conventions.OUTCOME: "splendid"})).outcome == "success"


def test_peak_memory_is_reported_where_it_is_known() -> None:
    """In MiB, as in every report."""
    span = span_of({**OPERATION, conventions.MEMORY_PEAK: 3 * 1024 * 1024})
    assert settled(span).metrics["peak_memory_mb"] == 3
