"""How operations and tasks end: every span, children first, and the report says so."""

from __future__ import annotations

import asyncio
import builtins
import concurrent.futures
import gc
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

import taskspan
from taskspan import conventions
from tests.producer._reading import (
    Entries,
    attributes_of,
    events_named,
    names_of,
    outcome_of,
    span_named,
)


class DomainError(Exception):
    """An error of the application."""


ENDINGS: list[tuple[BaseException, str, str]] = [
    (ValueError("bad row"), conventions.ERROR, "ValueError"),
    (DomainError("bad row"), conventions.ERROR, f"{__name__}.DomainError"),
    (KeyboardInterrupt(), conventions.INTERRUPTED, "KeyboardInterrupt"),
    (SystemExit(3), conventions.INTERRUPTED, "SystemExit"),
    (
        asyncio.CancelledError(),
        conventions.CANCELLED,
        "asyncio.exceptions.CancelledError",
    ),
    (
        concurrent.futures.CancelledError(),
        conventions.CANCELLED,
        "concurrent.futures._base.CancelledError",
    ),
    (GeneratorExit(), conventions.CANCELLED, "GeneratorExit"),
]
endings = pytest.mark.parametrize(
    ("error", "outcome", "error_type"), ENDINGS, ids=[type(e).__name__ for e, _, _ in ENDINGS]
)


def nested_blocks(reporter: Any, body: Callable[[], object]) -> None:
    """Run `body` inside an operation in an operation in a task."""
    with (
        taskspan.task("nightly", reporter=reporter, quiet=True) as task,
        task.operation("load", 10) as load,
        taskspan.operation("parse") as parse,
    ):
        load.update(2)
        parse.update(5)
        body()


def raised_by(error: BaseException, body: Callable[[Callable[[], object]], object]) -> None:
    """Let `body` run what raises `error`, and see it come back out."""

    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        body(fail)
    assert raised.value is error


@endings
def test_every_block_ends_with_the_exception(
    error: BaseException, outcome: str, error_type: str, exporter: InMemorySpanExporter
) -> None:
    """An exception ends all spans around it, children first, each with its outcome."""
    entries = Entries()
    raised_by(error, lambda fail: nested_blocks(entries, fail))
    assert names_of(exporter) == ["parse", "load", "nightly"]
    for span in exporter.get_finished_spans():
        assert outcome_of(span) == outcome
        assert attributes_of(span)[conventions.ERROR_TYPE] == error_type
        (event,) = events_named(span, conventions.EXCEPTION_EVENT)
        attributes = dict(event.attributes or {})
        assert str(attributes["exception.type"]).endswith(type(error).__name__)
        assert attributes["exception.message"] == str(error)
        assert type(error).__name__ in str(attributes["exception.stacktrace"])
    assert entries.outcomes == {"Complete parse": outcome, "Complete load": outcome}
    assert [entry["status"] for entry in entries.entries] == ["error", "error"]


@endings
def test_the_status_is_an_error_unless_cancelled(
    error: BaseException, outcome: str, error_type: str, exporter: InMemorySpanExporter
) -> None:
    """A failure sets the status `ERROR` with a description; a cancellation leaves it unset."""
    raised_by(error, lambda fail: nested_blocks(None, fail))
    for span in exporter.get_finished_spans():
        if outcome == conventions.CANCELLED:
            assert span.status.status_code is StatusCode.UNSET
        else:
            assert span.status.status_code is StatusCode.ERROR
            expected = type(error).__name__ + (f": {error}" if str(error) else "")
            assert span.status.description == expected


@endings
def test_the_report_says_so(
    error: BaseException, outcome: str, error_type: str, exporter: InMemorySpanExporter
) -> None:
    """A `TaskReporter` has every operation and the task with that outcome."""
    reporter = taskspan.TaskReporter("1", "nightly")
    raised_by(error, lambda fail: nested_blocks(reporter, fail))
    report = reporter.generate_report()
    assert report["status"] == outcome
    assert report["success"] is False
    assert [(o["operation"], o["status"]) for o in report["operations"]] == [
        ("parse", outcome),
        ("load", outcome),
    ]
    assert report["operations"][0]["error"]["error_type"] == type(error).__name__
    assert [o["completed"] for o in report["operations"]] == [5, 2]


def test_success_leaves_the_status_unset(exporter: InMemorySpanExporter) -> None:
    """Nothing of ours sets the status `OK`."""
    entries = Entries()
    nested_blocks(entries, lambda: None)
    for span in exporter.get_finished_spans():
        assert outcome_of(span) == conventions.SUCCESS
        assert span.status.status_code is StatusCode.UNSET
        assert conventions.ERROR_TYPE not in attributes_of(span)
        assert not events_named(span, conventions.EXCEPTION_EVENT)
    assert [entry["status"] for entry in entries.entries] == ["success", "success"]


@endings
def test_started_operations_end_with_their_task(
    error: BaseException, outcome: str, error_type: str, exporter: InMemorySpanExporter
) -> None:
    """Operations without a block end with the exception that ends the task, the youngest first."""
    entries = Entries()

    def body(fail: Callable[[], object]) -> None:
        with taskspan.TaskProgressManager("1", "nightly", None, entries, quiet=True) as manager:
            manager.start_operation("load", 10)
            manager.start_operation("clean", 10).create_subtask(3, "parse")
            fail()

    raised_by(error, body)
    assert names_of(exporter) == ["parse", "clean", "load", "nightly"]
    assert {outcome_of(span) for span in exporter.get_finished_spans()} == {outcome}
    assert set(entries.outcomes.values()) == {outcome}
    assert len(entries.entries) == 3


