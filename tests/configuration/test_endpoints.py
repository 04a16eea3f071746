"""What a program meets at its endpoint, and what it says of it: one line for one problem."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import grpc
import pytest
import trustme

from taskspan.configuration._outbox import EXIT_S
from tests.configuration.endpoint import serving
from tests.configuration.grpc_endpoint import serving_grpc
from tests.otlp_server import Received, Reply, Script

# Where nothing depends on how long the end waits, it waits for a second.
PROGRAM = """
import taskspan
from taskspan.configuration import _outbox
_outbox.EXIT_S = 1.0
taskspan.configure("night", console=False)
with taskspan.task("demo", "1") as task:
    with task.operation("load", total=10) as operation:
        for _ in range(10):
            operation.update(1)
print("the task is done")
"""

START_UP_S = 30
"""Seconds in which a program must have started and ended, over and above its waiting."""


def run(variables: Mapping[str, str], program: str = PROGRAM) -> list[str]:
    """Run a program to its normal end and return the lines on stderr."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=EXIT_S + START_UP_S,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "the task is done\n"), result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()


def kept_in(line: str) -> dict[str, int]:
    """Return how many lines each file of the run directory has that a message names."""
    found = re.search(r"kept in ([^;]+)", line)
    assert found is not None, line
    files = Path(found[1]).glob("*.jsonl")
    return {path.stem: len(path.read_text("utf-8").splitlines()) for path in files}


def kept_spans(line: str) -> list[str]:
    """Return the names of the spans that are kept in the run directory a message names."""
    found = re.search(r"kept in ([^;]+)", line)
    assert found is not None, line
    lines = (Path(found[1]) / "traces.jsonl").read_text("utf-8").splitlines()
    requests = [json.loads(line) for line in lines]
    scopes = [s for request in requests for r in request["resourceSpans"] for s in r["scopeSpans"]]
    return [span["name"] for scope in scopes for span in scope["spans"]]


# -- what goes well


def test_everything_arrives() -> None:
    """Spans, metrics and log events reach an endpoint over HTTP; nothing is said."""
    with serving() as endpoint:
        assert run({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url}) == []
    assert endpoint.spans() == ["load", "demo"]
    assert "taskspan.ended" in endpoint.log_events()
    assert {request.path for request in endpoint.accepted} == {
        "/v1/traces",
        "/v1/metrics",
        "/v1/logs",
    }


def test_connections_are_closed_at_the_end() -> None:
    """One that was used before the program ended, and again while it ends, leaves no warning."""
    with serving() as endpoint:
        assert run({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url}, LATE_CONNECTION) == []
    assert endpoint.spans() == ["load", "demo", "last"]


# urllib3 closes connections by a finalizer. Exit handlers run in reverse order: made after the
# providers, it runs before the last spans are sent.
LATE_CONNECTION = """
import threading
from taskspan.configuration._sending import ExporterSender
is_configured = threading.Event()
send = ExporterSender.send
ExporterSender.send = lambda self, batch: is_configured.wait() and send(self, batch)
""" + PROGRAM.replace("taskspan.configure(", "telemetry = taskspan.configure(").replace(
    "with taskspan.task(", "is_configured.set()\nwith taskspan.task("
).replace(
    "print(",
    """
assert telemetry.force_flush()
with taskspan.task("last"):
    pass
print(""",
)


def test_headers_of_the_environment_are_sent() -> None:
    """`OTEL_EXPORTER_OTLP_HEADERS` goes with every request."""
    with serving() as endpoint:
        run(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url,
                "OTEL_EXPORTER_OTLP_HEADERS": "x-key=abc",
            }
        )
    assert {request.headers.get("x-key") for request in endpoint.accepted} == {"abc"}


def test_no_run_directory_beside_an_endpoint(runs_home: Path) -> None:
    """What an endpoint takes is not written to disk as well."""
    before = set(runs_home.iterdir())
    with serving() as endpoint:
        run({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url})
    assert set(runs_home.iterdir()) == before


def test_a_run_directory_beside_an_endpoint_where_named(tmp_path: Path) -> None:
    """A directory that the environment names records the run, and the endpoint gets it, too."""
    with serving() as endpoint:
        run(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url,
                "TASKSPAN_RUN_DIR": str(tmp_path / "run"),
            }
        )
    assert endpoint.spans() == ["load", "demo"]
    assert (tmp_path / "run" / "traces.jsonl").exists()


# -- what does not: one line each


