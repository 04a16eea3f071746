"""Reads the progress of spans that somebody else's code made, from their attributes alone."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from taskspan import conventions
from taskspan._live import LiveProgress
from taskspan.conventions import CANCELLED, ERROR, INTERRUPTED, KIND_TASK, SUCCESS, Outcome

_OUTCOMES: dict[object, Outcome] = {
    SUCCESS: SUCCESS,
    ERROR: ERROR,
    CANCELLED: CANCELLED,
    INTERRUPTED: INTERRUPTED,
}


def is_ours(span: ReadableSpan) -> bool:
    """Whether a span carries the attribute that makes it a task or an operation."""
    attributes = span.attributes
    return attributes is not None and conventions.KIND in attributes


def progress_of(span: ReadableSpan, parent: LiveProgress | None) -> LiveProgress:
    """Return the live state of a span that has just started."""
    attributes = span.attributes or {}
    is_task = attributes.get(conventions.KIND) == KIND_TASK
    progress = LiveProgress(
        kind="task" if is_task else "operation",
        name=_text(attributes, conventions.OPERATION_NAME, span.name),
        description=_text(attributes, conventions.DESCRIPTION, span.name),
        unit=_text(attributes, conventions.PROGRESS_UNIT, "{item}").strip("{}"),
        total=_number(attributes, conventions.PROGRESS_TOTAL),
        parent=parent,
        task_type=_text(attributes, conventions.TASK_TYPE, parent.task_type if parent else ""),
        is_drawn=parent is None or parent.is_drawn,
        # A task inside a task ends before the report that it lies in is complete.
        reporter=None if parent is None or is_task else parent.reporter,
    )
    refresh(progress, span)
    return progress


def refresh(progress: LiveProgress, span: ReadableSpan) -> None:
    """Take over what the span's attributes say now."""
    attributes = span.attributes or {}
    progress.counter.completed = _number(attributes, conventions.PROGRESS_COMPLETED) or 0
    progress.total = _number(attributes, conventions.PROGRESS_TOTAL)
    progress.description = _text(attributes, conventions.DESCRIPTION, progress.description)


def settle(progress: LiveProgress, span: ReadableSpan) -> None:
    """Take over how the span ended."""
    refresh(progress, span)
    attributes = span.attributes or {}
    progress.elapsed_ns = _duration_ns(progress, span)
    has_failed = span.status.status_code is StatusCode.ERROR
    progress.outcome = _OUTCOMES.get(
        attributes.get(conventions.OUTCOME), ERROR if has_failed else SUCCESS
    )
    error_type = attributes.get(conventions.ERROR_TYPE)
    progress.error_type = None if error_type is None else str(error_type)
    progress.metrics.update(_metrics(progress, span))


def _metrics(progress: LiveProgress, span: ReadableSpan) -> dict[str, object]:
    metrics: dict[str, object] = {
        "current": progress.counter.completed,
        "execution_time": progress.elapsed_s,
        "items_per_second": progress.throughput,
        "outcome": progress.outcome,
        "failed": progress.outcome != SUCCESS,
    }
    peak = _number(span.attributes or {}, conventions.MEMORY_PEAK) or progress.peak_memory
    if peak:
        metrics["peak_memory_mb"] = peak / (1024 * 1024)
    if progress.error_type is not None:
        metrics["error_type"] = progress.error_type
    if span.status.description:
        metrics["error_message"] = span.status.description
    return metrics


def _duration_ns(progress: LiveProgress, span: ReadableSpan) -> int:
    if span.start_time is None or span.end_time is None:
        return time.perf_counter_ns() - progress.started_ns
    return span.end_time - span.start_time


def _number(attributes: Mapping[str, object], name: str) -> int | None:
    value = attributes.get(name)
    return int(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _text(attributes: Mapping[str, object], name: str, otherwise: str) -> str:
    value = attributes.get(name)
    return value if isinstance(value, str) else otherwise
