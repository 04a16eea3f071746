from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.programs_running import order, running
from tests.backends.servers import Collector, Jaeger, eventually
from tests.backends.test_outages import assert_all_arrive
from tests.examples._running import run

# Traces, a tenth of a second each, that a program makes while the Collector is away: half a minute
# in CI, shorter for people who wait for the result.
OUTAGE_TRACES = 300 if os.environ.get("TASKSPAN_NO_SKIPS") == "1" else 50

SHORT = """
import taskspan
with taskspan.configure("short", console=False), taskspan.task("small") as task:
    with task.operation("count", total=3) as op:
        op.update(3)
print(op.metrics["trace_id"])
"""


@pytest.fixture
def own_collector(jaeger: Jaeger, tmp_path: Path) -> Iterator[Collector]:
    """A Collector of this test's own, not started."""
    server = Collector(tmp_path / "collector", jaeger)
    yield server
    server.stop()


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """A program that ends after one task, and prints its trace id."""
    path = tmp_path / "short.py"
    path.write_text(SHORT, encoding="utf-8")
    return path


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_both_protocols_reach_jaeger_through_the_collector(
    protocol: str, jaeger: Jaeger, collector: Collector, short: Path, tmp_path: Path
) -> None:
    """The same program arrives over OTLP/HTTP and OTLP/gRPC; nothing is said."""
    endpoint = collector.grpc_endpoint if protocol == "grpc" else collector.http_endpoint
    done = run(
        short,
        cwd=tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert_all_arrive(jaeger, [done.stdout.strip()], spans=2)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_straight_at_jaeger(protocol: str, jaeger: Jaeger, short: Path, tmp_path: Path) -> None:
    """Jaeger takes traces alone: the trace is there, and one line names the other two signals."""
    endpoint = jaeger.grpc_endpoint if protocol == "grpc" else jaeger.http_endpoint
    done = run(
        short,
        cwd=tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
    )
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{endpoint}: does not take metrics and logs (")
    assert_all_arrive(jaeger, [done.stdout.strip()], spans=2)


def test_a_collector_that_starts_late_and_is_stopped_in_the_middle(
    jaeger: Jaeger, own_collector: Collector, tmp_path: Path
) -> None:
    """Whatever a program hands over while there is no Collector arrives when there is one."""
    with running("repeating.py", own_collector, tmp_path) as program:
        assert program.stdout is not None
        read = program.stdout.readline
        trace_ids = [read().strip() for _ in range(10)]
        own_collector.start()
        eventually(lambda: jaeger.client.spans(trace_ids[-1]))
        own_collector.stop()
        trace_ids += [read().strip() for _ in range(OUTAGE_TRACES)]
        own_collector.start()
        trace_ids += [read().strip() for _ in range(10)]
        order(program, "enough")
        rest, _ = program.communicate(timeout=60)
    trace_ids += rest.split()
    assert_all_arrive(jaeger, trace_ids, spans=2)


def test_nothing_else_is_contacted(
    collector: Collector, short: Path, tmp_path: Path, jaeger: Jaeger
) -> None:
    """A program connects to its endpoint and to nothing else, and listens on no other address."""
    noting = tmp_path / "noting.py"
    noting.write_text(NOTING + short.read_text(encoding="utf-8"), encoding="utf-8")
    done = run(noting, cwd=tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.http_endpoint)
    assert done.returncode == 0, done.stderr
    trace_id, *contacts = done.stdout.split()
    port = collector.http_endpoint.rpartition(":")[2]
    connected = {contact for contact in contacts if contact.startswith("connect:")}
    assert connected == {f"connect:127.0.0.1:{port}"}
    # urllib3 finds out by this whether there is IPv6: bound for a moment, never listening.
    assert set(contacts) - connected <= {"bind:::1:0"}
    assert_all_arrive(jaeger, [trace_id], spans=2)


NOTING = """
import atexit, sys
contacts = set()
def note(event, arguments):
    if event in ("socket.connect", "socket.bind"):
        address = arguments[1]
        if isinstance(address, tuple):
            contacts.add(f"{event[7:]}:{address[0]}:{address[1]}")
sys.addaudithook(note)
atexit.register(lambda: print(*contacts))
"""
