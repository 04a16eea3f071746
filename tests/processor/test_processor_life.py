"""The life of a span processor: stuck, raising, shut down, forked, collected."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

import taskspan
from taskspan import conventions
from taskspan._protocols import Live
from taskspan.processor._processor import ProgressSpanProcessor
from tests.processor._recording import RaisingView, RecordingView

OPERATION = {conventions.KIND: conventions.KIND_OPERATION}


@pytest.fixture
def view() -> RecordingView:
    """A view that remembers."""
    return RecordingView()


@pytest.fixture
def provider(view: RecordingView) -> Iterator[TracerProvider]:
    """A global tracer provider with one processor, as an application sets one up."""
    provider = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
    provider.add_span_processor(ProgressSpanProcessor([view]))
    trace.set_tracer_provider(provider)
    yield provider
    provider.shutdown()


class Reporter:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, dict[str, Any]]] = []

    def add_operation(self, name: str, status: str, details: dict[str, Any]) -> None:
        """Note the end of an operation."""
        self.entries.append((name, status, details))


def test_everything_between_two_ticks_is_told_in_order(
    provider: TracerProvider, view: RecordingView
) -> None:
    """A whole task that no tick has seen running is told as it happened."""
    processor = provider._active_span_processor._span_processors[0]
    assert isinstance(processor, ProgressSpanProcessor)
    with processor._ticker._tick_lock:
        tracer = provider.get_tracer("theirs")
        with tracer.start_as_current_span("outer", attributes=OPERATION):
            for name in ("one", "two"):
                tracer.start_span(name, attributes=OPERATION).end()
            processor._ticker._tick_owner = -1  # the last end does not wait for this lock
    provider.force_flush()
    assert view.told == [
        "outer starts at depth 0",
        "one starts at depth 1",
        "one ends: success",
        "two starts at depth 1",
        "two ends: success",
        "outer ends: success",
    ]


@pytest.mark.expects_problems
@pytest.mark.parametrize("fails_at", ["started", "ticked", "ended"])
def test_a_view_that_raises_is_switched_off_and_nobody_is_hurt(
    fails_at: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One log line tells; the task, its report and the other view go on."""
    broken, other, reporter = RaisingView(fails_at), RecordingView(), Reporter()
    provider = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
    provider.add_span_processor(ProgressSpanProcessor([broken, other]))
    trace.set_tracer_provider(provider)
    with taskspan.task("nightly", quiet=False, reporter=reporter) as task:
        for name in ("load", "clean"):
            with task.operation(name, 10) as op:
                op.update(10)
                provider.force_flush()
    provider.force_flush()
    assert broken.calls.count(fails_at) == 1
    assert broken.calls[-1] == fails_at
    assert other.told[-1] == "nightly ends: success"
    assert [entry[:2] for entry in reporter.entries] == [
        ("Complete load", "success"),
        ("Complete clean", "success"),
    ]
    lines = [record for record in caplog.records if "switched off" in record.getMessage()]
    assert len(lines) == 1
    assert "RaisingView" in lines[0].getMessage()
    provider.shutdown()


@pytest.mark.expects_problems
def test_a_reporter_that_raises_hurts_nobody(
    provider: TracerProvider, view: RecordingView, caplog: pytest.LogCaptureFixture
) -> None:
    """The operation ends well, and one log line names the reporter."""

    class Broken:
        def add_operation(self, name: str, status: str, details: dict[str, Any]) -> None:
            raise OSError("disk full")

    with taskspan.task("nightly", quiet=False, reporter=Broken()) as task:
        for name in ("load", "clean"):
            with task.operation(name, 1) as op:
                op.update()
        assert task.operations_completed == 2
    provider.force_flush()
    assert view.told[-1] == "nightly ends: success"
    assert len(caplog.records) == 1
    assert "Broken" in caplog.text


