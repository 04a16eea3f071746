"""A task as a class: configure its operations, then `run()`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from taskspan import _redaction, _text
from taskspan._protocols import MessageLogger
from taskspan.producer._manager import TaskProgressManager, create_task_progress_manager
from taskspan.producer._tracker import ProgressTracker
from taskspan.tasks._executor import OperationExecutor, RunnableOperation, name_of
from taskspan.tasks._result import OperationResult
from taskspan.views._report import TaskReporter


@dataclass(frozen=True, slots=True)
class ConfiguredOperation:
    """An operation of a task and the parameters it is run with."""

    operation: RunnableOperation
    params: Mapping[str, Any] = field(default_factory=dict)


class BaseTask:
    """Runs operations one after another under one span, with bars and a report.

    A subclass says in `configure_operations` what to run. `run` does the rest: `initialize`,
    `configure_operations`, `execute`, and `finalize`, whatever happened before. An operation
    that fails ends the task.
    """

    def __init__(
        self,
        task_id: str,
        task_type: str,
        description: str = "",
        *,
        logger: MessageLogger | None = None,
        report_path: str | Path | None = None,
        quiet: bool | None = None,
    ) -> None:
        """Prepare a task; nothing is opened before `initialize`.

        Args:
            task_id: identifies this run.
            task_type: what kind of task it is; the name of its span.
            description: what the task is for; kept in the report.
            logger: gets the messages.
            report_path: where the report goes; see `TaskReporter`.
            quiet: draw nothing; `None` as in `create_task_progress_manager`.
        """
        self.task_id = task_id
        self.task_type = task_type
        self.description = description
        self.logger = logging.getLogger(task_type) if logger is None else logger
        self.quiet = quiet
        self.reporter = TaskReporter(task_id, task_type, description, report_path)
        self.operations: list[ConfiguredOperation] = []
        self.results: dict[str, OperationResult] = {}
        self.error: BaseException | None = None
        self._manager: TaskProgressManager | None = None

    @property
    def progress_manager(self) -> TaskProgressManager:
        """The task's manager.

        Raises:
            RuntimeError: `initialize` has not been called.
        """
        if self._manager is None:
            raise RuntimeError("the task is not initialized: call run(), or initialize() first")
        return self._manager

    # -- what a subclass says

    def configure_operations(self) -> None:
        """Say what to run, with `add_operation`."""
        raise NotImplementedError(f"{type(self).__name__} must define configure_operations")

    def add_operation(self, operation: RunnableOperation, **params: Any) -> None:
        """Append an operation and its parameters; `progress_tracker` is added when it runs."""
        self.operations.append(ConfiguredOperation(operation, params))
        if self._manager is not None:
            self._manager.set_total_operations(len(self.operations))

    # -- running

    def run(self) -> bool:
        """Run the task; `True` if every operation succeeded.

        An `Exception` of an operation is logged, kept as `error` and in the report;
        `KeyboardInterrupt` and the like go on, after the report is written.
        """
        self.initialize()
        try:
            self.configure_operations()
            success = self.execute()
        except Exception as error:  # noqa: BLE001  a task runner reports what its operations raise
            self.error = error
            reason = _redaction.redacted(_text.shown(error))
            self.progress_manager.log_error(f"Task failed with exception: {reason}")
            success = False
        except BaseException as error:
            self.error = error
            self.finalize(success=False)
            raise
        self.finalize(success)
        return success

    def initialize(self) -> None:
        """Open the task's span, its bar and its executor."""
        self._manager = create_task_progress_manager(
            self.task_id,
            self.task_type,
            self.logger,
            self.reporter,
            len(self.operations),
            self.quiet,
        )
        self.reporter.progress_manager = self._manager
        self.executor = OperationExecutor(self.logger, self._manager)

    def execute(self) -> bool:
        """Run the operations in order; `False` after the first whose result has failed."""
        for configured in list(self.operations):
            result = self.execute_one(configured)
            self.results[name_of(configured.operation)] = result
            if result.has_failed:
                return False
        return True

    def execute_one(self, configured: ConfiguredOperation) -> OperationResult:
        """Run one operation inside a context of its own; its metrics go to the tracker."""
        name = name_of(configured.operation)
        total = getattr(configured.operation, "total", None)
        with self.progress_manager.create_operation_context(name, total) as tracker:
            result = self.executor.execute_operation(
                configured.operation, configured.params, tracker
            )
            _take_over(result, tracker)
            return result

    def finalize(self, success: bool) -> None:
        """End the task's span and save the report."""
        self.progress_manager.end(success, self.error)
        self.reporter.save_report()


def _take_over(result: OperationResult, tracker: ProgressTracker) -> None:
    tracker.metrics.update(result.metrics)
    if result.has_failed:
        if result.error_message:
            tracker.metrics["error_message"] = _text.shown(result.error_message)
        # Not `close`: the operation may have closed its tracker before it knew.
        tracker.has_failed = True
