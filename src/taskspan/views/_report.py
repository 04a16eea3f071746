"""The report of a task: gathered while it runs, kept as JSON, told as a table."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from taskspan import _text
from taskspan._guard import attempt, guarded
from taskspan._outcome import outcome_of
from taskspan._version import __version__
from taskspan.conventions import ERROR, SUCCESS
from taskspan.views._json import jsonable
from taskspan.views._report_entries import (
    Artifact,
    ArtifactGroup,
    OperationEntry,
    entry_of,
    error_of,
    now,
    plain_entry,
    plain_metrics,
    plain_value,
)
from taskspan.views._report_file import write_somewhere
from taskspan.views._summary import summary_of

if TYPE_CHECKING:
    from typing_extensions import Self

    from taskspan._protocols import TaskFigures

SCHEMA_VERSION = 1
"""Raised when a field of the report changes its meaning or goes away."""


class TaskReporter:
    """Gathers what a task did, and writes it as one JSON document.

    Handed to a task as `reporter`, it is told of the end of every operation and of the
    task; with a `report_path` it then saves itself. May be used from any thread.
    """

    def __init__(
        self,
        task_id: str,
        task_type: str,
        description: str = "",
        report_path: str | Path | None = None,
        progress_manager: TaskFigures | None = None,
    ) -> None:
        """Start a report.

        Args:
            task_id: identifies the run.
            task_type: what kind of task it is.
            description: what the task is for.
            report_path: where `save_report` writes; by default a file in the current
                directory that is named after type and id.
            progress_manager: its figures are added to the report.
        """
        self.task_id = task_id
        self.task_type = task_type
        self.description = description
        self.report_path = None if report_path is None else Path(report_path)
        self.progress_manager = progress_manager
        self.artifacts: list[Artifact] = []
        self._operations: list[OperationEntry] = []
        self._groups: dict[str, ArtifactGroup] = {}
        self._metrics: dict[str, Any] = {}
        self._summary: dict[str, Any] = {}
        self._trace_id: str | None = None
        self._status = "running"
        self._started_at = now()
        self._ended_at: str | None = None
        # Protects the collections above; nothing foreign is called under it.
        self._lock = threading.RLock()

    # -- gathering

    def add_operation(
        self, name: str, status: str = "success", details: Mapping[str, Any] | None = None
    ) -> None:
        """Add an operation; a task calls this with `Complete <name>` and the final metrics.

        `details` may hold `execution_time` (s), `items_per_second`, `peak_memory_mb`,
        `current`, `outcome`, `error_type`, `error_message`, `trace_id` and `span_id`: they
        fill the columns of the report. `outcome` tells `cancelled` and `interrupted`
        from `error`.
        """
        details = dict(details or {})
        entry = entry_of(name, status, details)
        with self._lock:
            self._operations.append(entry)
            self._trace_id = self._trace_id or entry.trace_id

    def add_artifact(
        self,
        artifact_type: str,
        path: str | Path,
        description: str = "",
        category: str = "output",
        tags: Sequence[str] | None = None,
        group_name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Artifact:
        """Add a file; `group_name` puts it into a group, made if it is not there."""
        artifact = Artifact(
            artifact_type,
            str(path),
            description,
            category,
            tuple(tags or ()),
            group_name,
            dict(metadata or {}),
        )
        with self._lock:
            self.artifacts.append(artifact)
            if group_name is not None:
                self.add_artifact_group(group_name).artifacts.append(artifact)
        return artifact

    def add_artifact_group(
        self, name: str, description: str = "", metadata: Mapping[str, Any] | None = None
    ) -> ArtifactGroup:
        """Return the group of that name, made if it is not there."""
        with self._lock:
            group = self._groups.setdefault(name, ArtifactGroup(name))
            group.description = description or group.description
            group.metadata.update(metadata or {})
            return group

    def get_artifact_group(self, name: str) -> ArtifactGroup | None:
        """Return a group, `None` if there is none of that name."""
        return self._groups.get(name)

    def get_artifacts_by_tag(self, tag: str) -> list[Artifact]:
        """Return the artifacts that have a tag."""
        return [artifact for artifact in self.artifacts if tag in artifact.tags]

    def get_artifacts_by_category(self, category: str) -> list[Artifact]:
        """Return the artifacts of a category."""
        return [artifact for artifact in self.artifacts if artifact.category == category]

    def get_artifacts_by_type(self, artifact_type: str) -> list[Artifact]:
        """Return the artifacts of a type."""
        return [artifact for artifact in self.artifacts if artifact.artifact_type == artifact_type]

    def add_metric(self, name: str, value: object) -> None:
        """Set a metric of the task."""
        with self._lock:
            self._metrics[name] = value

    def add_nested_metric(self, category: str, name: str, value: object) -> None:
        """Set a metric inside a category.

        A plain metric of the category's name moves into it under the name `value`.
        """
        with self._lock:
            inside = self._metrics.get(category)
            if not isinstance(inside, dict):
                inside = {} if inside is None else {"value": inside}
                self._metrics[category] = inside
            inside[name] = value

    def add_task_summary(
        self,
        success: bool,
        execution_time: float | None = None,
        metrics: Mapping[str, Any] | None = None,
        error_info: Mapping[str, Any] | None = None,
        encryption: Mapping[str, Any] | None = None,
    ) -> None:
        """Say how the task ended; `execution_time` in seconds. The last call counts.

        What an earlier call has said and this one leaves out stays.
        """
        said = {
            "execution_time": execution_time,
            "metrics": None if metrics is None else dict(metrics),
            "error_info": None if error_info is None else dict(error_info),
            "encryption": None if encryption is None else dict(encryption),
        }
        with self._lock:
            if success or self._status in ("running", SUCCESS):
                self._status = SUCCESS if success else ERROR
            self._summary.update({k: v for k, v in said.items() if v is not None})
            self._ended_at = now()

    def task_ended(self, metrics: Mapping[str, Any]) -> None:
        """Take the final metrics of the task; called by the task itself at its end."""
        with self._lock:
            self._trace_id = metrics.get("trace_id", self._trace_id)
            self._status = str(metrics.get("outcome", SUCCESS))
            self.add_task_summary(
                self._status == SUCCESS,
                metrics.get("execution_time"),
                metrics,
                error_of(metrics),
            )
        if self.report_path is not None:
            self.save_report()

    def share_with(self, other: TaskReporter) -> None:
        """Let another reporter of the same task tell of these artifacts and metrics, too."""
        other.description = self.description or other.description
        other.artifacts = self.artifacts
        other._groups = self._groups
        other._metrics = self._metrics

    # -- telling

    def generate_report(self) -> dict[str, Any]:
        """Return the report as plain data, ready for JSON."""
        return {**self.without_environment(), "environment": environment()}

    def without_environment(self) -> dict[str, Any]:
        """Return what the report tells of the task itself."""
        figures = self._figures()  # before the lock: it is foreign code
        with self._lock:
            report: dict[str, Any] = {
                "schema_version": SCHEMA_VERSION,
                "task_id": self.task_id,
                "task_type": self.task_type,
                "description": self.description,
                "trace_id": self._trace_id,
                "status": self._status,
                "success": None if self._status == "running" else self._status == SUCCESS,
                "started_at": self._started_at,
                "ended_at": self._ended_at,
                "execution_time": self._summary.get("execution_time"),
                "error_info": self._summary.get("error_info"),
                "encryption": self._summary.get("encryption"),
                "task_metrics": None,
                "progress": figures,
                "operations": None,
                "metrics": self._metrics,
                "artifacts": self.artifacts,
                "artifact_groups": self._groups,
            }
            metrics = self._summary.get("metrics")
            plain = {name: plain_value(value) for name, value in report.items()}
            plain["task_metrics"] = None if metrics is None else plain_metrics(metrics)
            plain["operations"] = [plain_entry(entry) for entry in self._operations]
        return plain

    def _figures(self) -> Mapping[str, Any] | None:
        if self.progress_manager is None:
            return None
        with guarded("the figures of a progress manager"):
            return self.progress_manager.get_metrics()
        return None

    def save_report(self) -> Path:
        """Write the report and return the path.

        Atomic: a reader sees the old file or the new one. A path that cannot be written
        is logged, and the report goes to the directory for temporary files instead: the
        task has its result, and the report is not lost.
        """
        text = json.dumps(self.generate_report(), indent=2, allow_nan=False) + "\n"
        path = self.report_path or Path(self._default_name())
        return write_somewhere(text, path, Path(tempfile.gettempdir()) / self._default_name())

    def _default_name(self) -> str:
        return f"{_text.file_stem(self.task_type)}_{_text.file_stem(self.task_id)}_report.json"

    def summary(self) -> str:
        """Return the report for the console: a table of the operations, and how it ended."""
        return summary_of(self.generate_report())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is not None:
            with self._lock:
                self._status = outcome_of(exc)
            self.add_task_summary(
                success=False,
                error_info={"error_type": type(exc).__name__, "error_message": _text.shown(exc)},
            )
        self.save_report()


def environment() -> dict[str, Any]:
    """Return where this process runs, ready for JSON."""
    plain: dict[str, Any] = jsonable(_environment())
    return plain


def _environment() -> dict[str, Any]:
    return {
        "taskspan": __version__,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "hostname": platform.node(),
        "pid": os.getpid(),
        "cpu_count": os.cpu_count(),
        "executable": sys.executable,
        "working_directory": attempt("the working directory", lambda: str(Path.cwd()), None),
    }
