"""The exporters that the environment names, found as the SDK finds them: by entry point."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from taskspan._guard import LOGGER, attempt
from taskspan.configuration import _environment


def exporters(signal: str) -> list[Any]:
    """Return the exporters for `traces` or `metrics`.

    One that is not installed or cannot be made is logged.

    What an exporter needs (endpoint, headers, certificates) it reads itself from the
    `OTEL_EXPORTER_OTLP_*` variables.
    """
    made = (_exporter(signal, name) for name in _environment.exporter_names(signal))
    return [exporter for exporter in made if exporter is not None]


def _exporter(signal: str, name: str) -> Any:
    entry = _entry_point_name(signal, name)
    found = list(entry_points(group=f"opentelemetry_{signal}_exporter", name=entry))
    if not found:
        LOGGER.warning(
            "no exporter %r for %s is installed; for otlp: pip install 'taskspan[otlp]'",
            entry,
            signal,
        )
        return None
    return attempt(f"the exporter {entry} for {signal}", lambda: _made(found[0]), None)


def _made(entry: EntryPoint) -> Any:
    make: Callable[[], Any] = entry.load()
    return make()


def _entry_point_name(signal: str, name: str) -> str:
    if name != "otlp":
        return name
    protocol = _environment.otlp_protocol(signal)
    return "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"
