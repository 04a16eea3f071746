from __future__ import annotations

import json
import os
import secrets
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends.programs_running import running
from tests.backends.servers import Collector, Jaeger, eventually

# How long Jaeger is away: half a minute in CI, shorter for people who wait for the result.
OUTAGE_S = 30 if os.environ.get("TASKSPAN_NO_SKIPS") == "1" else 10
# The Collector tries each 10 s (max_interval), but gRPC itself waits longer with every attempt to
# connect: half the outage and more. Nobody waits for this unless something is lost.
DELIVERED_WITHIN_S = 90


@pytest.fixture
def jaeger(tmp_path: Path) -> Iterator[Jaeger]:
    """A Jaeger of this test's own, not started."""
    server = Jaeger(tmp_path / "jaeger")
    yield server
    server.stop()


@pytest.fixture
def collector(jaeger: Jaeger, tmp_path: Path) -> Iterator[Collector]:
    """A Collector of this test's own, running."""
    with Collector(tmp_path / "collector", jaeger) as server:
        yield server


class Sender(threading.Thread):
    """Posts traces of one span, one after another, and notes which of them were accepted."""

    def __init__(self, endpoint: str) -> None:
        super().__init__()
        self.accepted: list[str] = []
        self._endpoint = endpoint
        self._is_over = threading.Event()

    def run(self) -> None:
        """Post until told to stop."""
        while not self._is_over.is_set():
            trace_id = secrets.token_hex(16)
            if self._post(trace_id):
                self.accepted.append(trace_id)
            else:
                self._is_over.wait(0.05)

    def stop(self) -> None:
        """Stop, and wait for the end."""
        self._is_over.set()
        self.join()

    def _post(self, trace_id: str) -> bool:
        request = urllib.request.Request(  # noqa: S310  the Collector's address
            f"{self._endpoint}/v1/traces",
            data=request_with_one_span(trace_id),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310  the same
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def request_with_one_span(trace_id: str) -> bytes:
    """Return an OTLP request in JSON."""
    now = time.time_ns()
    span = {
        "traceId": trace_id,
        "spanId": secrets.token_hex(8),
        "name": "sent",
        "kind": 1,
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now + 1_000_000),
    }
    service = {"key": "service.name", "value": {"stringValue": "sender"}}
    resource_spans = {
        "resource": {"attributes": [service]},
        "scopeSpans": [{"scope": {}, "spans": [span]}],
    }
    return json.dumps({"resourceSpans": [resource_spans]}).encode()


def missing_in(jaeger: Jaeger, trace_ids: list[str], spans: int = 1) -> list[str]:
    """Return the traces that Jaeger does not have whole."""
    return [trace_id for trace_id in trace_ids if len(jaeger.client.spans(trace_id)) != spans]


def assert_all_arrive(jaeger: Jaeger, trace_ids: list[str], spans: int = 1) -> None:
    """Fail unless Jaeger has all of the traces in the end, each with so many spans."""
    eventually(
        lambda: missing_in(jaeger, trace_ids, spans),
        lambda missing: not missing,
        within_s=DELIVERED_WITHIN_S,
    )


def test_what_is_sent_while_jaeger_is_away_arrives_when_it_is_back(
    jaeger: Jaeger, collector: Collector, tmp_path: Path
) -> None:
    """Jaeger is killed under load and is away for a while; every trace of a program is there."""
    jaeger.start()
    with running("repeating.py", collector, tmp_path) as program:
        assert program.stdout is not None
        first = program.stdout.readline().strip()
        eventually(lambda: jaeger.client.spans(first))
        jaeger.kill()
        end = time.monotonic() + OUTAGE_S
        trace_ids = [first]
        while time.monotonic() < end:
            trace_ids.append(program.stdout.readline().strip())
        jaeger.start()
        trace_ids.append(program.stdout.readline().strip())
    assert len(trace_ids) > OUTAGE_S
    assert_all_arrive(jaeger, trace_ids, spans=2)


def test_a_killed_collector_loses_nothing_that_it_has_accepted(
    jaeger: Jaeger, collector: Collector
) -> None:
    """The Collector is killed under load while Jaeger is away; all it has accepted arrives."""
    sender = Sender(collector.http_endpoint)
    sender.start()
    try:
        eventually(lambda: len(sender.accepted), lambda count: count >= 20)
        collector.kill()
        before = len(sender.accepted)
        collector.start()
        eventually(lambda: len(sender.accepted), lambda count: count >= before + 20)
    finally:
        sender.stop()
    collector.kill()
    jaeger.start()
    collector.start()
    assert_all_arrive(jaeger, sender.accepted)


def test_jaeger_keeps_what_it_has_stored(jaeger: Jaeger, collector: Collector) -> None:
    """A Jaeger that is killed has every trace again that it had shown."""
    jaeger.start()
    sender = Sender(collector.http_endpoint)
    sender.start()
    eventually(lambda: len(sender.accepted), lambda count: count >= 20)
    sender.stop()
    assert_all_arrive(jaeger, sender.accepted)
    jaeger.kill()
    jaeger.start()
    assert missing_in(jaeger, sender.accepted) == []
