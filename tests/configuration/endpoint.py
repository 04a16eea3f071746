"""An OTLP endpoint that answers as it is told, and reads what it takes; for tests."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.otlp_server import Received, Reply, Script, Server


def span_names(body: bytes) -> list[str]:
    """Return the names of the spans of a request."""
    message = ExportTraceServiceRequest.FromString(body)
    scopes = (s for r in message.resource_spans for s in r.scope_spans)
    return [span.name for scope in scopes for span in scope.spans]


def event_names(body: bytes) -> list[str]:
    """Return the event names of the log records of a request."""
    message = ExportLogsServiceRequest.FromString(body)
    scopes = (s for r in message.resource_logs for s in r.scope_logs)
    return [record.event_name for scope in scopes for record in scope.log_records]


class Endpoint:
    """A server on a port of this machine."""

    def __init__(self, reply: Script, port: int, tls: ssl.SSLContext | None) -> None:
        self.accepted: list[Received] = []
        """Requests that were answered with success, in order."""
        self.refused: list[Received] = []
        self._reply = reply
        self.server = Server(self._handle, tls, port)
        self.port = self.server.port
        self.url = self.server.url

    def _handle(self, request: Received) -> Reply:
        reply = self._reply(request)
        (self.accepted if reply.status < 300 else self.refused).append(request)
        return reply

    def spans(self) -> list[str]:
        """Return the names of the spans that were accepted."""
        bodies = (r.body for r in self.accepted if r.path == "/v1/traces")
        return [name for body in bodies for name in span_names(body)]

    def log_events(self) -> list[str]:
        """Return the event names of the log records that were accepted."""
        bodies = (r.body for r in self.accepted if r.path == "/v1/logs")
        return [name for body in bodies for name in event_names(body)]


@contextmanager
def serving(
    reply: Script = lambda _: Reply(), *, port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[Endpoint]:
    """Run an endpoint during the block."""
    endpoint = Endpoint(reply, port, tls)
    with endpoint.server:
        yield endpoint
