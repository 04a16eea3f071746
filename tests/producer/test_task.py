"""`task()` and `operation()`."""

from __future__ import annotations

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import taskspan
from tests.producer._reading import is_child_of


def test_an_operation_is_a_child_of_its_task(exporter: InMemorySpanExporter) -> None:
    """A task's span encloses those of its operations."""
    with taskspan.task("nightly", quiet=True), taskspan.operation("load", total=2) as op:
        op.update(2)
    operation, task = exporter.get_finished_spans()
    assert is_child_of(operation, task)
