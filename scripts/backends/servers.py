"""How each server is started: command, variables, ports, and where it says that it is ready.

The stack on a person's machine (`stack.py`) and the tests start the same servers with the same
files of `collector-config/`; only ports and folders differ.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from scripts.backends.places import CONFIG, BackendsError

LOOPBACK: Final = "127.0.0.1"
READY_WITHIN_S: Final = 60.0
_ASK_EVERY_S: Final = 0.05


@dataclass(frozen=True)
class Port:
    """A port that a server listens on: the variable that its file reads, and its default."""

    variable: str
    number: int
    purpose: str


JAEGER_PORTS: Final = (
    Port("TASKSPAN_JAEGER_QUERY_PORT", 16686, "Jaeger's query API and pages"),
    Port("TASKSPAN_JAEGER_QUERY_GRPC_PORT", 16685, "Jaeger's query API over gRPC"),
    Port("TASKSPAN_JAEGER_OTLP_GRPC_PORT", 14317, "Jaeger's OTLP over gRPC"),
    Port("TASKSPAN_JAEGER_OTLP_HTTP_PORT", 14318, "Jaeger's OTLP over HTTP"),
    Port("TASKSPAN_JAEGER_HEALTH_PORT", 14133, "Jaeger's health"),
    Port("TASKSPAN_JAEGER_METRICS_PORT", 14888, "Jaeger's own metrics"),
)
COLLECTOR_PORTS: Final = (
    Port("TASKSPAN_OTLP_GRPC_PORT", 4317, "OTLP over gRPC"),
    Port("TASKSPAN_OTLP_HTTP_PORT", 4318, "OTLP over HTTP"),
    Port("TASKSPAN_PROMETHEUS_EXPORTER_PORT", 8889, "the metrics for Prometheus"),
    Port("TASKSPAN_COLLECTOR_METRICS_PORT", 8888, "the Collector's own metrics"),
    Port("TASKSPAN_COLLECTOR_HEALTH_PORT", 13133, "the Collector's health"),
)
PROMETHEUS_PORTS: Final = (Port("TASKSPAN_PROMETHEUS_PORT", 9090, "Prometheus"),)

Ports = Mapping[str, int]
"""The number of each port, by variable."""


def ports_of(ports: tuple[Port, ...], environment: Mapping[str, str]) -> dict[str, int]:
    """Return the numbers that the environment names, else the defaults."""
    return {port.variable: _number(port, environment.get(port.variable)) for port in ports}


def _number(port: Port, text: str | None) -> int:
    if not text:
        return port.number
    if not text.isdecimal():
        raise BackendsError(f"{port.variable}={text} is no port: give a number, or unset it.")
    return int(text)


@dataclass(frozen=True)
class Server:
    """A server to start."""

    name: str
    command: tuple[str, ...]
    ports: Ports
    ready_url: str
    folder: Path
    """What it keeps, and its log."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables for its file, without the ports."""

    def variables(self) -> dict[str, str]:
        """Return all variables that its file reads."""
        ports = {name: str(number) for name, number in self.ports.items()}
        return {"TASKSPAN_LISTEN": LOOPBACK, **ports, **self.environment}

    @property
    def log(self) -> Path:
        """Where it writes what it has to say."""
        return self.folder / "log.txt"


def jaeger(binary: Path, ports: Ports, folder: Path) -> Server:
    """Return Jaeger, with traces kept in a folder."""
    return Server(
        "jaeger",
        (str(binary), "--config", str(CONFIG / "jaeger.yaml")),
        ports,
        f"{url(ports['TASKSPAN_JAEGER_HEALTH_PORT'])}/status",
        folder,
        {"TASKSPAN_JAEGER_DATA": str(folder / "data")},
    )


def collector(binary: Path, ports: Ports, folder: Path, jaeger_ports: Ports, **more: str) -> Server:
    """Return the Collector, with its queue for Jaeger and its copies in a folder."""
    jaeger_port = jaeger_ports["TASKSPAN_JAEGER_OTLP_GRPC_PORT"]
    return Server(
        "collector",
        (str(binary), "--config", str(CONFIG / "collector.yaml")),
        ports,
        f"{url(ports['TASKSPAN_COLLECTOR_HEALTH_PORT'])}/",
        folder,
        {
            "TASKSPAN_COLLECTOR_DATA": str(folder / "data"),
            "TASKSPAN_JAEGER_ENDPOINT": f"{LOOPBACK}:{jaeger_port}",
            **more,
        },
    )


def prometheus(binary: Path, ports: Ports, folder: Path, config: Path) -> Server:
    """Return Prometheus, with a configuration made by `write_prometheus_config`."""
    address = f"{LOOPBACK}:{ports['TASKSPAN_PROMETHEUS_PORT']}"
    return Server(
        "prometheus",
        (
            str(binary),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
            "--storage.tsdb.retention.time=90d",
        ),
        ports,
        f"http://{address}/-/ready",
        folder,
    )


def write_prometheus_config(
    folder: Path, collector_ports: Ports, changed: Callable[[str], str] = str
) -> Path:
    """Copy Prometheus' files, with targets where this Collector is; return the main one.

    `changed` is called with the text of the main file and of the rules: the tests shorten
    intervals.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("prometheus.yml", "prometheus-rules.yml"):
        text = (CONFIG / name).read_text(encoding="utf-8")
        (folder / name).write_text(changed(text), encoding="utf-8")
    shown = collector_ports["TASKSPAN_PROMETHEUS_EXPORTER_PORT"]
    own = collector_ports["TASKSPAN_COLLECTOR_METRICS_PORT"]
    targets = [
        {"targets": [f"{LOOPBACK}:{shown}"]},
        {"targets": [f"{LOOPBACK}:{own}"], "labels": {"job": "collector"}},
    ]
    # JSON is YAML, too.
    (folder / "prometheus-targets.yml").write_text(json.dumps(targets), encoding="utf-8")
    return folder / "prometheus.yml"


def url(port: int) -> str:
    """Return the address of a server on this machine."""
    return f"http://{LOOPBACK}:{port}"


# -- starting


def start(server: Server, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a server that outlives this process; its output goes to its log."""
    server.folder.mkdir(parents=True, exist_ok=True)
    with server.log.open("ab") as log:
        return subprocess.Popen(  # noqa: S603  our own servers
            server.command,
            cwd=server.folder,
            env={**environment, **server.variables()},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C in the terminal is not for it
        )


def wait_ready(server: Server, is_running: Callable[[], bool]) -> None:
    """Wait until a server answers; raise `BackendsError` with its last words if it does not."""
    deadline = time.monotonic() + READY_WITHIN_S
    while not answers(server.ready_url):
        if not is_running():
            raise BackendsError(f"{server.name} ended at once.\n{_last_words(server)}")
        if time.monotonic() > deadline:
            raise BackendsError(
                f"{server.name} is not ready after {READY_WITHIN_S:.0f} s.\n{_last_words(server)}"
            )
        time.sleep(_ASK_EVERY_S)


def answers(address: str) -> bool:
    """Whether a server answers with 200."""
    try:
        # S310: only addresses of this module get here.
        with urllib.request.urlopen(address, timeout=5) as response:  # noqa: S310  a server of ours
            return bool(response.status == 200)  # noqa: PLR2004  HTTP: OK
    except (urllib.error.URLError, OSError):
        return False


def _last_words(server: Server) -> str:
    lines = server.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([f"The end of {server.log}:", *lines[-15:]])


def is_free(port: int) -> bool:
    """Whether a port of this machine can be listened on."""
    with socket.socket() as probe:
        # As servers do: a connection that has just been closed does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
