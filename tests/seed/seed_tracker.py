"""The seed's own implementation (its sections 2 to 5), as it stands, mistakes included.

Only the lock may be chosen: one that would block for ever raises here instead, and a
re-entrant one lets the tests look past the first mistake at the others.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

import tqdm


class SelfDeadlockError(Exception):
    """A thread takes a lock that it holds already: it would wait for ever."""


class RaisingLock:
    """A `threading.Lock` that raises where the real one would never return."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            raise SelfDeadlockError("the lock is held by this very thread")

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class ProgressTracker:
    """Progress tracker for individual operations with fixed positioning."""

    def __init__(
        self,
        total: int,
        description: str,
        unit: str = "items",
        position: int = 0,
        leave: bool = True,
        parent: ProgressTracker | None = None,
        color: str | None = None,
    ) -> None:
        self.total = total
        self.description = description
        self.unit = unit
        self.position = position
        self.leave = leave
        self.parent = parent
        self.color = color
        self.children: list[ProgressTracker] = []

        self.start_time = time.time()
        self.start_memory = self._get_current_memory()
        self.peak_memory = self.start_memory

        self.metrics: dict[str, Any] = {}

        self.pbar: tqdm.tqdm[Any] = tqdm.tqdm(
            total=total,
            desc=description,
            unit=unit,
            position=position,
            leave=leave,
            file=sys.stdout,
            colour=color,
        )

    def update(self, steps: int = 1, postfix: dict[str, Any] | None = None) -> None:
        """Update progress by specified number of steps."""
        self.pbar.update(steps)

        current_memory = self._get_current_memory()
        self.peak_memory = max(self.peak_memory, current_memory)

        if postfix is None:
            postfix = {}

        if "mem" not in postfix:
            postfix["mem"] = f"{current_memory:.1f}MB"

        if postfix:
            self.pbar.set_postfix(**postfix)

    def set_description(self, description: str) -> None:
        """Update the description of the progress bar."""
        self.description = description
        self.pbar.set_description(description)

    def set_postfix(self, postfix: dict[str, Any]) -> None:
        """Set the postfix metrics display."""
        self.pbar.set_postfix(**postfix)

    def close(self, failed: bool = False) -> None:
        """Close the progress bar and compute final metrics."""
        for child in self.children:
            child.close(failed=failed)

        execution_time = time.time() - self.start_time

        self.metrics.update(
            {
                "execution_time": execution_time,
                "peak_memory_mb": self.peak_memory,
                "memory_delta_mb": self.peak_memory - self.start_memory,
                "items_per_second": self.pbar.n / execution_time if execution_time > 0 else 0,
            }
        )

        if failed and hasattr(self.pbar, "colour"):
            self.pbar.colour = "red"

        self.pbar.close()

        if self.parent:
            self.parent.update(1)

    def _get_current_memory(self) -> float:
        try:
            import psutil  # noqa: PLC0415  as the seed has it

            return float(psutil.Process().memory_info().rss / (1024 * 1024))
        except ImportError:
            return 0.0

    def __enter__(self) -> ProgressTracker:  # noqa: PYI034  as the seed has it
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self.close(failed=exc_type is not None)


