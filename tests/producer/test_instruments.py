"""The metrics: names, units, values and attributes as the conventions have them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.metrics import _internal as metrics_api
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    HistogramDataPoint,
    InMemoryMetricReader,
    Metric,
    NumberDataPoint,
    Sum,
)

import taskspan
from taskspan import conventions
from taskspan.conventions import (
    OPERATION_ACTIVE,
    OPERATION_DURATION,
    OPERATION_ITEMS,
    OPERATION_MEMORY_PEAK,
    OPERATION_NAME,
    OPERATION_PROGRESS,
    OPERATION_THROUGHPUT,
    OUTCOME,
    PROCESS_MEMORY,
    PROGRESS_UNIT,
    TASK_DURATION,
    TASK_TYPE,
)
from taskspan.producer import _instruments
from tests.producer._reading import run_child

LOAD = {OPERATION_NAME: "load", PROGRESS_UNIT: "{row}", TASK_TYPE: "nightly"}


class Collected:
    """What one collection of a metric reader found."""

    def __init__(self, reader: InMemoryMetricReader) -> None:
        data = reader.get_metrics_data()
        scopes = [] if data is None else [s for r in data.resource_metrics for s in r.scope_metrics]
        self.scopes = {(scope.scope.name, scope.scope.version) for scope in scopes}
        self.metrics: dict[str, Metric] = {m.name: m for s in scopes for m in s.metrics}

    def points(self, name: str) -> list[NumberDataPoint | HistogramDataPoint]:
        """Return the data points of a metric; none if nothing was recorded."""
        points: list[NumberDataPoint | HistogramDataPoint] = []
        if name in self.metrics:
            for point in self.metrics[name].data.data_points:
                assert isinstance(point, (NumberDataPoint, HistogramDataPoint))
                points.append(point)
        return points

    def values(self, name: str) -> list[tuple[dict[str, Any], float]]:
        """Return attributes and value of each data point of a metric."""
        return [
            (dict(point.attributes or {}), point.value)
            for point in self.points(name)
            if isinstance(point, NumberDataPoint)
        ]

    def value(self, name: str) -> float:
        """Return the value of a metric with one data point."""
        ((_, value),) = self.values(name)
        return value

    def durations(self, name: str) -> list[tuple[dict[str, Any], int]]:
        """Return attributes and count of each data point of a histogram."""
        return [
            (dict(point.attributes or {}), point.count)
            for point in self.points(name)
            if isinstance(point, HistogramDataPoint)
        ]


@pytest.fixture
def reader() -> Iterator[InMemoryMetricReader]:
    """A meter provider that the application has set, for one test."""
    memory = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[memory])
    proxy = _instruments._meter
    assert isinstance(proxy, metrics_api._ProxyMeter)
    proxy.on_set_meter_provider(provider)
    yield memory
    provider.shutdown()
    proxy._real_meter = None
    for instrument in proxy._instruments:
        instrument._real_instrument = None


def run_task(task_id: str = "2026-11-23") -> None:
    """Run a task of a good and a failing operation."""
    with taskspan.task("nightly", task_id, quiet=True) as task:
        with task.operation("load", 10, unit="rows") as load:
            load.update(4)
        mask = task.operation("mask", None, unit="rows")
        mask.__enter__().update(3)
        mask.__exit__(KeyError, KeyError("row"), None)


def declared_units() -> dict[str, str]:
    """Return the unit of each metric in the table of conventions."""
    return {c.name: c.unit for c in conventions.CONVENTIONS if c.place == "metric"}


def test_every_metric_of_the_conventions_is_there(reader: InMemoryMetricReader) -> None:
    """The metrics are those of the table, with its units, under the scope `taskspan`."""
    run_task()
    with taskspan.task("nightly", quiet=True) as task, task.operation("load", 10):
        found = Collected(reader)
    assert {name: metric.unit for name, metric in found.metrics.items()} == declared_units()
    assert all(metric.description for metric in found.metrics.values())
    assert found.scopes == {(conventions.INSTRUMENTATION_SCOPE, taskspan.__version__)}


def test_the_kind_of_each_sum(reader: InMemoryMetricReader) -> None:
    """Items only grow; what is active and the memory go up and down."""
    run_task()
    found = Collected(reader)
    monotonic = {
        name: metric.data.is_monotonic
        for name, metric in found.metrics.items()
        if isinstance(metric.data, Sum)
    }
    assert monotonic == {OPERATION_ITEMS: True, OPERATION_ACTIVE: False, PROCESS_MEMORY: False}


def test_no_metric_has_a_task_id(reader: InMemoryMetricReader) -> None:
    """Attributes are of low cardinality: a hundred runs of a task are as many series as one."""
    run_task()
    once = Collected(reader)
    for number in range(100):
        run_task(f"run {number}")
    often = Collected(reader)
    allowed = {TASK_TYPE, OPERATION_NAME, PROGRESS_UNIT, OUTCOME}
    for name in often.metrics:
        points = often.points(name)
        assert len(points) == len(once.points(name)), name
        for point in points:
            assert set(point.attributes or {}) <= allowed


def test_values_while_an_operation_runs(reader: InMemoryMetricReader) -> None:
    """Items, progress, throughput and memory are pulled from what runs, without an update."""
    with (
        taskspan.task("nightly", quiet=True) as task,
        task.operation("load", 10, unit="rows") as load,
    ):
        load.update(4)
        found = Collected(reader)
        load.update(2)
        later = Collected(reader)
    assert found.values(OPERATION_ITEMS) == [(LOAD, 4)]
    assert later.values(OPERATION_ITEMS) == [(LOAD, 6)]
    assert found.values(OPERATION_ACTIVE) == [(LOAD, 1)]
    assert found.values(OPERATION_PROGRESS) == [(LOAD, 0.4)]
    assert found.value(OPERATION_THROUGHPUT) > 0
    assert found.value(OPERATION_MEMORY_PEAK) > 1_000_000
    assert found.values(PROCESS_MEMORY)[0][0] == {}
    assert found.value(PROCESS_MEMORY) > 1_000_000


def test_items_only_grow_across_the_end(reader: InMemoryMetricReader) -> None:
    """The end of an operation neither loses nor repeats its items."""
    seen = []
    with taskspan.task("nightly", quiet=True) as task:
        for _ in range(3):
            with task.operation("load", 10, unit="rows") as load:
                seen.append(Collected(reader).value(OPERATION_ITEMS))
                load.update(4)
                seen.append(Collected(reader).value(OPERATION_ITEMS))
            seen.append(Collected(reader).value(OPERATION_ITEMS))
    assert seen == [0, 4, 4, 4, 8, 8, 8, 12, 12]


class _CollectingReporter:
    """A reporter that reads the items while an operation is ending."""

    def __init__(self, reader: InMemoryMetricReader) -> None:
        self._reader = reader
        self.seen: list[tuple[float, float]] = []

    def add_operation(self, name: str, status: str, details: dict[str, Any]) -> None:
        """Read them."""
        found = Collected(self._reader)
        self.seen.append((found.value(OPERATION_ITEMS), found.value(OPERATION_ACTIVE)))


def test_items_do_not_fall_while_an_operation_ends(reader: InMemoryMetricReader) -> None:
    """A collection in the middle of an end has the items, and the operation is not active."""
    reporter = _CollectingReporter(reader)
    with taskspan.task("nightly", reporter=reporter, quiet=True) as task:
        for _ in range(2):
            with task.operation("load", 10) as load:
                load.update(4)
    assert reporter.seen == [(4, 0), (8, 0)]


def test_items_only_grow_while_threads_end_operations(reader: InMemoryMetricReader) -> None:
    """However collections fall between ends, the counter never goes back."""
    seen = []
    with taskspan.task("nightly", quiet=True) as task:

        def work() -> None:
            for _ in range(300):
                with task.operation("load", 1) as load:
                    load.update(1)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            seen += [value for _, value in Collected(reader).values(OPERATION_ITEMS)]
        seen.append(Collected(reader).value(OPERATION_ITEMS))
    assert seen == sorted(seen)
    assert seen[-1] == 1200


def test_active_goes_back_to_zero(reader: InMemoryMetricReader) -> None:
    """What was active is reported as 0 after its end, not left out."""
    with taskspan.task("nightly", quiet=True) as task:
        with (
            task.operation("load", 10, unit="rows"),
            task.operation("load", 10, unit="rows"),
        ):
            assert Collected(reader).values(OPERATION_ACTIVE) == [(LOAD, 2)]
        assert Collected(reader).values(OPERATION_ACTIVE) == [(LOAD, 0)]


def test_progress_is_that_of_the_running_operations(reader: InMemoryMetricReader) -> None:
    """Progress is completed of total over all that run, at most 1, and gone after the end."""
    with taskspan.task("nightly", quiet=True) as task:
        with task.operation("load", 10) as first, task.operation("load", 30) as second:
            first.update(10)
            second.update(10)
            assert Collected(reader).value(OPERATION_PROGRESS) == 0.5
            first.update(1000)
            assert Collected(reader).value(OPERATION_PROGRESS) == 0.5
        with task.operation("load", None) as unknown:
            unknown.update(3)
            assert Collected(reader).values(OPERATION_PROGRESS) == []


def test_throughput_and_memory_of_the_last_one_stay(reader: InMemoryMetricReader) -> None:
    """With nothing running, throughput and peak are those of the operation that ended last."""
    with taskspan.task("nightly", quiet=True) as task:
        with task.operation("load", 10) as load:
            load.update(10)
        found = Collected(reader)
    assert found.value(OPERATION_THROUGHPUT) == pytest.approx(load.metrics["items_per_second"])
    peak = load.metrics["peak_memory_mb"] * 1024 * 1024
    assert found.value(OPERATION_MEMORY_PEAK) == pytest.approx(peak)


def test_durations_by_outcome(reader: InMemoryMetricReader) -> None:
    """Durations are counted by task type, operation and outcome."""
    run_task()
    run_task()
    with pytest.raises(ValueError, match="bad"), taskspan.task("nightly", quiet=True):
        raise ValueError("bad")
    found = Collected(reader)
    assert sorted(found.durations(OPERATION_DURATION), key=str) == [
        ({OPERATION_NAME: "load", TASK_TYPE: "nightly", OUTCOME: "success"}, 2),
        ({OPERATION_NAME: "mask", TASK_TYPE: "nightly", OUTCOME: "error"}, 2),
    ]
    assert sorted(found.durations(TASK_DURATION), key=str) == [
        ({TASK_TYPE: "nightly", OUTCOME: "error"}, 1),
        ({TASK_TYPE: "nightly", OUTCOME: "success"}, 2),
    ]


def test_a_duration_is_in_seconds(
    reader: InMemoryMetricReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation of 90 seconds is one of 90 in the histogram, in a bucket of its own scale."""
    now_ns = time.perf_counter_ns()
    with taskspan.operation("load"):
        monkeypatch.setattr(time, "perf_counter_ns", lambda: now_ns + 90_000_000_000)
    (point,) = Collected(reader).points(OPERATION_DURATION)
    assert isinstance(point, HistogramDataPoint)
    assert point.sum == pytest.approx(90, abs=1)
    above = next(n for n, bound in enumerate(point.explicit_bounds) if bound >= point.sum)
    assert point.bucket_counts[above] == 1
    assert (point.explicit_bounds[above - 1], point.explicit_bounds[above]) == (60, 300)


