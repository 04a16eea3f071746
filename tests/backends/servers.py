"""Real servers for tests: Jaeger, the Collector and Prometheus, as `make up` starts them.

Each runs with the files of `collector-config/` on ports and in a folder of its own. `make backends`
provides the programs; without them a test that asks for a server is skipped.

    with Jaeger(folder / "jaeger") as jaeger, Collector(folder / "collector", jaeger) as collector:
        …  # OTEL_EXPORTER_OTLP_ENDPOINT=collector.http_endpoint
        jaeger.client.spans(trace_id)
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, TypeVar

import pytest

from scripts.backends import binaries, servers
from scripts.backends.clients import JaegerClient, PrometheusClient
from scripts.backends.servers import Port, Server

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")

STOP_WITHIN_S: Final = 30
# Below the range from which the kernel takes ports for outgoing connections: while a server is
# down in the middle of a test, nobody gets its port by chance.
_FREE_PORTS: Final = range(20_000, 32_000)

# Also to servers that are not started yet, or are down for a while.
_given: Final[set[int]] = set()


def free_ports(ports: tuple[Port, ...]) -> dict[str, int]:
    """Return a free port for each of a server's ports, by the variable that its file reads."""
    found: list[int] = []
    while len(found) < len(ports):
        number = random.choice(_FREE_PORTS)
        if number not in _given and servers.is_free(number):
            _given.add(number)
            found.append(number)
    return dict(zip((port.variable for port in ports), found, strict=True))


def needed(program: Path | None, name: str) -> Path:
    """Return the program, or skip the test."""
    if program is None:
        pytest.skip(f"{name} is not on this machine: run `make backends`")
    return program


def eventually(
    get: Callable[[], T], is_enough: Callable[[T], object] = bool, within_s: float = 30
) -> T:
    """Return what `get` returns once it is enough; fail with the last of it if it never is."""
    deadline = time.monotonic() + within_s
    while not is_enough(value := get()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not enough after {within_s} s: {value!r}")
        time.sleep(0.1)
    return value


class RunningServer:
    """A server that is started, stopped, killed and started again; also a context manager."""

    def __init__(self, server: Server) -> None:
        """Take a server; `start` starts it."""
        self.server = server
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process is not None, f"{self.server.name} is not running"
        return self._process.pid

    @property
    def log(self) -> str:
        """What the server has said, over all its lives."""
        return self.server.log.read_text(encoding="utf-8", errors="replace")

    def start(self) -> Self:
        """Start, and wait until it is ready."""
        assert self._process is None, f"{self.server.name} is running already"
        self._process = servers.start(self.server, os.environ)
        try:
            self.wait_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def wait_ready(self) -> None:
        """Wait until the server answers."""
        process = self._process
        assert process is not None, f"{self.server.name} is not running"
        servers.wait_ready(self.server, lambda: process.poll() is None)

    def stop(self) -> None:
        """Ask the server to end, and wait until it has; kill it and fail if it does not."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.server.name} does not end:\n{self.log[-2000:]}") from None
        self._process = None

    def kill(self) -> None:
        """End the server without a chance to write anything more (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop, and start on the same ports with the same data."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class Jaeger(RunningServer):
    """Jaeger v2, with traces kept in `folder`."""

    def __init__(self, folder: Path) -> None:
        """Choose free ports."""
        self.ports = free_ports(servers.JAEGER_PORTS)
        binary = needed(binaries.built(binaries.JAEGER), "jaeger")
        super().__init__(servers.jaeger(binary, self.ports, folder))
        self.query_url = servers.url(self.ports["TASKSPAN_JAEGER_QUERY_PORT"])
        self.http_endpoint = servers.url(self.ports["TASKSPAN_JAEGER_OTLP_HTTP_PORT"])
        self.grpc_endpoint = servers.url(self.ports["TASKSPAN_JAEGER_OTLP_GRPC_PORT"])
        self.client = JaegerClient(self.query_url)


class Collector(RunningServer):
    """The Collector, with its queue and its copies in `folder`, in front of a Jaeger."""

    def __init__(self, folder: Path, jaeger: Jaeger) -> None:
        """Choose free ports; `jaeger` need not run yet."""
        self.ports = free_ports(servers.COLLECTOR_PORTS)
        binary = needed(binaries.built(binaries.COLLECTOR), "otelcol")
        super().__init__(
            servers.collector(
                binary, self.ports, folder, jaeger.ports, TASKSPAN_SPANMETRICS_INTERVAL="1s"
            )
        )
        self.data = folder / "data"
        self.http_endpoint = servers.url(self.ports["TASKSPAN_OTLP_HTTP_PORT"])
        self.grpc_endpoint = servers.url(self.ports["TASKSPAN_OTLP_GRPC_PORT"])
        self.metrics_url = servers.url(self.ports["TASKSPAN_PROMETHEUS_EXPORTER_PORT"])


class Prometheus(RunningServer):
    """Prometheus, scraping a Collector; `changed` may shorten the intervals of its files."""

    def __init__(
        self, folder: Path, collector: Collector, changed: Callable[[str], str] = str
    ) -> None:
        """Choose a free port; `collector` need not run yet."""
        self.ports = free_ports(servers.PROMETHEUS_PORTS)
        binary = needed(binaries.prometheus(), "prometheus")
        config = servers.write_prometheus_config(folder / "config", collector.ports, changed)
        super().__init__(servers.prometheus(binary, self.ports, folder, config))
        self.query_url = servers.url(self.ports["TASKSPAN_PROMETHEUS_PORT"])
        self.client = PrometheusClient(self.query_url)
