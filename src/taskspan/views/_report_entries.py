"""What a report holds: operations and artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that the task made or used."""

    artifact_type: str
    path: str
    description: str = ""
    category: str = "output"
    tags: tuple[str, ...] = ()
    group_name: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class ArtifactGroup:
    """Artifacts that belong together."""

    name: str
    description: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    artifacts: list[Artifact] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class OperationEntry:
    """One ended operation: seconds, items per second, MiB; `None` where not measured."""

    name: str
    operation: str
    status: str
    ended_at: str
    duration: float | None
    completed: int | None
    throughput: float | None
    peak_memory_mb: float | None
    trace_id: str | None
    span_id: str | None
    error: Mapping[str, Any] | None
    details: Mapping[str, Any]


def entry_of(name: str, status: str, details: Mapping[str, Any]) -> OperationEntry:
    """Return the entry of an operation that has just ended; see `TaskReporter.add_operation`."""
    return OperationEntry(
        name=name,
        operation=name.removeprefix("Complete "),
        status=str(details.get("outcome", status)),
        ended_at=now(),
        duration=details.get("execution_time"),
        completed=details.get("current"),
        throughput=details.get("items_per_second"),
        peak_memory_mb=details.get("peak_memory_mb"),
        trace_id=details.get("trace_id"),
        span_id=details.get("span_id"),
        error=error_of(details),
        details=details,
    )


def error_of(details: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return type and message of the error among the metrics, `None` if there is none."""
    error = {k: details[k] for k in ("error_type", "error_message") if details.get(k) is not None}
    return error or None


def now() -> str:
    """Return the present time as ISO 8601, in UTC."""
    return datetime.now(timezone.utc).isoformat()
