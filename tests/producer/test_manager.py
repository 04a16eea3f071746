"""`TaskProgressManager` and `create_task_progress_manager`."""

from __future__ import annotations

import inspect
import io
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import taskspan
from taskspan import conventions
from taskspan.configuration._configure import configure
from tests.producer._reading import (
    Entries,
    attributes_of,
    is_child_of,
    names_of,
    operation_spans,
    outcome_of,
    span_named,
    spans_named,
)

LOGGER = logging.getLogger("tests.manager")


def quiet_manager(
    reporter: Any = None, total_operations: int = 0, task_id: str = "2026-11-23"
) -> taskspan.TaskProgressManager:
    """Return a manager that draws and logs nothing."""
    return taskspan.TaskProgressManager(
        task_id, "nightly", None, reporter, total_operations, quiet=True
    )


@pytest.fixture
def manager(exporter: InMemorySpanExporter) -> Iterator[taskspan.TaskProgressManager]:
    """A quiet task, ended after the test."""
    with quiet_manager() as manager:
        yield manager


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (
            taskspan.TaskProgressManager,
            ["task_id", "task_type", "logger", "reporter", "total_operations", "quiet"],
        ),
        (
            taskspan.create_task_progress_manager,
            ["task_id", "task_type", "logger", "reporter", "total_operations", "quiet"],
        ),
        (
            taskspan.TaskProgressManager.start_operation,
            ["self", "name", "total", "description", "unit", "leave"],
        ),
        (taskspan.TaskProgressManager.update_operation, ["self", "name", "steps", "postfix"]),
        (taskspan.TaskProgressManager.complete_operation, ["self", "name", "success", "metrics"]),
        (
            taskspan.TaskProgressManager.create_operation_context,
            ["self", "name", "total", "description", "unit", "leave"],
        ),
        (
            taskspan.TaskProgressManager.log_message,
            ["self", "level", "message", "preserve_progress"],
        ),
    ],
)
def test_arguments_are_where_callers_pass_them(function: Any, names: list[str]) -> None:
    """Names and order of the seed's arguments are kept; new ones come behind."""
    assert list(inspect.signature(function).parameters)[: len(names)] == names


def test_a_task_is_a_span(exporter: InMemorySpanExporter) -> None:
    """A manager opens the task's span and `close` ends it, named after the task's type."""
    manager = quiet_manager()
    assert not exporter.get_finished_spans()
    manager.close()
    span = span_named(exporter, "nightly")
    assert attributes_of(span)[conventions.TASK_ID] == "2026-11-23"
    assert attributes_of(span)[conventions.TASK_TYPE] == "nightly"
    assert outcome_of(span) == conventions.SUCCESS


def test_closing_twice_does_nothing(exporter: InMemorySpanExporter) -> None:
    """Only the first `close` ends the task."""
    manager = quiet_manager()
    manager.close()
    manager.close()
    with manager:
        pass
    assert names_of(exporter) == ["nightly"]


def test_operations_are_children_of_the_task(exporter: InMemorySpanExporter) -> None:
    """Each operation has a span below the task's."""
    with quiet_manager() as manager:
        manager.start_operation("load", 10)
        manager.complete_operation("load")
        with manager.create_operation_context("clean", 10):
            pass
        with manager.operation("write", 10):
            pass
    task = span_named(exporter, "nightly")
    assert names_of(exporter) == ["load", "clean", "write", "nightly"]
    assert all(is_child_of(span, task) for span in operation_spans(exporter))


def test_a_quiet_task_hands_out_trackers_that_draw_nothing(
    manager: taskspan.TaskProgressManager,
) -> None:
    """In quiet mode operation and context hand out a `NoOpProgressTracker` that counts."""
    tracker = manager.start_operation("load", 10)
    assert isinstance(tracker, taskspan.NoOpProgressTracker)
    tracker.update(4)
    assert tracker.metrics["current"] == 4
    manager.complete_operation("load")
    assert tracker.metrics["current"] == 4
    with manager.create_operation_context("clean", 10) as inner:
        assert isinstance(inner, taskspan.NoOpProgressTracker)
        inner.update(2)
        assert inner.metrics["current"] == 2


def test_a_drawn_task_hands_out_trackers_that_draw(exporter: InMemorySpanExporter) -> None:
    """Outside of quiet mode the tracker is no `NoOpProgressTracker`."""
    with taskspan.TaskProgressManager("1", "nightly", None) as manager:
        tracker = manager.start_operation("load", 10)
        assert type(tracker) is taskspan.ProgressTracker
        manager.complete_operation("load")