def always(status: int, **headers: str) -> Script:
    """Answer everything in one way."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Reply(status, headers=names)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (always(401), "401 Unauthorized"),
        (always(403), "403 Forbidden"),
        (always(400), "400 Bad Request"),
        (always(413), "413 "),
        (always(429, Retry_After="60"), "429 Too Many Requests"),
        (always(503), "503 Service Unavailable"),
        (always(500), "500 Internal Server Error"),
    ],
)
def test_one_clear_line(reply: Script, says: str) -> None:
    """The task ends normally; one line names endpoint, reason and where its spans are kept."""
    with serving(reply) as endpoint:
        lines = run({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url})
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"{endpoint.url}: {says}")
    assert kept_spans(lines[0]) == ["load", "demo"]


def test_an_endpoint_is_left_alone_as_long_as_it_asks() -> None:
    """`Retry-After` is honoured: no second request to a signal that said a minute."""
    with serving(always(429, Retry_After="60")) as endpoint:
        run({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url})
    paths = [request.path for request in endpoint.refused]
    assert len(paths) == len(set(paths)), paths


def test_a_signal_that_is_not_taken() -> None:
    """An endpoint for traces alone, as Jaeger's: the trace arrives, one line names the others."""

    def traces_alone(request: Received) -> Reply:
        return Reply(200 if request.path == "/v1/traces" else 404)

    with serving(traces_alone) as endpoint:
        lines = run({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url})
    assert endpoint.spans() == ["load", "demo"]
    assert len(lines) == 1, lines
    assert f"{endpoint.url}: does not take metrics and logs (404 Not Found)" in lines[0]
    assert kept_in(lines[0]).keys() == {"metrics", "logs"}
    asked = [request.path for request in endpoint.refused]
    assert sorted(asked) == ["/v1/logs", "/v1/metrics"], "nothing is tried again"


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_refused_connection(protocol: str) -> None:
    """Nobody listens: the program waits no longer than the bound and keeps what it has."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        started = time.monotonic()
        lines = run({"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol})
    assert time.monotonic() - started < EXIT_S + START_UP_S
    assert len(lines) == 1, lines
    assert "onnection refused" in lines[0]
    assert "taskspan replay" in lines[0]
    assert kept_spans(lines[0]) == ["load", "demo"]


def test_an_endpoint_that_never_answers() -> None:
    """A connection that is taken and never answered is given up at the bound."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        lines = run({"OTEL_EXPORTER_OTLP_ENDPOINT": url})
    assert len(lines) == 1, lines
    assert kept_spans(lines[0]) == ["load", "demo"]


def test_a_name_that_cannot_be_resolved() -> None:
    """A wrong host name costs one line."""
    lines = run({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.invalid:4318"})
    assert len(lines) == 1, lines
    assert kept_spans(lines[0]) == ["load", "demo"]


def test_a_redirect_is_no_delivery() -> None:
    """An endpoint that is elsewhere is not followed: nothing is lost, and a line says so."""
    with serving(always(308, Location="http://127.0.0.1:9/")) as endpoint:
        lines = run({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url})
    assert len(lines) == 1, lines
    assert "308 Permanent Redirect" in lines[0]
    assert kept_spans(lines[0]) == ["load", "demo"]


def test_ctrl_c_ends_the_wait() -> None:
    """Who has waited long enough loses nothing: all is kept, and the line is said."""
    program = PROGRAM.replace("_outbox.EXIT_S = 1.0", "_outbox.EXIT_S = 600.0")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-c", UNIGNORED + program + WHEN_WAITING],
            env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        while process.stdout.readline() != "waiting\n":
            pass
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=START_UP_S)
    assert "Traceback" not in errors
    (line,) = errors.splitlines()
    assert kept_spans(line) == ["load", "demo"]


# Tests that run as a background job hand on that Ctrl-C is ignored.
UNIGNORED = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
WHEN_WAITING = """
from taskspan.configuration._delivery import Delivery
flush = Delivery.flush
def waiting(self, deadline):
    print("waiting", flush=True)
    return flush(self, deadline)
Delivery.flush = waiting
"""


# -- gRPC


def run_grpc(url: str, **variables: str) -> list[str]:
    """Run the program against an endpoint that speaks gRPC."""
    return run(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "GRPC_VERBOSITY": "NONE",  # its core writes to stderr by itself
            **variables,
        }
    )


def test_everything_arrives_over_grpc() -> None:
    """Spans, metrics and log events reach an endpoint over gRPC; nothing is said."""
    with serving_grpc() as endpoint:
        assert run_grpc(endpoint.url) == []
    assert endpoint.spans() == ["load", "demo"]
    assert {signal for signal, _ in endpoint.accepted} == {"traces", "metrics", "logs"}


@pytest.mark.parametrize(
    "status",
    [
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
    ],
    ids=str,
)
def test_one_clear_line_over_grpc(status: grpc.StatusCode) -> None:
    """The same holds for each way in which a gRPC endpoint can refuse."""
    with serving_grpc(lambda _: status) as endpoint:
        lines = run_grpc(endpoint.url)
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"{endpoint.url}: {status.name}")
    assert kept_spans(lines[0]) == ["load", "demo"]


