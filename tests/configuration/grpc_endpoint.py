"""An OTLP/gRPC endpoint that answers as it is told; for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
import trustme

from tests.configuration.endpoint import span_names

Say = Callable[[str], "grpc.StatusCode | None"]
"""Tells for a signal with which status its requests fail; `None` for success."""

_SERVICES = {"TraceService": "traces", "MetricsService": "metrics", "LogsService": "logs"}


class GrpcEndpoint(grpc.GenericRpcHandler):
    """Takes every request of the three OTLP services."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self.url = ""
        self.accepted: list[tuple[str, bytes]] = []

    def service(self, call_details: Any) -> Any:
        """Return what handles a call."""
        signal = _SERVICES[call_details.method.split("/")[1].rpartition(".")[2]]

        def handle(body: bytes, context: Any) -> bytes:
            status = self._say(signal)
            if status is not None:
                context.abort(status, "as the test says")
            self.accepted.append((signal, body))
            return b""

        return grpc.unary_unary_rpc_method_handler(handle)

    def spans(self) -> list[str]:
        """Return the names of the spans that were accepted."""
        bodies = (body for signal, body in self.accepted if signal == "traces")
        return [name for body in bodies for name in span_names(body)]


@contextmanager
def serving_grpc(
    say: Say = lambda _: None, authority: trustme.CA | None = None
) -> Iterator[GrpcEndpoint]:
    """Run an endpoint during the block, with TLS where an authority vouches for it."""
    endpoint = GrpcEndpoint(say)
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((endpoint,))
    if authority is None:
        port = server.add_insecure_port("127.0.0.1:0")
        endpoint.url = f"http://127.0.0.1:{port}"
    else:
        certificate = authority.issue_cert("localhost")
        pair = (
            certificate.private_key_pem.bytes(),
            b"".join(pem.bytes() for pem in certificate.cert_chain_pems),
        )
        port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([pair]))
        endpoint.url = f"https://localhost:{port}"
    server.start()
    try:
        yield endpoint
    finally:
        server.stop(None).wait()