@pytest.mark.parametrize("total", [0, -1, -100])
def test_a_context_with_nothing_to_do_is_no_operation(
    total: int, exporter: InMemorySpanExporter
) -> None:
    """With `total <= 0` a context yields a tracker that counts, and opens no operation."""
    entries = Entries()
    with quiet_manager(entries) as manager:
        with manager.create_operation_context("load", total) as tracker:
            assert isinstance(tracker, taskspan.NoOpProgressTracker)
            tracker.update(3, {"a": 1})
            assert tracker.metrics["current"] == 3
            tracker.create_subtask(3, "parse").close()
        assert manager.operations_completed == 0
        assert not manager.active_operations
    assert "load" not in names_of(exporter)
    assert "Complete load" not in entries.names


def test_a_total_of_none_is_an_operation(exporter: InMemorySpanExporter) -> None:
    """An operation of unknown length is one, without a total on its span."""
    with quiet_manager() as manager:
        with manager.create_operation_context("load", None) as tracker:
            tracker.update(5)
        assert manager.operations_completed == 1
    assert conventions.PROGRESS_TOTAL not in attributes_of(span_named(exporter, "load"))


def test_a_started_operation_may_have_a_total_of_zero(exporter: InMemorySpanExporter) -> None:
    """`start_operation` with a total of zero is an operation that has nothing to do."""
    with quiet_manager() as manager:
        manager.start_operation("load", 0)
        manager.complete_operation("load")
    assert attributes_of(span_named(exporter, "load"))[conventions.PROGRESS_TOTAL] == 0


def test_updates_by_name_count(manager: taskspan.TaskProgressManager) -> None:
    """`update_operation` counts on the tracker of that name."""
    tracker = manager.start_operation("load", 10)
    manager.update_operation("load")
    manager.update_operation("load", 3, {"file": "a"})
    manager.update_operation("load", 0, {"file": "b"})
    assert tracker.completed == 4
    assert tracker.operation.progress.snapshot().postfix == "file=b"
    manager.complete_operation("load")


def test_quiet_updates_by_name_count_too(exporter: InMemorySpanExporter) -> None:
    """The seed ignored updates in quiet mode; here they are on the span."""
    with quiet_manager() as manager:
        manager.start_operation("load", 10)
        manager.update_operation("load", 7)
        manager.complete_operation("load")
    assert attributes_of(span_named(exporter, "load"))[conventions.PROGRESS_COMPLETED] == 7


def test_an_update_of_an_unknown_name_is_said(
    manager: taskspan.TaskProgressManager, capsys: pytest.CaptureFixture[str]
) -> None:
    """Items for a name that does not run are not lost silently."""
    manager.update_operation("laod", 3)
    assert "3 items of 'laod'" in capsys.readouterr().err


def test_closing_a_tracker_does_not_end_a_managers_operation(
    exporter: InMemorySpanExporter,
) -> None:
    """The span of a manager's operation ends with `complete_operation`, not `tracker.close()`."""
    with quiet_manager() as manager:
        tracker = manager.start_operation("load", 10)
        tracker.update(10)
        tracker.close()
        assert not exporter.get_finished_spans()
        assert tracker.metrics["items_per_second"] > 0
        assert list(manager.active_operations) == ["load"]
        manager.complete_operation("load")
        assert names_of(exporter) == ["load"]
        assert manager.operations_completed == 1


def test_a_tracker_closed_before_the_failure_is_known(exporter: InMemorySpanExporter) -> None:
    """An operation that closed its tracker and then raises ends as an error."""
    entries = Entries()
    manager = quiet_manager(entries)

    def run() -> None:
        with manager.create_operation_context("load", 10) as tracker:
            tracker.update(4)
            tracker.close()
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run()
    manager.close()
    assert outcome_of(span_named(exporter, "load")) == conventions.ERROR
    (entry,) = entries.entries
    assert entry["status"] == "error"
    assert entry["details"]["error_type"] == "OSError"
    assert entry["details"]["error_message"] == "disk full"
    assert entry["details"]["current"] == 4


def test_completed_as_failed_after_a_plain_close(exporter: InMemorySpanExporter) -> None:
    """`complete_operation(success=False)` decides, whatever `close` said before."""
    with quiet_manager() as manager:
        manager.start_operation("load", 10).close()
        manager.complete_operation("load", success=False)
    assert outcome_of(span_named(exporter, "load")) == conventions.ERROR


