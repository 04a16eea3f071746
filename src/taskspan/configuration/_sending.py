"""OpenTelemetry's exporters on both sides of a delivery.

The SDK hands its batches to an exporter that only passes them on; behind the delivery stands the
one that sends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from taskspan._signals import METRICS, Signal
from taskspan.configuration import _verdict
from taskspan.configuration._batches import Batch
from taskspan.configuration._exporter_log import ExporterLog
from taskspan.configuration._http_answer import LastAnswer
from taskspan.configuration._verdict import Verdict


class ExporterSender:
    """Sends through an exporter of OpenTelemetry."""

    def __init__(
        self,
        signal: Signal,
        exporter: Any,
        endpoint: str,
        replay_to: str,
        last_answer: LastAnswer | None,
    ) -> None:
        """`last_answer` holds what the endpoint said, where that can be seen."""
        self.endpoint = endpoint
        self.replay_to = replay_to
        self._signal = signal
        self._exporter = exporter
        self._last_answer = last_answer

    def send(self, batch: Batch) -> Verdict:
        """Return what became of the batch; takes as long as the exporter tries."""
        if self._last_answer is not None:
            self._last_answer.answer = None
        with ExporterLog() as log:
            # Each exporter's result is an enumeration of its own, with this name in each.
            is_delivered: bool = self._exporter.export(batch).name == "SUCCESS"
        answer = None if self._last_answer is None else self._last_answer.answer
        # To the exporter a redirect is a success, although it does not follow it.
        if is_delivered and not (answer is not None and answer.is_redirect):
            return _verdict.DELIVERED
        return _verdict.failure(log, answer)

    def empty(self) -> Batch:
        """Return a batch without records."""
        return MetricsData(resource_metrics=[]) if self._signal is METRICS else []

    def close(self) -> None:
        """Shut the exporter down, which ends its waiting between two tries."""
        with ExporterLog():
            self._exporter.shutdown()


@dataclass(frozen=True, slots=True)
class Outlet:
    """Where the batches of a signal go: to a delivery, or to a file."""

    take: Callable[[Batch], object]
    close: Callable[[], None]
    exporter: object = None
    """The exporter at its end, if there is one."""


class _HandingOver:
    """What the exporters below have in common: whoever takes a batch deals with failures."""

    def __init__(self, to: Outlet) -> None:
        self._to = to

    def shutdown(self, *_: object, **__: object) -> None:
        """Close what takes the batches; each signal's SDK passes other arguments."""
        self._to.close()

    def force_flush(self, *_: object, **__: object) -> bool:
        """Hold nothing back."""
        return True


class HandingOverSpans(_HandingOver, SpanExporter):
    """Passes spans on."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Pass them on."""
        self._to.take(spans)
        return SpanExportResult.SUCCESS


class HandingOverLogs(_HandingOver, LogRecordExporter):
    """Passes log records on."""

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Pass them on."""
        self._to.take(batch)
        return LogRecordExportResult.SUCCESS


class HandingOverMetrics(_HandingOver, MetricExporter):
    """Passes readings of all metrics on, made as the exporter behind it wants them."""

    def __init__(self, to: Outlet) -> None:
        super().__init__(to)
        # Names of the SDK, without a public spelling: its own reader takes them from an exporter.
        MetricExporter.__init__(
            self,
            preferred_temporality=getattr(to.exporter, "_preferred_temporality", None),
            preferred_aggregation=getattr(to.exporter, "_preferred_aggregation", None),
        )

    def export(self, metrics_data: MetricsData, *_: object, **__: object) -> MetricExportResult:
        """Pass them on."""
        self._to.take(metrics_data)
        return MetricExportResult.SUCCESS
