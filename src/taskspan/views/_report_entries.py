"""What a report holds: operations and artifacts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from math import isfinite
from typing import Any, Final

from taskspan._live import MEASURED
from taskspan.conventions import CANCELLED, ERROR, INTERRUPTED, SUCCESS
from taskspan.views._json import jsonable

_ID: Final = re.compile("[0-9a-f]{16}|[0-9a-f]{32}")
_OUTCOMES: Final = frozenset({SUCCESS, ERROR, CANCELLED, INTERRUPTED})
_INT64: Final = 1 << 63


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


def plain_entry(entry: OperationEntry) -> dict[str, Any]:
    """Return an entry ready for JSON."""
    found = {field.name: getattr(entry, field.name) for field in fields(entry)}
    details = plain_metrics(found.pop("details"))
    return {**{name: plain_value(value) for name, value in found.items()}, "details": details}


def plain_metrics(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return final metrics ready for JSON.

    What is measured need not be looked into, and of most operations that is all: it takes a
    fifth of the time.
    """
    known = dict(metrics)
    if all(name in MEASURED and _is_plain(value) for name, value in known.items()):
        return known
    plain: dict[str, Any] = jsonable(known)
    return plain


def plain_value(value: object) -> Any:
    """Return a value ready for JSON."""
    return value if _is_plain(value) else jsonable(value)


def _is_plain(value: object) -> bool:
    """Whether a value is what JSON has, and no text but an id or an outcome."""
    if type(value) is float:
        return isfinite(value)
    if type(value) is str:
        return value in _OUTCOMES or _ID.fullmatch(value) is not None
    return value is None or type(value) is bool or (type(value) is int and abs(value) < _INT64)


def now() -> str:
    """Return the present time as ISO 8601, in UTC."""
    return datetime.now(timezone.utc).isoformat()
