"""What others' code raises inside telemetry never reaches the task, and loses nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import (
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import taskspan
from tests.producer._reading import Entries, names_of

pytestmark = pytest.mark.expects_problems


class BrokenReporter:
    """A reporter that always raises."""

    def add_operation(self, name: str, status: str, details: dict[str, Any]) -> None:
        """Raise."""
        raise RuntimeError("no disk")


class BrokenExporter(SpanExporter):
    """An exporter that always raises."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Raise."""
        raise RuntimeError("collector is down")


class BrokenAtStart(SpanProcessor):
    """A processor that raises when a span starts."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Raise."""
        raise RuntimeError("no start")


class BrokenAtEnd(SpanProcessor):
    """A processor that raises when a span ends."""

    def on_end(self, span: ReadableSpan) -> None:
        """Raise."""
        raise RuntimeError("no end")


class Recording:
    """A view that notes what it is told."""

    def __init__(self) -> None:
        self.started_names: list[str] = []
        self.ended_names: list[str] = []

    def started(self, live: Any) -> None:
        """Note a start."""
        self.started_names.append(live.snapshot().name)

    def ticked(self) -> None:
        """Note nothing."""

    def ended(self, live: Any) -> None:
        """Note an end."""
        self.ended_names.append(live.snapshot().name)


def run_task(reporter: Any = None) -> int:
    """Run a task of three operations and return its result."""
    with taskspan.task("nightly", reporter=reporter, quiet=True) as task:
        result = 0
        for name in ("load", "clean", "write"):
            with task.operation(name, 10) as op:
                for number in range(10):
                    op.update(1)
                    result += number
        assert task.operations_completed == 3
    return result


def taskspan_lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what taskspan itself has logged."""
    return [record for record in caplog.records if record.name == "taskspan"]


def test_a_reporter_that_raises(
    exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """A reporter that raises costs one log line, and no span."""
    assert run_task(BrokenReporter()) == 135
    assert names_of(exporter) == ["load", "clean", "write", "nightly"]
    (record,) = taskspan_lines(caplog)
    assert "BrokenReporter" in record.getMessage()
    assert "no disk" in record.getMessage()


def test_a_reporter_without_the_method(
    exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """An object that is no reporter costs one log line."""
    assert run_task(object()) == 135
    assert len(taskspan_lines(caplog)) == 1


def test_an_exporter_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    """An exporter that raises harms neither the task nor its report."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(BrokenExporter()))
    trace.set_tracer_provider(provider)
    entries = Entries()
    assert run_task(entries) == 135
    assert entries.names == ["Complete load", "Complete clean", "Complete write"]


def provider_with(*processors: SpanProcessor) -> TracerProvider:
    """Set and return a global provider with these processors, in this order."""
    provider = TracerProvider()
    for processor in processors:
        provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    return provider


def in_either_order(
    make_broken: Callable[[], SpanProcessor], own: SpanProcessor, *, is_first: bool
) -> list[SpanProcessor]:
    """Return the processors with the broken one first, or last."""
    broken = make_broken()
    return [broken, own] if is_first else [own, broken]


@pytest.mark.parametrize("is_first", [True, False], ids=["before ours", "after ours"])
@pytest.mark.parametrize("make_broken", [BrokenAtStart, BrokenAtEnd])
def test_a_processor_that_raises(
    make_broken: Callable[[], SpanProcessor], is_first: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A foreign processor that raises costs one log line, and no report entry."""
    own = taskspan.ProgressSpanProcessor()
    provider_with(*in_either_order(make_broken, own, is_first=is_first))
    entries = Entries()
    assert run_task(entries) == 135
    assert entries.names == ["Complete load", "Complete clean", "Complete write"]
    assert len(taskspan_lines(caplog)) == 1


@pytest.mark.parametrize("is_first", [True, False], ids=["before ours", "after ours"])
@pytest.mark.parametrize("make_broken", [BrokenAtStart, BrokenAtEnd])
def test_a_processor_that_raises_leaves_no_bar(
    make_broken: Callable[[], SpanProcessor], is_first: bool
) -> None:
    """What a view was told has started is told to have ended."""
    view = Recording()
    own = taskspan.ProgressSpanProcessor([view])
    provider_with(*in_either_order(make_broken, own, is_first=is_first))
    with taskspan.task("nightly", quiet=True), taskspan.operation("load"):
        own.force_flush()
    own.force_flush()
    assert sorted(view.started_names) == sorted(view.ended_names)


def test_a_processor_that_raises_keeps_the_task_report(tmp_path: Path) -> None:
    """The report of the task is written although a processor raises at the task's end."""
    provider_with(BrokenAtEnd(), taskspan.ProgressSpanProcessor())
    reporter = taskspan.TaskReporter("1", "nightly", report_path=tmp_path / "report.json")
    run_task(reporter)
    assert reporter.generate_report()["status"] == "success"
    assert (tmp_path / "report.json").exists()


def test_a_provider_that_raises(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With a provider that gives no tracer a task still runs, counts and reports."""

    class Broken(trace.TracerProvider):
        def get_tracer(self, *arguments: Any, **options: Any) -> trace.Tracer:
            raise RuntimeError("no tracer")

    monkeypatch.setattr(trace, "_TRACER_PROVIDER", Broken())
    entries = Entries()
    assert run_task(entries) == 135
    assert len(entries.entries) == 3


def test_a_report_path_that_cannot_be_written(
    exporter: InMemorySpanExporter,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A report that cannot be written where it should be is elsewhere, and one line says where."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    reporter = taskspan.TaskReporter("1", "nightly", report_path=tmp_path / "file" / "report.json")
    assert run_task(reporter) == 135
    (record,) = taskspan_lines(caplog)
    assert "nightly_1_report.json" in record.getMessage()
    assert (tmp_path / "nightly_1_report.json").exists()
