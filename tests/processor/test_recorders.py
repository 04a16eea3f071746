"""Views that keep records: log events and the run report, behind real spans."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry._logs import LogRecord
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import taskspan
from taskspan import conventions
from taskspan.conventions import ENDED_EVENT, STARTED_EVENT
from taskspan.processor._processor import ProgressSpanProcessor
from taskspan.processor._ticker import Ticker
from taskspan.views._log_events import LogEventsView
from taskspan.views._run_report import RunReportView
from tests.producer._reading import attributes_of, context_of, events_named, span_named
from tests.views._recording_spans import MemoryOfLogs


class Recording:
    """A processor with both views, on a thread that never ticks by itself."""

    def __init__(self, path: Path) -> None:
        self.logs = MemoryOfLogs()
        self.path = path
        self.spans = InMemorySpanExporter()
        self.view = LogEventsView(self.logs.provider.get_logger("taskspan"))
        self.processor = ProgressSpanProcessor([self.view, RunReportView(path)])
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(self.processor)
        self.provider.add_span_processor(SimpleSpanProcessor(self.spans))
        trace.set_tracer_provider(self.provider)

    def records(self) -> list[LogRecord]:
        """What has been written since the last look, after a flush."""
        assert self.processor.force_flush()
        return self.logs.new()

    def report(self) -> dict[str, Any]:
        """The report of the run, after a flush."""
        assert self.processor.force_flush()
        found: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return found


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recording]:
    """What is written when the processor is flushed, and at no other time."""
    monkeypatch.setattr(Ticker, "wake", lambda _: None)
    made = Recording(tmp_path / "run" / "report.json")
    yield made
    made.provider.shutdown()


def named(records: list[LogRecord], event: str, span: str) -> LogRecord:
    """The one record of an event and a span name."""
    (found,) = (
        record
        for record in records
        if record.event_name == event
        and (record.attributes or {}).get(conventions.SPAN_NAME) == span
    )
    return found


def test_an_end_is_the_end_of_the_span(recording: Recording) -> None:
    """Ids, time, outcome and figures of `taskspan.ended` are those of the exported span."""
    with (
        taskspan.task("nightly", "n7", quiet=True) as task,
        task.operation("load", total=3, unit="rows") as op,
    ):
        op.update(3)
        op.metrics["mean"] = 0.5
    records = recording.records()
    for name in ("nightly", "load"):
        span = span_named(recording.spans, name)
        record = named(records, ENDED_EVENT, name)
        assert (record.trace_id, record.span_id) == (
            context_of(span).trace_id,
            context_of(span).span_id,
        )
        assert record.timestamp == span.end_time
        said = dict(record.attributes or {})
        assert said[conventions.SPAN_START] == span.start_time
        assert said.items() >= attributes_of(span).items()


def test_what_runs_can_be_rebuilt_from_starts(recording: Recording) -> None:
    """While a task runs, its start and that of what runs in it lead from one to the other."""
    with (
        taskspan.task("nightly", "n7", quiet=True) as task,
        task.operation("load", total=3, unit="rows"),
    ):
        records = recording.records()
        assert {record.event_name for record in records} == {STARTED_EVENT}
        outer = named(records, STARTED_EVENT, "nightly")
        inner = named(records, STARTED_EVENT, "load")
        said = dict(inner.attributes or {})
        assert said[conventions.SPAN_PARENT_ID] == trace.format_span_id(outer.span_id or 0)
        assert said[conventions.TASK_ID] == "n7"
        assert said[conventions.PROGRESS_TOTAL] == 3
        assert conventions.SPAN_PARENT_ID not in (outer.attributes or {})


def test_a_failure_has_the_twin_of_its_exception(recording: Recording) -> None:
    """The exception event of a span is a log event, too, with the same time and attributes."""
    with pytest.raises(ValueError, match="row 7"), taskspan.task("nightly", quiet=True):
        raise ValueError("row 7")
    (event,) = events_named(span_named(recording.spans, "nightly"), "exception")
    (twin,) = (r for r in recording.records() if r.event_name == conventions.EXCEPTION_EVENT)
    assert twin.timestamp == event.timestamp
    assert dict(twin.attributes or {}) == dict(event.attributes or {})


def test_retries_have_twins(recording: Recording) -> None:
    """Each attempt that is followed by another is a log event."""

    class Flaky:
        name = "fetch"
        tries = 0

        def run(self, **_: object) -> str:
            self.tries += 1
            if self.tries < 3:
                raise OSError("gone")
            return "done"

    executor = taskspan.OperationExecutor(sleep=lambda _: None)
    executor.execute_with_retry(Flaky(), max_retries=3)
    twins = [r for r in recording.records() if r.event_name == conventions.RETRY_EVENT]
    assert [dict(r.attributes or {})[conventions.RETRY_ATTEMPT] for r in twins] == [1, 2]


def test_spans_of_others_are_told_too(recording: Recording) -> None:
    """A span that somebody else made with taskspan's attributes has start, exception and end."""
    tracer = recording.provider.get_tracer("theirs")
    with tracer.start_as_current_span(
        "load", attributes={conventions.KIND: "operation", conventions.PROGRESS_TOTAL: 4}
    ) as span:
        named(recording.records(), STARTED_EVENT, "load")
        span.record_exception(OSError("gone"))
        span.set_attribute(conventions.PROGRESS_COMPLETED, 4)
    records = recording.records()
    assert conventions.EXCEPTION_EVENT in {record.event_name for record in records}
    ended = named(records, ENDED_EVENT, "load")
    assert dict(ended.attributes or {})[conventions.PROGRESS_COMPLETED] == 4
    assert dict(ended.attributes or {})[conventions.OUTCOME] == "success"


