"""What many tests read from spans, and small stand-ins for what callers hand over."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext

from taskspan import conventions

ROOT = Path(__file__).parents[2]


def spans_named(exporter: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    """Return the ended spans of a name, in order of their end."""
    return [span for span in exporter.get_finished_spans() if span.name == name]


def span_named(exporter: InMemorySpanExporter, name: str) -> ReadableSpan:
    """Return the one ended span of a name."""
    spans = spans_named(exporter, name)
    assert len(spans) == 1, f"{len(spans)} spans named {name!r}, not one"
    return spans[0]


def names_of(exporter: InMemorySpanExporter) -> list[str]:
    """Return the names of the ended spans, in order of their end."""
    return [span.name for span in exporter.get_finished_spans()]


def operation_spans(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    """Return the ended spans that stand for operations."""
    return [
        span
        for span in exporter.get_finished_spans()
        if attributes_of(span)[conventions.KIND] == conventions.KIND_OPERATION
    ]


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    """Return the attributes of a span as a plain dictionary."""
    return dict(span.attributes or {})


def outcome_of(span: ReadableSpan) -> object:
    """Return the attribute that says how the span ended."""
    return attributes_of(span)[conventions.OUTCOME]


def context_of(span: ReadableSpan) -> SpanContext:
    """Return the ids of a span."""
    context = span.get_span_context()
    assert context is not None
    return context


def is_child_of(span: ReadableSpan, parent: ReadableSpan) -> bool:
    """Whether one span is the direct child of another."""
    return span.parent is not None and span.parent.span_id == context_of(parent).span_id


def events_named(span: ReadableSpan, name: str) -> list[Event]:
    """Return the events of a name."""
    return [event for event in span.events if event.name == name]


def counts_of(span: ReadableSpan) -> list[int]:
    """Return the counts that the progress events of a span tell."""
    events = events_named(span, conventions.PROGRESS_EVENT)
    counts = []
    for event in events:
        count = (event.attributes or {})[conventions.PROGRESS_COMPLETED]
        assert isinstance(count, int)
        counts.append(count)
    return counts


class Entries:
    """The least that a reporter is: it keeps what it is told."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def add_operation(self, name: str, status: str, details: dict[str, Any]) -> None:
        """Keep an entry."""
        self.entries.append({"name": name, "status": status, "details": details})

    @property
    def names(self) -> list[str]:
        """Names of the entries, in order."""
        return [entry["name"] for entry in self.entries]

    @property
    def outcomes(self) -> dict[str, str]:
        """Outcome by name of the entry."""
        return {entry["name"]: entry["details"]["outcome"] for entry in self.entries}


def run_child(
    program: str, *, arguments: Sequence[str] = (), exit_code: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run a program in an interpreter of its own and return what it wrote."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == exit_code, done.stdout + done.stderr
    return done
