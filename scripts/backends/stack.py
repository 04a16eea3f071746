"""The stack: Jaeger, the Collector and Prometheus in the background, on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from scripts.backends import binaries, servers
from scripts.backends.places import BackendsError, state
from scripts.backends.servers import Server

STOP_WITHIN_S: Final = 30.0
_ALL_PORTS: Final = {
    port.variable: port
    for ports in (servers.JAEGER_PORTS, servers.COLLECTOR_PORTS, servers.PROMETHEUS_PORTS)
    for port in ports
}


@dataclass(frozen=True)
class Stack:
    """The three servers, in the order in which they start."""

    jaeger: Server
    collector: Server
    prometheus: Server

    @property
    def servers(self) -> tuple[Server, Server, Server]:
        """All of them."""
        return self.jaeger, self.collector, self.prometheus

    @property
    def otlp_endpoint(self) -> str:
        """What `OTEL_EXPORTER_OTLP_ENDPOINT` has to be."""
        return servers.url(self.collector.ports["TASKSPAN_OTLP_HTTP_PORT"])

    @property
    def jaeger_url(self) -> str:
        """Jaeger's query API and pages."""
        return servers.url(self.jaeger.ports["TASKSPAN_JAEGER_QUERY_PORT"])

    @property
    def prometheus_url(self) -> str:
        """Prometheus' API and pages."""
        return servers.url(self.prometheus.ports["TASKSPAN_PROMETHEUS_PORT"])


def the_stack() -> Stack:
    """Return the stack as the environment wants it (`TASKSPAN_…_PORT`)."""
    home = state()
    jaeger_ports = servers.ports_of(servers.JAEGER_PORTS, os.environ)
    collector_ports = servers.ports_of(servers.COLLECTOR_PORTS, os.environ)
    prometheus_ports = servers.ports_of(servers.PROMETHEUS_PORTS, os.environ)
    config = servers.write_prometheus_config(home / "prometheus" / "config", collector_ports)
    return Stack(
        servers.jaeger(
            _needed(binaries.built(binaries.JAEGER), "jaeger"), jaeger_ports, home / "jaeger"
        ),
        servers.collector(
            _needed(binaries.built(binaries.COLLECTOR), "otelcol"),
            collector_ports,
            home / "collector",
            jaeger_ports,
        ),
        servers.prometheus(
            _needed(binaries.prometheus(), "prometheus"),
            prometheus_ports,
            home / "prometheus",
            config,
        ),
    )


def _needed(program: Path | None, name: str) -> Path:
    if program is None:
        raise BackendsError(
            f"{name} is not on this machine (in this version): run `make backends`."
        )
    return program


def up() -> Stack:
    """Start what does not run yet, and wait until all of it is ready."""
    stack = the_stack()
    missing = [server for server in stack.servers if not _runs(server.folder)]
    _check_ports(missing)
    for server in missing:
        _start(server)
    for server in stack.servers:
        servers.wait_ready(server, partial(_runs, server.folder))
    return stack


def down() -> list[str]:
    """Stop what runs, in the order in which data flows; return the names."""
    folders = [state() / name for name in ("prometheus", "collector", "jaeger")]
    return [folder.name for folder in folders if _stop(folder)]


# -- one server: a folder with data, log.txt and, while it runs, a file `pid`


def _check_ports(missing: Sequence[Server]) -> None:
    """Fail before anything is started, with all that is in the way."""
    taken = [
        f"Port {number} ({_ALL_PORTS[variable].purpose}) is taken by another program:"
        f" stop that one, or choose another port with {variable}=…"
        for server in missing
        for variable, number in server.ports.items()
        if not servers.is_free(number)
    ]
    if taken:
        names = ", ".join(server.name for server in missing)
        raise BackendsError("\n".join([f"Nothing was started of {names}.", *taken]))


def _start(server: Server) -> None:
    server.folder.mkdir(parents=True, exist_ok=True)
    process = servers.start(server, os.environ)
    _pid_file(server.folder).write_text(f"{process.pid}\n{server.command[0]}\n", encoding="utf-8")


def _runs(folder: Path) -> bool:
    return _running_pid(folder) is not None


def _running_pid(folder: Path) -> int | None:
    """Return the process id of the server of a folder, if it runs."""
    try:
        pid, program = _pid_file(folder).read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, ValueError):  # never started; or interrupted while writing
        return None
    # Another program may have got the number since: what runs under it has to be ours.
    return int(pid) if _command_line(pid).startswith(program) else None


def _command_line(pid: str) -> str:
    ps = ["ps", "-p", pid, "-o", "command="]
    return subprocess.run(ps, capture_output=True, text=True, check=False).stdout  # noqa: S603  ours


def _stop(folder: Path) -> bool:
    pid = _running_pid(folder)
    if pid is not None:
        _end(pid, folder)
    _pid_file(folder).unlink(missing_ok=True)
    return pid is not None


def _end(pid: int, folder: Path) -> None:
    with suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(pid, signal.SIGTERM)
        if not _is_gone(folder):
            print(f"{folder.name} does not end within {STOP_WITHIN_S:.0f} s: killing it.")
            os.kill(pid, signal.SIGKILL)
            if not _is_gone(folder):
                raise BackendsError(f"{folder.name} (process {pid}) cannot be ended.")


def _is_gone(folder: Path) -> bool:
    deadline = time.monotonic() + STOP_WITHIN_S
    while _runs(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _pid_file(folder: Path) -> Path:
    return folder / "pid"
