"""The span processor and the views."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Status, StatusCode, Tracer

import taskspan
from taskspan import conventions
from taskspan._protocols import Live
from taskspan._snapshot import Snapshot
from tests.producer._reading import Entries


class Recording:
    """A view that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.ended_as: dict[str, Snapshot] = {}
        self.enclosing: dict[str, str | None] = {}

    def started(self, live: Live) -> None:
        """Note the start."""
        name = live.snapshot().name
        self.told.append(("started", name))
        above = live.enclosing
        self.enclosing[name] = None if above is None else above.snapshot().name

    def ticked(self) -> None:
        """Note the tick."""
        if self.told and self.told[-1][0] != "ticked":
            self.told.append(("ticked", ""))

    def ended(self, live: Live) -> None:
        """Note the end."""
        snapshot = live.snapshot()
        self.told.append(("ended", snapshot.name))
        self.ended_as[snapshot.name] = snapshot

    @property
    def starts_and_ends(self) -> list[tuple[str, str]]:
        """What it was told but for ticks."""
        return [call for call in self.told if call[0] != "ticked"]


class Raising(Recording):
    """A view that fails at every call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def ticked(self) -> None:
        """Fail."""
        self.calls += 1
        raise RuntimeError("a bad view")


@pytest.fixture
def view() -> Recording:
    """A view."""
    return Recording()


@pytest.fixture
def processor(view: Recording) -> Iterator[taskspan.ProgressSpanProcessor]:
    """A processor that shows to the view, on the application's provider."""
    processor = taskspan.ProgressSpanProcessor([view])
    provider = TracerProvider()
    provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    yield processor
    provider.shutdown()


def tracer_of_somebody() -> Tracer:
    """A tracer as other code has one."""
    return trace.get_tracer("somebody")


def foreign_attributes(**more: Any) -> dict[str, Any]:
    """The attributes of a span that other code made an operation."""
    return {
        conventions.KIND: "operation",
        conventions.OPERATION_NAME: "score",
        conventions.PROGRESS_TOTAL: 10,
        conventions.PROGRESS_UNIT: "{row}",
        **more,
    }


def test_views_are_told_in_order(
    processor: taskspan.ProgressSpanProcessor, view: Recording
) -> None:
    """A view hears of starts and ends in their order, and a tick follows the last."""
    with taskspan.task("nightly", quiet=True) as task, task.operation("load", 3) as load:
        load.update(2)
    assert view.starts_and_ends == [
        ("started", "nightly"),
        ("started", "load"),
        ("ended", "load"),
        ("ended", "nightly"),
    ]
    assert view.told[-1] == ("ticked", "")
    assert view.enclosing == {"nightly": None, "load": "nightly"}
    assert view.ended_as["load"].outcome == "success"
    assert (view.ended_as["load"].completed, view.ended_as["load"].total) == (2, 3)


def test_a_foreign_span_needs_attributes_alone(
    processor: taskspan.ProgressSpanProcessor, view: Recording
) -> None:
    """A span of other code is shown with what its attributes say at its end."""
    with tracer_of_somebody().start_as_current_span("x", attributes=foreign_attributes()) as span:
        span.set_attribute(conventions.PROGRESS_COMPLETED, 7)
        span.set_attribute(conventions.PROGRESS_TOTAL, 8)
        span.set_attribute(conventions.DESCRIPTION, "Scoring")
    processor.force_flush()
    ended = view.ended_as["score"]
    assert (ended.completed, ended.total, ended.unit) == (7, 8, "row")
    assert ended.description == "Scoring"
    assert ended.outcome == "success"


@pytest.mark.parametrize("outcome", ["success", "error", "cancelled", "interrupted"])
def test_a_foreign_span_tells_its_outcome(
    outcome: str, processor: taskspan.ProgressSpanProcessor, view: Recording
) -> None:
    """The outcome and error type of a foreign span are those of its attributes."""
    span = tracer_of_somebody().start_span("x", attributes=foreign_attributes())
    span.set_attributes({conventions.OUTCOME: outcome, conventions.ERROR_TYPE: "ValueError"})
    span.end()
    processor.force_flush()
    assert view.ended_as["score"].outcome == outcome
    assert view.ended_as["score"].error_type == "ValueError"


def test_a_foreign_span_with_an_error_status_failed(
    processor: taskspan.ProgressSpanProcessor, view: Recording
) -> None:
    """Without an outcome among the attributes the status of the span decides."""
    span = tracer_of_somebody().start_span("x", attributes=foreign_attributes())
    span.set_status(Status(StatusCode.ERROR, "bad row"))
    span.end()
    processor.force_flush()
    assert view.ended_as["score"].outcome == "error"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), "ten"])
def test_foreign_figures_that_are_none(
    number: object, processor: taskspan.ProgressSpanProcessor, view: Recording
) -> None:
    """Figures that are not whole numbers count as not given."""
    attributes = foreign_attributes(**{conventions.PROGRESS_TOTAL: number})
    with tracer_of_somebody().start_as_current_span("x", attributes=attributes) as span:
        span.set_attribute(conventions.PROGRESS_COMPLETED, number)  # type: ignore[arg-type]
        processor.force_flush()
    processor.force_flush()
    assert (view.ended_as["score"].completed, view.ended_as["score"].total) == (0, None)


def test_plain_spans_are_ignored(
    processor: taskspan.ProgressSpanProcessor, view: Recording
) -> None:
    """A span without the attribute `taskspan.kind` is not shown."""
    with tracer_of_somebody().start_as_current_span("GET /"):
        processor.force_flush()
    assert view.told == []


