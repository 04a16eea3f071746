"""Runs as OpenTelemetry's file exporters write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from opentelemetry.exporter.otlp.json.file import FileMetricExporter, FileSpanExporter
from opentelemetry.exporter.otlp.json.file._log_exporter import FileLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON


def write_run(run: Path, *, traces: int = 3, metrics: int = 2, logs: int = 4) -> Path:
    """Add lines to a run with the exporters that record runs."""
    run.mkdir(exist_ok=True)
    write_traces(run, traces)
    _write_metrics(run, metrics)
    _write_logs(run, logs)
    return run


def write_traces(run: Path, count: int) -> None:
    """Add spans to a run, each on a line of its own."""
    provider = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(run / "traces.jsonl")))
    tracer = provider.get_tracer("sample")
    for number in range(count):
        with tracer.start_as_current_span(f"span {number} ü"):
            pass
    provider.shutdown()


def _write_metrics(run: Path, count: int) -> None:
    reader = PeriodicExportingMetricReader(FileMetricExporter(run / "metrics.jsonl"), 3_600_000)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    counter = provider.get_meter("sample").create_counter("rows")
    for _ in range(count - 1):  # the last one is written at the end
        counter.add(1)
        provider.force_flush()
    counter.add(1)
    provider.shutdown()


def _write_logs(run: Path, count: int) -> None:
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(FileLogExporter(run / "logs.jsonl")))
    logger = provider.get_logger("sample")
    for number in range(count):
        logger.emit(body=f"message {number}", event_name="sample")
    provider.shutdown()


def lines_of(run: Path, name: str = "traces") -> list[bytes]:
    """Return the lines of a file without their line breaks."""
    return (run / f"{name}.jsonl").read_bytes().splitlines()


def traces(*spans: str) -> dict[str, Any]:
    """Return a request with the named spans, all of one scope."""
    return {"resourceSpans": [{"scopeSpans": [{"spans": [{"name": name} for name in spans]}]}]}


def write_lines(run: Path, *lines: bytes | dict[str, Any], name: str = "traces") -> Path:
    """Make a run of one file with these lines, each with a line break."""
    run.mkdir(exist_ok=True)
    encoded = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    with (run / f"{name}.jsonl").open("ab") as file:
        file.writelines(line + b"\n" for line in encoded)
    return run


def span_names(content: dict[str, Any]) -> list[str]:
    """Return the names of the spans in a request."""
    return [
        span["name"]
        for resource in content["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
