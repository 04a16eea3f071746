"""`ProgressTracker` and `NoOpProgressTracker`, on their own."""

from __future__ import annotations

import gc
import inspect
import os
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import taskspan
from taskspan import conventions
from tests.producer._reading import (
    attributes_of,
    counts_of,
    is_child_of,
    names_of,
    outcome_of,
    span_named,
)

FINAL_METRICS = {
    "current",
    "execution_time",
    "peak_memory_mb",
    "memory_delta_mb",
    "items_per_second",
    "failed",
}


def test_the_constructor_takes_what_callers_pass() -> None:
    """Names, order and defaults of the arguments are those of the seed, with `disable` behind."""
    parameters = inspect.signature(taskspan.ProgressTracker).parameters
    assert {name: parameter.default for name, parameter in parameters.items()} == {
        "total": inspect.Parameter.empty,
        "description": inspect.Parameter.empty,
        "unit": "items",
        "position": 0,
        "leave": True,
        "parent": None,
        "color": None,
        "disable": False,
    }


def test_a_tracker_opens_and_ends_its_own_span(exporter: InMemorySpanExporter) -> None:
    """A stand-alone tracker is an operation of its own, named after its description."""
    tracker = taskspan.ProgressTracker(10, "load", unit="rows")
    tracker.update(4)
    assert not exporter.get_finished_spans()
    tracker.close()
    attributes = attributes_of(span_named(exporter, "load"))
    assert attributes[conventions.PROGRESS_COMPLETED] == 4
    assert attributes[conventions.PROGRESS_TOTAL] == 10
    assert attributes[conventions.PROGRESS_UNIT] == "{row}"


def test_what_it_was_made_with_can_be_read() -> None:
    """The arguments of the constructor are attributes."""
    tracker = taskspan.ProgressTracker(
        10, "load", "rows", position=2, leave=False, color="green", disable=True
    )
    assert tracker.total == 10
    assert tracker.description == "load"
    assert tracker.unit == "rows"
    assert tracker.position == 2
    assert tracker.leave is False
    assert tracker.color == "green"
    assert tracker.disable is True
    assert tracker.parent is None
    assert tracker.children == []
    tracker.close()


def test_it_satisfies_the_protocol() -> None:
    """A tracker is what an operation may expect of one, and so is the one that draws nothing."""
    with taskspan.ProgressTracker(1, "load") as drawn, taskspan.NoOpProgressTracker(1, "b") as mute:
        assert isinstance(drawn, taskspan.ProgressTrackerProtocol)
        assert isinstance(mute, taskspan.ProgressTrackerProtocol)


def test_close_fills_the_metrics() -> None:
    """Once closed, a tracker knows its time, memory and rate."""
    tracker = taskspan.ProgressTracker(10, "load")
    tracker.update(10)
    tracker.close()
    assert tracker.metrics.keys() >= FINAL_METRICS
    assert tracker.metrics["current"] == 10
    assert tracker.metrics["execution_time"] > 0
    assert tracker.metrics["peak_memory_mb"] > 1
    assert tracker.metrics["memory_delta_mb"] >= 0
    assert tracker.metrics["items_per_second"] == pytest.approx(
        10 / tracker.metrics["execution_time"]
    )
    assert tracker.metrics["failed"] is False


def test_metrics_can_be_read_before_the_end() -> None:
    """The count so far is in the metrics of a running tracker."""
    with taskspan.ProgressTracker(10, "load") as tracker:
        tracker.update(3)
        assert tracker.metrics["current"] == 3
        tracker.update(3)
        assert tracker.metrics["current"] == 6


def test_own_metrics_reach_the_span(exporter: InMemorySpanExporter) -> None:
    """What an operation puts into `metrics` is an attribute of its span."""
    with taskspan.ProgressTracker(10, "load") as tracker:
        tracker.metrics["rejected"] = 7
    assert attributes_of(span_named(exporter, "load"))["taskspan.metric.rejected"] == 7
    assert tracker.metrics["rejected"] == 7


def test_closing_twice_does_nothing(exporter: InMemorySpanExporter) -> None:
    """Only the first `close` counts."""
    parent = taskspan.ProgressTracker(2, "load")
    child = taskspan.ProgressTracker(1, "parse", parent=parent)
    child.close()
    metrics = dict(child.metrics)
    child.close(failed=True)
    child.close()
    assert child.metrics == metrics
    assert parent.completed == 1
    parent.close()
    assert names_of(exporter) == ["parse", "load"]
    assert outcome_of(span_named(exporter, "parse")) == conventions.SUCCESS


def test_a_failed_close_is_an_error(exporter: InMemorySpanExporter) -> None:
    """`close(failed=True)` ends the span as an error, without an exception."""
    taskspan.ProgressTracker(2, "load").close(failed=True)
    span = span_named(exporter, "load")
    assert outcome_of(span) == conventions.ERROR
    assert not span.status.is_ok
    assert attributes_of(span)[conventions.ERROR_TYPE] == conventions.ERROR_TYPE_OTHER


