"""What the span of a task or operation holds at its start and at its end."""

from __future__ import annotations

import traceback
from typing import Any, Final

from taskspan import _text, conventions
from taskspan._attributes import AttributeValue, metric_attributes
from taskspan._guard import attempt
from taskspan._live import MEASURED, LiveProgress
from taskspan._outcome import error_type_of
from taskspan.conventions import KIND_TASK

# Entries of `metrics` that have an attribute of their own, or say what the span itself says.
_NOT_REPORTED: Final = MEASURED | {"error_type", "error_message"}


def span_name(progress: LiveProgress) -> str:
    """Return the name of the span: printable, of bounded length."""
    return _text.name(progress.name)


def first_attributes(progress: LiveProgress) -> dict[str, AttributeValue]:
    """Return what is known at the start; samplers and processors see these."""
    attributes: dict[str, AttributeValue] = {
        conventions.KIND: progress.kind,
        conventions.PROGRESS_UNIT: conventions.unit_annotation(_text.name(progress.unit)),
    }
    if progress.kind == KIND_TASK:
        attributes[conventions.TASK_ID] = _text.name(progress.task_id)
        attributes[conventions.TASK_TYPE] = _text.name(progress.task_type)
    else:
        attributes[conventions.OPERATION_NAME] = _text.name(progress.name)
    _add_what_may_change(attributes, progress)
    return attributes


def last_attributes(progress: LiveProgress) -> dict[str, AttributeValue]:
    """Return what is known at the end, the application's own metrics among it."""
    metrics = progress.metrics
    attributes: dict[str, AttributeValue] = {
        conventions.PROGRESS_COMPLETED: metrics["current"],
        conventions.THROUGHPUT: metrics["items_per_second"],
        conventions.MEMORY_PEAK: progress.peak_memory,
        conventions.MEMORY_DELTA: progress.peak_memory - progress.start_memory,
        conventions.OUTCOME: str(progress.outcome),
    }
    _add_what_may_change(attributes, progress)
    if progress.error_type is not None:
        attributes[conventions.ERROR_TYPE] = _text.name(progress.error_type)
    reported = {name: value for name, value in metrics.items() if name not in _NOT_REPORTED}
    attributes.update(metric_attributes(reported, conventions.METRIC_PREFIX))
    return attributes


def _add_what_may_change(attributes: dict[str, AttributeValue], progress: LiveProgress) -> None:
    if progress.total is not None:
        attributes[conventions.PROGRESS_TOTAL] = progress.total
    if progress.description != progress.name:
        attributes[conventions.DESCRIPTION] = _text.name(progress.description)


def status_description(metrics: dict[str, Any], otherwise: str) -> str:
    """Return why it failed, as the description of the span's status."""
    # Asked for their text, not for their truth: that of an array raises.
    said = [metrics.get(key) for key in ("error_type", "error_message")]
    reasons = [_text.shown(value) for value in said if value is not None]
    text = ": ".join(filter(None, reasons)) or otherwise
    return _text.attribute(text)


def exception_attributes(error: BaseException) -> dict[str, AttributeValue]:
    """Return what the exception event holds.

    Not left to `Span.record_exception`: that raises where `str(error)` does, and passes on
    lone surrogates, for which an exporter drops the whole batch, and megabytes.
    """
    stack = attempt("the stack trace of an exception", lambda: _stack_trace(error), "")
    return {
        conventions.EXCEPTION_TYPE: _text.name(error_type_of(error)),
        conventions.EXCEPTION_MESSAGE: _text.attribute(_text.shown(error)),
        # The end tells what was raised, and where.
        conventions.EXCEPTION_STACKTRACE: _text.last_of(stack, _text.LONGEST),
    }


def _stack_trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
