"""A view that notes what it is told, and providers as applications set them."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler

import taskspan


class Noting:
    """A view that notes the names of what starts and ends, with outcome and count."""

    def __init__(self) -> None:
        self.started_names: list[str] = []
        self.ends: list[tuple[str, str | None, int]] = []

    def started(self, live: Any) -> None:
        """Note a start."""
        self.started_names.append(live.snapshot().name)

    def ticked(self) -> None:
        """Note nothing."""

    def ended(self, live: Any) -> None:
        """Note an end."""
        snapshot = live.snapshot()
        self.ends.append((snapshot.name, snapshot.outcome, snapshot.completed))


def application_provider(
    sampler: Sampler, view: Noting | None = None
) -> tuple[TracerProvider, InMemorySpanExporter]:
    """Set a global provider with a sampler; `view` watches it through a processor of its own."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=sampler)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    if view is not None:
        provider.add_span_processor(taskspan.ProgressSpanProcessor([view]))
    trace.set_tracer_provider(provider)
    return provider, exporter


def run_task() -> None:
    """Run a task of two operations, one inside the other."""
    with (
        taskspan.task("nightly", quiet=False) as task,
        task.operation("load", 3) as load,
    ):
        load.update(3)
        for _ in taskspan.track(range(2), "mask"):
            pass


NAMES = ["nightly", "load", "mask"]
ENDS = [("mask", "success", 2), ("load", "success", 3), ("nightly", "success", 1)]