def test_a_tracker_closed_as_failed_fails_its_context(exporter: InMemorySpanExporter) -> None:
    """`tracker.close(failed=True)` makes an error of a block that raises nothing."""
    entries = Entries()
    with (
        quiet_manager(entries) as manager,
        manager.create_operation_context("load", 10) as tracker,
    ):
        tracker.close(failed=True)
    assert outcome_of(span_named(exporter, "load")) == conventions.ERROR
    assert entries.entries[0]["status"] == "error"


def test_a_name_never_started_counts_and_reports(exporter: InMemorySpanExporter) -> None:
    """An operation resumed from a checkpoint is completed without having been started."""
    entries = Entries()
    with quiet_manager(entries, total_operations=2) as manager:
        manager.complete_operation("load", metrics={"rows": 3})
        manager.complete_operation("clean", success=False)
        assert manager.operations_completed == 2
    assert [(e["name"], e["status"]) for e in entries.entries] == [
        ("Complete load", "success"),
        ("Complete clean", "error"),
    ]
    assert entries.entries[0]["details"]["rows"] == 3
    assert attributes_of(span_named(exporter, "load"))["taskspan.metric.rows"] == 3


def test_metrics_of_a_completion_are_on_the_span(exporter: InMemorySpanExporter) -> None:
    """`metrics` become attributes of the span and details of the report."""
    entries = Entries()
    with quiet_manager(entries) as manager:
        tracker = manager.start_operation("load", 10)
        manager.complete_operation("load", metrics={"rejected": 3})
    assert tracker.metrics["rejected"] == 3
    assert entries.entries[0]["details"]["rejected"] == 3
    assert attributes_of(span_named(exporter, "load"))["taskspan.metric.rejected"] == 3


def test_a_reporter_gets_the_final_metrics(exporter: InMemorySpanExporter) -> None:
    """At an operation's end a reporter gets name, status and every final metric."""
    entries = Entries()
    with quiet_manager(entries) as manager, manager.operation("load", 10) as tracker:
        tracker.update(10)
    (entry,) = entries.entries
    assert (entry["name"], entry["status"]) == ("Complete load", "success")
    assert entry["details"] == tracker.metrics
    assert entry["details"].keys() >= {
        "current",
        "execution_time",
        "peak_memory_mb",
        "memory_delta_mb",
        "items_per_second",
    }


def test_total_operations_may_be_assigned(exporter: InMemorySpanExporter) -> None:
    """`total_operations = n`, `set_total_operations` and `increment_total_operations` agree."""
    with quiet_manager() as manager:
        assert manager.total_operations == 0
        manager.total_operations = 3
        assert manager.operations_total == 3
        manager.increment_total_operations()
        manager.increment_total_operations(2)
        assert manager.total_operations == 6
        manager.set_total_operations(4)
        assert manager.get_metrics()["operations_total"] == 4
    assert attributes_of(span_named(exporter, "nightly"))[conventions.PROGRESS_TOTAL] == 4


def test_operations_completed_is_the_count_of_the_task(exporter: InMemorySpanExporter) -> None:
    """The task's span counts its operations, failed ones too."""
    with quiet_manager(total_operations=3) as manager:
        manager.complete_operation("a")
        manager.complete_operation("b", success=False)
        assert manager.operations_completed == 2
    attributes = attributes_of(span_named(exporter, "nightly"))
    assert attributes[conventions.PROGRESS_COMPLETED] == 2
    assert attributes[conventions.PROGRESS_UNIT] == "{operation}"


def test_figures_of_the_task(manager: taskspan.TaskProgressManager) -> None:
    """`get_metrics` has the seed's figures, and memory."""
    manager.complete_operation("load")
    metrics = manager.get_metrics()
    assert metrics.keys() >= {
        "task_id",
        "task_type",
        "operations_completed",
        "operations_total",
        "execution_time",
        "operations_per_second",
    }
    assert metrics["operations_completed"] == 1
    assert metrics["operations_per_second"] == pytest.approx(1 / metrics["execution_time"])


def test_active_operations_are_those_that_run(manager: taskspan.TaskProgressManager) -> None:
    """`active_operations` maps the names of what runs to its trackers."""
    load = manager.start_operation("load", 1)
    clean = manager.start_operation("clean", 1)
    assert manager.active_operations == {"load": load, "clean": clean}
    manager.complete_operation("load")
    assert manager.active_operations == {"clean": clean}
    manager.complete_operation("clean")


def test_a_quiet_task_has_no_main_bar(exporter: InMemorySpanExporter) -> None:
    """`main_progress` is `None` when quiet, without a total, and after the end."""
    with quiet_manager(total_operations=3) as quiet:
        assert quiet.main_progress is None
    with taskspan.TaskProgressManager("1", "nightly", None) as manager:
        without_total = manager.main_progress
        manager.total_operations = 2
        main = manager.main_progress
        assert main is not None
        assert main.total == 2
    assert without_total is None
    assert manager.main_progress is None


