"""Bad input: a clear error at the edge, and otherwise nothing lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import taskspan
from taskspan import conventions
from tests.producer._reading import (
    Entries,
    attributes_of,
    context_of,
    events_named,
    outcome_of,
    span_named,
    spans_named,
)


class Index:
    """An integer of somebody else's, such as NumPy's."""

    def __init__(self, value: int) -> None:
        self._value = value

    def __index__(self) -> int:
        return self._value


class Unprintable:
    """A value whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class UnprintableError(Exception):
    """An error whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


NO_INTEGERS: list[object] = [1.5, float("nan"), float("inf"), "3", Decimal("1.5"), [], object()]


@pytest.fixture
def manager(exporter: InMemorySpanExporter) -> Iterator[taskspan.TaskProgressManager]:
    """A quiet task."""
    with taskspan.TaskProgressManager("1", "nightly", None, quiet=True) as manager:
        yield manager


@pytest.mark.parametrize("total", NO_INTEGERS, ids=repr)
def test_totals_that_are_no_integers(total: Any, manager: taskspan.TaskProgressManager) -> None:
    """A total that is no whole number is a `TypeError` wherever it is given."""
    with pytest.raises(TypeError, match="total must be a whole number, got"):
        taskspan.ProgressTracker(total, "load")
    with pytest.raises(TypeError, match="total must be a whole number, got"):
        taskspan.operation("load", total=total)
    with pytest.raises(TypeError, match="total must be a whole number, got"):
        taskspan.track([], "load", total=total)
    with pytest.raises(TypeError, match="total must be a whole number, got"):
        manager.start_operation("load", total)
    with pytest.raises(TypeError, match="total_operations must be a whole number, got"):
        manager.total_operations = total
    with pytest.raises(TypeError, match=r"whole number|not supported between"):
        manager.create_operation_context("load", total)
    with taskspan.operation("load") as op, pytest.raises(TypeError, match="whole number"):
        op.total = total
    assert not manager.active_operations


def test_negative_totals(manager: taskspan.TaskProgressManager) -> None:
    """A negative total is a `ValueError`, but for a context, which then has nothing to do."""
    with pytest.raises(ValueError, match="total must not be negative, got -1"):
        taskspan.ProgressTracker(-1, "load")
    with pytest.raises(ValueError, match="total must not be negative, got -1"):
        taskspan.operation("load", total=-1)
    with pytest.raises(ValueError, match="total must not be negative, got -1"):
        manager.start_operation("load", -1)
    with pytest.raises(ValueError, match="total_operations must not be negative, got -1"):
        manager.set_total_operations(-1)
    with pytest.raises(ValueError, match="count must not be negative, got -1"):
        manager.increment_total_operations(-1)
    with manager.create_operation_context("load", -1):
        pass


@pytest.mark.parametrize("steps", NO_INTEGERS, ids=repr)
def test_steps_that_are_no_integers(steps: Any, manager: taskspan.TaskProgressManager) -> None:
    """Steps that are no whole number are a `TypeError`, and count nothing."""
    tracker = manager.start_operation("load", 10)
    with pytest.raises(TypeError, match="steps must be a whole number, got"):
        tracker.update(steps)
    with pytest.raises(TypeError, match="steps must be a whole number, got"):
        manager.update_operation("load", steps)
    with pytest.raises(TypeError, match="steps must be a whole number, got"):
        manager.update_operation("unknown", steps)
    assert tracker.completed == 0
    manager.complete_operation("load")


def test_negative_steps(manager: taskspan.TaskProgressManager) -> None:
    """A count only grows: negative steps are a `ValueError`, and count nothing."""
    tracker = manager.start_operation("load", 10)
    tracker.update(3)
    with pytest.raises(ValueError, match="steps must not be negative, got -2"):
        tracker.update(-2)
    with pytest.raises(ValueError, match="steps must not be negative, got -2"):
        tracker.update(-2, {"file": "a"})
    assert tracker.completed == 3
    manager.complete_operation("load")


@pytest.mark.parametrize(
    ("steps", "count"), [(True, 1), (False, 0), (Index(7), 7), (2.0, 2), (0, 0), (2**40, 2**40)]
)
def test_what_stands_for_an_integer_is_taken(
    steps: Any, count: int, exporter: InMemorySpanExporter
) -> None:
    """Booleans, NumPy integers and whole floats count as the integers that they are."""
    with taskspan.operation("load", total=steps) as op:
        op.update(steps)
        assert op.total == count
    attributes = attributes_of(span_named(exporter, "load"))
    for name in (conventions.PROGRESS_COMPLETED, conventions.PROGRESS_TOTAL):
        assert attributes[name] == count
        assert type(attributes[name]) is int


@pytest.mark.parametrize("name", [None, 5, b"load", object()])
def test_names_that_are_no_text(name: Any, manager: taskspan.TaskProgressManager) -> None:
    """A name that is no `str` is a `TypeError`, and nothing is opened."""
    with pytest.raises(TypeError, match="must be a str"):
        manager.start_operation(name, 1)
    with pytest.raises(TypeError, match="must be a str"):
        manager.create_operation_context(name, 1)
    with pytest.raises(TypeError, match="must be a str"):
        manager.complete_operation(name)
    with pytest.raises(TypeError, match="must be a str"):
        taskspan.ProgressTracker(1, name)
    with pytest.raises(TypeError, match="must be a str"), taskspan.task(name):
        pass
    assert manager.operations_completed == 0


def test_empty_names(manager: taskspan.TaskProgressManager) -> None:
    """An empty name is a `ValueError`, and nothing is opened."""
    with pytest.raises(ValueError, match="must not be empty"):
        manager.start_operation("", 1)
    with pytest.raises(ValueError, match="must not be empty"):
        manager.complete_operation("")
    with pytest.raises(ValueError, match="must not be empty"):
        taskspan.ProgressTracker(1, "")
    with pytest.raises(ValueError, match="must not be empty"), taskspan.task(""):
        pass
    assert manager.operations_completed == 0


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("a\x00b", "a\\x00b"),
        ("a\ud800b", "a\\ud800b"),
        ("a\u202eb", "a\\u202eb"),
        ("x" * 10_000, "x" * 199 + "…"),
        ("загрузка 数据", "загрузка 数据"),
    ],
    ids=["escape", "newline", "nul", "surrogate", "bidi", "long", "unicode"],
)
def test_hostile_names(name: str, shown: str, exporter: InMemorySpanExporter) -> None:
    """Names are escaped and shortened on the span, and kept as they are for the calls by name."""
    entries = Entries()
    with taskspan.TaskProgressManager("1", name, None, entries, quiet=True) as manager:
        manager.start_operation(name, 3, description=name, unit=name)
        manager.update_operation(name, 2)
        manager.complete_operation(name, metrics={name: 1})
        assert manager.operations_completed == 1
    operation, task = exporter.get_finished_spans()
    assert operation.name == task.name == shown
    attributes = attributes_of(operation)
    assert attributes[conventions.OPERATION_NAME] == shown
    assert attributes[conventions.PROGRESS_COMPLETED] == 2
    assert attributes[f"taskspan.metric.{shown}"] == 1
    assert attributes_of(task)[conventions.TASK_TYPE] == shown
    for span in (operation, task):
        for value in attributes_of(span).values():
            str(value).encode("utf-8")
    assert entries.names == [f"Complete {name}"]
    assert entries.entries[0]["details"][name] == 1


VALUES: list[tuple[object, object]] = [
    (True, True),
    (3, 3),
    (1.5, 1.5),
    ("text", "text"),
    (Index(3), None),
    (None, "None"),
    ({"a": 1}, "{'a': 1}"),
    (10**30, str(10**30)),
    (-(2**63), -(2**63)),
    (2**63, str(2**63)),
    ([1, 2], (1, 2)),
    ([1, "a"], "[1, 'a']"),
    ([[1], [2]], "[[1], [2]]"),
    ([1, None], "[1, None]"),
    ([1, 2**70], str([1, 2**70])),
    ([], ()),
    (("a", "b"), ("a", "b")),
    (Decimal("1.50"), "1.50"),
    (b"\xff", "b'\\xff'"),
    ("a\ud800", "a\\ud800"),
    (["a\ud800"], ("a\\ud800",)),
    ("x" * 10_000, "x" * 4095 + "…"),
    (float("inf"), float("inf")),
    ({1, 2}, "{1, 2}"),
]


@pytest.mark.parametrize(("value", "written"), VALUES, ids=lambda value: repr(value)[:30])
def test_values_of_metrics(
    value: object, written: object, exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """A metric that OpenTelemetry does not take is on the span as text; none is dropped."""
    entries = Entries()
    with taskspan.task("nightly", reporter=entries, quiet=True) as task:
        task.start_operation("load", 1)
        task.complete_operation("load", metrics={"value": value, "other": 1})
    attributes = attributes_of(span_named(exporter, "load"))
    assert attributes["taskspan.metric.other"] == 1
    if written is not None:
        assert attributes["taskspan.metric.value"] == written
    assert "taskspan.metric.value" in attributes
    assert entries.entries[0]["details"]["value"] is value
    assert not caplog.records


def test_nan_is_nan(exporter: InMemorySpanExporter) -> None:
    """NaN is a number that OpenTelemetry takes."""
    with taskspan.operation("load") as op:
        op.metrics["loss"] = float("nan")
    value = attributes_of(span_named(exporter, "load"))["taskspan.metric.loss"]
    assert value != value  # noqa: PLR0124  the test for NaN


class Lazy:
    """A stand-in whose every attribute raises, as a proxy without its object does."""

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("__"):
            return object.__getattribute__(self, name)
        raise RuntimeError("working outside of a request")


@pytest.mark.expects_problems
@pytest.mark.parametrize("value", [Unprintable(), 10**5000, Lazy()], ids=["text", "huge", "lazy"])
def test_values_that_resist(value: object, exporter: InMemorySpanExporter) -> None:
    """A value that raises when it is looked at costs no other attribute."""
    entries = Entries()
    with taskspan.task("nightly", reporter=entries, quiet=True) as task:
        task.start_operation("load", 10).update(4)
        task.complete_operation("load", metrics={"value": value, "other": 1})
        assert task.operations_completed == 1
    attributes = attributes_of(span_named(exporter, "load"))
    assert attributes["taskspan.metric.other"] == 1
    assert attributes["taskspan.metric.value"]
    assert attributes[conventions.PROGRESS_COMPLETED] == 4
    assert attributes[conventions.OUTCOME] == conventions.SUCCESS
    assert entries.names == ["Complete load"]


@pytest.mark.expects_problems
def test_an_error_without_a_text(exporter: InMemorySpanExporter) -> None:
    """An exception whose `str()` raises ends the span like any other."""
    entries = Entries()

    def run() -> None:
        with (
            taskspan.task("nightly", reporter=entries, quiet=True) as task,
            task.operation("load", 3) as op,
        ):
            op.update(2)
            raise UnprintableError

    with pytest.raises(UnprintableError):
        run()
    for name in ("load", "nightly"):
        span = span_named(exporter, name)
        assert outcome_of(span) == conventions.ERROR
        assert not span.status.is_ok
        assert str(attributes_of(span)[conventions.ERROR_TYPE]).endswith("UnprintableError")
        assert len(events_named(span, conventions.EXCEPTION_EVENT)) == 1
    assert attributes_of(span_named(exporter, "load"))[conventions.PROGRESS_COMPLETED] == 2
    assert entries.entries[0]["details"]["error_type"] == "UnprintableError"


def test_an_error_with_a_hostile_text(exporter: InMemorySpanExporter) -> None:
    """An exception message can be encoded and has a bounded length wherever it is on the span."""
    with pytest.raises(OSError, match="name"), taskspan.operation("load"):
        raise OSError("name \ud800 " + "x" * 1_000_000)
    span = span_named(exporter, "load")
    (event,) = events_named(span, conventions.EXCEPTION_EVENT)
    texts = [str(value) for value in (event.attributes or {}).values()]
    texts.append(str(span.status.description))
    for text in texts:
        text.encode("utf-8")
        assert len(text) < 50_000


@pytest.mark.parametrize("metrics", [5, "rows", [1, 2], object()])
def test_metrics_that_are_no_mapping(metrics: Any, exporter: InMemorySpanExporter) -> None:
    """Metrics that are no mapping are a `TypeError`, and the operation still runs."""
    with taskspan.TaskProgressManager("1", "nightly", None, quiet=True) as manager:
        tracker = manager.start_operation("load", 1)
        with pytest.raises((TypeError, ValueError)):
            manager.complete_operation("load", metrics=metrics)
        assert manager.operations_completed == 0
        assert not tracker.is_closed
        manager.complete_operation("load")
    assert outcome_of(span_named(exporter, "load")) == conventions.SUCCESS


class Ambiguous:
    """A value that is neither true nor false, such as a NumPy array."""

    def __bool__(self) -> bool:
        raise ValueError("the truth value is ambiguous")

    def __str__(self) -> str:
        return "[1 2]"


def test_an_error_message_of_any_kind(exporter: InMemorySpanExporter) -> None:
    """An error message that is no text is shown as one, in span and report."""
    reporter = taskspan.TaskReporter("1", "nightly")
    with taskspan.task("nightly", reporter=reporter, quiet=True) as task:
        task.start_operation("load", 1)
        task.complete_operation("load", success=False, metrics={"error_message": Ambiguous()})
    span = span_named(exporter, "load")
    assert outcome_of(span) == conventions.ERROR
    assert span.status.description == "[1 2]"
    (entry,) = reporter.generate_report()["operations"]
    assert entry["error"]["error_message"] == "[1 2]"


def test_metrics_named_like_ours_do_not_win(exporter: InMemorySpanExporter) -> None:
    """An application cannot overwrite what was measured."""
    with taskspan.task("nightly", quiet=True) as task:
        tracker = task.start_operation("load", 10)
        tracker.update(4)
        task.complete_operation(
            "load", metrics={"current": 99, "outcome": "great", "execution_time": -1}
        )
    assert tracker.metrics["current"] == 4
    assert tracker.metrics["outcome"] == "success"
    assert tracker.metrics["execution_time"] > 0


def test_keys_that_are_no_text(exporter: InMemorySpanExporter) -> None:
    """A metric may be named by anything."""
    with taskspan.operation("load") as op:
        op.metrics[5] = 1  # type: ignore[index]
        op.metrics[None] = 2  # type: ignore[index]
    attributes = attributes_of(span_named(exporter, "load"))
    assert attributes["taskspan.metric.5"] == 1
    assert attributes["taskspan.metric.None"] == 2


def test_duplicate_names_are_separate_operations(exporter: InMemorySpanExporter) -> None:
    """Two running operations of one name are two spans, two entries and two counts."""
    entries = Entries()
    with taskspan.TaskProgressManager("1", "nightly", None, entries, quiet=True) as manager:
        first = manager.start_operation("load", 10)
        second = manager.start_operation("load", 10)
        second.update(5)
        manager.complete_operation("load")
        manager.complete_operation("load")
        assert manager.operations_completed == 2
        assert first.completed == 0
    assert len({context_of(span).span_id for span in spans_named(exporter, "load")}) == 2
    assert [entry["details"]["current"] for entry in entries.entries] == [0, 5]


def test_a_name_like_a_numbered_one(exporter: InMemorySpanExporter) -> None:
    """An operation that is named as a duplicate would be is not lost at the end."""
    entries = Entries()
    manager = taskspan.TaskProgressManager("1", "nightly", None, entries, quiet=True)
    manager.start_operation("load", 1)
    manager.start_operation("load#2", 1)
    manager.start_operation("load", 1)
    assert len(manager.active_operations) == 3
    manager.close()
    assert len(entries.entries) == manager.operations_completed == 3


@pytest.mark.parametrize("postfix", [5, "abc", [1]])
def test_a_postfix_that_is_no_mapping(postfix: Any, exporter: InMemorySpanExporter) -> None:
    """A postfix that is no mapping is an error at once, and counts nothing."""
    with taskspan.operation("load") as op:
        with pytest.raises((TypeError, ValueError)):
            op.update(1, postfix)
        assert op.completed == 0


def test_a_task_id_of_any_kind(exporter: InMemorySpanExporter) -> None:
    """A task id that is no text is shown as one."""
    taskspan.TaskProgressManager(17, "nightly", None, quiet=True).close()  # type: ignore[arg-type]
    assert attributes_of(span_named(exporter, "nightly"))[conventions.TASK_ID] == "17"


def test_a_lock_among_the_metrics_is_reported(exporter: InMemorySpanExporter) -> None:
    """A metric that cannot be copied is in the report as its text."""
    reporter = taskspan.TaskReporter("1", "nightly")
    with taskspan.task("nightly", reporter=reporter, quiet=True) as task:
        task.complete_operation("load", metrics={"lock": threading.Lock()})
    report = reporter.generate_report()
    assert "lock" in report["operations"][0]["details"]["lock"]


@pytest.mark.parametrize("level", ["INFO", None])
def test_a_level_that_is_none(level: Any, exporter: InMemorySpanExporter) -> None:
    """A level that is no number is a `TypeError`, as it is with the logger itself."""
    logger = logging.getLogger("tests.levels")
    manager = taskspan.TaskProgressManager("1", "nightly", logger, quiet=True)
    with pytest.raises(TypeError, match=r"level|not supported between"):
        manager.log_message(level, "half way")
    manager.close()
