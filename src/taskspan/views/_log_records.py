"""What log events say: a start, progress, a retry, an exception, an end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry._logs import SeverityNumber
from opentelemetry.trace import format_span_id

from taskspan import _text, conventions
from taskspan._attributes import AttributeValue, attribute_value
from taskspan._live import LiveProgress
from taskspan._memory import PROBE
from taskspan._protocols import RecordedSpan, SpanEvent
from taskspan._snapshot import Snapshot, throughput
from taskspan.conventions import CANCELLED, ERROR_TYPE_OTHER
from taskspan.views._figures import duration, items_rate

Attributes = dict[str, AttributeValue]

MAX_METRICS: Final = 90
"""Final metrics of the application on one record: OpenTelemetry drops attributes past 128."""

_BODY_LIMIT: Final = 500
_KNOWN_AT_START: Final = (
    conventions.KIND,
    conventions.TASK_ID,
    conventions.TASK_TYPE,
    conventions.OPERATION_NAME,
    conventions.DESCRIPTION,
    conventions.PROGRESS_TOTAL,
    conventions.PROGRESS_UNIT,
)
_KNOWN_AT_END: Final = (
    conventions.PROGRESS_COMPLETED,
    conventions.THROUGHPUT,
    conventions.MEMORY_PEAK,
    conventions.MEMORY_DELTA,
    conventions.ERROR_TYPE,
)


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One record; its time in ns since 1970."""

    name: str
    timestamp: int
    body: str
    attributes: Attributes
    severity: SeverityNumber = SeverityNumber.INFO


def started(progress: LiveProgress, span: RecordedSpan) -> LogEvent:
    """Return the record of a start: with it alone, the span can be rebuilt."""
    snapshot = progress.snapshot()
    of_total = "" if snapshot.total is None else f", {snapshot.total:,} {snapshot.unit}"
    return LogEvent(
        conventions.STARTED_EVENT,
        span.start_time or 0,
        f"{snapshot.description}: started{of_total}",
        _identity(progress, span),
    )


def in_between(progress: LiveProgress, span: RecordedSpan) -> LogEvent:
    """Return the record of how far it is: what the span's progress events say."""
    lasted_ns = progress.lasted_ns()
    snapshot = progress.snapshot()
    attributes: Attributes = {
        conventions.PROGRESS_COMPLETED: snapshot.completed,
        conventions.THROUGHPUT: throughput(snapshot.completed, lasted_ns / 1e9),
        conventions.MEMORY_USAGE: PROBE.latest,
    }
    if snapshot.total is not None:
        attributes[conventions.PROGRESS_TOTAL] = snapshot.total
    if progress.description != progress.name:
        attributes[conventions.DESCRIPTION] = _text.name(progress.description)
    parts = [f"{snapshot.description}: {_how_far(snapshot)}", snapshot.postfix]
    return LogEvent(
        conventions.PROGRESS_EVENT,
        (span.start_time or 0) + lasted_ns,
        ", ".join(filter(None, parts)),
        attributes,
    )


def ended(progress: LiveProgress, span: RecordedSpan) -> LogEvent:
    """Return the record of an end: what the start and the span's own end say."""
    snapshot = progress.snapshot()
    message = _text.attribute(_text.shown(progress.metrics.get("error_message") or ""))
    attributes = _identity(progress, span)
    attributes[conventions.OUTCOME] = str(progress.outcome)
    attributes.update(_picked(span, _KNOWN_AT_END))
    if message:
        attributes[conventions.EXCEPTION_MESSAGE] = message
    attributes.update(_metrics(span))
    reason = _reason(snapshot, message)
    parts = [_how_far(snapshot), duration(snapshot.elapsed_s), items_rate(snapshot)]
    has_failed = snapshot.has_failed
    return LogEvent(
        conventions.ENDED_EVENT,
        span.end_time or (span.start_time or 0) + progress.lasted_ns(),
        f"{snapshot.description}: {snapshot.outcome}{reason}, {', '.join(filter(None, parts))}",
        attributes,
        SeverityNumber.ERROR if has_failed else SeverityNumber.INFO,
    )


def of_span_event(event: SpanEvent, progress: LiveProgress) -> LogEvent | None:
    """Return the twin of a retry or an exception on the span; `None` for any other event."""
    attributes = {
        name: _safe(name, value) for name, value in list((event.attributes or {}).items())
    }
    said: Mapping[str, Any] = attributes
    severity = SeverityNumber.ERROR
    if event.name == conventions.RETRY_EVENT:
        body = (
            f"attempt {said.get(conventions.RETRY_ATTEMPT)} failed "
            f"({said.get(conventions.ERROR_TYPE)}), the next one in "
            f"{duration(said.get(conventions.RETRY_WAIT) or 0.0)}"
        )
        severity = SeverityNumber.WARN
    elif event.name == conventions.EXCEPTION_EVENT:
        body = f"{said.get(conventions.EXCEPTION_TYPE)}: {said.get(conventions.EXCEPTION_MESSAGE)}"
        if progress.outcome == CANCELLED:
            severity = SeverityNumber.INFO
    else:
        return None
    label = progress.snapshot().description
    return LogEvent(
        event.name,
        event.timestamp,
        _text.one_line(f"{label}: {body}", _BODY_LIMIT),
        attributes,
        severity,
    )


def _identity(progress: LiveProgress, span: RecordedSpan) -> Attributes:
    attributes: Attributes = {
        conventions.SPAN_NAME: _text.name(span.name),
        conventions.SPAN_START: span.start_time or 0,
    }
    if span.parent is not None:
        attributes[conventions.SPAN_PARENT_ID] = format_span_id(span.parent.span_id)
    # What an operation's span leaves to the task around it.
    if progress.task_type:
        attributes[conventions.TASK_TYPE] = _text.name(progress.task_type)
    if progress.task_id:
        attributes[conventions.TASK_ID] = _text.name(progress.task_id)
    attributes.update(_picked(span, _KNOWN_AT_START))
    return attributes


def _picked(span: RecordedSpan, names: tuple[str, ...]) -> Iterator[tuple[str, AttributeValue]]:
    attributes = span.attributes or {}
    for name in names:
        value = attributes.get(name)
        if value is not None:
            yield name, attribute_value(value)


def _metrics(span: RecordedSpan) -> Attributes:
    names = [n for n in list(span.attributes or {}) if n.startswith(conventions.METRIC_PREFIX)]
    return dict(_picked(span, tuple(names[:MAX_METRICS])))


def _safe(name: str, value: object) -> AttributeValue:
    if name == conventions.EXCEPTION_STACKTRACE:
        return _text.attribute(_text.shown(value), _text.LONGEST)
    return attribute_value(value)


def _how_far(snapshot: Snapshot) -> str:
    if not snapshot.total:
        return f"{snapshot.completed:,} {snapshot.unit}" if snapshot.completed else ""
    share = 100 * snapshot.completed / snapshot.total
    return f"{share:.0f} % ({snapshot.completed:,} of {snapshot.total:,} {snapshot.unit})"


def _reason(snapshot: Snapshot, message: str) -> str:
    kind = "" if snapshot.error_type in (None, ERROR_TYPE_OTHER) else snapshot.error_type
    text = ": ".join(filter(None, [kind, _text.one_line(message, _BODY_LIMIT)]))
    return f" ({text})" if text else ""