def test_shutdown_may_be_called_twice_and_ends_the_thread(view: RecordingView) -> None:
    """The last values are shown; what starts later is not."""
    provider = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
    processor = ProgressSpanProcessor([view])
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("theirs")
    span = tracer.start_span("load", attributes={**OPERATION, conventions.PROGRESS_COMPLETED: 2})
    processor.shutdown()
    processor.shutdown()
    assert view.figures == {"load": (2, None)}
    assert processor.is_shut_down
    assert not processor._ticker.is_alive
    later = tracer.start_span("later", attributes=OPERATION)
    later.end()
    span.end()
    processor.redraw()
    assert view.told == ["load starts at depth 0", "load ends: success"]


def test_a_sampler_that_drops_everything_hides_nothing(view: RecordingView) -> None:
    """A task is visible whatever is exported."""
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(ProgressSpanProcessor([view]))
    trace.set_tracer_provider(provider)
    with taskspan.task("nightly", quiet=False) as task, task.operation("load"):
        pass
    provider.force_flush()
    assert len(view.told) == 4
    provider.shutdown()


def test_a_view_may_use_taskspan_itself(provider: TracerProvider) -> None:
    """An operation that a view starts while it draws does not hang anything."""

    class Busy(RecordingView):
        def started(self, live: Live) -> None:
            super().started(live)
            if live.snapshot().name == "load":
                with provider.get_tracer("theirs").start_as_current_span(
                    "own", attributes=OPERATION
                ):
                    pass

    busy = Busy()
    processor = provider._active_span_processor._span_processors[0]
    assert isinstance(processor, ProgressSpanProcessor)
    processor.set_views([busy])
    provider.get_tracer("theirs").start_span("load", attributes=OPERATION).end()
    provider.force_flush()
    provider.force_flush()
    assert sorted(line for line in busy.told if "own" in line) == [
        "own ends: success",
        "own starts at depth 0",
    ]


def test_spans_that_have_ended_leave_nothing_behind(view: RecordingView) -> None:
    """A processor keeps nothing of what has ended."""
    provider = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
    processor = ProgressSpanProcessor()
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("theirs")
    for _ in range(2_000):
        tracer.start_span("load", attributes=OPERATION).end()
    processor.force_flush()
    assert processor._tree.is_empty
    assert processor._foreign == {}
    processor._ticker.tick()
    assert processor._tree.take_changed() == []
    provider.shutdown()


def test_a_processor_that_nobody_needs_is_collected() -> None:
    """The hook for forked children does not keep it alive."""
    processor = ProgressSpanProcessor()
    processor.shutdown()
    gone = weakref.ref(processor)
    del processor
    gc.collect()
    assert gone() is None


def test_a_forked_child_shows_nothing_of_its_parent_and_can_start_anew() -> None:
    """It forgets views and spans of the parent process; new views see new spans."""
    source = """
        import os
        from opentelemetry.sdk.trace import TracerProvider
        from taskspan import ProgressSpanProcessor
        from tests.processor._recording import RecordingView

        kind = {"taskspan.kind": "operation"}
        view = RecordingView()
        processor = ProgressSpanProcessor([view])
        provider = TracerProvider()
        provider.add_span_processor(processor)
        tracer = provider.get_tracer("theirs")
        outer = tracer.start_span("outer", attributes=kind)
        processor.force_flush()
        child = os.fork()
        if child == 0:
            outer.end()
            tracer.start_span("unseen", attributes=kind).end()
            anew = RecordingView()
            processor.set_views([anew])
            span = tracer.start_span("inside", attributes=kind)
            assert processor._ticker.is_alive
            span.end()
            processor.force_flush()
            print("child", view.told, anew.told, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        outer.end()
        processor.force_flush()
        print("parent", view.told, flush=True)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.splitlines() == [
        "child ['outer starts at depth 0'] ['inside starts at depth 0', 'inside ends: success']",
        "parent ['outer starts at depth 0', 'outer ends: success']",
    ], done.stderr
