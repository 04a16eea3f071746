"""Runs the flights example against the stack, and reads its trace back from Jaeger."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from scripts.backends.clients import JaegerClient, Span
from scripts.backends.places import ROOT, BackendsError
from scripts.backends.stack import Stack

_STORED_WITHIN_S: Final = 30.0
_OUTCOME: Final = "taskspan.outcome"


def demo(stack: Stack) -> None:
    """Run the example; print the address of its trace, and what Jaeger has of it."""
    trace_id = _run_flights(stack.otlp_endpoint)
    client = JaegerClient(stack.jaeger_url)
    spans = _stored(client, trace_id)
    print(f"\nThe trace, as Jaeger has it ({len(spans)} spans): {client.page(trace_id)}\n")
    print("\n".join(tree(spans)))


def _run_flights(endpoint: str) -> str:
    """Run the example to its end; return the id of its trace."""
    environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    with tempfile.TemporaryDirectory(prefix="taskspan-flights-") as name:
        command = [sys.executable, str(ROOT / "examples" / "flights.py"), name]
        done = subprocess.run(command, env=environment, check=False)  # noqa: S603  our example
        if done.returncode != 0:
            raise BackendsError("The flights example failed; its messages are above.")
        report = json.loads((Path(name) / "report.json").read_text(encoding="utf-8"))
        return str(report["trace_id"])


def _stored(client: JaegerClient, trace_id: str) -> list[Span]:
    """Return the spans of a trace when the first one, which ends last, has arrived."""
    deadline = time.monotonic() + _STORED_WITHIN_S
    while time.monotonic() < deadline:
        spans = client.spans(trace_id)
        if any(span.parent_id is None for span in spans):
            return spans
        time.sleep(0.2)
    raise BackendsError(
        f"Jaeger has no whole trace {trace_id} after {_STORED_WITHIN_S:.0f} s: the logs of Jaeger"
        " and of the Collector may say why (`make up` shows where they are)."
    )


def tree(spans: Sequence[Span]) -> Iterator[str]:
    """Yield a line for each span, under its parent, earliest first."""
    known = {span.span_id for span in spans}
    yield f"{'span':40} {'duration':>10}  {'outcome':12} events"
    for span in spans:
        if span.parent_id not in known:
            yield from _branch(span, spans, 0)


def _branch(span: Span, spans: Sequence[Span], depth: int) -> Iterator[str]:
    name = "  " * depth + span.name
    outcome = str(span.tags.get(_OUTCOME, "–"))
    yield f"{name:40} {span.duration_us / 1e6:>8.3f} s  {outcome:12} {len(span.events)}"
    for child in spans:
        if child.parent_id == span.span_id:
            yield from _branch(child, spans, depth + 1)
