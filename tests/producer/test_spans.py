"""What is on the spans: attributes, events and units as the conventions have them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import taskspan
from taskspan import conventions
from tests.producer._reading import (
    Entries,
    attributes_of,
    counts_of,
    events_named,
    run_child,
    span_named,
)

TYPES = {"string": str, "int": int, "double": float}


def one_of_everything() -> None:
    """Run a task that writes each kind of attribute and event once."""

    def run() -> None:
        with (
            taskspan.task("nightly", "2026-11-23", total_operations=1, quiet=True) as task,
            task.operation("load", 10, "Loading", "rows") as load,
        ):
            load.update(4)
            load.metrics["rejected"] = 3
            raise KeyError("row")

    with pytest.raises(KeyError):
        run()


def declared_types() -> dict[str, type]:
    """Return the attributes of the conventions with their Python types."""
    return {
        c.name: TYPES[c.type]
        for c in conventions.CONVENTIONS
        if c.place == "attribute" and c.type in TYPES
    }


def test_attributes_are_those_of_the_conventions(exporter: InMemorySpanExporter) -> None:
    """Every attribute of a span and of its progress events is in the table, with its type."""
    one_of_everything()
    types = declared_types()
    for span in exporter.get_finished_spans():
        written = [attributes_of(span)]
        written += [
            dict(event.attributes or {})
            for event in span.events
            if event.name != conventions.EXCEPTION_EVENT
        ]
        for attributes in written:
            for name, value in attributes.items():
                if not name.startswith(conventions.METRIC_PREFIX):
                    assert type(value) is types[name], name


def test_an_operation_has_its_attributes(exporter: InMemorySpanExporter) -> None:
    """The span of an operation carries exactly these attributes."""
    one_of_everything()
    span = span_named(exporter, "load")
    attributes = attributes_of(span)
    measured = {
        name: attributes.pop(name)
        for name in (conventions.THROUGHPUT, conventions.MEMORY_PEAK, conventions.MEMORY_DELTA)
    }
    assert attributes == {
        "taskspan.kind": "operation",
        "taskspan.operation.name": "load",
        "taskspan.description": "Loading",
        "taskspan.progress.total": 10,
        "taskspan.progress.completed": 4,
        "taskspan.progress.unit": "{row}",
        "taskspan.outcome": "error",
        "error.type": "KeyError",
        "taskspan.metric.rejected": 3,
    }
    assert all(value >= 0 for value in measured.values())


def test_a_task_has_its_attributes(exporter: InMemorySpanExporter) -> None:
    """The span of a task carries exactly these attributes."""
    one_of_everything()
    attributes = attributes_of(span_named(exporter, "nightly"))
    for name in (conventions.THROUGHPUT, conventions.MEMORY_PEAK, conventions.MEMORY_DELTA):
        attributes.pop(name)
    assert attributes == {
        "taskspan.kind": "task",
        "taskspan.task.id": "2026-11-23",
        "taskspan.task.type": "nightly",
        "taskspan.description": "nightly 2026-11-23",
        "taskspan.progress.total": 1,
        "taskspan.progress.completed": 1,
        "taskspan.progress.unit": "{operation}",
        "taskspan.outcome": "error",
        "error.type": "KeyError",
    }


def test_a_progress_event_has_its_attributes(exporter: InMemorySpanExporter) -> None:
    """A progress event tells completed, total, throughput and memory, absolutely."""
    one_of_everything()
    (event,) = events_named(span_named(exporter, "load"), conventions.PROGRESS_EVENT)
    attributes = dict(event.attributes or {})
    assert attributes.keys() == {
        "taskspan.progress.completed",
        "taskspan.progress.total",
        "taskspan.throughput",
        "process.memory.usage",
    }
    assert attributes["taskspan.progress.completed"] == 4
    memory = attributes["process.memory.usage"]
    assert isinstance(memory, int)
    assert memory > 1_000_000


def test_spans_come_from_the_scope_of_the_package(exporter: InMemorySpanExporter) -> None:
    """The instrumentation scope is `taskspan` with its version."""
    one_of_everything()
    for span in exporter.get_finished_spans():
        scope = span.instrumentation_scope
        assert scope is not None
        assert (scope.name, scope.version) == ("taskspan", taskspan.__version__)


def test_the_rate_is_completed_by_duration(exporter: InMemorySpanExporter) -> None:
    """`items_per_second` and `taskspan.throughput` are what the span's own times give."""
    with taskspan.operation("load", total=1000) as op:
        op.update(1000)
        time.sleep(0)
    span = span_named(exporter, "load")
    assert span.start_time is not None
    assert span.end_time is not None
    rate = 1000 / ((span.end_time - span.start_time) / 1e9)
    assert op.metrics["items_per_second"] == pytest.approx(rate)
    assert attributes_of(span)[conventions.THROUGHPUT] == pytest.approx(rate)


