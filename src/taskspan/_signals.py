"""The three signals of OpenTelemetry: what each is called in variables, files, OTLP and words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

SignalName: TypeAlias = Literal["traces", "metrics", "logs"]


@dataclass(frozen=True, slots=True)
class Signal:
    """One kind of telemetry, as a file of a run and as a request of OTLP/HTTP.

    `resources`, `scopes` and `records` are the three lists, each inside the one before, of an
    `Export*ServiceRequest`; `rejected` is the count in an answer's `partialSuccess`. `noun` is
    a record in words, and `counted` what a batch in a program is counted in: the SDK hands
    over readings of all metrics at once.
    """

    name: SignalName
    resources: str
    scopes: str
    records: str
    rejected: str
    noun: str
    counted: str

    @property
    def file_name(self) -> str:
        """The file in the run directory."""
        return f"{self.name}.jsonl"

    @property
    def path(self) -> str:
        """What OTLP/HTTP appends to the endpoint."""
        return f"/v1/{self.name}"

    def amount(self, count: int) -> str:
        """Return so much of what batches hold in words."""
        return f"{count:,} {self.counted}" if count == 1 else f"{count:,} {self.counted}s"


TRACES: Final = Signal(
    "traces", "resourceSpans", "scopeSpans", "spans", "rejectedSpans", "span", "span"
)
METRICS: Final = Signal(
    "metrics",
    "resourceMetrics",
    "scopeMetrics",
    "metrics",
    "rejectedDataPoints",
    "metric",
    "metric reading",
)
LOGS: Final = Signal(
    "logs",
    "resourceLogs",
    "scopeLogs",
    "logRecords",
    "rejectedLogRecords",
    "log record",
    "log record",
)
SIGNALS: Final = (TRACES, METRICS, LOGS)
