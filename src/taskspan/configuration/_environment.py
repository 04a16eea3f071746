"""The only reader of environment variables, and of what kind of place the program runs in."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Final

from taskspan import _text
from taskspan._guard import warn_once

RUN_DIRECTORY: Final = "TASKSPAN_RUN_DIR"

_PROPAGATED: Final = ("TRACEPARENT", "TRACESTATE", "BAGGAGE")
_OTLP_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_QUEUE_SIZE: Final = 2048  # the SDK's own default, as the next
_BATCH_SIZE: Final = 512
_SHOWN: Final = 200


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


def is_grpc(signal: str) -> bool:
    """Whether OTLP is spoken over gRPC."""
    return otlp_protocol(signal) == "grpc"


def shown_endpoint(signal: str) -> str:
    """Return the base of the OTLP endpoint as it may be shown: without user and password."""
    default = "http://localhost:4317" if is_grpc(signal) else "http://localhost:4318"
    named = (_named_endpoint(signal) or default).strip()
    scheme, separator, rest = named.rpartition("://")
    host = rest.rpartition("@")[2].rstrip("/").removesuffix(f"/v1/{signal}")
    return _text.one_line(f"{scheme}{separator}{host}", _SHOWN)


def _named_endpoint(signal: str) -> str | None:
    specific = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")
    return specific or os.environ.get(_OTLP_ENDPOINT) or None


def has_http_credential_provider() -> bool:
    """Whether the environment names a provider of sessions for the HTTP exporters."""
    prefix = "OTEL_PYTHON_EXPORTER_OTLP_HTTP_"
    return any(
        name.startswith(prefix) and name.endswith("CREDENTIAL_PROVIDER") for name in os.environ
    )


@dataclass(frozen=True, slots=True)
class Batching:
    """How a batch processor works: records in its queue and in a batch, ms until one is made."""

    queue: int
    batch: int
    delay_ms: int


def batching(prefix: str, delay_ms: int) -> Batching:
    """Return what `<prefix>_*` says of a batch processor; `delay_ms` where it says nothing.

    `OTEL_BSP` for spans, `OTEL_BLRP` for log records (OpenTelemetry specification, environment
    variables, "Batch Span Processor"). What makes no sense is said once and left out.
    """
    queue = _positive(f"{prefix}_MAX_QUEUE_SIZE", _QUEUE_SIZE)
    batch = _positive(f"{prefix}_MAX_EXPORT_BATCH_SIZE", _BATCH_SIZE)
    return Batching(queue, min(batch, queue), _positive(f"{prefix}_SCHEDULE_DELAY", delay_ms))


def metric_interval_ms() -> int:
    """Return `OTEL_METRIC_EXPORT_INTERVAL`, by default 60,000 ms."""
    return _positive("OTEL_METRIC_EXPORT_INTERVAL", 60_000)


def _positive(name: str, otherwise: int) -> int:
    named = os.environ.get(name, "").strip()
    if not named:
        return otherwise
    if named.isdecimal() and int(named) > 0:
        return int(named)
    value = _text.one_line(named, 40)
    warn_once(name, "value", f"{value} is no whole number above zero; {otherwise} is used")
    return otherwise


def attribute_length_limit() -> int:
    """Return `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT` in characters, but no more than our own."""
    named = os.environ.get("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "").strip()
    return min(_text.LONGEST, int(named)) if named.isdecimal() else _text.LONGEST


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
