"""Small clients of the query APIs of Jaeger and Prometheus."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

TagValue: TypeAlias = "str | int | float | bool"

_TIMEOUT_S = 10


@dataclass(frozen=True)
class Event:
    """An event of a span."""

    name: str
    time_us: int
    attributes: Mapping[str, TagValue]


@dataclass(frozen=True)
class Span:
    """A span as Jaeger's `/api/traces/{id}` tells it."""

    span_id: str
    parent_id: str | None
    name: str
    service: str
    start_us: int
    duration_us: int
    tags: Mapping[str, TagValue]
    events: tuple[Event, ...]

    def events_named(self, name: str) -> list[Event]:
        """Return the events of one name."""
        return [event for event in self.events if event.name == name]


@dataclass(frozen=True)
class Sample:
    """One series of the answer to a Prometheus query, at one moment."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Alert:
    """An alert that is `pending` or `firing`."""

    name: str
    state: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


class QueryError(Exception):
    """A server refused a query; the message is its own."""


class JaegerClient:
    """Asks Jaeger."""

    def __init__(self, address: str) -> None:
        """Ask the Jaeger at an address such as `http://127.0.0.1:16686`."""
        self.address = address

    def services(self) -> list[str]:
        """Return the names of all services."""
        return list(_get(f"{self.address}/api/services")["data"] or [])

    def spans(self, trace_id: str) -> list[Span]:
        """Return the spans of a trace, earliest first; none if Jaeger does not know it."""
        try:
            answer = _get(f"{self.address}/api/traces/{_quoted(trace_id)}")
        except _NotFoundError:
            return []
        spans = [_span(span, trace) for trace in answer["data"] for span in trace["spans"]]
        return sorted(spans, key=lambda span: span.start_us)

    def trace_ids(self, service: str, limit: int = 1000) -> set[str]:
        """Return the ids of the latest traces of a service."""
        query = urllib.parse.urlencode({"service": service, "limit": limit})
        answer = _get(f"{self.address}/api/traces?{query}")
        return {trace["traceID"] for trace in answer["data"]}

    def otlp(self, trace_id: str) -> list[dict[str, Any]]:
        """Return the spans of a trace from `/api/v3/traces/{id}`, as OTLP JSON; or none."""
        try:
            answer = _get(f"{self.address}/api/v3/traces/{_quoted(trace_id)}")
        except _NotFoundError:
            return []
        return [
            span
            for resource in answer["result"]["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    def page(self, trace_id: str) -> str:
        """Return the address of the page that shows a trace."""
        return f"{self.address}/trace/{_quoted(trace_id)}"


class PrometheusClient:
    """Asks Prometheus."""

    def __init__(self, address: str) -> None:
        """Ask the Prometheus at an address such as `http://127.0.0.1:9090`."""
        self.address = address

    def query(self, expression: str) -> list[Sample]:
        """Return the value of an expression now, one sample for each series."""
        query = urllib.parse.urlencode({"query": expression})
        data = _get(f"{self.address}/api/v1/query?{query}")["data"]
        if data["resultType"] == "scalar":
            return [Sample({}, float(data["result"][1]))]
        return [Sample(item["metric"], float(item["value"][1])) for item in data["result"]]

    def label_values(self, label: str, selector: str) -> list[str]:
        """Return the values that a label has in the series of a selector."""
        query = urllib.parse.urlencode({"match[]": selector})
        return list(_get(f"{self.address}/api/v1/label/{_quoted(label)}/values?{query}")["data"])

    def alerts(self) -> list[Alert]:
        """Return the alerts that are pending or firing."""
        alerts = _get(f"{self.address}/api/v1/alerts")["data"]["alerts"]
        return [
            Alert(item["labels"]["alertname"], item["state"], item["labels"], item["annotations"])
            for item in alerts
        ]


class _NotFoundError(QueryError):
    pass


def _get(address: str) -> Any:
    try:
        # S310: the scheme is that of the client's own address.
        with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as response:  # noqa: S310  a server of ours
            return json.load(response)
    except urllib.error.HTTPError as error:
        kind = _NotFoundError if error.code == 404 else QueryError  # noqa: PLR2004  HTTP: not found
        raise kind(f"{error.code} for {address}: {error.read().decode(errors='replace')}") from None


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _span(span: Any, trace: Any) -> Span:
    parents = [ref["spanID"] for ref in span["references"] if ref["refType"] == "CHILD_OF"]
    return Span(
        span["spanID"],
        parents[0] if parents else None,
        span["operationName"],
        trace["processes"][span["processID"]]["serviceName"],
        span["startTime"],
        span["duration"],
        _tags(span["tags"]),
        tuple(_event(log) for log in span["logs"]),
    )


def _event(log: Any) -> Event:
    # Jaeger's model has no names for events: OpenTelemetry's is the field `event`.
    attributes = _tags(log["fields"])
    return Event(str(attributes.pop("event", "")), log["timestamp"], attributes)


def _tags(tags: Iterable[Any]) -> dict[str, TagValue]:
    return {tag["key"]: tag["value"] for tag in tags}
