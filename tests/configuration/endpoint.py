"""An OTLP endpoint that answers as it is told; for tests."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True)
class Request:
    """What came in: the path, its headers and its body."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes out."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Endpoint:
    """A server on a free port of this machine."""

    def __init__(self, reply: Callable[[Request], Reply], port: int = 0) -> None:
        self.reply = reply
        self.accepted: list[Request] = []
        """Requests that were answered with success, in order."""
        self.refused: list[Request] = []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self.port: int = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def handle(self, request: Request) -> Reply:
        """Answer, and take note."""
        reply = self.reply(request)
        (self.accepted if reply.status < 300 else self.refused).append(request)
        return reply

    def spans(self) -> list[str]:
        """Return the names of the spans that were accepted."""
        found = []
        for request in self.accepted:
            if request.path == "/v1/traces":
                message = ExportTraceServiceRequest.FromString(request.body)
                scopes = (s for r in message.resource_spans for s in r.scope_spans)
                found += [span.name for scope in scopes for span in scope.spans]
        return found

    def log_events(self) -> list[str]:
        """Return the event names of the log records that were accepted."""
        found = []
        for request in self.accepted:
            if request.path == "/v1/logs":
                message = ExportLogsServiceRequest.FromString(request.body)
                scopes = (s for r in message.resource_logs for s in r.scope_logs)
                found += [record.event_name for scope in scopes for record in scope.log_records]
        return found


def _handler(endpoint: Endpoint) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            request = Request(self.path, dict(self.headers), self.rfile.read(length))
            reply = endpoint.handle(request)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    return Handler


@contextmanager
def serving(
    reply: Callable[[Request], Reply] = lambda _: Reply(),
    *,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Endpoint]:
    """Run an endpoint during the block."""
    endpoint = Endpoint(reply, port)
    if tls is not None:
        endpoint.server.socket = tls.wrap_socket(endpoint.server.socket, server_side=True)
        endpoint.url = f"https://127.0.0.1:{endpoint.port}"
    thread = threading.Thread(target=endpoint.server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.server.shutdown()
        endpoint.server.server_close()
        thread.join()
