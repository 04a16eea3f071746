"""Tells a reporter that an operation or task has ended."""

from __future__ import annotations

from taskspan._guard import guarded
from taskspan._live import LiveProgress
from taskspan.conventions import KIND_TASK, SUCCESS


def feed(progress: LiveProgress) -> None:
    """Hand the final metrics to the reporter that `progress` carries, if any.

    A reporter is anything with `add_operation`; `task_ended` is called where it has that
    too. One that raises is reported once in the log. A second call does nothing.
    """
    reporter = progress.reporter
    if reporter is None or progress.is_reported:
        return
    progress.is_reported = True
    with guarded(f"the reporter {type(reporter).__name__}"):
        tell(reporter, progress)


def tell(reporter: object, progress: LiveProgress) -> None:
    """Tell any reporter of an end; raises what it raises."""
    if progress.kind == KIND_TASK:
        _feed_task(reporter, progress)
    else:
        _feed_operation(reporter, progress)


def _feed_operation(reporter: object, progress: LiveProgress) -> None:
    reporter.add_operation(  # type: ignore[attr-defined]  # whatever the caller handed over
        name=f"Complete {progress.name}",
        status="success" if progress.outcome == SUCCESS else "error",
        details=dict(progress.metrics),
    )


def _feed_task(reporter: object, progress: LiveProgress) -> None:
    task_ended = getattr(reporter, "task_ended", None)
    if callable(task_ended):
        task_ended(dict(progress.metrics))