def test_managers_are_always_true(manager: taskspan.TaskProgressManager) -> None:
    """A manager is tested for truth, and true without any operations."""
    assert not hasattr(taskspan.TaskProgressManager, "__len__")
    assert not hasattr(taskspan.TaskProgressManager, "__bool__")
    assert bool(manager)


def test_operations_nest_and_log_in_between(
    exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """An operation inside a context is its child; messages in between harm nothing."""
    caplog.set_level(logging.INFO)
    with taskspan.TaskProgressManager("1", "nightly", LOGGER, quiet=True) as manager:
        with manager.create_operation_context("load", 2) as outer:
            manager.log_info("first file")
            with manager.create_operation_context("parse", 2) as inner:
                inner.update(2)
                manager.log_warning("second file")
            outer.update(1)
        assert manager.operations_completed == 2
    parse, load = span_named(exporter, "parse"), span_named(exporter, "load")
    assert is_child_of(parse, load)
    assert is_child_of(load, span_named(exporter, "nightly"))
    assert [record.getMessage() for record in caplog.records] == [
        "Starting operation: load",
        "first file",
        "Starting operation: parse",
        "second file",
        "Operation parse completed successfully",
        "Operation load completed successfully",
    ]


def test_started_operations_do_not_enclose_each_other(exporter: InMemorySpanExporter) -> None:
    """`start_operation` opens side by side: nothing says which block it would enclose."""
    with quiet_manager() as manager:
        manager.start_operation("load", 1)
        manager.start_operation("clean", 1)
        manager.complete_operation("load")
        manager.complete_operation("clean")
    task = span_named(exporter, "nightly")
    assert all(is_child_of(span, task) for span in operation_spans(exporter))


def test_operations_of_one_name_end_in_order_of_start(exporter: InMemorySpanExporter) -> None:
    """Where two of a name run, the calls by name address the one that started first."""
    entries = Entries()
    with quiet_manager(entries) as manager:
        first = manager.start_operation("load", 10)
        second = manager.start_operation("load", 10)
        assert manager.active_operations == {"load": first, "load#2": second}
        manager.update_operation("load", 1)
        manager.complete_operation("load")
        manager.update_operation("load", 2)
        manager.complete_operation("load")
        assert manager.operations_completed == 2
    assert [entry["details"]["current"] for entry in entries.entries] == [1, 2]
    assert len(spans_named(exporter, "load")) == 2


def test_closing_ends_what_runs_as_interrupted(exporter: InMemorySpanExporter) -> None:
    """Operations that nobody ended are interrupted, the youngest first, counted and reported."""
    entries = Entries()
    manager = quiet_manager(entries)
    manager.start_operation("load", 10).update(3)
    manager.start_operation("clean", 10)
    manager.close()
    assert names_of(exporter) == ["clean", "load", "nightly"]
    assert [outcome_of(span) for span in exporter.get_finished_spans()] == [
        conventions.INTERRUPTED,
        conventions.INTERRUPTED,
        conventions.SUCCESS,
    ]
    assert manager.operations_completed == 2
    assert entries.outcomes == {"Complete clean": "interrupted", "Complete load": "interrupted"}


def test_an_operation_after_the_end_is_not_lost(exporter: InMemorySpanExporter) -> None:
    """An operation completed after `close` still has its span, its report entry and its count."""
    entries = Entries()
    manager = quiet_manager(entries)
    manager.close()
    manager.start_operation("late", 1)
    manager.complete_operation("late")
    assert entries.names == ["Complete late"]
    assert "late" in names_of(exporter)
    assert manager.operations_completed == 1


def test_two_tasks_at_once_are_two_traces(exporter: InMemorySpanExporter) -> None:
    """Tasks side by side do not enclose each other."""
    first = quiet_manager(task_id="1")
    second = quiet_manager(task_id="2")
    first.complete_operation("a")
    second.complete_operation("b")
    first.close()
    second.close()
    tasks = spans_named(exporter, "nightly")
    assert [span.parent for span in tasks] == [None, None]
    assert is_child_of(span_named(exporter, "a"), tasks[0])
    assert is_child_of(span_named(exporter, "b"), tasks[1])


def test_a_task_inside_a_task_is_its_child(exporter: InMemorySpanExporter) -> None:
    """A task that another one runs is enclosed by it."""
    with taskspan.task("outer", quiet=True), taskspan.task("inner", quiet=True):
        pass
    assert is_child_of(span_named(exporter, "inner"), span_named(exporter, "outer"))


class _Terminal(io.StringIO):
    """A stdout that says whether it is a terminal."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("is_terminal", "variable", "value", "is_quiet"),
    [
        (True, None, "", False),
        (False, None, "", True),
        (True, "CI", "true", True),
        (True, "CI", "1", True),
        (True, "CI", "false", False),
        (True, "CI", "", False),
        (True, "CONTINUOUS_INTEGRATION", "true", True),
    ],
)
def test_quiet_is_detected(
    is_terminal: bool,
    variable: str | None,
    value: str,
    is_quiet: bool,
    monkeypatch: pytest.MonkeyPatch,
    exporter: InMemorySpanExporter,
) -> None:
    """With `quiet=None` a task is quiet off a terminal and in continuous integration."""
    monkeypatch.setattr(sys, "stdout", _Terminal(is_terminal=is_terminal))
    if variable is not None:
        monkeypatch.setenv(variable, value)
    manager = taskspan.create_task_progress_manager("1", "nightly", LOGGER)
    quiet = manager.quiet
    manager.close()
    assert quiet is is_quiet


def test_quiet_is_detected_each_time(
    monkeypatch: pytest.MonkeyPatch, exporter: InMemorySpanExporter
) -> None:
    """What was detected for one manager does not hold for the next."""
    found = []
    for is_terminal in (True, False, True):
        monkeypatch.setattr(sys, "stdout", _Terminal(is_terminal=is_terminal))
        manager = taskspan.create_task_progress_manager("1", "nightly", LOGGER)
        found.append(manager.quiet)
        manager.close()
    assert found == [False, True, False]


@pytest.mark.parametrize(("console", "is_quiet"), [(True, False), (False, True), ("auto", False)])
def test_quiet_follows_configure(console: Any, is_quiet: bool) -> None:
    """With `quiet=None` a task follows what the application has configured."""
    with configure(console=console):
        manager = taskspan.create_task_progress_manager("1", "nightly", LOGGER)
        quiet = manager.quiet
        manager.close()
    assert quiet is is_quiet


@pytest.mark.parametrize("quiet", [True, False])
def test_quiet_can_be_said(quiet: bool, exporter: InMemorySpanExporter) -> None:
    """A `quiet` that is given is not detected."""
    manager = taskspan.create_task_progress_manager("1", "nightly", LOGGER, quiet=quiet)
    assert manager.quiet is quiet
    manager.close()


def test_a_block_that_raises_fails_the_task(
    exporter: InMemorySpanExporter, capsys: pytest.CaptureFixture[str]
) -> None:
    """The task's span has the exception of its block, and the message is on stderr."""
    manager = taskspan.TaskProgressManager("1", "nightly", LOGGER, quiet=True)
    with pytest.raises(ValueError, match="bad row"), manager:
        raise ValueError("bad row")
    assert outcome_of(span_named(exporter, "nightly")) == conventions.ERROR
    assert "Task failed with exception: bad row" in capsys.readouterr().err


def test_the_context_keeps_its_metrics(manager: taskspan.TaskProgressManager) -> None:
    """After its block `ProgressContext.metrics` holds the final metrics and the failure."""
    context = manager.create_operation_context("load", 10)
    assert isinstance(context, taskspan.ProgressContext)

    def run() -> None:
        with context as tracker:
            tracker.update(4)
            raise KeyError("row")

    with pytest.raises(KeyError):
        run()
    assert context.metrics["current"] == 4
    assert context.metrics["error_type"] == "KeyError"
    assert context.metrics["error_message"] == "'row'"
    assert context.metrics["execution_time"] > 0


def test_a_context_may_be_made_by_hand(manager: taskspan.TaskProgressManager) -> None:
    """`ProgressContext` can be constructed directly, as the seed does."""
    with taskspan.ProgressContext(
        progress_manager=manager, operation_name="load", total=3, unit="rows"
    ) as tracker:
        tracker.update(3)
    assert manager.operations_completed == 1


def test_a_context_may_be_entered_again(exporter: InMemorySpanExporter) -> None:
    """Entering a context a second time is a second operation."""
    with quiet_manager() as manager:
        context = manager.operation("load", 2)
        for _ in range(2):
            with context as tracker:
                tracker.update(2)
    assert len(spans_named(exporter, "load")) == 2


def test_a_task_that_was_told_nothing_logs_no_starts(
    exporter: InMemorySpanExporter, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a logger starts and ends are not announced; messages still are."""
    with quiet_manager() as manager:
        with manager.operation("load", 1):
            pass
        manager.log_info("half way")
    assert capsys.readouterr().err == "[INFO] half way\n"
