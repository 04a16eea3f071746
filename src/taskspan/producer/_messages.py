"""Messages of a task: to its logger, and visible on stderr exactly once."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from typing import Any, TypeGuard

from opentelemetry import trace

from taskspan import _console, _redaction, _text
from taskspan._guard import guarded
from taskspan._protocols import MessageLogger

_STDOUT = 1
_STDERR = 2


def send(logger: MessageLogger, level: int, message: str) -> None:
    """Log a message; print it on stderr where no handler of the logger does."""
    is_shown = _shows_itself(logger, level)
    with guarded("the logger of a task"):
        logger.log(level, message)
    if not is_shown:
        with guarded("a message on stderr"):
            _print(level, message)


def _print(level: int, message: str) -> None:
    # As a whole: a private key is one of many lines.
    lines = _redaction.redacted(_text.shown(message)).splitlines() or [""]
    safe = "\n".join(_text.one_line(line, _text.VALUE_LIMIT) for line in lines)
    with _console.lines_above():
        sys.stderr.write(f"[{logging.getLevelName(level)}] {safe}\n")
        sys.stderr.flush()


def warn_of_stdout(logger: MessageLogger) -> None:
    """Log a warning if a handler of the logger writes to stdout, where the bars are."""
    if any(_writes_to(handler, sys.stdout, _STDOUT) for handler in _handlers(logger)):
        with guarded("the logger of a task"):
            logger.warning(
                "The logger has a handler that writes to stdout, where the progress bars are "
                "drawn; let it write to stderr instead"
            )


def _shows_itself(logger: MessageLogger, level: int) -> bool:
    """Whether the logging set-up decides what stderr shows of this message.

    It does where a handler writes to stderr, even one whose level leaves this message
    out, and where a level set on purpose silences the logger.
    """
    handlers = _handlers(logger)
    if any(_writes_to(handler, sys.stderr, _STDERR) for handler in handlers):
        return True
    if not _is_real(logger):
        return False
    if _is_silenced(logger, level):
        return True
    # With no handler at all, Python prints warnings itself.
    last_resort = logging.lastResort
    return not handlers and last_resort is not None and level >= last_resort.level


def _is_silenced(logger: logging.Logger, level: int) -> bool:
    if logger.disabled or logging.root.manager.disable >= level:
        return True
    # The level of the root logger is WARNING in every program that has set nothing.
    nearest: logging.Logger | None = logger
    while nearest is not None and nearest is not logging.root:
        if nearest.level:
            return level < nearest.level
        nearest = nearest.parent
    return False


def _handlers(logger: MessageLogger) -> list[Any]:
    own = getattr(logger, "handlers", ())
    handlers = list(own) if isinstance(own, Iterable) else []
    if _is_real(logger):
        above = logger.parent if logger.propagate else None
        while above is not None:
            handlers += above.handlers
            above = above.parent if above.propagate else None
    return handlers


def _is_real(logger: object) -> TypeGuard[logging.Logger]:
    """Whether it is a logger, and no stand-in that only says so, as a test's mock does."""
    return isinstance(logger, logging.Logger) and isinstance(logger.manager, logging.Manager)


def _writes_to(handler: object, standard: object, descriptor: int) -> bool:
    if not isinstance(handler, logging.StreamHandler):
        return False
    stream = handler.stream
    # A stream that keeps bars whole stands before the real one.
    stream = getattr(stream, "stream", stream)
    return stream is standard or _descriptor_of(stream) == descriptor


def _descriptor_of(stream: object) -> int | None:
    try:
        return int(stream.fileno())  # type: ignore[attr-defined]  # whatever was handed over
    except (AttributeError, OSError, ValueError, TypeError):
        return None


class TraceIdFilter(logging.Filter):
    """Gives every record of a logger the ids of the span it was logged in.

    The names are those of OpenTelemetry's logging instrumentation: `otelTraceID`,
    `otelSpanID`. A record that has them already keeps them.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the ids; lets every record through."""
        add_trace_ids(record)
        return True


def add_trace_ids(record: logging.LogRecord) -> None:
    """Set `otelTraceID` and `otelSpanID` from the current span, `0` outside of one."""
    if "otelTraceID" in record.__dict__:
        return
    context = trace.get_current_span().get_span_context()
    is_valid = context.is_valid
    record.otelTraceID = trace.format_trace_id(context.trace_id) if is_valid else "0"
    record.otelSpanID = trace.format_span_id(context.span_id) if is_valid else "0"
