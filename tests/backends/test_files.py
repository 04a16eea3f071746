from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import psutil
import pytest

from scripts.backends import binaries, servers
from scripts.backends.places import CONFIG
from tests.backends.servers import Collector, Jaeger, Prometheus, RunningServer, needed

COMPOSE = (CONFIG / "compose.yaml").read_text(encoding="utf-8")
# Files that no container needs: for people, for builds, for tests, and the targets on loopback.
NOT_MOUNTED = {
    ".gitignore",
    "README.md",
    "compose.yaml",
    "prometheus-rules.test.yml",
    "prometheus-targets.yml",
}


def test_the_collector_accepts_its_file() -> None:
    """The Collector itself finds no fault with collector.yaml, with nothing set around it."""
    binary = needed(binaries.built(binaries.COLLECTOR), "otelcol")
    done = subprocess.run(
        [binary, "validate", "--config", CONFIG / "collector.yaml"],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def listening(server: RunningServer) -> set[tuple[str, int]]:
    """Return the addresses and ports that a server listens on."""
    return {
        (connection.laddr[0], connection.laddr[1])
        for connection in psutil.net_connections(kind="inet")
        if connection.laddr
        and connection.pid == server.pid
        and connection.status == psutil.CONN_LISTEN
    }


def test_the_servers_listen_on_loopback_only(
    jaeger: Jaeger, collector: Collector, tmp_path: Path
) -> None:
    """Each server listens on the ports that it is given, on 127.0.0.1, and on nothing else."""
    with Prometheus(tmp_path, collector) as prometheus:
        for server in (jaeger, collector, prometheus):
            expected = {("127.0.0.1", port) for port in server.server.ports.values()}
            assert listening(server) == expected


@pytest.mark.parametrize("name", ["collector.yaml", "jaeger.yaml"])
def test_the_files_listen_on_loopback_unless_told_otherwise(name: str) -> None:
    """Every address that a file listens on is TASKSPAN_LISTEN, by default 127.0.0.1."""
    text = (CONFIG / name).read_text(encoding="utf-8")
    listens = re.findall(r"\$\{env:TASKSPAN_LISTEN:-(.*?)\}", text)
    assert len(listens) >= 4
    assert set(listens) == {"127.0.0.1"}
    assert "0.0.0.0" not in text  # noqa: S104  looked for, not listened on


def test_variables_are_those_of_the_scripts_and_of_the_readme() -> None:
    """Each variable of the files is in the README, with the default that the scripts know too."""
    readme = (CONFIG / "README.md").read_text(encoding="utf-8")
    defaults = {
        name: default
        for file in ("collector.yaml", "jaeger.yaml")
        for name, default in re.findall(
            r"\$\{env:(\w+):-(.*?)\}", (CONFIG / file).read_text(encoding="utf-8")
        )
    }
    for name, default in defaults.items():
        assert f"`{name}` | `{default}`" in readme
    ports = {port.variable: str(port.number) for port in servers.JAEGER_PORTS}
    ports |= {port.variable: str(port.number) for port in servers.COLLECTOR_PORTS}
    assert ports == {name: value for name, value in defaults.items() if name.endswith("_PORT")}


def test_compose_mounts_exactly_the_files_that_the_tests_start() -> None:
    """Every file beside compose.yaml is mounted by it, or is none of a server's."""
    mounted = set(re.findall(r"^ +- \./(\S+?):", COMPOSE, re.MULTILINE))
    assert all((CONFIG / name).exists() for name in mounted)
    here = {file.name for file in CONFIG.iterdir() if file.is_file()}
    assert {name for name in mounted if "/" not in name} == here - NOT_MOUNTED
    assert {name for name in mounted if "/" in name} == {
        f"grafana/{folder.name}" for folder in (CONFIG / "grafana").iterdir()
    }


def test_compose_opens_ports_on_loopback_only() -> None:
    """Every published port is one of this machine's loopback."""
    published = re.findall(r"^ {4}ports:\n((?: {6}- .*\n)+)", COMPOSE, re.MULTILINE)
    ports = [line.strip(" -") for block in published for line in block.splitlines()]
    assert len(ports) == 5
    assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in ports)


def test_compose_names_the_versions_that_the_tests_run() -> None:
    """Images are pinned, Collector and Jaeger to the versions that are built for the tests."""
    images = dict(re.findall(r"image: (\S+):v?(\d+\.\d+\.\d+)$", COMPOSE, re.MULTILINE))
    assert len(images) == COMPOSE.count("image:")
    builder = (CONFIG / "build" / "otelcol" / "builder.yaml").read_text(encoding="utf-8")
    assert f"otlpreceiver v{images['otel/opentelemetry-collector-contrib']}\n" in builder
    # Jaeger's release 2.13.0 is its module's 1.76.0: see its changelog.
    modules = (CONFIG / "build" / "jaeger" / "go.mod").read_text(encoding="utf-8")
    assert "github.com/jaegertracing/jaeger v1.76.0\n" in modules
    assert images["jaegertracing/jaeger"] == "2.13.0"


def test_a_new_version_is_another_binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change in go.mod changes the name of the binary, so that it is built again."""
    before = binaries.COLLECTOR.path
    copied = tmp_path / "build" / "otelcol"
    copied.mkdir(parents=True)
    for file in binaries.COLLECTOR.sources.iterdir():
        (copied / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(binaries, "CONFIG", tmp_path)
    assert binaries.COLLECTOR.path == before
    with (copied / "go.mod").open("a", encoding="utf-8") as modules:
        modules.write("// changed\n")
    assert binaries.COLLECTOR.path != before
