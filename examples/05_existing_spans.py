"""A bar for spans that other code makes: OpenTelemetry alone and three attributes."""

from __future__ import annotations

import time

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import taskspan

TRACER = trace.get_tracer("somebody.elses.library")


def somebody_elses_function() -> None:
    """Do some work inside a span, in a library that has never heard of taskspan."""
    attributes: dict[str, str | int] = {
        "taskspan.kind": "operation",
        "taskspan.progress.total": 200,
        "taskspan.progress.unit": "{tile}",
    }
    with TRACER.start_as_current_span("render map", attributes=attributes) as span:
        for tile in range(200):
            time.sleep(0.005)
            span.set_attribute("taskspan.progress.completed", tile + 1)


def main() -> None:
    """Show the spans of the library, and what the exporter got."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    # Adds its own processor, which draws, to the provider that is there.
    with taskspan.configure():
        somebody_elses_function()
    for span in exporter.get_finished_spans():
        print(span.name, dict(span.attributes or {}))


if __name__ == "__main__":
    main()