def test_ends_that_nobody_has_seen_are_written_at_shutdown(recording: Recording) -> None:
    """An operation whose whole life no tick has seen is told when the processor shuts down."""
    for _ in taskspan.track(range(3), "load"):
        pass
    recording.processor.shutdown()
    named(recording.logs.new(), ENDED_EVENT, "load")
    assert json.loads(recording.path.read_text())["operations"][0]["operation"] == "load"


def test_more_than_views_are_told_of_is_counted_and_reported(recording: Recording) -> None:
    """Of operations that come faster than ticks the log has the number, the report every entry."""
    with taskspan.task("nightly", quiet=True) as task:
        for _ in range(3000):
            with task.operation("load"):
                pass
    records = recording.records()
    said: list[dict[str, Any]] = [dict(record.attributes or {}) for record in records]
    left_out = sum(attributes.get(conventions.OPERATIONS_LEFT_OUT, 0) for attributes in said)
    assert left_out + len(records) == 3001
    (report,) = recording.report()["tasks"]
    assert len(report["operations"]) == 3000


def test_ticks_go_on_while_a_view_is_behind(recording: Recording) -> None:
    """With nothing running, ticks go on until what waits for the limit is written."""
    with taskspan.task("nightly", quiet=True) as task:
        for number in range(200):
            task.start_operation(f"n{number}", 1)
        recording.records()
    assert recording.view.is_behind
    assert recording.processor._ticker.tick()


def test_report_and_spans_agree(recording: Recording) -> None:
    """Outcome, duration and count of each entry are those of the span."""
    logger = logging.getLogger("nightly")
    manager = taskspan.TaskProgressManager("n7", "nightly", logger, quiet=True)
    with manager.operation("load", total=3) as op:
        op.update(2)
    manager.start_operation("send", 1)
    manager.end(success=False, error=OSError("gone"))
    (report,) = recording.report()["tasks"]
    assert (report["task_type"], report["task_id"], report["status"]) == ("nightly", "n7", "error")
    entries = {entry["operation"]: entry for entry in report["operations"]}
    assert set(entries) == {"load", "send"}
    for name, entry in {**entries, "nightly": report["task_metrics"]}.items():
        span = span_named(recording.spans, name)
        said = attributes_of(span)
        assert entry.get("status", entry.get("outcome")) == said[conventions.OUTCOME]
        assert entry.get("completed", entry.get("current")) == said[conventions.PROGRESS_COMPLETED]
        lasted_s = ((span.end_time or 0) - (span.start_time or 0)) / 1e9
        assert entry.get("duration", entry.get("execution_time")) == lasted_s
        assert entry["span_id"] == trace.format_span_id(context_of(span).span_id)


def test_a_task_with_a_reporter_of_its_own_is_reported_just_the_same(
    recording: Recording, tmp_path: Path
) -> None:
    """Its operations, metrics and artifacts are in both reports."""
    reporter = taskspan.TaskReporter("n7", "nightly", report_path=tmp_path / "own.json")
    with taskspan.task("nightly", "n7", quiet=True, reporter=reporter) as task:
        with task.operation("load"):
            pass
        reporter.add_artifact("csv", "out.csv")
        reporter.add_metric("rows", 3)
    (report,) = recording.report()["tasks"]
    own = reporter.generate_report()
    for field in ("task_id", "task_type", "trace_id", "status", "metrics", "artifacts"):
        assert report[field] == own[field], field
    (mine,), (theirs,) = report["operations"], own["operations"]
    assert {**mine, "ended_at": None} == {**theirs, "ended_at": None}


def test_ends_on_many_threads_are_all_reported(recording: Recording) -> None:
    """Operations that end on several threads at once are all in the report of their task."""

    def work(task: taskspan.TaskProgressManager) -> None:
        for _ in range(100):
            with task.operation("load"):
                pass

    with taskspan.task("nightly", quiet=True) as task:
        threads = [threading.Thread(target=work, args=(task,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    (report,) = recording.report()["tasks"]
    assert len(report["operations"]) == 800