def test_a_block_that_raises_fails(exporter: InMemorySpanExporter) -> None:
    """A tracker used as a context manager ends with the exception of its block."""
    with pytest.raises(KeyError), taskspan.ProgressTracker(2, "load") as tracker:
        raise KeyError("row")
    span = span_named(exporter, "load")
    assert outcome_of(span) == conventions.ERROR
    assert attributes_of(span)[conventions.ERROR_TYPE] == "KeyError"
    assert tracker.metrics["failed"] is True
    assert tracker.metrics["error_type"] == "KeyError"


def test_the_total_follows_a_change(exporter: InMemorySpanExporter) -> None:
    """A total set or raised after creation is the span's total."""
    with taskspan.ProgressTracker(None, "load") as tracker:
        assert tracker.total is None
        tracker.total = 10
        tracker.update(5)
        tracker.total = 20
        assert tracker.total == 20
    span = span_named(exporter, "load")
    assert attributes_of(span)[conventions.PROGRESS_TOTAL] == 20
    last = span.events[-1].attributes or {}
    assert last[conventions.PROGRESS_TOTAL] == 20


def test_a_total_can_become_unknown_again() -> None:
    """Setting the total to `None` is allowed."""
    with taskspan.ProgressTracker(3, "load") as tracker:
        tracker.total = None
        tracker.update(5)
        assert tracker.total is None


def test_an_update_of_zero_changes_only_the_text(exporter: InMemorySpanExporter) -> None:
    """`update(0, {...})` counts nothing and writes no event."""
    with taskspan.ProgressTracker(3, "load") as tracker:
        tracker.update(0, {"file": "a.csv"})
        assert tracker.completed == 0
        assert tracker.operation.progress.snapshot().postfix == "file=a.csv"
    assert counts_of(span_named(exporter, "load")) == []


def test_the_count_may_pass_the_total(exporter: InMemorySpanExporter) -> None:
    """More items than expected are counted too."""
    with taskspan.ProgressTracker(3, "load") as tracker:
        tracker.update(5)
        tracker.update()
    attributes = attributes_of(span_named(exporter, "load"))
    assert attributes[conventions.PROGRESS_COMPLETED] == 6
    assert attributes[conventions.PROGRESS_TOTAL] == 3


def test_a_new_description_is_on_the_span(exporter: InMemorySpanExporter) -> None:
    """The span keeps its name and the last description."""
    with taskspan.ProgressTracker(3, "load") as tracker:
        tracker.set_description("load: second file")
        assert tracker.description == "load: second file"
    span = span_named(exporter, "load")
    assert attributes_of(span)[conventions.DESCRIPTION] == "load: second file"


def test_a_postfix_is_copied() -> None:
    """A postfix that the caller changes later stays on the bar as it was."""
    with taskspan.ProgressTracker(3, "load") as tracker:
        postfix = {"file": "a.csv"}
        tracker.set_postfix(postfix)
        postfix["file"] = "b.csv"
        assert tracker.operation.progress.snapshot().postfix == "file=a.csv"
        tracker.update(1, postfix)
        assert tracker.operation.progress.snapshot().postfix == "file=b.csv"


def test_clear_and_refresh_change_no_count() -> None:
    """Taking the bar away and back is a matter of the screen alone."""
    with taskspan.ProgressTracker(3, "load") as tracker:
        tracker.update(2)
        tracker.clear()
        tracker.refresh()
        assert tracker.completed == 2


def test_a_subtask_is_a_nested_operation(exporter: InMemorySpanExporter) -> None:
    """`create_subtask` opens an operation inside; it is no item of the outer one."""
    with taskspan.ProgressTracker(3, "load") as tracker:
        subtask = tracker.create_subtask(2, "parse", unit="lines")
        subtask.update(2)
        subtask.close()
        assert tracker.completed == 0
    inner, outer = exporter.get_finished_spans()
    assert (inner.name, outer.name) == ("parse", "load")
    assert is_child_of(inner, outer)
    assert attributes_of(inner)[conventions.PROGRESS_UNIT] == "{line}"


def test_a_subtask_left_open_ends_with_its_tracker(exporter: InMemorySpanExporter) -> None:
    """Closing a tracker closes what it has opened, before itself."""
    tracker = taskspan.ProgressTracker(3, "load")
    subtask = tracker.create_subtask(2, "parse")
    assert tracker.children == [subtask]
    tracker.close()
    assert names_of(exporter) == ["parse", "load"]
    assert subtask.is_closed


def test_subtasks_that_have_ended_are_forgotten() -> None:
    """A tracker does not grow with the number of its subtasks."""
    with taskspan.ProgressTracker(None, "load") as tracker:
        for _ in range(100):
            tracker.create_subtask(1, "parse").close()
        gc.collect()
        assert len(tracker.children) <= 1


