"""Runs operations: once, or again after a failure."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from taskspan import _checks, _redaction, _text, conventions
from taskspan._outcome import error_type_of
from taskspan._protocols import MessageLogger
from taskspan.producer._task import operation as operation_block
from taskspan.producer._tracker import ProgressTracker
from taskspan.tasks._result import OperationResult, result_of
from taskspan.tasks._retry import FailedAttempt, RetryOn, RetryPolicy, run_with_retries

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from taskspan.producer._manager import TaskProgressManager


class RunnableOperation(Protocol):
    """What a task runs: anything with `run`; a `name` and a `total` are used if there."""

    @property
    def run(self) -> Callable[..., Any]:
        """Does the work; is called with `progress_tracker` among its parameters."""


class OperationExecutor:
    """Runs operations and tells their progress to a task."""

    def __init__(
        self,
        logger: MessageLogger | None = None,
        progress_manager: TaskProgressManager | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Run operations under a task; without one, under whatever encloses the caller.

        Args:
            logger: gets a warning for each retry.
            progress_manager: the task.
            sleep: waits for the seconds it is given; a test passes one that does not.
        """
        self.logger = logging.getLogger("taskspan.task") if logger is None else logger
        self.progress_manager = progress_manager
        self._sleep = sleep

    def execute_operation(
        self,
        operation: RunnableOperation,
        params: Mapping[str, Any] | None = None,
        progress_tracker: ProgressTracker | None = None,
    ) -> OperationResult:
        """Run an operation once and return its result, with its execution time in seconds.

        What it returns that is no `OperationResult` becomes the `data` of one; what it
        raises is raised.
        """
        arguments = dict(params or {})
        if progress_tracker is not None:
            arguments["progress_tracker"] = progress_tracker
        started = time.perf_counter()
        result = result_of(operation.run(**arguments))
        if result.execution_time is None:
            result.execution_time = time.perf_counter() - started
        return result

    def execute_with_retry(
        self,
        operation: RunnableOperation,
        params: Mapping[str, Any] | None = None,
        max_retries: int = 3,
        backoff_factor: float = 2.0,
        initial_wait: float = 1.0,
        max_wait: float = 60.0,
        jitter: bool | float = True,
        retry_on: RetryOn = Exception,
    ) -> OperationResult:
        """Run an operation, and again after an exception or a result with status `ERROR`.

        An operation of its own counts the attempts; each attempt is an operation inside it
        with a tracker of its own, unless `params` bring a `progress_tracker`. Each retry
        is a `taskspan.retry` event on the span, and the wait shows on the bar. `attempts`
        and `success` are among the metrics.

        Args:
            operation: what to run.
            params: its parameters.
            max_retries: attempts after the first one.
            backoff_factor: each wait is this many times the one before.
            initial_wait: the first wait, in seconds.
            max_wait: no wait is longer, in seconds.
            jitter: seconds added at random, at most; `True` for a quarter of `initial_wait`.
            retry_on: exception classes worth a retry, or a function that decides.

        Returns:
            The last result, also one whose status is `ERROR`.

        Raises:
            BaseException: what the last attempt raised, or one that is not retried.
        """
        policy = RetryPolicy(
            _checks.whole_number(max_retries, "max_retries"),
            backoff_factor,
            initial_wait,
            max_wait,
            jitter,
            retry_on,
        )
        with self._attempts(name_of(operation), policy) as attempts:
            return _Attempts(self, operation, dict(params or {}), policy, attempts).run(self._sleep)

    def _attempts(self, name: str, policy: RetryPolicy) -> AbstractContextManager[ProgressTracker]:
        if self.progress_manager is None:
            return operation_block(name, total=policy.max_attempts, unit="attempts")
        return self.progress_manager.operation(name, policy.max_attempts, unit="attempts")


class _Attempts:
    """The attempts at one operation, and what is told of them."""

    def __init__(
        self,
        executor: OperationExecutor,
        operation: RunnableOperation,
        params: dict[str, Any],
        policy: RetryPolicy,
        tracker: ProgressTracker,
    ) -> None:
        self._executor = executor
        self._operation = operation
        self._params = params
        self._policy = policy
        self._tracker = tracker

    def run(self, sleep: Callable[[float], None]) -> OperationResult:
        """Run the attempts and keep their number and success as metrics."""
        metrics = self._tracker.metrics
        metrics["success"] = False
        result = run_with_retries(self._attempt, self._policy, self._tell, sleep)
        metrics.update(result.metrics)
        metrics["success"] = not result.has_failed
        if result.has_failed:
            metrics["error_message"] = result.error_message
            self._tracker.close(failed=True)
        # Fewer attempts than allowed were needed: that is all of them.
        self._tracker.total = self._tracker.completed
        return result

    def _attempt(self) -> OperationResult:
        number = self._tracker.completed + 1
        self._tracker.metrics["attempts"] = number
        self._tracker.set_postfix({"attempt": f"{number}/{self._policy.max_attempts}"})
        try:
            return self._run_once()
        finally:
            self._tracker.update(1)

    def _run_once(self) -> OperationResult:
        if "progress_tracker" in self._params:
            return self._executor.execute_operation(self._operation, self._params)
        total = getattr(self._operation, "total", None)
        name = f"{name_of(self._operation)} attempt"
        # Not a subtask: the operation may close the tracker that it is handed.
        with operation_block(name, total=total) as tracker:
            result = self._executor.execute_operation(self._operation, self._params, tracker)
            tracker.has_failed = tracker.has_failed or result.has_failed
            return result

    def _tell(self, failed: FailedAttempt) -> None:
        error_type = (
            conventions.ERROR_TYPE_OTHER if failed.error is None else error_type_of(failed.error)
        )
        self._tracker.operation.add_event(
            conventions.RETRY_EVENT,
            {
                conventions.RETRY_ATTEMPT: failed.number,
                conventions.RETRY_WAIT: failed.wait,
                conventions.ERROR_TYPE: _text.name(error_type),
            },
        )
        most = self._policy.max_attempts
        wait = f"{failed.wait:.1f}s"
        self._tracker.set_postfix({"attempt": f"{failed.number}/{most}", "wait": wait})
        self._warn(
            f"{_redaction.redacted(name_of(self._operation))}: attempt {failed.number} of {most} "
            f"failed ({error_type}); the next one in {wait}"
        )

    def _warn(self, message: str) -> None:
        manager = self._executor.progress_manager
        if manager is not None:
            manager.log_warning(message)
        else:
            self._executor.logger.warning(message)


def name_of(operation: RunnableOperation) -> str:
    """Return the operation's `name`, or that of its class."""
    name = getattr(operation, "name", None)
    return name if isinstance(name, str) and name else type(operation).__name__
