"""Progress and tracing of long-running tasks, from the same OpenTelemetry spans."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from taskspan._protocols import ProgressTrackerProtocol
from taskspan._version import __version__
from taskspan.producer._context import ProgressContext
from taskspan.producer._manager import TaskProgressManager, create_task_progress_manager
from taskspan.producer._processes import child_environment
from taskspan.producer._task import operation, task
from taskspan.producer._track import track
from taskspan.producer._tracker import NoOpProgressTracker, ProgressTracker

if TYPE_CHECKING:
    from taskspan.configuration._configure import Telemetry, configure
    from taskspan.configuration._sampler import LocalVisibilitySampler
    from taskspan.processor._processor import ProgressSpanProcessor
    from taskspan.tasks._base import BaseTask
    from taskspan.tasks._executor import OperationExecutor
    from taskspan.tasks._result import OperationResult, OperationStatus
    from taskspan.views._bars import BarsView
    from taskspan.views._lines import LinesView
    from taskspan.views._report import TaskReporter

__all__ = [
    "BarsView",
    "BaseTask",
    "LinesView",
    "LocalVisibilitySampler",
    "NoOpProgressTracker",
    "OperationExecutor",
    "OperationResult",
    "OperationStatus",
    "ProgressContext",
    "ProgressSpanProcessor",
    "ProgressTracker",
    "ProgressTrackerProtocol",
    "TaskProgressManager",
    "TaskReporter",
    "Telemetry",
    "__version__",
    "child_environment",
    "configure",
    "create_task_progress_manager",
    "operation",
    "task",
    "track",
]

# Loaded when first used: they bring the SDK, tqdm or tenacity, which a library that only
# reports its progress does not need.
_LATE = {
    "BarsView": "taskspan.views._bars",
    "BaseTask": "taskspan.tasks._base",
    "LinesView": "taskspan.views._lines",
    "LocalVisibilitySampler": "taskspan.configuration._sampler",
    "OperationExecutor": "taskspan.tasks._executor",
    "OperationResult": "taskspan.tasks._result",
    "OperationStatus": "taskspan.tasks._result",
    "ProgressSpanProcessor": "taskspan.processor._processor",
    "TaskReporter": "taskspan.views._report",
    "Telemetry": "taskspan.configuration._configure",
    "configure": "taskspan.configuration._configure",
}


def __getattr__(name: str) -> object:
    """Load a name that was not needed so far."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATE[name]), name)


def __dir__() -> list[str]:
    """Return the public names, also those that are not loaded yet."""
    return sorted(__all__)
