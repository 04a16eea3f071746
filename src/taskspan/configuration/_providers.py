"""The three providers of OpenTelemetry: set where the application has none, else added to."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from opentelemetry import _logs as logs
from opentelemetry import metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider

from taskspan import _text
from taskspan._guard import LOGGER, guarded
from taskspan._signals import LOGS, METRICS, TRACES, Signal
from taskspan.configuration import _environment
from taskspan.configuration._lossless import LosslessLogProcessor, LosslessSpanProcessor
from taskspan.configuration._pipelines import Pipelines
from taskspan.configuration._sending import HandingOverMetrics, Outlet

_RUN_DELAY_MS: Final = 1_000
"""Milliseconds until what has happened is on disk, and the SDK's own default for log records."""

_EXPORT_DELAY_MS: Final = 5_000
"""Milliseconds until spans are sent: the SDK's own default."""

_COUNT: Final = 128
"""Attributes, events and links of a span: the SDK's own default."""


def resource_of(service_name: str | None) -> Resource:
    """Return what spans, metrics and logs say of this process; `OTEL_*` where nothing is given."""
    resource = Resource.create({} if service_name is None else {SERVICE_NAME: service_name})
    limit = _environment.attribute_length_limit()
    bounded = {
        name: _text.attribute(value, limit) if isinstance(value, str) else value
        for name, value in resource.attributes.items()
    }
    return Resource(bounded, resource.schema_url)


def service_name_of(resource: Resource) -> str:
    """Return the service's name."""
    return str(resource.attributes.get(SERVICE_NAME, "run"))


def signals_without_provider() -> list[Signal]:
    """Return the signals that the application has set no provider for."""
    unset = []
    if isinstance(
        trace.get_tracer_provider(), (trace.ProxyTracerProvider, trace.NoOpTracerProvider)
    ):
        unset.append(TRACES)
    if not isinstance(metrics.get_meter_provider(), MeterProvider):
        unset.append(METRICS)
    if not isinstance(logs.get_logger_provider(), LoggerProvider):
        unset.append(LOGS)
    return unset


def set_logger_provider(resource: Resource, made: Pipelines) -> None:
    """Set a logger provider if log records go anywhere."""
    if not made.outlets["logs"]:
        return
    provider = LoggerProvider(resource)
    for outlet in made.outlets["logs"]:
        _add_logs(provider, outlet)
    logs.set_logger_provider(provider)


def set_meter_provider(resource: Resource, made: Pipelines) -> None:
    """Set a meter provider if metrics go anywhere."""
    periodic = [
        PeriodicExportingMetricReader(
            HandingOverMetrics(outlet), export_interval_millis=_environment.metric_interval_ms()
        )
        for outlet in made.outlets["metrics"]
    ]
    readers = [*made.readers, *periodic]
    if readers:
        metrics.set_meter_provider(MeterProvider(metric_readers=readers, resource=resource))


def set_tracer_provider(resource: Resource, made: Pipelines) -> None:
    """Set a tracer provider; tasks are shown through it even if its spans go nowhere."""
    provider = TracerProvider(resource=resource, span_limits=_span_limits())
    for outlet in made.outlets["traces"]:
        _add_spans(provider, outlet)
    trace.set_tracer_provider(provider)


def _span_limits() -> SpanLimits:
    """Return the limits of the environment; the SDK's defaults where it has an invalid one."""
    longest = _environment.attribute_length_limit()
    with guarded("the limits of spans"):
        return SpanLimits(max_attribute_length=longest)
    return SpanLimits(*(_COUNT,) * 6, max_attribute_length=longest)


def add_to_those_there(made: Pipelines, missing: Collection[Signal]) -> None:
    """Let the providers of the application write into the run directory as well."""
    if TRACES not in missing:
        for outlet in made.outlets["traces"]:
            _add_spans(trace.get_tracer_provider(), outlet)
    if LOGS not in missing:
        for outlet in made.outlets["logs"]:
            _add_logs(logs.get_logger_provider(), outlet)
    if METRICS not in missing and made.outlets["metrics"]:
        # OpenTelemetry takes the readers of a meter provider when it is made, and no more later.
        LOGGER.info("the application's own meter provider does not write to the run directory")


def _add_spans(provider: Any, outlet: Outlet) -> None:
    delay_ms = _EXPORT_DELAY_MS if outlet.exporter else _RUN_DELAY_MS
    with guarded("adding an exporter of spans"):
        batching = _environment.batching("OTEL_BSP", delay_ms)
        provider.add_span_processor(LosslessSpanProcessor(outlet, batching))


def _add_logs(provider: Any, outlet: Outlet) -> None:
    with guarded("adding an exporter of log records"):
        batching = _environment.batching("OTEL_BLRP", _RUN_DELAY_MS)
        limit = _environment.attribute_length_limit()
        provider.add_log_record_processor(LosslessLogProcessor(outlet, batching, limit))
