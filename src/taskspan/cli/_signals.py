"""The three files of a run: what each holds, in the names of OTLP's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Signal:
    """One kind of telemetry, as a file of a run and as a request of OTLP/HTTP.

    `resources`, `scopes` and `records` are the three lists, each inside the one before, of an
    `Export*ServiceRequest`; `rejected` is the count in an answer's `partialSuccess`.
    """

    name: str
    resources: str
    scopes: str
    records: str
    rejected: str
    noun: str

    @property
    def file_name(self) -> str:
        """The file in the run directory."""
        return f"{self.name}.jsonl"

    @property
    def path(self) -> str:
        """What OTLP/HTTP appends to the endpoint."""
        return f"/v1/{self.name}"


TRACES: Final = Signal("traces", "resourceSpans", "scopeSpans", "spans", "rejectedSpans", "span")
METRICS: Final = Signal(
    "metrics", "resourceMetrics", "scopeMetrics", "metrics", "rejectedDataPoints", "metric"
)
LOGS: Final = Signal(
    "logs", "resourceLogs", "scopeLogs", "logRecords", "rejectedLogRecords", "log record"
)
SIGNALS: Final = (TRACES, METRICS, LOGS)
