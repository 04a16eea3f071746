"""The only reader of environment variables, and of what kind of place the program runs in."""

from __future__ import annotations

import os
import sys
from typing import Final

_OTLP_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"


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

    `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER` (OpenTelemetry specification,
    environment variables, "Exporter selection"); without it `otlp` where an endpoint is set.
    """
    upper = signal.upper()
    named = os.environ.get(f"OTEL_{upper}_EXPORTER")
    if named is not None:
        return [name for name in map(str.strip, named.split(",")) if name and name != "none"]
    has_endpoint = any(
        os.environ.get(name) for name in (_OTLP_ENDPOINT, f"OTEL_EXPORTER_OTLP_{upper}_ENDPOINT")
    )
    return ["otlp"] if has_endpoint else []


def otlp_protocol(signal: str) -> str:
    """Return the OTLP transport: `http/protobuf` (the specification's default) or `grpc`."""
    specific = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL")
    return specific or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "http/protobuf"


def _is_yes(value: str | None) -> bool:
    return value is not None and value.strip().lower() not in ("", "0", "false", "no", "off")
