"""An operation of a task as a block."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol

from opentelemetry.context import Context
from opentelemetry.trace import Link

from taskspan import _checks
from taskspan.producer import _scope
from taskspan.producer._origin import origin
from taskspan.producer._tracker import NoOpProgressTracker, ProgressTracker


class OperationStarter(Protocol):
    """What starts operations and ends them: a `TaskProgressManager`."""

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
        """Start an operation."""

    def finish(self, tracker: ProgressTracker, error: BaseException | None) -> None:
        """End the operation of a tracker with the outcome that `error` stands for."""


class ProgressContext:
    """Starts an operation of a manager on entry, and ends it on exit.

    Inside the block the operation's span is the current one. After it `metrics` holds the
    final metrics, with `error_type` and `error_message` after a failure.
    """

    def __init__(
        self,
        progress_manager: OperationStarter,
        operation_name: str,
        total: int | None,
        description: str | None = None,
        unit: str = "items",
        leave: bool = False,
        *,
        context: Context | None = None,
        links: Sequence[Link] | None = None,
    ) -> None:
        """Prepare an operation; arguments and errors are those of `start_operation`."""
        self.progress_manager = progress_manager
        self.operation_name = _checks.required_text(operation_name, "operation_name")
        self.is_empty = total is not None and total <= 0
        self.total = 0 if self.is_empty else _checks.optional_total(total)
        self.description = description
        self.unit = unit
        self.leave = leave
        self._origin = origin(context, links)
        self.tracker: ProgressTracker | None = None
        self.metrics: dict[str, Any] = {}
        self._attachment: _scope.Attachment | None = None

    def __enter__(self) -> ProgressTracker:
        if self.is_empty:
            self.tracker = NoOpProgressTracker.detached(self.description or self.operation_name)
            return self.tracker
        self.tracker = self.progress_manager.start_operation(
            self.operation_name,
            self.total,
            self.description,
            self.unit,
            self.leave,
            context=self._origin.context,
            links=self._origin.links,
        )
        self._attachment = _scope.Attachment(self.tracker.operation)
        return self.tracker

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tracker = self.tracker
        if tracker is None:
            return
        if self._attachment is not None:
            self._attachment.detach()
            self._attachment = None
        if self.is_empty:
            tracker.close(failed=exc is not None)
        else:
            self.progress_manager.finish(tracker, exc)
        self.metrics = dict(tracker.metrics)
