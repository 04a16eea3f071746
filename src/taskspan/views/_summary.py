"""A report for the console: how the task ended, and a table of its operations; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from taskspan import _text
from taskspan.views import _figures
from taskspan.views._table import table

_HEADER = ("operation", "status", "duration", "throughput", "peak memory")


def summary_of(report: Mapping[str, Any]) -> str:
    """Return the text for a report as `TaskReporter.generate_report` makes it."""
    rows = [_row(entry) for entry in report["operations"]]
    title = _text.one_line(f"{report['task_type']} {report['task_id']}", _text.NAME_LIMIT)
    parts = [f"{title}: {report['status']}"]
    if report["execution_time"] is not None:
        parts.append(_figure(report["execution_time"], "{:,.2f} s"))
    parts.append(f"{len(rows):,} operations")
    if report["trace_id"]:
        parts.append(f"trace {report['trace_id']}")
    return "\n".join([", ".join(parts), *table(_HEADER, rows)])


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        _text.one_line(entry["operation"], 40),
        _text.one_line(entry["status"], 20),
        _figure(entry["duration"], "{:,.2f} s"),
        _throughput(entry["throughput"]),
        _figure(entry["peak_memory_mb"], "{:,.0f} MiB"),
    )


def _throughput(value: object) -> str:
    # An operation that counts nothing has no rate; a zero would look like a stall.
    if not isinstance(value, (int, float)) or not value:
        return _figures.NONE
    return f"{_figures.rate(value)}/s"


def _figure(value: object, form: str) -> str:
    return form.format(value) if isinstance(value, (int, float)) else _figures.NONE
