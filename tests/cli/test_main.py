"""The command as a person and a script see it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli._command import Command, run_command
from tests.cli._runs import lines_of, write_lines, write_run
from tests.otlp_server import Gate, Server, closed_url
from tests.producer._reading import run_child


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with three lines of traces, two of metrics, four of logs."""
    return write_run(tmp_path / "run")


@pytest.fixture
def gate(server: Server) -> Iterator[Gate]:
    """The endpoint holds the sixth request: the first line of logs."""
    gate = Gate(6)
    server.script = gate
    yield gate
    gate.may_pass.set()


def test_a_run_is_delivered_quietly(run: Path, server: Server) -> None:
    """Without a terminal there is one line on stdout, and nothing else."""
    done = run_command("replay", run, "--endpoint", server.url, exit_code=0)
    assert done.stdout == (
        f"3 lines of traces, 2 of metrics, 4 of logs delivered to {server.url}\n"
    )
    assert done.stderr == ""


def test_the_environment_is_honoured(run: Path, server: Server) -> None:
    """Endpoint, headers, compression and timeout come from OpenTelemetry's variables."""
    run_command(
        "replay",
        run,
        exit_code=0,
        OTEL_EXPORTER_OTLP_ENDPOINT=server.url,
        OTEL_EXPORTER_OTLP_HEADERS="x-team=data%20lake, authorization=Basic a=",
        OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        OTEL_EXPORTER_OTLP_TIMEOUT="5",
    )
    sent = server.received[0]
    assert sent.headers["x-team"] == "data lake"
    assert sent.headers["authorization"] == "Basic a="
    assert sent.headers["content-encoding"] == "gzip"
    assert server.bodies() == lines_of(run)


def test_no_proxy_is_used(run: Path, server: Server) -> None:
    """The endpoint alone is contacted, whatever proxy the environment names."""
    run_command("replay", run, "--endpoint", server.url, exit_code=0, HTTP_PROXY=closed_url())
    assert len(server.received) == 9


def test_again_is_an_option(run: Path, server: Server) -> None:
    """`--again` sends what is delivered already."""
    for arguments, count in ([], 9), ([], 9), (["--again"], 18):
        run_command("replay", run, "--endpoint", server.url, *arguments, exit_code=0)
        assert len(server.received) == count


def test_refused_lines_are_an_exit_code(tmp_path: Path, server: Server) -> None:
    """Lines that were not delivered are named on stderr, and end with exit code 1."""
    run = write_lines(tmp_path / "run", b"{")
    done = run_command("replay", run, "--endpoint", server.url, exit_code=1)
    assert done.stderr.startswith("traces.jsonl:1: not JSON (")
    assert done.stdout == f"0 lines of traces delivered to {server.url}; 1 line refused\n"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:4317",
        "ftp://localhost",
        "http://",
        "http://localhost:port",
        "http://localhost:99999",
        "http://[::1",
        "http://user:secret@localhost:4318",
        "http://localhost:4318/v1/traces",
        "http://localhost:4318/?token=1",
        "http://localhost:4318/a b",
        "http://localhost:4318/\x1b[31m",
    ],
)
def test_what_is_no_endpoint_is_an_error_of_the_command(url: str, run: Path) -> None:
    """An address that cannot be one of OTLP/HTTP is exit code 2, and secrets are not shown."""
    done = run_command("replay", run, "--endpoint", url, exit_code=2)
    assert "Error: " in done.stderr
    assert "secret" not in done.stderr
    assert "\x1b" not in done.stderr


def test_an_endpoint_is_needed(run: Path) -> None:
    """Without an endpoint the error names the option and the variable."""
    done = run_command("replay", run, exit_code=2)
    assert "--endpoint" in done.stderr
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in done.stderr


def test_a_run_is_needed(tmp_path: Path) -> None:
    """A path that is no run is exit code 2, and named without its control characters."""
    done = run_command("replay", tmp_path / "\x1b[2J", "--endpoint", "http://a", exit_code=2)
    assert "does not exist" in done.stderr
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HEADERS", "x-a=secret%0d%0ax-b:1"),
        ("HEADERS", "x-a=secret%E2%82%AC"),
        ("HEADERS", "x%20a=secret"),
        ("TIMEOUT", "soon"),
        ("TIMEOUT", "0"),
        ("TIMEOUT", "nan"),
        ("COMPRESSION", "lzma"),
        ("CERTIFICATE", "/nowhere.pem"),
        ("CLIENT_CERTIFICATE", "/nowhere.pem"),
    ],
)
def test_a_wrong_variable_is_an_error_of_the_command(name: str, value: str, run: Path) -> None:
    """What cannot be used is told before anything is sent, without the values of headers."""
    variables = {f"OTEL_EXPORTER_OTLP_{name}": value}
    done = run_command("replay", run, "--endpoint", "http://localhost", exit_code=2, **variables)
    assert "Error: " in done.stderr
    assert "secret" not in done.stderr


def test_ctrl_c_is_gone_on_with(run: Path, server: Server, gate: Gate) -> None:
    """After Ctrl-C the next call sends the line that was on its way, and those that follow."""
    command = Command("replay", run, "--endpoint", server.url)
    assert gate.is_reached.wait(60)
    command.send(signal.SIGINT)
    assert command.finish() == 130
    assert command.stderr == "interrupted; the same command goes on from there\n"
    assert command.stdout.startswith("3 lines of traces, 2 of metrics, 0 of logs delivered")
    assert_rest_is_delivered(run, server, gate)


def test_a_kill_is_gone_on_with(run: Path, server: Server, gate: Gate) -> None:
    """A replay that was killed has remembered each line that was delivered."""
    command = Command("replay", run, "--endpoint", server.url)
    assert gate.is_reached.wait(60)
    command.send(signal.SIGKILL)
    assert command.finish() == -signal.SIGKILL
    assert_rest_is_delivered(run, server, gate)


def assert_rest_is_delivered(run: Path, server: Server, gate: Gate) -> None:
    """Check that a second call sends nothing twice but the one line in flight."""
    gate.may_pass.set()
    done = run_command("replay", run, "--endpoint", server.url, exit_code=0)
    assert "4 of logs delivered" in done.stdout
    assert server.bodies("traces") == lines_of(run, "traces")
    assert server.bodies("metrics") == lines_of(run, "metrics")
    first, *others = lines_of(run, "logs")
    assert server.bodies("logs") == [first, first, *others]


def test_help_has_examples_and_exit_codes() -> None:
    """`--help` says how it is called and what its exit codes mean."""
    done = run_command("replay", "--help", exit_code=0)
    assert "taskspan replay runs/" in done.stdout
    for code in ("0 ", "1 ", "2 ", "130 "):
        assert f"\n    {code}" in done.stdout
    assert "replay " in run_command("--help", exit_code=0).stdout


def test_the_module_is_the_command() -> None:
    """`python -m taskspan` is `taskspan`."""
    done = run_child(
        "import runpy, sys; sys.argv[1:] = ['--help']\n"
        "runpy.run_module('taskspan', run_name='__main__', alter_sys=True)"
    )
    assert done.stdout.startswith("Usage: python -m taskspan")


def test_a_library_loads_no_command_line() -> None:
    """`import taskspan` loads neither click nor urllib3."""
    run_child("import sys, taskspan; assert not {'click', 'urllib3'} & set(sys.modules)")