def test_a_parent_is_told_once_at_the_end() -> None:
    """A tracker counts as one item of its parent when it closes."""
    parent = taskspan.ProgressTracker(3, "load")
    child = taskspan.ProgressTracker(5, "parse", parent=parent)
    child.update(5)
    assert parent.completed == 0
    child.close()
    assert parent.completed == 1
    parent.close()


def test_a_child_lies_in_its_parents_span(exporter: InMemorySpanExporter) -> None:
    """The span of a tracker with a parent is a child of the parent's."""
    parent = taskspan.ProgressTracker(3, "load")
    taskspan.ProgressTracker(5, "parse", parent=parent).close()
    parent.close()
    assert is_child_of(span_named(exporter, "parse"), span_named(exporter, "load"))


def test_any_object_with_update_is_a_parent() -> None:
    """A parent need not be a tracker."""

    class Widget:
        def __init__(self) -> None:
            self.steps: list[int] = []

        def update(self, steps: int = 1) -> None:
            self.steps.append(steps)

    widget = Widget()
    tracker = taskspan.ProgressTracker(3, "load", parent=widget)
    assert tracker.parent is widget
    tracker.update(3)
    tracker.close()
    tracker.close()
    assert widget.steps == [1]


@pytest.mark.expects_problems
def test_a_parent_that_raises_does_no_harm(
    exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """What a parent raises is logged in one line, and the tracker closes."""

    class Broken:
        def update(self, steps: int = 1) -> None:
            raise RuntimeError("widget is gone")

    tracker = taskspan.ProgressTracker(3, "load", parent=Broken())
    tracker.update(3)
    tracker.close()
    assert tracker.metrics["current"] == 3
    assert outcome_of(span_named(exporter, "load")) == conventions.SUCCESS
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "widget is gone" in caplog.text


def test_new_attributes_are_taken() -> None:
    """Callers hang attributes of their own on a tracker, of either kind."""
    for cls in (taskspan.ProgressTracker, taskspan.NoOpProgressTracker):
        with cls(3, "load") as tracker:
            tracker.rows_seen = 5  # type: ignore[attr-defined]
            assert tracker.rows_seen == 5  # type: ignore[attr-defined]


def test_a_fresh_tracker_is_true() -> None:
    """Trackers are tested for truth, and always true."""
    assert not hasattr(taskspan.ProgressTracker, "__len__")
    assert not hasattr(taskspan.ProgressTracker, "__bool__")
    with taskspan.ProgressTracker(0, "load") as tracker:
        assert bool(tracker)
    assert bool(tracker)


def test_a_tracker_below_a_task_belongs_to_it(exporter: InMemorySpanExporter) -> None:
    """A tracker made inside a task is one of its operations' spans."""
    with taskspan.task("nightly", quiet=True):
        taskspan.ProgressTracker(3, "load").close()
    assert is_child_of(span_named(exporter, "load"), span_named(exporter, "nightly"))


def test_the_span_takes_attributes_of_ones_own(exporter: InMemorySpanExporter) -> None:
    """`span` is the real OpenTelemetry span."""
    with taskspan.ProgressTracker(3, "load") as tracker:
        tracker.span.set_attribute("file.name", "a.csv")
    assert attributes_of(span_named(exporter, "load"))["file.name"] == "a.csv"


def test_late_updates_are_kept_and_said(
    exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """Items counted after the end are in the count, not in the span, which is logged once."""
    tracker = taskspan.ProgressTracker(3, "load")
    tracker.close()
    tracker.update(2)
    tracker.update(1)
    assert tracker.completed == 3
    assert attributes_of(span_named(exporter, "load"))[conventions.PROGRESS_COMPLETED] == 0
    assert len([r for r in caplog.records if "counted after its end" in r.getMessage()]) == 1


def test_a_quiet_tracker_counts_and_records(exporter: InMemorySpanExporter) -> None:
    """A tracker that draws nothing is otherwise like any other."""
    with taskspan.NoOpProgressTracker(3, "load") as tracker:
        tracker.update(2, {"file": "a"})
        assert tracker.metrics["current"] == 2
        assert tracker.disable
    assert attributes_of(span_named(exporter, "load"))[conventions.PROGRESS_COMPLETED] == 2
    assert tracker.metrics.keys() >= FINAL_METRICS


def test_a_tracker_works_without_an_sdk_provider(capsys: pytest.CaptureFixture[str]) -> None:
    """With nothing configured a tracker counts and measures all the same."""
    tracker = taskspan.ProgressTracker(3, "load", disable=True)
    tracker.update(3)
    tracker.close()
    assert tracker.metrics.keys() >= FINAL_METRICS
    assert capsys.readouterr().out == ""


def test_memory_is_that_of_this_process() -> None:
    """The memory in the metrics agrees with what the kernel says of the process."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.xfail("this system has no /proc")
    with taskspan.ProgressTracker(3, "load") as tracker:
        resident = int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert tracker.metrics["peak_memory_mb"] == pytest.approx(resident / 2**20, abs=20)
