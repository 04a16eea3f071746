"""`configure()`: what an application calls once, at its start."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from taskspan._guard import guarded
from taskspan.configuration import _local
from taskspan.configuration._console import Console
from taskspan.configuration._exporters import exporters
from taskspan.configuration._sampler import LocalVisibilitySampler
from taskspan.processor._processor import ProgressSpanProcessor
from taskspan.producer import _registry
from taskspan.producer._messages import add_trace_ids

if TYPE_CHECKING:
    from typing_extensions import Self

_FLUSH_TIMEOUT_MS = 30_000


class Telemetry:
    """What `configure` has set up; also a context manager that shuts it down."""

    def __init__(self, processor: ProgressSpanProcessor) -> None:
        """Hold the processor, and the providers that are global now."""
        self.processor = processor
        self.tracer_provider = trace.get_tracer_provider()
        self.meter_provider = metrics.get_meter_provider()
        self._is_shut_down = False

    def force_flush(self, timeout_millis: int = _FLUSH_TIMEOUT_MS) -> bool:
        """Export what has ended and draw the latest values; `False` if time ran out."""
        results = [
            self._call(provider, "force_flush", timeout_millis)
            for provider in (self.tracer_provider, self.meter_provider)
        ]
        return all(result is not False for result in results)

    def shutdown(self) -> None:
        """End what still runs, export everything, stop drawing; a second call does nothing.

        OpenTelemetry lets a provider be set once in a process: after this, spans are
        neither shown nor exported.
        """
        if self._is_shut_down:
            return
        self._is_shut_down = True
        _registry.end_all()
        for provider in (self.tracer_provider, self.meter_provider):
            self._call(provider, "shutdown")
        self.processor.shutdown()
        _local.forget_console()

    def _call(self, provider: object, method: str, *arguments: object) -> object:
        call: Callable[..., object] | None = getattr(provider, method, None)
        if call is None:
            return None
        with guarded(f"{method} of {type(provider).__name__}"):
            return call(*arguments)
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.shutdown()


def configure(service_name: str | None = None, *, console: Console = "auto") -> Telemetry:
    """Set up tracing, metrics and the console of an application.

    Sets the global tracer and meter provider where the application has none, with the
    exporters that the `OTEL_*` environment variables name; adds to providers that are there
    already. Called again it only changes the console.

    Args:
        service_name: the resource attribute `service.name`; by default `OTEL_SERVICE_NAME`.
        console: `True` for bars, `False` for nothing, `"auto"` for bars on a terminal and
            plain lines on stderr elsewhere.

    Raises:
        ValueError: `console` is none of the three.
    """
    processor = _local.show(console)
    resource = _resource(service_name)
    _set_tracer_provider(resource, processor)
    _set_meter_provider(resource)
    _stamp_log_records()
    return Telemetry(processor)


def _resource(service_name: str | None) -> Resource:
    return Resource.create({} if service_name is None else {SERVICE_NAME: service_name})


def _set_tracer_provider(resource: Resource, processor: ProgressSpanProcessor) -> None:
    provider: Any = trace.get_tracer_provider()
    if isinstance(provider, (trace.ProxyTracerProvider, trace.NoOpTracerProvider)):
        provider = TracerProvider(resource=resource)
        for exporter in exporters("traces"):
            provider.add_span_processor(BatchSpanProcessor(exporter))
        trace.set_tracer_provider(provider)
    _registry.end_all_before_exit_of(provider)
    if isinstance(provider, TracerProvider):
        _add(provider, processor)


def _add(provider: TracerProvider, processor: ProgressSpanProcessor) -> None:
    if not isinstance(provider.sampler, LocalVisibilitySampler):
        provider.sampler = LocalVisibilitySampler(provider.sampler)
    if _local.adds_to(provider):
        provider.add_span_processor(processor)


def _set_meter_provider(resource: Resource) -> None:
    readers = [PeriodicExportingMetricReader(exporter) for exporter in exporters("metrics")]
    if readers and not isinstance(metrics.get_meter_provider(), MeterProvider):
        metrics.set_meter_provider(MeterProvider(metric_readers=readers, resource=resource))


def _stamp_log_records() -> None:
    make = logging.getLogRecordFactory()
    if getattr(make, "stamps_trace_ids", False):
        return

    def stamped(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        add_trace_ids(record)
        return record

    stamped.stamps_trace_ids = True  # type: ignore[attr-defined]  # seen by the next call
    logging.setLogRecordFactory(stamped)
