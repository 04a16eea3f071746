"""An OTLP/HTTP endpoint on this machine that answers as a test tells it to."""

from __future__ import annotations

import gzip
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class Received:
    """A request as it came in; `body` without its compression."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What is answered; a status of 0 closes the connection without an answer."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


Script = Callable[[Received], Reply]


class Server:
    """Receives requests until its block is left."""

    def __init__(
        self,
        script: Script | None = None,
        context: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> None:
        self.script = script
        self.received: list[Received] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        if context is not None:
            # The handshake is the handler's: one that fails must not hold up the others.
            self._http.socket = context.wrap_socket(
                self._http.socket, server_side=True, do_handshake_on_connect=False
            )
        self._scheme = "http" if context is None else "https"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"{self._scheme}://localhost:{self.port}"

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._http.server_port

    @property
    def paths(self) -> list[str]:
        """The path of each request."""
        return [request.path for request in self.received]

    def bodies(self, name: str = "traces") -> list[bytes]:
        """Return the body of each request for a signal."""
        return [request.body for request in self.received if request.path == f"/v1/{name}"]

    def contents(self, name: str = "traces") -> list[dict[str, Any]]:
        """Return the decoded body of each request for a signal."""
        return [json.loads(body) for body in self.bodies(name)]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _answer(self, request: Received) -> Reply:
        self.received.append(request)
        return Reply() if self.script is None else self.script(request)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536  # an answer is one packet: the second would wait for an ACK
            timeout = 30  # of a connection that a test has left open

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:
                    self.close_connection = True  # the client was killed, or trusts us not

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers["content-encoding"] == "gzip":
                    body = gzip.decompress(body)
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = server._answer(Received(self.path, headers, body))
                self.close_connection = not reply.status
                if reply.status:
                    self._send(reply)

            def _send(self, reply: Reply) -> None:
                self.send_response(reply.status)
                headers = {"Content-Length": str(len(reply.body)), **reply.headers}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name there
                pass

        return Handler


class Gate:
    """A script that holds one request back until the test lets it go."""

    def __init__(self, held: int) -> None:
        self._left = held
        self.is_reached = threading.Event()
        self.may_pass = threading.Event()

    def __call__(self, request: Received) -> Reply:
        """Take the request, in its time."""
        self._left -= 1
        if not self._left:
            self.is_reached.set()
            assert self.may_pass.wait(60)
        return Reply()


def closed_url() -> str:
    """Return an address where nobody listens."""
    with Server() as server:
        return server.url
