from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.backends.clients import Span
from tests.backends.programs_running import variables
from tests.backends.servers import Collector, Jaeger, eventually
from tests.configuration._recorded import recorded_spans, spans_in
from tests.examples._running import EXAMPLES, run


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Jaeger]:
    """Another Jaeger, which has seen nothing."""
    with Jaeger(tmp_path / "second") as server:
        yield server


def replay(folder: Path, endpoint: str, *options: str) -> str:
    """Replay a run and return what the command says."""
    result = subprocess.run(
        [sys.executable, "-m", "taskspan", "replay", str(folder), "--endpoint", endpoint, *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def by_id(spans: list[Span]) -> dict[str, Span]:
    """Return spans by their ids; each id must be there once."""
    found = {span.span_id: span for span in spans}
    assert len(found) == len(spans)
    return found


def test_a_replayed_run_is_the_same_trace(
    jaeger: Jaeger, collector: Collector, second: Jaeger, tmp_path: Path
) -> None:
    """Kept on disk and replayed, a run has the ids, times, attributes and events of the live one.

    Replayed again, also from its beginning, it shows up once.
    """
    kept = tmp_path / "kept"
    done = run(
        EXAMPLES / "flights.py",
        *(str(tmp_path / "flights"), "--rows", "3000", "--quiet"),
        cwd=tmp_path,
        TASKSPAN_RUN_DIR=str(kept),
        **variables(collector),
    )
    assert done.returncode == 0, done.stderr
    (trace_id,) = {span["traceId"] for span in spans_in(kept)}
    count = len(recorded_spans(kept))
    live = eventually(lambda: jaeger.client.spans(trace_id), lambda spans: len(spans) == count)
    replay(kept, second.http_endpoint)
    replayed = eventually(lambda: second.client.spans(trace_id), lambda s: len(s) == count)
    assert by_id(replayed) == by_id(live)
    assert to_the_nanosecond(second, trace_id) == to_the_nanosecond(jaeger, trace_id)
    replay(kept, second.http_endpoint)
    replay(kept, second.http_endpoint, "--again")
    assert by_id(second.client.spans(trace_id)) == by_id(live)


def to_the_nanosecond(jaeger: Jaeger, trace_id: str) -> list[str]:
    """Return all that Jaeger tells of a trace as OTLP, in one order."""
    spans = jaeger.client.otlp(trace_id)
    for span in spans:
        span["attributes"].sort(key=lambda attribute: attribute["key"])
    return sorted(json.dumps(span, sort_keys=True) for span in spans)
