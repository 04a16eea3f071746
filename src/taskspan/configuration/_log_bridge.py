"""Hands the application's log records to OpenTelemetry, with the ids of the span they belong to.

Problem: `configure(logs=True)` is to export what the application logs, and change nothing of
what it prints.

Not taken: the SDK's `LoggingHandler`, which is deprecated; it hands on a body of any length and
lone surrogates, for which an exporter drops the batch. Its successor is in
`opentelemetry-instrumentation-logging`, which brings wrapt and the framework that patches
libraries, for a hundred lines. A handler on the root logger, whosever: where it is the only one,
Python no longer prints warnings by its handler of last resort, `logging.warning` and
`logging.basicConfig` no longer make one that writes to stderr, and `dictConfig` throws it away.

Taken: `Logger.callHandlers` calls the bridge after the handlers of the logger. Levels, filters
and `disable` of the application have decided by then, and no list of handlers tells of it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import ClassVar, Final

from opentelemetry import context as otel_context
from opentelemetry._logs import SeverityNumber, get_logger

from taskspan import _text, conventions
from taskspan._attributes import AttributeValue, metric_attributes
from taskspan._guard import attempt, guarded
from taskspan.producer._span_attributes import exception_attributes

BODY_LIMIT: Final = _text.LONGEST
"""Characters of a message."""

MAX_EXTRAS: Final = 64
"""Fields given as `extra=`; OpenTelemetry drops attributes past 128."""

_NEVER: Final = 1 << 30

_OPENTELEMETRY: Final = "opentelemetry"

_DELIVERIES: Final = "taskspan-delivery"
"""How the names of our own threads begin that export; see `_delivery.py`."""

# Set by the SDK on threads that export. Underscored, and yet what instrumentations go by.
_SUPPRESSED: Final = getattr(otel_context, "_SUPPRESS_INSTRUMENTATION_KEY", "none")

# What every record has, formatters and OpenTelemetry's ids add to it.
_NO_EXTRAS: Final = {
    *vars(logging.makeLogRecord({})),
    *("message", "asctime", "taskName"),
    *("otelTraceID", "otelSpanID", "otelTraceSampled", "otelServiceName"),
}

_SEVERITIES: Final = (
    (logging.CRITICAL, SeverityNumber.FATAL),
    (logging.ERROR, SeverityNumber.ERROR),
    (logging.WARNING, SeverityNumber.WARN),
    (logging.INFO, SeverityNumber.INFO),
    (logging.DEBUG, SeverityNumber.DEBUG),
)


class LogBridge(logging.Handler):
    """Emits each record as one of OpenTelemetry, unless it comes from the exporting itself."""

    def __init__(self) -> None:
        super().__init__()
        self._here = threading.local()

    def handle(self, record: logging.LogRecord) -> bool:
        """Emit it, without the lock that handlers have: other threads do not wait meanwhile."""
        if record.levelno < self.level or self._is_of_exporting(record):
            return False
        self._here.is_busy = True
        try:
            with guarded("the export of a log record"):
                self.emit(record)
        finally:
            self._here.is_busy = False
        return True

    def _is_of_exporting(self, record: logging.LogRecord) -> bool:
        name = record.name
        return (
            getattr(self._here, "is_busy", False)
            or name == _OPENTELEMETRY
            or name.startswith(_OPENTELEMETRY + ".")
            or _text.shown(record.threadName).startswith(_DELIVERIES)
            or otel_context.get_value(_SUPPRESSED) is True
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Emit it, bound to the current span."""
        get_logger(_text.name(record.name)).emit(
            timestamp=int(record.created * 1e9),
            severity_number=severity_of(record.levelno),
            severity_text=_text.name(record.levelname),
            # Shortened once more: an escape is longer than what it stands for.
            body=_text.shortened(_text.attribute(_message_of(record), BODY_LIMIT), BODY_LIMIT),
            attributes=_attributes_of(record),
        )


def severity_of(level: int) -> SeverityNumber:
    """Return the severity that a level stands for; levels in between count as the lower one."""
    return next((number for at, number in _SEVERITIES if level >= at), SeverityNumber.TRACE)


def _message_of(record: logging.LogRecord) -> str:
    # Arguments that do not fit their format: the format is better than nothing.
    message = attempt("the message of a log record", record.getMessage, None)
    return _text.shown(record.msg if message is None else message)


def _attributes_of(record: logging.LogRecord) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        conventions.CODE_FILE: _text.attribute(_text.shown(record.pathname)),
        conventions.CODE_FUNCTION: _text.name(record.funcName),
        conventions.CODE_LINE: record.lineno,
        conventions.THREAD_NAME: _text.name(record.threadName),
    }
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if error is not None:
        attributes.update(exception_attributes(error))
    extras = [name for name in list(vars(record)) if name not in _NO_EXTRAS][:MAX_EXTRAS]
    return {**metric_attributes({n: vars(record)[n] for n in extras}, ""), **attributes}


class _State:
    # Protects the fields; nothing is called under it.
    lock = threading.Lock()
    bridge: ClassVar[LogBridge] = LogBridge()
    original: ClassVar[Callable[[logging.Logger, logging.LogRecord], None] | None] = None


def install(level: int = logging.NOTSET) -> None:
    """Export from now on what is logged at `level` or above; called again it changes the level."""
    with _State.lock:
        _State.bridge.setLevel(level)
        if _State.original is None:
            _State.original = logging.Logger.callHandlers
            _put_in(_call_handlers)


def remove() -> None:
    """Export log records no more."""
    with _State.lock:
        # Somebody may have put a function of theirs around ours: it then does nothing.
        if logging.Logger.callHandlers is _call_handlers and _State.original is not None:
            _put_in(_State.original)
            _State.original = None
        _State.bridge.setLevel(_NEVER)


def _put_in(function: Callable[[logging.Logger, logging.LogRecord], None]) -> None:
    logging.Logger.callHandlers = function  # type: ignore[method-assign, assignment]  # see above


def _call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
    original = _State.original
    if original is not None:
        original(logger, record)
    _State.bridge.handle(record)