def test_a_signal_that_is_not_taken_over_grpc() -> None:
    """An endpoint without the services for metrics and logs says so, once."""
    missing = {"metrics": grpc.StatusCode.UNIMPLEMENTED, "logs": grpc.StatusCode.UNIMPLEMENTED}
    with serving_grpc(missing.get) as endpoint:
        lines = run_grpc(endpoint.url)
    assert endpoint.spans() == ["load", "demo"]
    assert len(lines) == 1, lines
    assert f"{endpoint.url}: does not take metrics and logs (UNIMPLEMENTED" in lines[0]


def test_a_private_authority_over_grpc(tmp_path: Path) -> None:
    """`OTEL_EXPORTER_OTLP_CERTIFICATE` names whom to trust over gRPC as well."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with serving_grpc(authority=authority) as endpoint:
        lines = run_grpc(endpoint.url, OTEL_EXPORTER_OTLP_CERTIFICATE=str(tmp_path / "ca.pem"))
    assert lines == []
    assert endpoint.spans() == ["load", "demo"]


def test_a_certificate_of_somebody_else_over_grpc(tmp_path: Path) -> None:
    """A certificate that nobody vouches for gets nothing, and one line."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with serving_grpc(authority=trustme.CA()) as endpoint:
        lines = run_grpc(endpoint.url, OTEL_EXPORTER_OTLP_CERTIFICATE=str(tmp_path / "ca.pem"))
    assert endpoint.accepted == []
    assert len(lines) == 1, lines
    assert kept_spans(lines[0]) == ["load", "demo"]


# -- TLS


def tls_of(authority: trustme.CA) -> ssl.SSLContext:
    """Return what a server needs that shows a certificate for localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


def test_a_private_authority(tmp_path: Path) -> None:
    """`OTEL_EXPORTER_OTLP_CERTIFICATE` names whom to trust."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with serving(tls=tls_of(authority)) as endpoint:
        lines = run(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url,
                "OTEL_EXPORTER_OTLP_CERTIFICATE": str(tmp_path / "ca.pem"),
            }
        )
    assert lines == []
    assert endpoint.spans() == ["load", "demo"]


def test_a_certificate_of_somebody_else(tmp_path: Path) -> None:
    """A certificate that nobody vouches for gets nothing, and one line."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with serving(tls=tls_of(trustme.CA())) as endpoint:
        lines = run(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url,
                "OTEL_EXPORTER_OTLP_CERTIFICATE": str(tmp_path / "ca.pem"),
            }
        )
    assert endpoint.accepted == []
    assert len(lines) == 1, lines
    assert "certificate" in lines[0]
    assert kept_spans(lines[0]) == ["load", "demo"]


# -- outages

LONG = """
import sys, taskspan
taskspan.configure("night", console=False)
with taskspan.task("demo", "1") as task:
    for number in range(20):
        with task.operation(f"step {number}", total=1) as operation:
            operation.update(1)
        print(number, flush=True)
        sys.stdin.readline()
print("the task is done", flush=True)
"""


def test_an_endpoint_that_goes_away_and_comes_back() -> None:
    """Nothing that was recorded during an outage is missing afterwards; nothing is said."""
    with serving() as endpoint:
        port = endpoint.port
        process = subprocess.Popen(
            [sys.executable, "-c", LONG],
            env={
                **os.environ,
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url,
                "OTEL_BSP_SCHEDULE_DELAY": "10",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        step(process, 7)
    step(process, 7)
    with serving(port=port) as back:
        output, errors = process.communicate("\n" * 20, timeout=EXIT_S + START_UP_S)
    assert process.returncode == 0
    assert output.endswith("the task is done\n")
    assert "not delivered" not in errors
    names = endpoint.spans() + back.spans()
    assert sorted(names) == sorted([f"step {number}" for number in range(20)] + ["demo"])


def test_an_endpoint_that_starts_late() -> None:
    """What was recorded before the endpoint was there is delivered when it is."""
    with serving() as nobody:
        port = nobody.port
    process = subprocess.Popen(
        [sys.executable, "-c", LONG],
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    step(process, 10)
    with serving(port=port) as late:
        _, errors = process.communicate("\n" * 20, timeout=EXIT_S + START_UP_S)
    assert process.returncode == 0
    assert "not delivered" not in errors
    assert len(late.spans()) == 21


def step(process: subprocess.Popen[str], steps: int) -> None:
    """Let a program take so many steps."""
    assert process.stdin is not None
    assert process.stdout is not None
    for _ in range(steps):
        process.stdout.readline()
        process.stdin.write("\n")
        process.stdin.flush()
