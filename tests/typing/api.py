"""Every public name as a user writes it: type-checked, never run."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator

from opentelemetry import propagate
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import Link, get_current_span
from typing_extensions import assert_type

import taskspan

LOGGER = logging.getLogger(__name__)


def short_spellings(rows: list[int]) -> None:
    """`configure`, `task`, `operation` and `track` keep the types of what they wrap."""
    with taskspan.configure("nightly", console="auto") as telemetry:
        assert_type(telemetry, taskspan.Telemetry)
        assert_type(telemetry.force_flush(), bool)
    with taskspan.task("anonymize", "2026-11-23", total_operations=3) as task:
        assert_type(task, taskspan.TaskProgressManager)
        with task.operation("load", total=len(rows), unit="rows") as op:
            assert_type(op, taskspan.ProgressTracker)
            op.update(1, {"file": "a.csv"})
        for row in taskspan.track(rows, "mask", unit="rows"):
            assert_type(row, int)
    assert_type(taskspan.track(iter(rows), "x", total=None), Iterator[int])


def across_processes(headers: dict[str, str], rows: list[int]) -> None:
    """Where a span lies may be said, and a child process is told."""
    context = propagate.extract(headers)
    links = [Link(get_current_span(context).get_span_context())]
    with (
        taskspan.task("handle", context=context, links=links) as task,
        task.operation("load", context=context, links=links),
        taskspan.operation("parse", context=context, links=links),
    ):
        assert_type(next(taskspan.track(rows, "mask", context=context, links=links)), int)
    assert_type(taskspan.child_environment(), dict[str, str])
    assert_type(taskspan.child_environment({"PATH": "/bin"}), dict[str, str])


@taskspan.operation("score")
def score(batch: list[int]) -> float:
    """A decorated function keeps its signature."""
    return float(sum(batch))


@taskspan.operation("fetch", total=1)
async def fetch(url: str) -> bytes:
    """A decorated coroutine function keeps its signature."""
    return url.encode()


async def asynchronous(source: AsyncIterator[bytes]) -> None:
    """Asynchronous iterables stay asynchronous."""
    assert_type(score([1]), float)
    assert_type(await fetch("x"), bytes)
    async for chunk in taskspan.track(source, "read"):
        assert_type(chunk, bytes)


def seed_spellings(reporter: taskspan.TaskReporter) -> None:
    """The API of the plan."""
    manager = taskspan.create_task_progress_manager(
        "id", "type", LOGGER, reporter=reporter, total_operations=2, quiet=None
    )
    assert_type(manager, taskspan.TaskProgressManager)
    tracker: taskspan.ProgressTrackerProtocol = manager.start_operation("load", 10)
    tracker.update(1)
    context = taskspan.ProgressContext(manager, "mask", 3)
    with context as inside:
        inside.set_postfix({"a": 1})
    quiet = taskspan.NoOpProgressTracker(1, "nothing")
    quiet.close()
    manager.close()


class Nightly(taskspan.BaseTask):
    """A task as a class."""

    def configure_operations(self) -> None:
        """One operation."""
        self.add_operation(Load(), path="a.csv")


class Load:
    """An operation as a class."""

    name = "load"

    def run(self, **params: object) -> taskspan.OperationResult:
        """Do nothing well."""
        return taskspan.OperationResult(taskspan.OperationStatus.SUCCESS)


def wiring() -> None:
    """A provider of one's own."""
    provider = TracerProvider(sampler=taskspan.LocalVisibilitySampler(ALWAYS_OFF))
    provider.add_span_processor(
        taskspan.ProgressSpanProcessor([taskspan.BarsView(max_rows=4), taskspan.LinesView()])
    )
    executor = taskspan.OperationExecutor()
    assert_type(executor.execute_operation(Load()), taskspan.OperationResult)
    assert_type(taskspan.__version__, str)
