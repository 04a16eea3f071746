"""A task: which operations it has open, how many it has done, and what it says meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span

from taskspan import _checks, _redaction, _text
from taskspan._live import LiveProgress
from taskspan._outcome import outcome_of
from taskspan._protocols import MessageLogger, Reporter
from taskspan.conventions import ERROR, INTERRUPTED, KIND_TASK, SUCCESS, Outcome
from taskspan.producer import _attach, _messages, _opening, _registry, _scope
from taskspan.producer._context import ProgressContext
from taskspan.producer._operation import Operation
from taskspan.producer._origin import Origin, origin
from taskspan.producer._running import RunningByName
from taskspan.producer._tracker import (
    ProgressTracker,
    end_as,
    end_with,
    tracker_of,
)

if TYPE_CHECKING:
    from typing_extensions import Self


class TaskProgressManager:
    """Runs the operations of one task: a span for each, and one around them all.

    May be used from any thread. Names of operations need not be unique: where several of
    one name run, the calls by name address the one that started first.
    """

    def __init__(
        self,
        task_id: str,
        task_type: str,
        logger: MessageLogger | None,
        reporter: Reporter | None = None,
        total_operations: int = 0,
        quiet: bool = False,
        description: str | None = None,
        *,
        context: Context | None = None,
        links: Sequence[Link] | None = None,
    ) -> None:
        """Open the task's span.

        Args:
            task_id: identifies this run; never a metric attribute.
            task_type: what kind of task it is; the name of its span.
            logger: gets the messages; with `None` starts and ends are not logged.
            reporter: told of the end of every operation: anything with `add_operation`.
            total_operations: how many operations there will be; 0 when not known yet.
            quiet: draw nothing; record all the same.
            description: the text in front of the task's bar.
            context: what the span lies below, as `opentelemetry.propagate.extract` returns it;
                by default where the caller stands, else what `TRACEPARENT` names.
            links: other spans that it has to do with.

        Raises:
            TypeError: `total_operations` is not a whole number, `task_type` not a `str`,
                `context` not a `Context`, or `links` not `Link`s.
            ValueError: `total_operations` is negative, `task_type` is empty.
        """
        self.task_id = task_id
        self.task_type = _checks.required_text(task_type, "task_type")
        self.reporter = reporter
        self.quiet = bool(quiet)
        self._announces = logger is not None
        self.logger = logging.getLogger("taskspan.task") if logger is None else logger
        total = _checks.whole_number(total_operations, "total_operations")
        where = origin(context, links)
        self._running = RunningByName()
        self._attachment: _scope.Attachment | None = None
        self._is_closed = False
        self._filter = _messages.TraceIdFilter()
        self._listen_to_logger()
        self._operation = _opening.open_root(
            LiveProgress(
                kind=KIND_TASK,
                name=task_type,
                description=description or f"Task: {task_id} ({task_type})",
                unit="operations",
                total=total or None,
                task_type=task_type,
                task_id=str(task_id),
                is_drawn=not quiet,
                leaves_bar=True,
                reporter=reporter,
            ),
            where,
        )
        self._main = tracker_of(self._operation)

    def _listen_to_logger(self) -> None:
        if isinstance(self.logger, logging.Logger):
            self.logger.addFilter(self._filter)
        if not self.quiet:
            _messages.warn_of_stdout(self.logger)

    # -- the task as a whole

    @property
    def operations_completed(self) -> int:
        """Operations that have ended, whatever their outcome."""
        return self._operation.progress.counter.completed

    @property
    def total_operations(self) -> int:
        """Operations expected; 0 when not known. May be assigned at any time."""
        return self._operation.progress.total or 0

    @total_operations.setter
    def total_operations(self, total: int) -> None:
        self._operation.set_total(_checks.whole_number(total, "total_operations") or None)

    @property
    def operations_total(self) -> int:
        """The same as `total_operations`."""
        return self.total_operations

    def set_total_operations(self, total: int) -> None:
        """Say how many operations there will be; raises as `total_operations` does."""
        self.total_operations = total

    def increment_total_operations(self, count: int = 1) -> None:
        """Say that `count` more operations follow."""
        self.total_operations += _checks.whole_number(count, "count")

    @property
    def main_progress(self) -> ProgressTracker | None:
        """The tracker of the task's own bar; `None` when quiet, closed, or without a total."""
        if self.quiet or self._operation.has_ended or not self.total_operations:
            return None
        return self._main

    @property
    def active_operations(self) -> dict[str, ProgressTracker]:
        """The running operations by name; further ones of the same name as `name#2`, ..."""
        return self._running.by_key()

    @property
    def span(self) -> Span:
        """The span of the task; add attributes and events of your own to it."""
        return self._operation.span

    def get_metrics(self) -> dict[str, Any]:
        """Return the figures of the task so far: times in s, memory in MiB."""
        measured = self._operation.measured()
        elapsed_s = measured["execution_time"]
        return {
            "task_id": self.task_id,
            "task_type": self.task_type,
            "operations_completed": self.operations_completed,
            "operations_total": self.total_operations,
            "execution_time": elapsed_s,
            "operations_per_second": measured["items_per_second"],
            "peak_memory_mb": measured["peak_memory_mb"],
            "memory_delta_mb": measured["memory_delta_mb"],
        }

    # -- operations by name

    def start_operation(
        self,
        name: str,
        total: int | None,
        description: str | None = None,
        unit: str = "items",
        leave: bool = False,
        *,
        context: Context | None = None,
        links: Sequence[Link] | None = None,
    ) -> ProgressTracker:
        """Start an operation; `complete_operation` ends it.

        Args:
            name: of the span; should be one of few (low cardinality).
            total: items expected, `None` when unknown.
            description: the text in front of the bar, by default the name.
            unit: what an item is, in the plural.
            leave: whether the finished bar stays on the screen.
            context: what the span lies below instead of where the caller stands, as
                `opentelemetry.propagate.extract` returns it. The task counts and ends it all
                the same.
            links: other spans that it has to do with.

        Returns:
            Its tracker; a `NoOpProgressTracker` when the task is quiet.

        Raises:
            TypeError: `total` is not a whole number, `name` is not a `str`, `context` is not a
                `Context`, or `links` are not `Link`s.
            ValueError: `total` is negative, `name` is empty.
        """
        name = _checks.required_text(name, "name")
        total = _checks.optional_total(total)
        where = origin(context, links)
        progress = _opening.operation_progress(name, total, unit, description, leave)
        above = self._innermost(where)
        tracker = tracker_of(_opening.open_operation(progress, above, self._operation, where))
        self._running.add(tracker)
        self._announce(logging.INFO, f"Starting operation: {_redaction.redacted(name)}")
        return tracker

    def _innermost(self, where: Origin) -> Operation:
        """Return what a new operation lies in: where the caller stands, if within this task."""
        here = _scope.enclosing_here(where.context)
        is_inside = _scope.encloses(self._operation, here)
        return here if here is not None and is_inside else self._operation

    def update_operation(
        self, name: str, steps: int = 1, postfix: Mapping[str, object] | None = None
    ) -> None:
        """Count `steps` more items of a running operation; see `ProgressTracker.update`.

        Items for a name that is not running are counted nowhere; a warning says so.
        """
        tracker = self._running.first(name)
        if tracker is None:
            steps = _checks.whole_number(steps, "steps")
            shown = _redaction.redacted(repr(name))
            self.log_warning(f"{steps} items of {shown} are not counted: it is not running")
        else:
            tracker.update(steps, postfix)

    def complete_operation(
        self, name: str, success: bool = True, metrics: Mapping[str, Any] | None = None
    ) -> None:
        """End an operation, and count it.

        A name that was never started (one resumed from a checkpoint) is counted and
        reported too, with a span of no length. `metrics` become attributes of the span.

        Raises:
            TypeError: `name` is not a `str`, or `metrics` is not a mapping.
            ValueError: `name` is empty.
        """
        metrics = _checks.optional_mapping(metrics, "metrics")
        tracker = self._running.take_first(name)
        if tracker is None:
            tracker = self._started_and_not_announced(name)
        self._finish(tracker, SUCCESS if success else ERROR, metrics=metrics)

    def _started_and_not_announced(self, name: str) -> ProgressTracker:
        name = _checks.required_text(name, "name")
        progress = _opening.operation_progress(name, None, "items", None, leave=False)
        return tracker_of(
            _opening.open_operation(progress, self._operation, counted_by=self._operation)
        )

    def finish(self, tracker: ProgressTracker, error: BaseException | None) -> None:
        """End the operation of a tracker with the outcome that `error` stands for.

        Without an error it is a success, unless the tracker was closed with `failed=True`.
        """
        self._tell_end(tracker, end_with(tracker, error))

    def _finish(
        self,
        tracker: ProgressTracker,
        outcome: Outcome,
        error: BaseException | None = None,
        metrics: Mapping[str, Any] | None = None,
    ) -> None:
        self._tell_end(tracker, end_as(tracker, outcome, error, metrics))

    def _tell_end(self, tracker: ProgressTracker, ends_here: bool) -> None:
        self._running.remove(tracker)
        if not ends_here:
            return  # whoever ended it has said so, or it is a forked child's parent's
        outcome = tracker.operation.progress.outcome
        name = _redaction.redacted(tracker.operation.progress.name)
        if outcome == SUCCESS:
            self._announce(logging.INFO, f"Operation {name} completed successfully")
        elif outcome == ERROR:
            self._announce(logging.ERROR, f"Operation {name} failed")
        else:
            self._announce(logging.WARNING, f"Operation {name} {outcome}")

    def create_operation_context(
        self,
        name: str,
        total: int | None = None,
        description: str | None = None,
        unit: str = "items",
        leave: bool = False,
        *,
        context: Context | None = None,
        links: Sequence[Link] | None = None,
    ) -> ProgressContext:
        """Return a context manager that starts an operation and ends it with its block.

        With `total <= 0` there is nothing to do: it yields a `NoOpProgressTracker` and
        opens no operation. Arguments and errors are those of `start_operation`.
        """
        return ProgressContext(
            self, name, total, description, unit, leave, context=context, links=links
        )

    operation = create_operation_context

    # -- messages

    def log_message(self, level: int, message: str, preserve_progress: bool = True) -> None:
        """Log a message and show it on stderr exactly once, above the bars.

        A handler of the logger that writes to stderr shows it; without one it is printed.
        The record carries trace and span ids. `preserve_progress` is kept for callers that
        pass it: the bars survive every message.
        """
        del preserve_progress
        level = _checks.whole_number(level, "level")
        if _scope.lies_within(self._operation):
            _messages.send(self.logger, level, message)
            return
        attachment = _scope.Attachment(self._operation)
        try:
            _messages.send(self.logger, level, message)
        finally:
            attachment.detach()

    def log_debug(self, message: str) -> None:
        """Log a message at DEBUG; see `log_message`."""
        self.log_message(logging.DEBUG, message)

    def log_info(self, message: str) -> None:
        """Log a message at INFO; see `log_message`."""
        self.log_message(logging.INFO, message)

    def log_warning(self, message: str) -> None:
        """Log a message at WARNING; see `log_message`."""
        self.log_message(logging.WARNING, message)

    def log_error(self, message: str) -> None:
        """Log a message at ERROR; see `log_message`."""
        self.log_message(logging.ERROR, message)

    def log_critical(self, message: str, preserve_progress: bool = False) -> None:
        """Log a message at CRITICAL; see `log_message`."""
        self.log_message(logging.CRITICAL, message, preserve_progress)

    def _announce(self, level: int, message: str) -> None:
        # A forked child that leaves its parent's blocks has nothing to say about them.
        if self._announces and not self._operation.is_inherited():
            self.log_message(level, message)

    # -- the end

    def close(self) -> None:
        """End the task; a second call does nothing.

        Operations that still run are ended before it, as `interrupted`: nobody has said
        how they ended. They count as completed and are reported.
        """
        self._close(SUCCESS, None)

    def end(self, success: bool, error: BaseException | None = None) -> None:
        """End the task as failed where `success` is false, with the exception that says why."""
        if error is not None:
            self._close(outcome_of(error), error)
        else:
            self._close(SUCCESS if success else ERROR, None)

    def _close(self, outcome: Outcome, error: BaseException | None) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._end_running(INTERRUPTED if outcome == SUCCESS else outcome, error)
        self._operation.end(outcome, error)
        if isinstance(self.logger, logging.Logger):
            self.logger.removeFilter(self._filter)

    def _end_running(self, outcome: Outcome, error: BaseException | None) -> None:
        for tracker in self._running.youngest_first():
            self._finish(tracker, outcome, error)

    def __enter__(self) -> Self:
        self._attachment = _scope.Attachment(self._operation)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is not None:
            reason = _redaction.redacted(_text.shown(exc))
            self._announce(logging.ERROR, f"Task failed with exception: {reason}")
        self._close(outcome_of(exc), exc)
        if self._attachment is not None:
            self._attachment.detach()

    def __del__(self) -> None:
        # An instance whose __init__ raised has no operation.
        operation = self.__dict__.get("_operation")
        if operation is not None and not operation.has_ended:
            _registry.abandon(operation)


def create_task_progress_manager(
    task_id: str,
    task_type: str,
    logger: MessageLogger,
    reporter: Reporter | None = None,
    total_operations: int = 0,
    quiet: bool | None = None,
    *,
    context: Context | None = None,
    links: Sequence[Link] | None = None,
) -> TaskProgressManager:
    """Return a `TaskProgressManager`; with `quiet=None` one that suits where it runs.

    `quiet=None` follows `configure(console=...)`; without it nothing is drawn where
    stdout is not a terminal, or where `CI` or `CONTINUOUS_INTEGRATION` is set, looked at
    each time. Arguments and errors are those of `TaskProgressManager`.
    """
    return TaskProgressManager(
        task_id,
        task_type,
        logger,
        reporter,
        total_operations,
        _attach.is_quiet_by_default() if quiet is None else quiet,
        context=context,
        links=links,
    )
