"""Spans, and running operations on them, whose time the test sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.trace import SpanContext, TraceFlags

from taskspan import conventions
from tests.views._stand_ins import FakeLive

START_NS = 1_700_000_000_000_000_000
TRACE_ID = 0xABC


@dataclass
class FakeEvent:
    """An event of a span."""

    name: str
    timestamp: int = START_NS
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass
class FakeSpan:
    """The little that is read of a span."""

    name: str
    span_id: int
    parent: SpanContext | None = None
    start_time: int | None = START_NS
    end_time: int | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    events: list[FakeEvent] = field(default_factory=list)
    dropped_events: int = 0

    def get_span_context(self) -> SpanContext:
        """Its ids."""
        return SpanContext(TRACE_ID, self.span_id, is_remote=False, trace_flags=TraceFlags(1))


class Recorded(FakeLive):
    """A running operation with a span."""

    def __init__(self, name: str, span_id: int = 1, **options: Any) -> None:
        super().__init__(name, **options)
        self.span = FakeSpan(
            name,
            span_id,
            attributes={
                conventions.KIND: self.progress.kind,
                conventions.PROGRESS_UNIT: "{row}",
            },
        )
        self.progress.span = self.span


class FakeClock:
    """A clock in nanoseconds that the test sets."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += int(seconds * 1e9)


class MemoryOfLogs:
    """A provider of loggers, and the records that came to it since the last look."""

    def __init__(self) -> None:
        self.exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK's
        self.provider = LoggerProvider(shutdown_on_exit=False)
        self.provider.add_log_record_processor(SimpleLogRecordProcessor(self.exporter))

    def new(self) -> list[LogRecord]:
        """Return the new records."""
        found = [readable.log_record for readable in self.exporter.get_finished_logs()]
        self.exporter.clear()
        return found