def test_the_stack_trace_is_the_applications(exporter: InMemorySpanExporter) -> None:
    """The exception event shows where the application raised."""

    def load_the_file() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full") as caught:
        nested_blocks(None, load_the_file)
    (event,) = events_named(span_named(exporter, "parse"), conventions.EXCEPTION_EVENT)
    stack = str((event.attributes or {})["exception.stacktrace"])
    assert "load_the_file" in stack
    assert "load_the_file" in "".join(traceback.format_exception(caught.value))


def test_a_cancelled_asyncio_task(exporter: InMemorySpanExporter) -> None:
    """Cancelling an asyncio task ends all its operations as cancelled."""

    async def work() -> None:
        with (
            taskspan.task("nightly", quiet=True) as task,
            task.operation("load", 3),
            taskspan.operation("parse"),
        ):
            await asyncio.Event().wait()

    async def main() -> None:
        running = asyncio.create_task(work())
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
    assert names_of(exporter) == ["parse", "load", "nightly"]
    assert {outcome_of(s) for s in exporter.get_finished_spans()} == {conventions.CANCELLED}


def test_a_forgotten_tracker(exporter: InMemorySpanExporter) -> None:
    """A tracker that nobody closed ends as interrupted, soon after it was collected."""
    taskspan.ProgressTracker(3, "load").update(2)
    gc.collect()
    with taskspan.operation("next"):
        pass
    span = span_named(exporter, "load")
    assert outcome_of(span) == conventions.INTERRUPTED
    assert attributes_of(span)[conventions.PROGRESS_COMPLETED] == 2


def test_a_forgotten_manager(exporter: InMemorySpanExporter) -> None:
    """A manager that nobody closed ends as interrupted, its operations before it."""
    entries = Entries()
    manager = taskspan.TaskProgressManager("1", "nightly", None, entries, quiet=True)
    manager.start_operation("load", 3).create_subtask(3, "parse")
    del manager
    gc.collect()
    with taskspan.operation("next"):
        pass
    assert names_of(exporter) == ["parse", "load", "nightly", "next"]
    assert [outcome_of(s) for s in exporter.get_finished_spans()[:3]] == [
        conventions.INTERRUPTED
    ] * 3
    assert entries.names == ["Complete parse", "Complete load"]


def test_a_tracker_that_its_manager_holds_is_not_forgotten(
    exporter: InMemorySpanExporter,
) -> None:
    """Dropping the tracker of a manager's operation ends nothing."""
    with taskspan.TaskProgressManager("1", "nightly", None, quiet=True) as manager:
        manager.start_operation("load", 3)
        gc.collect()
        manager.complete_operation("load")
    assert outcome_of(span_named(exporter, "load")) == conventions.SUCCESS


def test_after_ctrl_c_the_next_task_is_its_own(exporter: InMemorySpanExporter) -> None:
    """A task that was never closed after Ctrl-C does not swallow the one that follows."""

    def run() -> None:
        manager = taskspan.TaskProgressManager("1", "first", None, quiet=True)
        manager.start_operation("load", 3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    gc.collect()
    with taskspan.task("second", quiet=True) as task:
        with task.operation("clean", 3):
            pass
        assert task.operations_completed == 1
    assert names_of(exporter) == ["load", "first", "clean", "second"]
    assert span_named(exporter, "second").parent is None


def test_a_child_left_behind_is_said(
    exporter: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """An operation that outlives the one around it is interrupted, which one log line tells."""
    with taskspan.operation("load"):
        op = taskspan.operation("parse")
        op.__enter__()
    assert names_of(exporter) == ["parse", "load"]
    assert outcome_of(span_named(exporter, "parse")) == conventions.INTERRUPTED
    assert outcome_of(span_named(exporter, "load")) == conventions.SUCCESS
    assert len([r for r in caplog.records if "parse" in r.getMessage()]) == 1
    op.__exit__(None, None, None)


def test_an_exception_group(exporter: InMemorySpanExporter) -> None:
    """An exception made of several is an error like any other."""
    make: Any = getattr(builtins, "ExceptionGroup", RuntimeError)  # Python 3.10 has none
    group = make("several", [ValueError("one")])
    raised_by(group, lambda fail: nested_blocks(None, fail))
    assert outcome_of(span_named(exporter, "load")) == conventions.ERROR


def test_an_interrupt_while_a_span_ends_loses_no_parent(exporter: InMemorySpanExporter) -> None:
    """The outer blocks still end when the end of an inner one is interrupted."""

    class Interrupting(Entries):
        def add_operation(self, name: str, status: str, details: dict[str, Any]) -> None:
            super().add_operation(name, status, details)
            if name == "Complete parse":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nested_blocks(Interrupting(), lambda: None)
    assert [(s.name, outcome_of(s)) for s in exporter.get_finished_spans()][-2:] == [
        ("load", conventions.INTERRUPTED),
        ("nightly", conventions.INTERRUPTED),
    ]