def test_events_lie_between_start_and_end(exporter: InMemorySpanExporter) -> None:
    """The times of all events are ordered, and within the span."""
    one_of_everything()
    for span in exporter.get_finished_spans():
        times = [event.timestamp for event in span.events]
        assert times == sorted(times)
        assert span.start_time is not None
        assert span.end_time is not None
        assert all(span.start_time <= at for at in times)


def test_a_clock_set_back_does_not_harm(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation during which the wall clock is set back an hour has its true length."""
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now)
    op = taskspan.operation("load")
    tracker = op.__enter__()
    monkeypatch.setattr(time, "time_ns", lambda: now - 3_600_000_000_000)
    tracker.update(1)
    op.__exit__(None, None, None)
    span = span_named(exporter, "load")
    assert span.start_time is not None
    assert span.end_time is not None
    assert 0 < span.end_time - span.start_time < 3_600_000_000_000


# -- how many events


def updates(exporter: InMemorySpanExporter, steps: list[int], total: int | None) -> ReadableSpan:
    """Return the span of an operation that was updated by these steps."""
    with taskspan.operation("load", total=total) as op:
        for step in steps:
            op.update(step)
    span = span_named(exporter, "load")
    exporter.clear()
    return span


@pytest.mark.parametrize("total", [10_000_000, None, 1, 5_000_000, 100_000_000])
def test_ten_million_items_leave_few_events(
    total: int | None, exporter: InMemorySpanExporter
) -> None:
    """However long the run, a span has at most 100 progress events, the first and last kept."""
    span = updates(exporter, [1, *[1000] * 9_999, 999], total)
    counts = counts_of(span)
    assert 2 <= len(counts) <= 100
    assert counts[0] == 1
    assert counts[-1] == 10_000_000
    assert counts == sorted(set(counts))
    assert attributes_of(span)[conventions.PROGRESS_COMPLETED] == 10_000_000


@pytest.mark.parametrize("total", [1_000_000, None])
def test_a_million_single_steps_leave_few_events(
    total: int | None, exporter: InMemorySpanExporter
) -> None:
    """Single steps are thinned in the same way."""
    with taskspan.operation("load", total=total) as op:
        update = op.update
        for _ in range(1_000_000):
            update()
    counts = counts_of(span_named(exporter, "load"))
    assert 10 <= len(counts) <= 100
    assert (counts[0], counts[-1]) == (1, 1_000_000)


@pytest.mark.parametrize("total", [1, 2, 47, 48, 49, 90, 99, 100, 101, 150, 199, 1001])
def test_small_totals_are_thinned_too(total: int, exporter: InMemorySpanExporter) -> None:
    """No total makes more than 100 events, and each run has its first and last."""
    counts = counts_of(updates(exporter, [1] * total, total))
    assert len(counts) <= 100
    assert (counts[0], counts[-1]) == (1, total)


def test_a_total_that_keeps_being_raised(exporter: InMemorySpanExporter) -> None:
    """A total raised before every item leaves at most 100 events, the last one with the count."""
    with taskspan.operation("load", total=1) as op:
        for number in range(5000):
            op.total = number + 1
            op.update()
    counts = counts_of(span_named(exporter, "load"))
    assert len(counts) <= 100
    assert (counts[0], counts[-1]) == (1, 5000)


def test_no_more_than_the_sdk_keeps(exporter: InMemorySpanExporter) -> None:
    """The SDK drops no event of a long span: its first is still there."""
    span = updates(exporter, [1] * 100_000, 100_000)
    assert span.dropped_events == 0


class _Clock:
    """A monotonic clock that goes when it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._now_ns = time.perf_counter_ns()
        monkeypatch.setattr(time, "perf_counter_ns", lambda: self._now_ns)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now_ns += int(seconds * 1e9)


def test_a_slow_operation_has_events_by_time(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two marks of the count the ticker writes events, ever more rarely, of what is new."""
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    processor = taskspan.ProgressSpanProcessor([_Silent()])
    provider.add_span_processor(processor)
    clock = _Clock(monkeypatch)
    with taskspan.operation("train", total=1_000_000) as op:
        op.update(1)
        for _ in range(24 * 60):
            op.update(1)
            clock.advance(60)
            processor.force_flush()
    counts = counts_of(span_named(exporter, "train"))
    assert 15 <= len(counts) <= 100
    assert (counts[0], counts[-1]) == (1, 24 * 60 + 1)
    assert counts == sorted(set(counts))


def test_a_stalled_operation_has_no_events_by_time(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is new, nothing is written."""
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    processor = taskspan.ProgressSpanProcessor([_Silent()])
    provider.add_span_processor(processor)
    clock = _Clock(monkeypatch)
    with taskspan.operation("train", total=1_000_000) as op:
        op.update(1)
        for _ in range(100):
            clock.advance(60)
            processor.force_flush()
    assert counts_of(span_named(exporter, "train")) == [1]


class _Silent:
    """A view that shows nothing."""

    def started(self, live: Any) -> None:
        """Show nothing."""

    def ticked(self) -> None:
        """Show nothing."""

    def ended(self, live: Any) -> None:
        """Show nothing."""


# -- memory


@pytest.mark.parametrize("is_freed", [False, True])
def test_the_peak_of_memory_agrees_with_the_kernel(is_freed: bool) -> None:
    """150 MB taken inside an operation are in its peak, also when they are gone at its end."""
    done = run_child(
        """
        import resource, sys
        import psutil, taskspan
        resident = lambda: psutil.Process().memory_info().rss / 2**20
        with taskspan.task("nightly", quiet=True):
            before = resident()
            with taskspan.operation("load") as op:
                block = bytearray(150 * 2**20)
                block[::4096] = b"x" * len(block[::4096])
                inside = resident()
                if sys.argv[1] == "freed":
                    del block
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(op.metrics["peak_memory_mb"], op.metrics["memory_delta_mb"], peak, inside, before)
        """,
        arguments=["freed" if is_freed else "kept"],
    )
    peak, delta, of_kernel, inside, before = map(float, done.stdout.split())
    assert inside - before > 140
    assert peak == pytest.approx(of_kernel, abs=8)
    assert peak == pytest.approx(inside, abs=8)
    assert delta == pytest.approx(inside - before, abs=8)


# -- the same whether it is drawn or not


def run_recorded(exporter: InMemorySpanExporter, *, quiet: bool) -> tuple[Any, Any]:
    """Return spans and report of a task that is drawn or not, without times and ids."""
    entries = Entries()
    with taskspan.task("nightly", "1", total_operations=2, reporter=entries, quiet=quiet) as task:
        with task.operation("load", 100, unit="rows") as load:
            for _ in range(100):
                load.update(1, {"file": "a"})
            load.create_subtask(3, "parse").close()
        for _ in taskspan.track(range(10), "mask"):
            pass
        task.start_operation("write", None)
        task.complete_operation("write", success=False, metrics={"rejected": 1})
    measured = {
        conventions.THROUGHPUT,
        conventions.MEMORY_PEAK,
        conventions.MEMORY_DELTA,
    }
    spans = [
        (
            span.name,
            {k: v for k, v in attributes_of(span).items() if k not in measured},
            counts_of(span),
            span.status.status_code,
        )
        for span in exporter.get_finished_spans()
    ]
    exporter.clear()
    volatile = {
        "execution_time",
        "peak_memory_mb",
        "memory_delta_mb",
        "items_per_second",
        "trace_id",
        "span_id",
    }
    report = [
        (e["name"], e["status"], {k: v for k, v in e["details"].items() if k not in volatile})
        for e in entries.entries
    ]
    return spans, report


def test_a_quiet_run_records_the_same_as_a_drawn_one(
    exporter: InMemorySpanExporter, capsys: pytest.CaptureFixture[str]
) -> None:
    """Spans, events and report do not depend on whether bars are drawn."""
    quiet = run_recorded(exporter, quiet=True)
    assert capsys.readouterr().out == ""
    drawn = run_recorded(exporter, quiet=False)
    assert quiet == drawn


def test_the_report_on_disk_is_the_same_too(tmp_path: Path, exporter: InMemorySpanExporter) -> None:
    """The names and keys of the report are those of a drawn run."""
    reports = []
    for quiet in (True, False):
        reporter = taskspan.TaskReporter("1", "nightly", report_path=tmp_path / f"{quiet}.json")
        with (
            taskspan.task("nightly", "1", reporter=reporter, quiet=quiet) as task,
            task.operation("load", 3) as load,
        ):
            load.update(3)
        report = reporter.generate_report()
        reports.append((report.keys(), report["status"], [o.keys() for o in report["operations"]]))
    assert reports[0] == reports[1]