def test_an_operation_outside_of_a_task(reader: InMemoryMetricReader) -> None:
    """Without a task around it there is no task type."""
    with taskspan.operation("load", unit="rows") as op:
        op.update(2)
    found = Collected(reader)
    without_task = {OPERATION_NAME: "load", PROGRESS_UNIT: "{row}"}
    assert found.values(OPERATION_ITEMS) == [(without_task, 2)]
    assert found.durations(OPERATION_DURATION) == [
        ({OPERATION_NAME: "load", OUTCOME: "success"}, 1)
    ]


def test_items_from_threads_are_exact(reader: InMemoryMetricReader) -> None:
    """The counter has every item of 8 threads, also while a reader collects all the time."""
    seen = []
    with taskspan.operation("load", unit="rows") as op:

        def work() -> None:
            for _ in range(20_000):
                op.update(1)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            seen.append(Collected(reader).value(OPERATION_ITEMS))
    seen.append(Collected(reader).value(OPERATION_ITEMS))
    assert seen == sorted(seen)
    assert seen[-1] == 160_000


def test_series_past_the_bound_are_one(
    reader: InMemoryMetricReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names past the bound share the overflow series; no item is lost."""
    monkeypatch.setattr(_instruments, "MAX_SERIES", 3)
    with taskspan.task("nightly", quiet=True) as task:
        for number in range(10):
            with task.operation(f"load {number}", 1) as load:
                load.update(2)
    values = Collected(reader).values(OPERATION_ITEMS)
    assert len(values) == 4
    assert [value for attributes, value in values if "otel.metric.overflow" in attributes] == [14]
    assert sum(value for _, value in values) == 20


def test_running_series_past_the_bound_are_one(
    reader: InMemoryMetricReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Running operations past the bound are active in the overflow series, all of them."""
    monkeypatch.setattr(_instruments, "MAX_SERIES", 2)
    with taskspan.task("nightly", quiet=True) as task:
        for number in range(5):
            task.start_operation(f"load {number}", 4).update(1)
        found = Collected(reader)
        for number in range(5):
            task.complete_operation(f"load {number}")
        after = Collected(reader)
    assert sum(value for _, value in found.values(OPERATION_ACTIVE)) == 5
    assert sum(value for _, value in found.values(OPERATION_ITEMS)) == 5
    assert sum(value for _, value in after.values(OPERATION_ITEMS)) == 5
    assert [value for _, value in after.values(OPERATION_ACTIVE)] == [0, 0, 0]


def test_hostile_names_are_safe_attributes(reader: InMemoryMetricReader) -> None:
    """Names with control characters or of any length are escaped and cut in metrics, too."""
    with (
        taskspan.task("\x1b[2Jnightly", quiet=True) as task,
        task.operation("load\n" + "x" * 10_000, 1, unit="ro\tws") as load,
    ):
        load.update(1)
        found = Collected(reader)
    ((attributes, value),) = found.values(OPERATION_ITEMS)
    assert value == 1
    for text in attributes.values():
        assert text.isprintable()
        assert len(text) <= 210


def test_a_provider_set_after_the_first_task() -> None:
    """A meter provider set late, as `configure` may, gets the items counted before it."""
    done = run_child(
        """
        import taskspan
        from opentelemetry import metrics
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader

        with taskspan.task("nightly", quiet=True) as task:
            with task.operation("load", 5) as load:
                load.update(5)
        reader = InMemoryMetricReader()
        metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
        data = reader.get_metrics_data()
        for metric in data.resource_metrics[0].scope_metrics[0].metrics:
            if metric.name == "taskspan.operation.items":
                print([point.value for point in metric.data.data_points])
        """
    )
    assert done.stdout == "[5]\n"
