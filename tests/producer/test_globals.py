"""Nothing global is set by a library call, and a library is silent until it is asked."""

from __future__ import annotations

import contextlib
import logging
import sys

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.trace import TracerProvider

import taskspan
from tests.producer._reading import Entries, run_child


def everything() -> None:
    """Use all that a library or an application may use without `configure`."""
    with taskspan.operation("load") as op:
        op.update(1)
        op.create_subtask(1, "parse").close()
    for _ in taskspan.track(range(3), "mask"):
        pass
    with taskspan.task("nightly", quiet=True) as task:
        task.complete_operation("load")
    taskspan.ProgressTracker(1, "alone", disable=True).close()


def test_no_provider_is_set() -> None:
    """After tasks and operations the global providers are the proxies they were."""
    hook, handlers, factory = (
        sys.excepthook,
        logging.root.handlers[:],
        logging.getLogRecordFactory(),
    )
    everything()
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    assert "Proxy" in type(metrics.get_meter_provider()).__name__
    assert sys.excepthook is hook
    assert logging.root.handlers == handlers
    assert logging.getLogRecordFactory() is factory


def test_a_providers_settings_are_left_alone() -> None:
    """An application's provider keeps its sampler."""
    provider = TracerProvider()
    sampler = provider.sampler
    trace.set_tracer_provider(provider)
    everything()
    assert provider.sampler is sampler
    assert trace.get_tracer_provider() is provider


def test_an_operation_outside_of_a_task_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    """Without `configure` operations and loops of a library write nothing at all."""
    with taskspan.operation("load", total=3) as op:
        op.update(3, {"file": "a"})
    for _ in taskspan.track(range(3), "mask"):
        pass
    with contextlib.suppress(ValueError), taskspan.operation("clean"):
        raise ValueError("bad row")
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_it_still_counts_without_a_provider() -> None:
    """An operation that nobody records still counts and fills its metrics."""
    with taskspan.operation("load", total=3) as op:
        op.update(3)
        assert not op.span.is_recording()
    assert op.metrics["current"] == 3
    assert op.metrics["outcome"] == "success"
    assert "trace_id" not in op.metrics


def test_a_task_without_a_provider_is_recorded_privately() -> None:
    """A task with nothing configured reports every operation, with ids."""
    entries = Entries()
    with taskspan.task("nightly", reporter=entries, quiet=True) as task:
        with task.operation("load", 2) as op:
            op.update(2)
        with taskspan.operation("clean"):
            pass
    assert entries.names == ["Complete load", "Complete clean"]
    assert len(entries.entries[0]["details"]["trace_id"]) == 32
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


def test_a_library_needs_no_sdk() -> None:
    """Importing taskspan and using an operation loads neither SDK nor tqdm, nor starts a thread."""
    run_child(
        """
        import sys, threading
        import taskspan
        with taskspan.operation("load") as op:
            op.update(1)
        for _ in taskspan.track(range(3), "mask"):
            pass
        assert "opentelemetry.sdk.trace" not in sys.modules
        assert "tqdm" not in sys.modules
        assert threading.active_count() == 1
        """
    )