class TaskProgressManager:
    """Centralized manager for task progress and logging coordination."""

    def __init__(
        self,
        task_id: str,
        task_type: str,
        logger: logging.Logger,
        reporter: Any = None,
        total_operations: int = 0,
        quiet: bool = False,
        *,
        make_lock: Callable[[], AbstractContextManager[Any]] = RaisingLock,
    ) -> None:
        self.task_id = task_id
        self.task_type = task_type
        self.logger = logger
        self.reporter = reporter
        self.total_operations = total_operations
        self.quiet = quiet

        self.lock = make_lock()

        self.operations_completed = 0
        self.active_operations: dict[str, ProgressTracker] = {}
        self.start_time = time.time()

        self.main_progress: ProgressTracker | None = None
        if not quiet and total_operations > 0:
            self.main_progress = ProgressTracker(
                total=total_operations,
                description=f"Task: {task_id} ({task_type})",
                unit="operations",
                position=0,
                leave=True,
            )

    def start_operation(
        self,
        name: str,
        total: int,
        description: str | None = None,
        unit: str = "items",
        leave: bool = False,
    ) -> ProgressTracker:
        """Start tracking a new operation."""
        with self.lock:
            if self.quiet:
                return ProgressTracker(
                    total=total,
                    description=description or name,
                    unit=unit,
                    position=0,
                    leave=False,
                )

            if description is None:
                description = f"Operation: {name}"

            position = len(self.active_operations) + 1

            progress = ProgressTracker(
                total=total,
                description=description,
                unit=unit,
                position=position,
                leave=leave,
                parent=self.main_progress,
            )

            self.active_operations[name] = progress

            self.log_info(f"Starting operation: {name}")

            return progress

    def update_operation(
        self, name: str, steps: int = 1, postfix: dict[str, Any] | None = None
    ) -> None:
        """Update progress of an operation."""
        with self.lock:
            if self.quiet:
                return

            if name in self.active_operations:
                self.active_operations[name].update(steps, postfix)

    def complete_operation(
        self, name: str, success: bool = True, metrics: dict[str, Any] | None = None
    ) -> None:
        """Mark an operation as completed."""
        with self.lock:
            self.operations_completed += 1

            if self.quiet:
                level = logging.INFO if success else logging.ERROR
                status = "completed successfully" if success else "failed"
                self.logger.log(level, f"Operation {name} {status}")  # noqa: G004  the seed's

                if self.reporter and metrics:
                    status_name = "success" if success else "error"
                    self.reporter.add_operation(
                        name=f"Complete {name}", status=status_name, details=metrics or {}
                    )
                return

            if name in self.active_operations:
                progress = self.active_operations[name]

                if metrics:
                    progress.metrics.update(metrics)

                progress.close(failed=not success)

                del self.active_operations[name]

                if self.reporter:
                    status_name = "success" if success else "error"
                    self.reporter.add_operation(
                        name=f"Complete {name}", status=status_name, details=progress.metrics
                    )

            level = logging.INFO if success else logging.ERROR
            status = "completed successfully" if success else "failed"
            self.log_message(level, f"Operation {name} {status}")

    def log_message(self, level: int, message: str, preserve_progress: bool = True) -> None:
        """Log a message without breaking progress bars."""
        with self.lock:
            self.logger.log(level, message)

            if self.main_progress and preserve_progress:
                level_name = logging.getLevelName(level)
                self.main_progress.pbar.write(f"[{level_name}] {message}")
            else:
                print(f"[{logging.getLevelName(level)}] {message}", file=sys.stderr)  # noqa: T201

    def log_info(self, message: str) -> None:
        """Log an info message."""
        self.log_message(logging.INFO, message)

    def log_warning(self, message: str) -> None:
        """Log a warning message."""
        self.log_message(logging.WARNING, message)

    def log_error(self, message: str) -> None:
        """Log an error message."""
        self.log_message(logging.ERROR, message)

    def log_debug(self, message: str) -> None:
        """Log a debug message."""
        self.log_message(logging.DEBUG, message)

    def create_operation_context(
        self,
        name: str,
        total: int,
        description: str | None = None,
        unit: str = "items",
        leave: bool = False,
    ) -> ProgressContext:
        """Create a context manager for an operation."""
        return ProgressContext(
            progress_manager=self,
            operation_name=name,
            total=total,
            description=description,
            unit=unit,
            leave=leave,
        )

    def close(self) -> None:
        """Close all progress bars and release resources."""
        with self.lock:
            for progress in list(self.active_operations.values()):
                progress.close()

            self.active_operations.clear()

            if self.main_progress:
                self.main_progress.close()
                self.main_progress = None

    def __enter__(self) -> TaskProgressManager:  # noqa: PYI034  as the seed has it
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if exc_type:
            self.log_error(f"Task failed with exception: {exc_val}")

        self.close()


class ProgressContext:
    """Context manager for operation execution with progress tracking."""

    def __init__(
        self,
        progress_manager: TaskProgressManager,
        operation_name: str,
        total: int,
        description: str | None = None,
        unit: str = "items",
        leave: bool = False,
    ) -> None:
        self.progress_manager = progress_manager
        self.operation_name = operation_name
        self.total = total
        self.description = description
        self.unit = unit
        self.leave = leave
        self.tracker: ProgressTracker | None = None
        self.metrics: dict[str, Any] = {}

    def __enter__(self) -> ProgressTracker:
        self.tracker = self.progress_manager.start_operation(
            name=self.operation_name,
            total=self.total,
            description=self.description,
            unit=self.unit,
            leave=self.leave,
        )
        return self.tracker

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        success = exc_type is None

        if self.tracker:
            self.metrics.update(self.tracker.metrics)

        if exc_type is not None:
            self.metrics["error_type"] = exc_type.__name__
            self.metrics["error_message"] = str(exc_val)

        self.progress_manager.complete_operation(
            name=self.operation_name, success=success, metrics=self.metrics
        )