def test_a_foreign_child_lies_in_our_operation(
    processor: taskspan.ProgressSpanProcessor, view: Recording
) -> None:
    """A foreign span below our operation is shown there, and reported to its task's reporter."""
    entries = Entries()
    with (
        taskspan.task("nightly", quiet=True, reporter=entries) as task,
        task.operation("load", 3),
        tracer_of_somebody().start_as_current_span("x", attributes=foreign_attributes()) as span,
    ):
        span.set_attribute(conventions.PROGRESS_COMPLETED, 7)
    assert view.enclosing["score"] == "load"
    assert entries.names == ["Complete score", "Complete load"]
    details = entries.entries[0]["details"]
    assert (details["current"], details["outcome"]) == (7, "success")
    assert details["execution_time"] > 0
    assert details["items_per_second"] > 0


def test_a_foreign_span_below_a_plain_span_is_reported(
    processor: taskspan.ProgressSpanProcessor, view: Recording
) -> None:
    """A plain span between a task and a foreign operation does not hide it from the reporter."""
    entries = Entries()
    tracer = tracer_of_somebody()
    with (
        taskspan.task("nightly", quiet=True, reporter=entries),
        tracer.start_as_current_span("GET /"),
        tracer.start_as_current_span("x", attributes=foreign_attributes()),
    ):
        pass
    assert view.enclosing["score"] == "nightly"
    assert entries.names == ["Complete score"]


def test_a_failed_foreign_span_is_reported(processor: taskspan.ProgressSpanProcessor) -> None:
    """The reporter gets error type and message of a foreign span."""
    entries = Entries()
    with taskspan.task("nightly", quiet=True, reporter=entries):
        span = tracer_of_somebody().start_span("x", attributes=foreign_attributes())
        span.set_attribute(conventions.ERROR_TYPE, "ValueError")
        span.set_status(Status(StatusCode.ERROR, "bad row"))
        span.end()
    (entry,) = entries.entries
    assert entry["status"] == "error"
    assert entry["details"]["error_type"] == "ValueError"
    assert entry["details"]["error_message"] == "bad row"


def test_a_foreign_task_does_not_end_the_report_around_it(
    processor: taskspan.ProgressSpanProcessor,
) -> None:
    """The end of a foreign task inside ours does not say how ours ended."""
    reporter = taskspan.TaskReporter("1", "nightly")
    with taskspan.task("nightly", quiet=True, reporter=reporter):
        span = tracer_of_somebody().start_span("inner", attributes={conventions.KIND: "task"})
        span.set_status(Status(StatusCode.ERROR))
        span.end()
        assert reporter.generate_report()["status"] == "running"
    assert reporter.generate_report()["status"] == "success"


@pytest.mark.expects_problems
def test_a_view_that_raises_is_switched_off(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once and called no more; other views and the task go on."""
    bad, good = Raising(), Recording()
    processor = taskspan.ProgressSpanProcessor([bad, good])
    provider = TracerProvider()
    provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    for name in ("first", "second"):
        with taskspan.task(name, quiet=True):
            processor.force_flush()
    assert bad.calls == 1
    assert good.starts_and_ends == [
        ("started", "first"),
        ("ended", "first"),
        ("started", "second"),
        ("ended", "second"),
    ]
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "Raising failed and is switched off" in warnings[0].getMessage()
    provider.shutdown()


def test_a_second_processor_leaves_alone_what_the_first_watches(
    processor: taskspan.ProgressSpanProcessor, view: Recording
) -> None:
    """With two processors on a provider our spans are shown and reported once."""
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    other, entries = Recording(), Entries()
    provider.add_span_processor(taskspan.ProgressSpanProcessor([other]))
    with (
        taskspan.task("nightly", quiet=True, reporter=entries) as task,
        task.operation("load", 3),
    ):
        pass
    assert other.told == []
    assert len(view.starts_and_ends) == 4
    assert entries.names == ["Complete load"]


def test_after_a_shutdown_nothing_is_shown(
    processor: taskspan.ProgressSpanProcessor, view: Recording
) -> None:
    """A shutdown shows the last values, may come twice, and later spans are ignored."""
    attributes = foreign_attributes()
    span = tracer_of_somebody().start_span("x", attributes=attributes)
    processor.shutdown()
    assert view.told == [("started", "score"), ("ticked", "")]
    processor.shutdown()
    assert not processor._ticker.is_alive
    tracer_of_somebody().start_span("x", attributes=attributes).end()
    span.end()
    assert [call for call in view.told if call[0] == "started"] == [("started", "score")]


def test_force_flush_shows_the_latest_values(
    processor: taskspan.ProgressSpanProcessor, view: Recording
) -> None:
    """After a flush the views know of everything that runs."""
    span = tracer_of_somebody().start_span("x", attributes=foreign_attributes())
    assert processor.force_flush() is True
    assert view.told == [("started", "score"), ("ticked", "")]
    span.end()


def test_other_views_from_now_on(
    processor: taskspan.ProgressSpanProcessor, view: Recording
) -> None:
    """`set_views` tells the old views of what was, and the new ones of what follows."""
    tracer_of_somebody().start_span("x", attributes=foreign_attributes()).end()
    other = Recording()
    processor.set_views([other])
    with taskspan.task("nightly", quiet=True):
        pass
    assert view.starts_and_ends == [("started", "score"), ("ended", "score")]
    assert other.starts_and_ends == [("started", "nightly"), ("ended", "nightly")]
