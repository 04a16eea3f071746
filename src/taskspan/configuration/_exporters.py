"""The exporters that the environment names, found as the SDK finds them: by entry point."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from taskspan import _text
from taskspan._guard import attempt, warn_once
from taskspan._signals import Signal
from taskspan.configuration import _environment, _exporter_log
from taskspan.configuration._http_answer import LastAnswer, made_with_answers

_OTLP_ENTRY_POINTS = {
    "grpc": "otlp_proto_grpc",
    "http/protobuf": "otlp_proto_http",
    "http/json": "otlp_json_http",
}


@dataclass(frozen=True, slots=True)
class Exporting:
    """An exporter of OpenTelemetry, and the latest answer of its endpoint where it can be seen."""

    exporter: Any
    is_otlp: bool
    last_answer: LastAnswer | None


def exporters(signal: Signal) -> list[Exporting]:
    """Return the exporters of a signal.

    One that is not installed or cannot be made is logged.

    What an exporter needs (endpoint, headers, certificates) it reads itself from the
    `OTEL_EXPORTER_OTLP_*` variables.
    """
    made = [_exporting(signal, name) for name in _environment.exporter_names(signal.name)]
    _exporter_log.listen()
    return [exporting for exporting in made if exporting is not None]


def _exporting(signal: Signal, name: str) -> Exporting | None:
    entry = _entry_point_name(signal, name)
    found: Iterable[EntryPoint] = entry_points(
        group=f"opentelemetry_{signal.name}_exporter", name=entry
    )
    entry_point = next(iter(found), None)
    if entry_point is None:
        advice = "; pip install 'taskspan[otlp]'" if name == "otlp" else ""
        warn_once("exporters", entry, f"{entry!r} is not installed{advice}")
        return None
    what = f"the exporter {entry} for {signal.name}"
    made = attempt(what, lambda: made_with_answers(entry_point.load()), None)
    return None if made is None else Exporting(made[0], name.startswith("otlp"), made[1])


def _entry_point_name(signal: Signal, name: str) -> str:
    if name != "otlp":
        return name
    protocol = _environment.otlp_protocol(signal.name).strip()
    if protocol in _OTLP_ENTRY_POINTS:
        return _OTLP_ENTRY_POINTS[protocol]
    known = ", ".join(_OTLP_ENTRY_POINTS)
    warn_once(
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        protocol,
        f"{_text.one_line(protocol, 40)} is none of {known}; http/protobuf is used",
    )
    return _OTLP_ENTRY_POINTS["http/protobuf"]
