"""The only reader of environment variables, and of what kind of place the program runs in."""

from __future__ import annotations

import os
import sys
from typing import Final
from urllib.parse import urlsplit

RUN_DIRECTORY: Final = "TASKSPAN_RUN_DIR"

_PROPAGATED: Final = ("TRACEPARENT", "TRACESTATE", "BAGGAGE")
_OTLP_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_QUEUE_SIZE: Final = 2048  # the SDK's own default


def is_continuous_integration() -> bool:
    """Whether `CI` or `CONTINUOUS_INTEGRATION` is set to anything but a word for no."""
    return any(_is_yes(os.environ.get(name)) for name in ("CI", "CONTINUOUS_INTEGRATION"))


def stdout_is_terminal() -> bool:
    """Whether stdout shows to a person; `False` when it is closed or missing."""
    try:
        return sys.stdout.isatty()
    except (AttributeError, ValueError):
        return False


def exporter_names(signal: str) -> list[str]:
    """Return the exporters that the environment asks for.

    `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER`, `OTEL_LOGS_EXPORTER` (OpenTelemetry
    specification, environment variables, "Exporter selection"); without it `otlp` where an
    endpoint is set.
    """
    named = os.environ.get(f"OTEL_{signal.upper()}_EXPORTER")
    if named:
        return [name for name in map(str.strip, named.split(",")) if name and name != "none"]
    return ["otlp"] if _named_endpoint(signal) else []


def says_where_to_export() -> bool:
    """Whether any variable names an exporter or an endpoint, or says that there be none."""
    return any(
        os.environ.get(f"OTEL_{signal}_EXPORTER") or _named_endpoint(signal)
        for signal in ("TRACES", "METRICS", "LOGS")
    )


def sdk_is_disabled() -> bool:
    """Whether `OTEL_SDK_DISABLED` is `true`: then nothing is recorded."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def otlp_protocol(signal: str) -> str:
    """Return the OTLP transport: `http/protobuf` (the specification's default) or `grpc`."""
    specific = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL")
    return specific or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"


def shown_endpoint(signal: str) -> str:
    """Return the OTLP endpoint as it may be shown: without path, user and password."""
    is_grpc = otlp_protocol(signal) == "grpc"
    default = "http://localhost:4317" if is_grpc else "http://localhost:4318"
    parts = urlsplit(_named_endpoint(signal) or default)
    host = parts.netloc.rpartition("@")[2] or parts.path
    return f"{parts.scheme}://{host}" if parts.netloc else host


def _named_endpoint(signal: str) -> str | None:
    specific = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")
    return specific or os.environ.get(_OTLP_ENDPOINT) or None


def has_http_credential_provider() -> bool:
    """Whether the environment names a provider of sessions for the HTTP exporters."""
    prefix = "OTEL_PYTHON_EXPORTER_OTLP_HTTP_"
    return any(
        name.startswith(prefix) and name.endswith("CREDENTIAL_PROVIDER") for name in os.environ
    )


def queue_size(prefix: str) -> int:
    """Return `<prefix>_MAX_QUEUE_SIZE` of a batch processor, by default 2,048 records.

    `OTEL_BSP` for spans, `OTEL_BLRP` for log records (OpenTelemetry specification, environment
    variables, "Batch Span Processor").
    """
    named = os.environ.get(f"{prefix}_MAX_QUEUE_SIZE", "").strip()
    return int(named) if named.isdecimal() and int(named) > 0 else _QUEUE_SIZE


def has_span_delay() -> bool:
    """Whether `OTEL_BSP_SCHEDULE_DELAY` is set."""
    return bool(os.environ.get("OTEL_BSP_SCHEDULE_DELAY"))


def attribute_length_limit(most: int) -> int:
    """Return `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT` in characters, but `most` at most."""
    named = os.environ.get("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "").strip()
    return min(most, int(named)) if named.isdecimal() else most


def runs_home() -> str | None:
    """Return `TASKSPAN_RUNS_HOME`, the directory that runs are kept in."""
    return os.environ.get("TASKSPAN_RUNS_HOME") or None


def run_directory() -> str | None:
    """Return `TASKSPAN_RUN_DIR`, the directory of this very run."""
    return os.environ.get(RUN_DIRECTORY) or None


def handed_down() -> dict[str, str]:
    """Return the headers of W3C that the process around this one has set as variables.

    `TRACEPARENT`, `TRACESTATE`, `BAGGAGE` (OpenTelemetry specification, "Environment Variables
    as Context Propagation Carriers"), by the names of the headers.
    """
    found = {name.lower(): os.environ.get(name) for name in _PROPAGATED}
    return {name: value for name, value in found.items() if value}


def variables() -> dict[str, str]:
    """Return a copy of all environment variables."""
    return dict(os.environ)


def _is_yes(value: str | None) -> bool:
    return value is not None and value.strip().lower() not in ("", "0", "false", "no", "off")
